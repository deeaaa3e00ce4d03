"""Taps and charges that others recorded, as rows of one table: docs/tariffs.md, "Audit"."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from onecard.core import rows
from onecard.core.errors import BadInput
from onecard.core.tariff.audit import columns
from onecard.core.tariff.audit.columns import Wrong
from onecard.core.tariff.audit.names import Names

FILES_MAX = 1 << 16

ROW = np.dtype(
    [
        ("at_us", "<i8"),  # microseconds since 1970 UTC
        ("end_us", "<i8"),  # the same where nothing else is said
        ("face", "<i8"),  # minor units, NOT_SAID where the file has none
        ("charged", "<i8"),  # minor units
        ("metres", "<i8"),  # NOT_SAID where the file has none
        ("card", "<u4"),  # in the order they were met, from 1
        ("station", "<u4"),  # of Recorded.stations, 0 = blank
        ("to", "<u4"),  # of a ride in one row: where it ended
        ("route", "<u4"),  # of Recorded.routes: the line, 0 = blank
        ("line", "<u4"),  # of the file, its header is 1; of JSON the record
        ("company", "<u2"),  # of Recorded.companies
        ("file", "<u2"),  # of Recorded.files
        ("kind", "u1"),
        ("mark", "u1"),
    ]
)
PACKED = struct.Struct("<5q5I2H2B")
assert PACKED.size == ROW.itemsize

Report = Callable[[str], None]


@dataclass(slots=True)
class Recorded:
    """`rows` are ROW in the order of the files; what their numbers mean is beside them.

    `companies` are (network, company, mode), each "" where the file does not say it. `refused`
    counts the rows that were left out, each of which was said. Numbers of cards are not kept.
    """

    rows: NDArray[np.void]
    files: list[str]
    stations: Names
    routes: Names
    companies: list[tuple[str, str, str]]
    refused: int


def read(paths: Sequence[Path], zone: ZoneInfo, report: Report) -> Recorded:
    """Read files of either form, which of the two is seen by content; times without an offset are
    of `zone`. BadInput where a whole file is neither; a row that is wrong is a line to `report`."""
    if len(paths) > FILES_MAX:
        raise BadInput(f"expected at most {FILES_MAX} files, found {len(paths)}; give fewer")
    reading = _Reading(report)
    for number, path in enumerate(paths):
        reading.file(number, path, columns.form_of(path, zone))
    return Recorded(
        rows=np.frombuffer(reading.packed, dtype=ROW),
        files=[str(path) for path in paths],
        stations=reading.stations,
        routes=reading.routes,
        companies=list(reading.companies),
        refused=reading.refused,
    )


@dataclass(slots=True)
class _Reading:
    """The rows so far: 66 bytes each, and each name once."""

    report: Report
    packed: bytearray = field(default_factory=bytearray)
    stations: Names = field(default_factory=Names)
    routes: Names = field(default_factory=Names)
    companies: dict[tuple[str, str, str], int] = field(default_factory=dict)
    cards: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    path: str = ""
    number: int = 0

    def file(self, number: int, path: Path, form: columns.Form) -> None:
        self.number, self.path = number, str(path)
        memos = {name: columns.Memo(parse) for name, parse in form.parsers.items()}
        for row in rows.rows(path, form.required, self.drop, form.optional):
            try:
                values = [
                    memo[value] for memo, value in zip(memos.values(), row.values, strict=True)
                ]
                self.keep(form.tap(dict(zip(memos, values, strict=True))), row.at)
            except (Wrong, TypeError):  # TypeError: a list or an object, which no memo can hold
                self.refuse(form, row)

    def keep(self, tap: columns.Tap, line: int) -> None:
        self.packed += PACKED.pack(
            tap.at_us,
            tap.end_us,
            tap.face,
            tap.charged,
            tap.metres,
            self.cards.setdefault(tap.card, len(self.cards) + 1),
            self.stations.number(tap.station),
            self.stations.number(tap.to),
            self.routes.number(tap.route),
            line,
            self.companies.setdefault(tap.company, len(self.companies)),
            self.number,
            tap.kind,
            tap.mark,
        )

    def drop(self, unit: str, at: int, column: str, expected: str, found: str) -> None:
        self.refused += 1
        where = "" if column == "-" else f"{column}: "
        place = f"{self.path}:{at}" if unit == "line" else f"{self.path}: {unit} {at}"
        self.report(f"{place}: {where}expected {expected}, found {found}; mend the {unit}")

    def refuse(self, form: columns.Form, row: rows.Row) -> None:
        """Say the first column of a row that is wrong, or what is wrong between its columns."""
        values: dict[str, Any] = {}
        for (name, parse), value in zip(form.parsers.items(), row.values, strict=True):
            try:
                values[name] = columns.Memo(parse)[value]
            except Wrong as wrong:
                self.drop(row.unit, row.at, name, str(wrong), columns.found(form, name, value))
                return
            except TypeError:
                self.drop(row.unit, row.at, name, "one value", type(value).__name__)
                return
        try:
            form.tap(values)
        except Wrong as wrong:
            self.drop(row.unit, row.at, "-", str(wrong), wrong.found)
            return
        raise AssertionError("a row was refused though each of its columns is right")
