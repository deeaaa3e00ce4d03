"""The details of a closed window, out of the journal: lines of text, participant by participant.

A line per leg of a participant, in the order of the journal. For the operator of a terminal also
a line of 0 fen for each outcome there that moved nothing of its own: what was declined, what
cost nothing, what was only held. So an operator sees every final outcome.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onecard.core.days import EPOCH
from onecard.core.errors import LedgerFault
from onecard.core.journal import Block, Journal
from onecard.core.settlement.window import WindowView
from onecard.ext.shape.numbers import Kind, Outcome, OwnerKind, Purse, Record
from onecard.ext.text import csv_write

Sink = Callable[[int, bytes], None]  # participant, whole lines
Progress = Callable[[int, int], None]  # sequences done, sequences in all

# 24 MB of entries: enough that a thousand participants have lines worth a write, and it stays
# small beside what the journal maps.
GROUP_ENTRIES = 131_072
# Travel days that have a word: those of any time a tap may have, a zone's offset either way.
DAY_FIRST, DAY_LAST = 10_956, 47_483


@dataclass
class Sums:
    """What the details of one participant came to, in exact integers."""

    lines: int = 0
    legs: int = 0
    in_fen: int = 0
    out_fen: int = 0


@dataclass(frozen=True)
class Group:
    """Some blocks' entries and legs as one, `legs_at` counting into these legs."""

    entries: NDArray[np.void]
    legs: NDArray[np.void]


@dataclass(frozen=True)
class Lines:
    """Which lines a group has: sorted by participant, in the order of the journal within one."""

    party: NDArray[np.uint16]
    entry_of: NDArray[np.uint32]
    leg_of: NDArray[np.int64]  # -1: a line of 0 fen
    amount_fen: NDArray[np.int64]


def write_details(
    journal: Journal, view: WindowView, sink: Sink, progress: Progress | None = None
) -> dict[int, Sums]:
    """Give every line of a closed window to `sink`; what they sum to, by participant.

    Memory is bounded by GROUP_ENTRIES. Errors: LedgerFault where an entry or a leg is not of this
    window or of its participants, or the sums are not those of the window's record.
    """
    sums = {position.participant: Sums() for position in view.positions}
    writer = detail_lines()
    for group in _groups(journal, view):
        lines = _lines(group)
        _add(sums, lines, view.window)
        for part in _parts(lines.party):
            sink(int(lines.party[part.start]), _text(writer, group, lines, part))
        if progress is not None:
            done = int(group.entries["sequence"][-1]) - view.first + 1
            progress(done, view.cut - view.first + 1)
    check_sums(view, sums)
    return sums


def check_sums(view: WindowView, sums: dict[int, Sums]) -> None:
    """LedgerFault unless the details of each participant come to its position."""
    for position in view.positions:
        found = sums[position.participant]
        expected_fen = (position.in_fen, position.out_fen, position.legs)
        if (found.in_fen, found.out_fen, found.legs) != expected_fen:
            raise LedgerFault(
                f"window {view.window}, participant {position.participant}: expected "
                f"{position.in_fen} fen in, {position.out_fen} fen out, {position.legs} legs as "
                f"its record says, found details of {found.in_fen}, {found.out_fen}, "
                f"{found.legs}; no file was written, verify the ledger"
            )


def detail_lines() -> csv_write.DetailLines:
    """The writer of lines with the words of this ledger."""
    return csv_write.DetailLines(
        {kind.value: kind.name.encode() for kind in Kind},
        {outcome.value: outcome.name.encode() for outcome in Outcome},
        {kind.value: kind.name.encode() for kind in OwnerKind},
        {purse.value: purse.name.encode() for purse in Purse},
        [
            (EPOCH + timedelta(days=day)).isoformat().encode()
            for day in range(DAY_FIRST, DAY_LAST + 1)
        ],
        DAY_FIRST,
    )


def exact_sum(amounts_fen: NDArray[np.int64]) -> int:
    """The sum of fen, whatever its size: halves of 32 bits cannot overflow in 64."""
    high = int((amounts_fen >> 32).sum(dtype=np.int64))
    low = int((amounts_fen & 0xFFFFFFFF).sum(dtype=np.int64))
    return (high << 32) + low


