"""Gaps and declarations against a slow count over the same entries, on a real journal."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from onecard.core.audit import completeness
from onecard.core.audit.completeness import Declared, Difference
from onecard.core.checkpoint.identities import Gap, Identities
from onecard.core.journal import Draft, LocalJournal
from onecard.ext.identity.generations import IDENTITY
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Image, Outcome, Record

DAY_US = 86_400_000_000
DAYS = (20_000, 20_001, 20_004)
OUTCOMES = [Outcome.ACCEPTED, Outcome.ACCEPTED_SUSPENSE, Outcome.FUNDS, Outcome.CARD_UNKNOWN]


def write_entries(journal: LocalJournal, seed: int, blocks: int) -> NDArray[np.void]:
    """Random entries, each block booked an hour or so after the one before; all of them."""
    random_ = random.Random(seed)
    booked_at_us = DAYS[0] * DAY_US
    written = []
    for _ in range(blocks):
        booked_at_us += random_.randint(1, DAY_US // 12)
        count = random_.randint(1, 9)
        rows = np.zeros(count, dtypes.ENTRY)
        rows["sequence"] = np.arange(journal.written.last + 1, journal.written.last + 1 + count)
        for row in rows:
            row["terminal"] = random_.randint(1, 3)
            row["epoch"] = random_.randint(0, 1)
            row["terminal_seq"] = random_.randint(1, 10_000)
            row["outcome"] = random_.choice(OUTCOMES)
            row["amount_fen"] = random_.choice((0, 1, 300, 1 << 62))
            # Late by up to days, early by up to an hour.
            tapped = booked_at_us + random_.randint(-3 * DAY_US, DAY_US // 24)
            row["tapped_at_us"] = tapped
            row["travel_day"] = tapped // DAY_US  # as its reader will find it
        voided = np.zeros(1, dtypes.AFTER_IMAGE)
        voided[0] = (0, Image.VOIDED_IDENTITY, 1 << 32 | random_.randint(20_000, 30_000), 0)
        journal.write([Draft.of(Record.ENTRIES, rows, booked_at_us, images=voided)])
        written.append(rows)
    return np.concatenate(written)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[LocalJournal]:
    with LocalJournal.create(tmp_path, bytes(16), 1, 16 << 20, 1 << 20) as journal:
        yield journal


def slow_sum(rows: NDArray[np.void], terminal: int, day: int) -> tuple[int, int]:
    """Count of the entries and sum of the accepted ones, one by one, in Python's integers."""
    mine = [r for r in rows if int(r["terminal"]) == terminal and int(r["travel_day"]) == day]
    accepted = (Outcome.ACCEPTED, Outcome.ACCEPTED_SUSPENSE)
    return len(mine), sum(int(r["amount_fen"]) for r in mine if int(r["outcome"]) in accepted)


@pytest.mark.parametrize("seed", range(5))
def test_declarations_are_compared_with_every_entry(journal: LocalJournal, seed: int) -> None:
    rows = write_entries(journal, seed, 60)
    declared, expected = [], []
    for day in (*DAYS, DAYS[-1] + 30):
        for terminal in (1, 2, 3, 9):
            taps, sum_fen = slow_sum(rows, terminal, day)
            for off_taps, off_fen in ((0, 0), (1, 0), (0, -1)):
                row = Declared(terminal, day, taps + off_taps, sum_fen + off_fen)
                found = completeness.compare(journal, [row], DAY_US // 24, 0)
                assert found == ([Difference(row, taps, sum_fen)] if off_taps or off_fen else [])
            declared.append(Declared(terminal, day, taps + terminal % 2, sum_fen))
            if terminal % 2:
                expected.append(Difference(declared[-1], taps, sum_fen))
    assert completeness.compare(journal, declared, DAY_US // 24, 0) == expected
    assert completeness.compare(journal, [], DAY_US // 24, 0) == []


def test_of_two_declarations_the_last_counts(journal: LocalJournal) -> None:
    rows = write_entries(journal, 7, 5)
    day = int(rows["travel_day"][0])
    right = Declared(1, day, *slow_sum(rows, 1, day))
    wrong = Declared(1, day, right.taps + 1, right.sum_fen)
    assert completeness.compare(journal, [wrong, right], DAY_US, 0) == []
    (difference,) = completeness.compare(journal, [right, wrong], DAY_US, 0)
    assert difference.declared == wrong


@pytest.mark.parametrize("first", [1, 2, 20, 10_000])
def test_open_identities_are_those_bound_from_a_sequence_on(
    journal: LocalJournal, first: int
) -> None:
    rows = write_entries(journal, 3, 20)
    expected = {
        (int(r["terminal"]), int(r["epoch"]), int(r["terminal_seq"]), int(r["sequence"]))
        for r in rows
        if int(r["sequence"]) >= first
    }
    for block in journal.blocks():
        row, key = block.rows[0], int(block.images[0]["key"])
        if int(row["sequence"]) >= first:
            terminal, sequence = int(row["terminal"]), int(row["sequence"])
            expected.add((terminal, key >> 32, key & 0xFFFFFFFF, sequence))
    found = completeness.open_identities(journal, first)
    assert found.dtype == IDENTITY
    names = ("terminal", "epoch", "terminal_seq", "sequence")
    assert {tuple(int(row[name]) for name in names) for row in found} == expected


def test_gaps_leave_out_what_does_not_count(journal: LocalJournal) -> None:
    seen: dict[tuple[int, int], set[int]] = {}
    for row in write_entries(journal, 11, 30):
        key = int(row["terminal"]), int(row["epoch"])
        seen.setdefault(key, set()).add(int(row["terminal_seq"]))
    for block in journal.blocks():
        key_ = int(block.images[0]["key"])
        seen.setdefault((int(block.rows[0]["terminal"]), 1), set()).add(key_ & 0xFFFFFFFF)
    expected = [
        Gap(terminal, epoch, low + 1, high - 1)
        for (terminal, epoch), seqs in sorted(seen.items())
        for low, high in zip(sorted(seqs), sorted(seqs)[1:], strict=False)
        if high > low + 1
    ]
    identities = Identities(None)
    found = list(completeness.find_gaps(journal, identities, None, frozenset()))
    assert found == expected
    found = list(completeness.find_gaps(journal, identities, None, frozenset({1, 3})))
    assert found == [gap for gap in expected if gap.terminal == 2]
    found = list(completeness.find_gaps(journal, identities, 3, frozenset()))
    assert found == [gap for gap in expected if gap.terminal == 3]
