"""A table of a TOML file whose keys are asked for one by one: each answers a value, or a notice."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any

from onecard.core.days import EPOCH
from onecard.core.errors import quoted
from onecard.core.tariff.language.lines import Lines
from onecard.core.tariff.notice import Notices, listed

AMOUNT_MAX = 10**12  # minor units; as ext/fare/tables.pxd
SECONDS_MAX = 10 * 366 * 86_400  # ten years: no window of a tariff is longer
PERCENT = re.compile(r"(\d{1,4})(?:\.(\d{1,2}))?", re.ASCII)
TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?", re.ASCII)
DAY_S = 86_400
KEY_CHARACTERS_MAX = 64  # of a longer one no slip is looked for
WHOLE = 10_000  # basis points
UNITS = {  # by the most that a whole number may be
    AMOUNT_MAX: "write whole minor units, as 200 for 2.00",
    SECONDS_MAX: "write whole seconds, as 3600 for an hour",
}


@dataclass(slots=True)
class Entry:
    """`kind` and `number` say which table it is, `path` which table within it."""

    file: str
    kind: str
    number: int
    found: dict[str, Any]
    lines: Lines
    notices: Notices
    path: str = ""
    within: str = ""  # what the table is called that it stands in
    asked: set[str] = field(default_factory=set)

    def line(self, key: str = "") -> int:
        """The line of a key, or of the table."""
        top = self.path.split(".")[0] if self.path else key
        found = self.lines.of(self.kind, self.number, top)
        return found or (self.lines.of(top, 0) if not self.kind else 0)  # a table of the head

    def called(self) -> str:
        """What the table is called in a notice."""
        if self.within:
            return self.within
        name = self.found.get("id")
        return f"{self.kind} {quoted(name)}" if isinstance(name, str) and self.kind else self.kind

    def fault(self, key: str, found: str, do: str, code: str = "value") -> None:
        where = ": ".join(part for part in (self.called(), key, found) if part)
        self.notices.error(code, self.file, self.line(key), where, do)

    def has(self, key: str) -> bool:
        """Returns True when the table has the key."""
        return key in self.found

    def wrong(self, key: str, expected: str, do: str = "mend it") -> None:
        value = self.found.get(key)
        if value is None:
            self.fault(key, f"expected {expected}, found none", "add it")
        else:
            self.fault(key, f"expected {expected}, found {_written(value)}", do)

    # ---- values ---------------------------------------------------------------------------------

    def whole(self, key: str, least: int, most: int, missing: int | None = None) -> int | None:
        """A whole number; `missing` where it is not said, which is a fault where that is None."""
        self.asked.add(key)
        if key not in self.found and missing is not None:
            return missing
        value = self.found.get(key)
        if type(value) is not int or not least <= value <= most:
            do = UNITS.get(most, "write a whole number, without quotes")
            self.wrong(key, f"a whole number from {least} to {most}", do)
            return None
        return value

    def text(self, key: str, missing: str | None = None) -> str | None:
        """A text that is not empty."""
        self.asked.add(key)
        if key not in self.found and missing is not None:
            return missing
        value = self.found.get(key)
        if type(value) is not str or not value.strip() or not value.isprintable():
            self.wrong(key, "a text in quotes", "write it in quotes, on one line")
            return None
        return value

    def one_of(self, key: str, known: Sequence[str], missing: str | None = None) -> str | None:
        """One of some words."""
        self.asked.add(key)
        if key not in self.found and missing is not None:
            return missing
        value = self.found.get(key)
        if type(value) is not str or value not in known:
            self.wrong(key, "one of " + ", ".join(known), "write one of them")
            return None
        return value

    def flag(self, key: str) -> bool:
        """Returns True when the key says `true`."""
        self.asked.add(key)
        value = self.found.get(key, False)
        if type(value) is not bool:
            self.wrong(key, "true or false", "write it without quotes")
            return False
        return value

    def day(self, key: str, missing: int | None = None) -> int | None:
        """Days since 1970-01-01 of a TOML date."""
        self.asked.add(key)
        if key not in self.found and missing is not None:
            return missing
        value = self.found.get(key)
        if type(value) is not date:  # a datetime is one as well, and its time would be dropped
            self.wrong(key, "a day as 2026-01-31, without quotes", "write it so")
            return None
        return (value - EPOCH).days

    def time(self, key: str, missing: int | None = None) -> int | None:
        """Seconds after midnight of a text as "04:30", up to "24:00"."""
        self.asked.add(key)
        if key not in self.found and missing is not None:
            return missing
        value = self.found.get(key)
        parts = TIME.fullmatch(value) if type(value) is str else None
        if parts is not None and int(parts[2]) < 60 and int(parts[3] or 0) < 60:
            seconds = int(parts[1]) * 3600 + int(parts[2]) * 60 + int(parts[3] or 0)
            if seconds <= DAY_S:
                return seconds
        self.wrong(key, 'a time as "04:30", "24:00" at most', "write it so, in quotes")
        return None

    def percent(self, key: str, missing: int | None = None) -> int | None:
        """Basis points of a share in percent: 95, or "97.5" as text."""
        self.asked.add(key)
        if key not in self.found and missing is not None:
            return missing
        value = self.found.get(key)
        if type(value) is int and 0 <= value <= 100:
            return value * 100
        parts = PERCENT.fullmatch(value) if type(value) is str else None
        if parts is not None:
            points = int(parts[1]) * 100 + int((parts[2] or "").ljust(2, "0"))
            if points <= WHOLE:
                return points
        do = "write what is left to pay, as 50 for half"
        self.wrong(key, 'a share that is paid, 0 to 100, as 95 or "97.5"', do)
        return None

    def names(self, key: str, known: Iterable[str], what: str) -> list[str] | None:
        """A list of names of what is known; None where the key is not there: it is any."""
        self.asked.add(key)
        if key not in self.found:
            return None
        value = self.found[key]
        if type(value) is not list or not value or not all(type(one) is str for one in value):
            do = f'write ["{quoted(value)}"]' if type(value) is str else "name one, or take it out"
            self.wrong(key, f'a list of {what} as ["{next(iter(known), "metro")}"]', do)
            return []
        unknown = [one for one in value if one not in known]
        if unknown:
            there = listed(known) or "none"
            self.fault(
                key, f"expected {what}, found {quoted(unknown[0])}", f"there are {there}", "unknown"
            )
        return [one for one in value if one not in unknown]

    def known(self, key: str, known: Collection[str], what: str) -> str | None:
        """The name of something that is known."""
        value = self.text(key)
        if value is None or value in known:
            return value
        there = listed(known) or "none"
        self.fault(key, f"expected {what}, found {quoted(value)}", f"there are {there}", "unknown")
        return None

    # ---- tables within --------------------------------------------------------------------------

    def table(self, key: str) -> Entry | None:
        """The table of a key, None where it is not said."""
        self.asked.add(key)
        if key not in self.found:
            return None
        value = self.found[key]
        if type(value) is not dict:
            self.wrong(key, "a table as { after_s = 60 }")
            return None
        return self._within(key, value)

    def tables(self, key: str) -> list[Entry]:
        """The tables of a list; a fault where there is none."""
        self.asked.add(key)
        value = self.found.get(key)
        if type(value) is not list or not value or not all(type(one) is dict for one in value):
            self.wrong(key, "a list of tables as [{ ... }, { ... }]")
            return []
        return [self._within(f"{key}.{at}", one) for at, one in enumerate(value, start=1)]

    def _within(self, path: str, found: dict[str, Any]) -> Entry:
        inner = f"{self.path}.{path}" if self.path else path
        called = f"{self.called()}: {path}" if self.called() else path
        return Entry(
            self.file, self.kind, self.number, found, self.lines, self.notices, inner, called
        )

    def done(self) -> None:
        """Notice every key that nobody asked for: misspelt, it would be a rule that is left out."""
        asked = sorted(self.asked)
        known = ", ".join(asked)
        for key in self.found:
            if key not in self.asked:
                near = (
                    get_close_matches(key, self.asked, 1) if len(key) <= KEY_CHARACTERS_MAX else []
                )
                do = f"write {near[0]}, or one of {known}" if near else f"there are {known}"
                self.fault(key, "expected no such key", do, "key_unknown")


def _written(value: object) -> str:
    """A value as it stands in the file, not as Python would write it."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "a table"
    return quoted(repr(value))