def _groups(journal: Journal, view: WindowView) -> Iterator[Group]:
    blocks: list[Block] = []
    entries = 0
    for block in journal.blocks(view.first, view.cut):
        if block.record != Record.ENTRIES:
            continue
        if not (block.rows["window"] == view.window).all():
            raise LedgerFault(
                f"block {block.first}: expected entries of window {view.window}, found others; "
                "verify the ledger"
            )
        blocks.append(block)
        entries += block.count
        if entries >= GROUP_ENTRIES:
            yield _join(blocks)
            blocks, entries = [], 0
    if blocks:
        yield _join(blocks)


def _join(blocks: list[Block]) -> Group:
    if len(blocks) == 1:
        return Group(blocks[0].rows, blocks[0].legs)
    entries = np.concatenate([block.rows for block in blocks])
    legs = np.concatenate([block.legs for block in blocks])
    before = np.cumsum([0, *(len(block.legs) for block in blocks[:-1])])
    shift = np.repeat(before.astype(np.uint32), [block.count for block in blocks])
    entries["legs_at"] += shift
    return Group(entries, legs)


def _lines(group: Group) -> Lines:
    entries, legs = group.entries, group.legs
    operators = entries["operator_id"]
    counts = entries["legs"].astype(np.int64)
    starts = entries["legs_at"].astype(np.int64)
    if len(entries) and int((starts + counts).max()) > len(legs):
        raise LedgerFault(
            f"entries from {int(entries['sequence'][0])} on: expected {len(legs)} legs, "
            "found an entry that points beyond; verify the ledger"
        )
    whose = _repeat(counts)
    own = legs["party"][_legs_from(counts, starts)] == operators[whose]
    silent = np.ones(len(entries), np.int64)
    silent[whose[own]] = 0
    entry_of = _repeat(counts + silent)
    leg_of = _legs_from(counts + silent, starts)
    leg_of[leg_of == (starts + counts)[entry_of]] = -1  # the silent line stands last
    moved = leg_of >= 0
    party = operators[entry_of]
    party[moved] = legs["party"][leg_of[moved]]
    amount_fen = np.zeros(len(entry_of), np.int64)
    amount_fen[moved] = legs["amount_fen"][leg_of[moved]]
    order = np.argsort(party, kind="stable")
    return Lines(party[order], entry_of[order].astype(np.uint32), leg_of[order], amount_fen[order])


def _repeat(counts: NDArray[np.int64]) -> NDArray[np.intp]:
    """Each row's number as often as it counts."""
    return np.repeat(np.arange(len(counts)), counts)


def _legs_from(counts: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each row: starts, starts + 1, ... as many as it counts."""
    before = np.cumsum(counts) - counts
    within: NDArray[np.int64] = np.arange(int(counts.sum())) + np.repeat(starts - before, counts)
    return within


def _parts(party: NDArray[np.uint16]) -> Iterator[slice]:
    """The lines of each participant, in order, at most csv_write.LINES_MAX at a time."""
    edges = [0, *(np.flatnonzero(np.diff(party)) + 1).tolist(), len(party)]
    for start, stop in pairwise(edges):
        for at in range(start, stop, csv_write.LINES_MAX):
            yield slice(at, min(at + csv_write.LINES_MAX, stop))


def _text(writer: csv_write.DetailLines, group: Group, lines: Lines, part: slice) -> bytes:
    try:
        return writer.write(group.entries, group.legs, lines.entry_of[part], lines.leg_of[part])
    except ValueError as error:
        first = int(group.entries["sequence"][0])
        raise LedgerFault(f"entries from {first} on: {error}; verify the ledger") from error


def _add(sums: dict[int, Sums], lines: Lines, window: int) -> None:
    for part in _parts(lines.party):
        party = int(lines.party[part.start])
        if party not in sums:
            first = int(lines.entry_of[part.start])
            raise LedgerFault(
                f"window {window}: expected legs of its participants, found one of participant "
                f"{party} (row {first} of its blocks); verify the ledger"
            )
        amount_fen = lines.amount_fen[part]
        found = sums[party]
        found.lines += len(amount_fen)
        found.legs += int((lines.leg_of[part] >= 0).sum())
        found.in_fen += exact_sum(amount_fen[amount_fen > 0])
        found.out_fen -= exact_sum(amount_fen[amount_fen < 0])
