"""The files of a feed as tables: each field is what the standard says it is, each key is once.

A row at fault is noticed and left out, so that all that is wrong is found and the rest can be
compiled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from onecard.core.errors import quoted
from onecard.core.tariff.gtfs.standard import (
    CLOCK,
    DAY,
    FARES_V1,
    FARES_V2,
    FILES,
    NUMBER,
    REFERENCES,
    ZONE,
    Field,
    File,
)
from onecard.core.tariff.notice import Notices, listed
from onecard.core.tariff.source import Source
from onecard.core.tariff.table import Table, read_table
from onecard.core.tariff.zone import is_zone

NUMBER_MAX = (1 << 31) - 1
DAY_S = 86_400
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)
_TIME = re.compile(r"([0-9]{1,3}):([0-5][0-9]):([0-5][0-9])", re.ASCII)
_DAY = re.compile(r"[0-9]{8}", re.ASCII)


@dataclass(slots=True)
class Feed:
    """`tables` are the files that are there, with their sound rows; `ids` what may be referred to,
    by the names of REFERENCES, numbered from 0 in the order of the files; `unread` are files that
    are there and could not be read; `said` (file, what it refers to) of which there is none."""

    source: Source
    notices: Notices
    tables: dict[str, Table] = field(default_factory=dict)
    ids: dict[str, dict[str, int]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    said: set[tuple[str, str]] = field(default_factory=set)

    def each(self, file: str, *columns: str) -> Iterator[tuple[int, list[str]]]:
        """Line and values of each sound row; none where there is no such file."""
        table = self.tables.get(file)
        return iter(()) if table is None else table.each(*columns)

    def has(self, file: str, column: str = "") -> bool:
        """Returns True when the feed has the file, and in it the column where one is named."""
        table = self.tables.get(file)
        return table is not None and (not column or table.has(column))


def read_feed(source: Source, notices: Notices) -> Feed:
    """All files of fares and what they refer to, `stop_times.txt` apart, which trips.py reads."""
    feed = Feed(source, notices)
    newer = source.has("fare_leg_rules.txt")
    for file, described in FILES.items():
        if file in (FARES_V1 if newer else FARES_V2) or not source.has(file):
            continue
        required = [one.name for one in described.fields if one.required]
        table = read_table(source, file, notices, required, None)
        if table is not None:
            feed.tables[file] = table
        else:
            feed.unread.add(file)
    feed.ids = {name: _ids(feed, places) for name, places in REFERENCES.items()}
    for file, table in feed.tables.items():
        feed.tables[file] = _sound(feed, file, table)
    return feed


def seconds(text: str) -> int | None:
    """Seconds of a time as `7:05:00`, more than a day among them; None where it is none."""
    found = _TIME.fullmatch(text)
    return None if found is None else int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])


def day(text: str) -> date | None:
    """A day as `20260301`; None where there is none."""
    if _DAY.fullmatch(text) is None:
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def _ids(feed: Feed, places: tuple[tuple[str, str], ...]) -> dict[str, int]:
    """Numbered from 0, of all rows: a row at fault elsewhere is not unknown as well."""
    ids: dict[str, int] = {}
    for file, column in places:
        for _, (name,) in feed.each(file, column):
            if name:
                ids.setdefault(name, len(ids))
    return ids


def _sound(feed: Feed, file: str, table: Table) -> Table:
    """The rows whose fields are right and whose key no row before has."""
    described = FILES[file]
    checks = [one for one in described.fields if one.required or one.advised or table.has(one.name)]
    places = [table.columns.index(one.name) if table.has(one.name) else -1 for one in checks]
    keys = [table.columns.index(name) for name in described.key if table.has(name)]
    first: dict[tuple[str, ...], int] = {}
    rows: list[tuple[int, list[str]]] = []
    for line, row in table.rows:
        good = True
        for one, place in zip(checks, places, strict=True):
            if not _field(feed, file, line, one, row[place] if place >= 0 else ""):
                good = False
        if keys and good:
            key = tuple(row[place] for place in keys)
            before = first.setdefault(key, line)
            if before != line:
                _twice(feed.notices, file, line, described, key, before)
                good = False
        if good:
            rows.append((line, row))
    return Table(file, table.columns, rows)


def _at_fault(notices: Notices, file: str, code: str, line: int, found: str, do: str) -> None:
    """An error, or a warning of what no amount depends on."""
    say = notices.warning if FILES[file].timetable else notices.error
    say(code, file, line, found, do)


def _twice(
    notices: Notices, file: str, line: int, described: File, key: tuple[str, ...], before: int
) -> None:
    found = f"found {quoted(listed(repr(part) for part in key))} as in line {before}"
    if described.whole:
        notices.warning("row_twice", file, line, found, "remove one of the two")
    else:
        found = f"expected {', '.join(described.key)} once, {found}"
        do = "remove one, or give it another id"
        _at_fault(notices, file, "duplicate_id", line, found, do)


def _field(feed: Feed, file: str, line: int, one: Field, value: str) -> bool:
    """Returns True when a row with this value may stay."""
    notices = feed.notices
    if not value:
        if one.advised:
            found = f"expected {one.name}, found nothing"
            notices.warning("value_missing", file, line, found, "fill it in")
        elif one.required and (not one.values or "" not in one.values):
            found = f"expected {one.name}, found nothing"
            _at_fault(notices, file, "value_missing", line, found, "fill it in or remove the row")
            return False
        return True
    if one.of and value not in feed.ids[one.of]:
        _unknown(feed, file, line, one, value)
        return False
    if one.values and value not in one.values:
        known = ", ".join(known or "nothing" for known in one.values)
        found = f"expected {one.name} to be one of {known}, found {quoted(value)}"
        _at_fault(notices, file, "wrong_value", line, found, "say one of them")
        return False
    expected = _expected(one.kind, value)
    if expected:
        code = "unknown_zone" if one.kind == ZONE else "wrong_value"
        found = f"expected {one.name} to be {expected}, found {quoted(value)}"
        _at_fault(notices, file, code, line, found, "mend it")
        return False
    return True


def _unknown(feed: Feed, file: str, line: int, one: Field, value: str) -> None:
    """A reference to nothing. Where the whole of what it refers to is at fault, that was noticed;
    where it is not there, it is said once a file and not of each row."""
    places = list(dict.fromkeys(name for name, _ in REFERENCES[one.of]))
    if feed.unread.intersection(places):
        return
    where = " or ".join(places)
    article = "an" if one.of[0] in "aeiou" else "a"
    found = f"expected {one.name} to be {article} {one.of} of {where}, found {quoted(value)}"
    do = "define it there or name another"
    if not any(feed.has(place) for place in places):
        if (file, one.of) in feed.said:
            return
        feed.said.add((file, one.of))
        found += " and no such file"
        do = f"add {where}"
    _at_fault(feed.notices, file, "unknown_reference", line, found, do)


def _expected(kind: str, value: str) -> str:
    """What a value of that kind ought to be, "" where it is."""
    if kind == NUMBER and not (_NUMBER.fullmatch(value) and int(value) <= NUMBER_MAX):
        return f"a whole number from 0 to {NUMBER_MAX}"
    if kind == DAY and day(value) is None:
        return "a day as 20260301"
    if kind == CLOCK:
        at = seconds(value)
        if at is None or at > DAY_S:
            return "a time from 00:00:00 to 24:00:00"
    if kind == ZONE and not is_zone(value):
        return "a time zone as Europe/Warsaw"
    return ""
