"""A file with blocks of both versions, damaged: it is refused, proved to be at fault, or every
block in it is as it was written. As test_storage_faults.py has it for version 2 alone.
"""

from collections import Counter
from pathlib import Path

import pytest

from onecard.core.journal import LocalJournal
from onecard.ext.shape import dtypes
from tests.crash.test_storage_faults import (
    MIB,
    PAGE,
    SEGMENT_1,
    Small,
    bodies,
    flips,
    live_pages,
    proved,
    read_flipped,
)
from tests.support import version_1
from tests.support.handmade import LEDGER_ID
from tests.support.version_1 import OldHand


def both(path: Path) -> Small:
    """Version 1, then some commits of version 2 into the same segment."""
    path.mkdir()
    old = OldHand()
    blocks = old.registry()
    blocks += [old.entries(40), old.entries(3), old.close(), old.entries(25), old.entries(2)]
    version_1.journal(path, LEDGER_ID, blocks, MIB)
    # As the readers of test_storage_faults.py cut them, by the header of version 2.
    wanted = [bytes(value[dtypes.HEADER.itemsize :]) for value in blocks]
    before, acked_before = b"", 0
    with LocalJournal.open(path, LEDGER_ID, 1, MIB) as journal:
        for _ in range(3):
            before, acked_before = (path / SEGMENT_1).read_bytes(), len(wanted)
            group = [old.hand.entries(40), old.hand.entries(3), *old.hand.close()]
            journal.write(group)
            wanted += [bytes(draft.body) for draft in group]
    return Small(path, before, (path / SEGMENT_1).read_bytes(), wanted, acked_before)


def test_both_are_proved_and_read(tmp_path: Path) -> None:
    ledger = both(tmp_path / "ledger")
    assert bodies(ledger.path) == ledger.wanted
    report = proved(ledger.path)
    assert report.fault is None and (report.entries, report.windows) == (199, 4)
    with LocalJournal.open(ledger.path, LEDGER_ID, 1, MIB) as journal:
        versions = [int(block.header["version"]) for block in journal.blocks()]
    assert versions == [1] * 8 + [2] * 12


def flipped(tmp_path: Path, count: int, seed: int) -> Counter[str]:
    ledger = both(tmp_path / "ledger")
    sentences: Counter[str] = Counter()
    for at, bit in flips(ledger.after, count, seed):
        content = bytearray(ledger.after)
        content[at] ^= 1 << bit
        sentences[ledger.sentence(content)] += 1
    return sentences


def test_no_flipped_bit_changes_what_is_read_unnoticed(tmp_path: Path) -> None:
    sentences = flipped(tmp_path, 60, seed=8)
    assert sentences["refused"] and sentences["fault"] and sentences["same"]


def test_a_reader_is_never_given_a_flipped_bit(tmp_path: Path) -> None:
    ledger = both(tmp_path / "ledger")
    said = read_flipped(ledger, flips(ledger.after, 45, seed=9))
    assert said["refused"] and said["same"]


def test_a_zeroed_or_stale_page_is_found_or_was_of_no_block(tmp_path: Path) -> None:
    ledger = both(tmp_path / "ledger")
    sentences: Counter[str] = Counter()
    for page in range(2, live_pages(ledger.after)):
        at = slice(PAGE * page, PAGE * page + PAGE)
        for other in (bytes(PAGE), ledger.before[at]):
            content = bytearray(ledger.after)
            content[at] = other or bytes(PAGE)
            sentences[ledger.sentence(content)] += 1
    assert sentences["refused"] and sentences["fault"]


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(100, 105))
def test_campaign_of_flipped_bits(tmp_path: Path, seed: int) -> None:
    assert sum(flipped(tmp_path, 1000, seed).values()) == 1000
    ledger = both(tmp_path / "read")
    assert sum(read_flipped(ledger, flips(ledger.after, 1000, seed)).values()) == 1000
