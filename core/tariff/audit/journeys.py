"""The rides of each card as they can be told from what was recorded: charges, with their entries.

An exit belongs to the entry of its card just before it in time, if no other exit of that card came
between: an entry is left once. What stands at one time is taken in the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onecard.core.tariff.audit.columns import Kind
from onecard.core.tariff.audit.recorded import Recorded

BLOCK_ROWS = 1 << 16  # of Python's own rows at a time: a tuple of them is some 600 bytes


class Tapped(NamedTuple):
    """A row of recorded.ROW, field by field."""

    at_us: int
    end_us: int
    face: int
    charged: int
    metres: int
    card: int
    station: int
    to: int
    route: int
    line: int
    company: int
    file: int
    kind: int
    mark: int


class Stations(IntEnum):
    """Where an exit was, and its entry."""

    NO_EXIT = 0  # a charge that is none of an exit
    SAME = 1
    ALIAS = 2  # two names of one station
    OTHER = 3
    BLANK = 4  # nobody said where, on one side
    BOTH_BLANK = 5
    NO_ENTRY = 6  # none in the files


class Charge(NamedTuple):
    """`entry` is None where there is none, or the charge is none of an exit."""

    tap: Tapped
    entry: Tapped | None
    stations: Stations


def cards(recorded: Recorded) -> Iterator[list[Charge]]:
    """The charges of one card after another, each card's in order of time. A card without a charge
    is left out, and an entry of nothing is no charge."""
    rows = recorded.rows
    charges = (rows["kind"] != Kind.ENTRY) | (rows["charged"] != 0)
    charged = np.zeros(int(rows["card"].max(initial=0)) + 1, np.bool_)
    charged[rows["card"][charges]] = True
    rows = rows[charged[rows["card"]]]
    order = np.lexsort((rows["line"], rows["file"], rows["at_us"], rows["card"]))
    alias = recorded.stations.alias
    for block in _blocks(rows["card"][order]):
        held: list[Tapped] = []
        for row in rows[order[block]].tolist():
            tap = Tapped(*row)
            if held and held[0].card != tap.card:
                yield _charges(held, alias)
                held = []
            held.append(tap)
        yield _charges(held, alias)


def _blocks(card: NDArray[np.uint32]) -> Iterator[slice]:
    """Parts of rising card numbers, of at least BLOCK_ROWS each, that part no card."""
    first = 0
    while first < len(card):
        last = min(first + BLOCK_ROWS, len(card)) - 1
        end = int(np.searchsorted(card, card[last], side="right"))
        yield slice(first, end)
        first = end


def _charges(taps: list[Tapped], alias: list[int]) -> list[Charge]:
    found: list[Charge] = []
    entry: Tapped | None = None
    for tap in taps:
        if tap.kind == Kind.EXIT and not tap.charged and entry is not None and entry.charged:
            entry = None  # what is paid at the entry is paid: this exit is no charge of its own
            continue
        if tap.kind == Kind.EXIT:
            found.append(Charge(tap, entry, _stations(entry, tap, alias)))
            entry = None
            continue
        if tap.kind == Kind.ENTRY:
            entry = tap
        if tap.kind == Kind.RIDE or tap.charged:
            found.append(Charge(tap, None, Stations.NO_EXIT))
    return found


def _stations(entry: Tapped | None, tap: Tapped, alias: list[int]) -> Stations:
    if entry is None:
        return Stations.NO_ENTRY
    if not entry.station and not tap.station:
        return Stations.BOTH_BLANK
    if not entry.station or not tap.station:
        return Stations.BLANK
    if entry.station == tap.station:
        return Stations.SAME
    return Stations.ALIAS if alias[entry.station] == alias[tap.station] else Stations.OTHER
