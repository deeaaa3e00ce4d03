"""The tables of a compiled tariff read back: rows by the names of their fields."""

from __future__ import annotations

from onecard.core.tariff.building import TABLES, Arrays

Row = dict[str, int]


def count(arrays: Arrays, table: str) -> int:
    """How many rows of a table are meant: one of zeros stands where there is none."""
    return int(arrays["counts"][list(TABLES).index(table)])


def rows(arrays: Arrays, table: str) -> list[Row]:
    """The rows that are meant, in their order."""
    names = TABLES[table].names or ()
    found = arrays[table][: count(arrays, table)].tolist()
    return [dict(zip(names, row, strict=True)) for row in found]


def without(arrays: Arrays, *tables: str) -> Arrays:
    """The same tariff as if it had no row of these tables."""
    counts = arrays["counts"].copy()
    for table in tables:
        counts[list(TABLES).index(table)] = 0
    return {**arrays, "counts": counts}


def with_rows(arrays: Arrays, table: str, rows: list[Row]) -> Arrays:
    """The same tariff with other rows in a table, as many as it had."""
    names = TABLES[table].names or ()
    made = arrays[table].copy()
    for at, row in enumerate(rows):
        made[at] = [row[name] for name in names]
    return {**arrays, table: made}
