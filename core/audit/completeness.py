"""Did everything come? Sequences a terminal counted and we never saw; sums that do not agree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from onecard.core.checkpoint.identities import Gap
from onecard.core.checkpoint.recovery import bound_by
from onecard.core.days import DAY_US
from onecard.core.journal import Journal
from onecard.ext.identity.generations import IDENTITY
from onecard.ext.shape.numbers import Outcome, Record

ACCEPTED = (Outcome.ACCEPTED, Outcome.ACCEPTED_BELOW_FLOOR, Outcome.ACCEPTED_SUSPENSE)


class Identities(Protocol):
    """What is read of the retired identities here."""

    @property
    def retired(self) -> int: ...
    def gaps(self, terminal: int | None, recent: NDArray[np.void]) -> Iterator[Gap]: ...


@dataclass(frozen=True)
class Declared:
    """What an operator says of one terminal and day: final outcomes, and Σ of the accepted."""

    terminal: int
    day: int  # days since 1970-01-01 in the ledger's zone
    taps: int
    sum_fen: int


@dataclass(frozen=True)
class Difference:
    """One declaration that does not agree with what is booked."""

    declared: Declared
    booked_taps: int
    booked_fen: int


def find_gaps(
    journal: Journal, identities: Identities, terminal: int | None, counterless: frozenset[int]
) -> Iterator[Gap]:
    """Missing sequences of one terminal or of all, those that do not count left out.

    Reads what is not retired yet out of the journal, so it is called off the engine's thread.
    """
    # Before the retired ones are walked: an identity may move from here to there meanwhile.
    recent = open_identities(journal, identities.retired + 1)
    for gap in identities.gaps(terminal, recent):
        if gap.terminal not in counterless:
            yield gap


def open_identities(journal: Journal, first: int) -> NDArray[np.void]:
    """IDENTITY rows bound by the entries from sequence `first` on, tombstoned targets included."""
    parts = [
        bound_by(block, first - 1)
        for block in journal.blocks(first)
        if block.record == Record.ENTRIES
    ]
    return np.concatenate([np.empty(0, IDENTITY), *parts])


def compare_all(
    journal: Journal, terminal: int | None, ahead_max_us: int, zone_offset_us: int
) -> list[Difference]:
    """Every declaration that was journalled, of one terminal or of all, that does not agree."""
    declared = [
        Declared(int(row["terminal"]), int(row["day"]), int(row["taps"]), int(row["sum_fen"]))
        for block in journal.blocks()
        if block.record == Record.DECLARATIONS
        for row in block.rows
        if terminal in (None, int(row["terminal"]))
    ]
    return compare(journal, declared, ahead_max_us, zone_offset_us)


def compare(
    journal: Journal, declared: Sequence[Declared], ahead_max_us: int, zone_offset_us: int
) -> list[Difference]:
    """The declarations that differ from the journal, in their order; the last of two counts.

    Reads the journal from the first declared day on: seconds for tens of millions of entries.
    """
    latest = {(row.terminal, row.day): row for row in declared}
    if not latest:
        return []
    earliest_us = min(day for _, day in latest) * DAY_US - zone_offset_us - ahead_max_us
    booked = _booked(journal, latest, _first_booked_since(journal, earliest_us))
    return [
        Difference(row, *booked[key])
        for key, row in latest.items()
        if booked[key] != (row.taps, row.sum_fen)
    ]


def _booked(
    journal: Journal, wanted: dict[tuple[int, int], Declared], first: int
) -> dict[tuple[int, int], tuple[int, int]]:
    """(terminal, day) -> count of entries and sum of the accepted ones."""
    keys = np.unique(np.array([_key(*pair) for pair in wanted], np.uint64))
    taps = np.zeros(len(keys), np.int64)
    sums = np.zeros((2, len(keys)), np.int64)  # halves of 32 bits: no sum of them overflows
    for block in journal.blocks(first):
        if block.record != Record.ENTRIES:
            continue
        rows = block.rows
        key = rows["terminal"].astype(np.uint64) << np.uint64(32)
        key |= rows["travel_day"].view(np.uint32).astype(np.uint64)
        at = np.searchsorted(keys, key)
        at[at == len(keys)] = 0
        hit = keys[at] == key
        np.add.at(taps, at[hit], 1)
        hit &= np.isin(rows["outcome"], [int(outcome) for outcome in ACCEPTED])
        # Not bincount(weights=...): it sums in floats.
        np.add.at(sums[0], at[hit], rows["amount_fen"][hit] >> 32)
        np.add.at(sums[1], at[hit], rows["amount_fen"][hit] & 0xFFFFFFFF)
    exact = [(high << 32) + low for high, low in sums.T.tolist()]
    found = dict(zip(keys.tolist(), zip(taps.tolist(), exact, strict=True), strict=True))
    return {pair: found[_key(*pair)] for pair in wanted}


def _key(terminal: int, day: int) -> int:
    return terminal << 32 | day & 0xFFFFFFFF


def _first_booked_since(journal: Journal, booked_at_us: int) -> int:
    """The first sequence of a block booked then or later; booking times only grow."""
    low, high = 1, journal.durable.last + 1
    while low < high:
        block = journal.block_of((low + high) // 2)
        if block is None or block.booked_at_us >= booked_at_us:
            high = min((low + high) // 2, block.first if block else high)
        else:
            low = block.last + 1
    return low
