"""The rows of a CSV file: whatever is wrong with one names file, line and column."""

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from onecard.cli.encoding import why_not_utf8
from onecard.core.days import day_number, instant_us
from onecard.core.errors import BadInput, OnecardError
from onecard.core.registry.name import spellings
from onecard.grpc.client import LOAD_ROWS, Unanswered, Unreachable

Row = dict[str, str]
WHOLE = re.compile(r"-?[0-9]{1,20}")
ID = re.compile(
    r"[0-9]{1,9}"
)  # of a participant: in 32 bits, which of them there are the server knows


class Line:
    """One row of a file; whatever is wrong with it names file, line and column."""

    def __init__(self, file: Path, at: int, row: Row) -> None:
        self.file = file
        self.at = at
        self.row = row

    def text(self, column: str) -> str:
        return self.row.get(column, "").strip()

    def exact(self, column: str) -> str:
        """The cell as it is written, blanks around it included."""
        return self.row.get(column, "")

    def number(self, column: str, default: int | None = None) -> int:
        value = self.text(column)
        if value == "" and default is not None:
            return default
        if not WHOLE.fullmatch(value):
            self.refuse(column, "a whole number")
        return int(value)

    def fits(self, column: str, below: int, least: int = 0) -> int:
        """A number of least to below - 1; an empty cell is 0 where that is the least."""
        value = self.number(column, None if least else 0)
        if not least <= value < below:
            self.refuse(column, f"{least} to {below - 1}")
        return value

    def day(self, column: str) -> int:
        try:
            return day_number(self.text(column))
        except BadInput:
            self.refuse(column, "a day such as 2026-01-31")

    def instant_us(self, column: str, zone_offset_us: int) -> int:
        """A day or time; 0 where the column is empty."""
        text = self.text(column)
        try:
            return instant_us(text, zone_offset_us) if text else 0
        except BadInput:
            self.refuse(column, "a day or time such as 2026-01-31 or 2026-01-31 08:30")

    def choice(self, column: str, known: dict[str, Any]) -> Any:
        value = self.text(column)
        if value not in known:
            self.refuse(column, " or ".join(name for name in known if name))
        return known[value]

    def participant(self, column: str, known: dict[str, int]) -> int:
        """By name; a number that is nobody's name is an id, which the server checks."""
        value = self.text(column)
        for name in spellings(value):
            if name in known:
                return known[name]
        if not ID.fullmatch(value):
            self.refuse(column, "the name or id of a participant that is loaded")
        return int(value)

    def refuse(self, column: str, expected: str, found: str = "") -> NoReturn:
        if not found:
            # A card's number stays out of errors, whichever column it was written into.
            text = self.text(column)
            found = repr(text[:40]) if column not in ("number", "token") else "another value"
            found = found if text else "an empty cell"
        raise BadInput(
            f"{self.file}:{self.at}: column {column}: expected {expected}, found {found}"
        )


class Rows:
    """The rows of a CSV file, its header checked; read as they are needed."""

    def __init__(
        self, file: Path, required: tuple[str, ...], optional: tuple[str, ...] = ()
    ) -> None:
        self.file = file
        self.required = required
        self.optional = optional

    def __iter__(self) -> Iterator[Line]:
        with self.file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, strict=True)
            try:
                self._check_header(list(reader.fieldnames or []))
                if len(set(reader.fieldnames or [])) < len(reader.fieldnames or []):
                    raise BadInput(f"{self.file}: line 1: expected each column once")
                for row in reader:
                    yield self._line(reader.line_num, row)
            except csv.Error as error:
                raise BadInput(
                    f"{self.file}: after line {reader.line_num}: not CSV: {error}"
                ) from None
            except UnicodeDecodeError:
                raise BadInput(why_not_utf8(self.file)) from None

    def send(self, put: Callable[[list[Line]], object], dry_run: bool = False) -> int:
        """Calls `put` with some thousand rows at a time and shows how far it is; the rows read."""
        count = 0
        lines = iter(self)
        with _progress(self.file.name) as advance:
            while True:
                with located([], 0 if dry_run else count):
                    part = list(islice(lines, LOAD_ROWS))
                if not part:
                    break
                with located(part, 0 if dry_run else count):
                    put(part)
                count += len(part)
                advance(len(part))
        return count

    def _check_header(self, found: list[str]) -> None:
        missing = [name for name in self.required if name not in found]
        unknown = [name for name in found if name not in (*self.required, *self.optional)]
        if missing or unknown:
            expected = ", ".join(self.required)
            if self.optional:
                expected += f"; and may have {', '.join(self.optional)}"
            raise BadInput(
                f"{self.file}:1: expected columns {expected}; found {', '.join(found) or 'nothing'}"
            )

    def _line(self, at: int, row: dict[str | Any, Any]) -> Line:
        columns = len(row) - (None in row)
        cells = sum(value is not None for value in row.values()) + len(row.get(None, ()))
        cells -= None in row
        if cells != columns:
            raise BadInput(f"{self.file}:{at}: expected {columns} cells, found {cells}")
        return Line(self.file, at, row)


@contextmanager
def located(part: list[Line], before: int) -> Iterator[None]:
    """An error of a call that sent these lines, by its line and with what was loaded of the file.

    `before`: rows of the file that were loaded already.
    """
    try:
        yield
    except OnecardError as error:
        said = str(error)
        if part and error.row is not None and error.row < len(part):
            said = f"{part[error.row].file}:{part[error.row].at}: {error}"
        sent = before + (error.taken or 0)
        if sent:
            # An answer that did not come may have been on its way.
            least = "at least " if isinstance(error, (Unreachable, Unanswered)) else ""
            rows = "row of the file is" if sent == 1 else f"{sent} rows of the file are"
            said += f"; {least}the first {rows} loaded; load the whole file again, they stay"
        raise type(error)(said) from None


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int], None]]:
    """Rows so far, on a terminal's standard error; nothing where it is none."""
    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("rows"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda count: progress.advance(task, count)
