"""What is wrong in the files of a tariff: all of it, by file and line, with what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from onecard.core.errors import BadInput, quoted

FILE_CHARACTERS_MAX = 4096
NOTICES_MAX = 1000  # a person reads no more; what is beyond is counted
ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing. `line` is that of the file, 0 where it is none in particular; `code` is for
    programs and stays as it is."""

    severity: str
    code: str
    file: str
    line: int
    found: str
    do: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.code}: {self.found}; {self.do}"


@dataclass(slots=True)
class Notices:
    """What was found so far; a reader goes on after an error, so that all of it is found."""

    found: list[Notice] = field(default_factory=list)
    errors: int = 0
    warnings: int = 0

    def error(self, code: str, file: str, line: int, found: str, do: str) -> None:
        self.errors += 1
        self._keep(Notice(ERROR, code, file, line, found, do))

    def warning(self, code: str, file: str, line: int, found: str, do: str) -> None:
        self.warnings += 1
        self._keep(Notice(WARNING, code, file, line, found, do))

    def _keep(self, notice: Notice) -> None:
        if len(self.found) < NOTICES_MAX:
            # A folder or a zip may hold names that no terminal takes.
            self.found.append(replace(notice, file=quoted(notice.file, FILE_CHARACTERS_MAX)))

    def refuse(self, name: str) -> None:
        """BadInput with the first error, where there is one; the others are counted."""
        if not self.errors:
            return
        first = next(notice for notice in self.found if notice.severity == ERROR)
        more = (
            f" ({self.errors - 1} more: onecard tariff check says them)" if self.errors > 1 else ""
        )
        raise BadInput(f"{name}: {first}{more}")


def listed(names: Iterable[str], most: int = 8) -> str:
    """Names as part of a line, and how many were left out."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
