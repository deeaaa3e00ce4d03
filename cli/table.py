"""Rows as a person reads them on a terminal, and as a program reads them out of a pipe.

On a terminal: a table no wider than it, in which no name and no number is ever cut; what does not
fit is left out, the zone of times first and then by column, and said. Into a pipe or a file: every
row on a line of its own, columns parted by one tab, as wide as they are.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = dict[str, Any]
EDGE = 4  # what a table adds to the width of its columns: the two edges with a space each
NUMBER = re.compile(r"-?[0-9,.]*")
BETWEEN = 3  # and between two columns
PROSE_WIDTH_MIN = 20  # so that no word of a sentence is parted
TIME = re.compile(r"([0-9-]{10} [0-9]{2}:[0-9]{2})(:[0-9]{2})([+-][0-9]{2}:[0-9]{2})")
# A cell that is a time, with its zone or without.
SHORT = re.compile(r"^([0-9-]{10} [0-9]{2}:[0-9]{2})(:[0-9]{2})(?:[+-][0-9]{2}:[0-9]{2})?$")
SECONDS = ":seconds"  # among the spare columns: the seconds of times


def print_facts(facts: Row) -> None:
    """Names and values, a line each."""
    if not sys.stdout.isatty():
        for name, value in facts.items():
            print(f"{name}\t{_plain(value)}")
        return
    width = max(map(len, facts), default=0)
    console = Console(highlight=False)
    for name, value in facts.items():
        console.print(Text(f" {name:<{width}}  {_plain(value)}"), soft_wrap=True)


def print_hanging(lead: str, prose: str) -> None:
    """A line of prose behind its lead: on a terminal wrapped between words, below the prose."""
    width = Console().width - len(lead)
    if not sys.stdout.isatty() or cell_len(prose) <= width or width < PROSE_WIDTH_MIN:
        print(f"{lead}{prose}")
        return
    for at, line in enumerate(Text(prose).wrap(Console(), width)):
        print(f"{' ' * len(lead) if at else lead}{line.plain.rstrip()}")


def print_rows(
    title: str,
    rows: Sequence[Row],
    columns: Sequence[str],
    spare: Sequence[str] = (),
    prose: str = "",
) -> None:
    """The rows under a title, "" for none; nothing at all where there are no rows.

    On a terminal that is too narrow the zone of times is left out, then the `spare` columns, the
    first of them first (SECONDS stands for those of times); where that is not enough, lines wrap.
    The column `prose` is sentences, which may take several lines.
    """
    if not rows:
        return
    if not sys.stdout.isatty():
        if title:
            print(title)
        print("\t".join(columns))
        for row in rows:
            print("\t".join(_plain(row[column]) for column in columns))
        return
    console = Console(highlight=False)
    rows, left, out = _fitting(rows, columns, spare, console.width)
    table = Table(title=title or None, title_justify="left")
    for column in left:
        numeric = all(NUMBER.fullmatch(_plain(row[column])) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", no_wrap=column != prose)
    for row in rows:
        table.add_row(*(Text(_plain(row[column])) for column in left))
    # As wide as its cells: rich would cut them to the terminal's width, a terminal wraps them.
    fixed = [column for column in left if column != prose]
    least = _width(rows, fixed) + (BETWEEN + PROSE_WIDTH_MIN if prose in left else 0)
    width = max(console.width, least)
    wide = Console(highlight=False, width=width)
    wide.print(table, soft_wrap=True)
    if out:
        console.print(f"not shown for want of width: {', '.join(out)}; --json has them")


def _fitting(
    rows: Sequence[Row], columns: Sequence[str], spare: Sequence[str], width: int
) -> tuple[Sequence[Row], list[str], list[str]]:
    """The rows and columns that fit, and in words what was left out of them."""
    left, out = list(columns), []
    if _width(rows, left) > width:
        zones = {found[3] for row in rows for found in map(TIME.fullmatch, _cells(row)) if found}
        rows = _times(rows, r"\1\2")
        out += [f"the zone of times ({zone})" for zone in sorted(zones)]
    for column in spare:
        if _width(rows, left) <= width:
            break
        if column == SECONDS:
            rows = _times(rows, r"\1")
            out.append("seconds")
        else:
            left.remove(column)
            out.append(column)
    return rows, left, out


def _times(rows: Sequence[Row], kept: str) -> list[Row]:
    """The rows with less of each time."""
    return [
        {name: SHORT.sub(kept, v) if isinstance(v, str) else v for name, v in row.items()}
        for row in rows
    ]


def _cells(row: Row) -> Iterator[str]:
    return (value for value in row.values() if isinstance(value, str))


def _width(rows: Sequence[Row], columns: Sequence[str]) -> int:
    cells = sum(
        max(cell_len(column), *(cell_len(_plain(row[column])) for row in rows))
        for column in columns
    )
    return cells + BETWEEN * (len(columns) - 1) + EDGE


def _plain(value: Any) -> str:
    """One cell: a tab or a line end in it would make another row of it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())
