"""The journal: appended in order, over segments, read by many threads while it grows."""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import lmdb
import numpy as np
import pytest

from onecard.core.errors import DiskLow, LedgerFault, LedgerForeign, LedgerMissing, OnecardError
from onecard.core.journal import LocalJournal
from onecard.core.journal.algorithms import CHINESE
from onecard.core.journal.block import HEADER_BYTES
from onecard.core.journal.hashing import HASH_BYTES, sm3_of_cryptography
from onecard.core.journal.segment import META, META_KEY
from onecard.core.storage.environment import WriteFailed
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Hash, Record
from tests.support.handmade import LEDGER_ID, Hand

MIB = 1 << 20


def filled(path: Path, hand: Hand, groups: int, segment_bytes: int = MIB) -> LocalJournal:
    """Registry, then `groups` appends of two blocks."""
    journal = LocalJournal.create(path, LEDGER_ID, 1, segment_bytes)
    journal.write(hand.registry())
    for _ in range(groups):
        journal.write([hand.entries(90), hand.entries(7)])
    return journal


def reopened(path: Path, readonly: bool = False) -> LocalJournal:
    return LocalJournal.open(path, LEDGER_ID, 1, MIB, readonly=readonly)


def test_what_was_appended_is_there_after_reopening(tmp_path: Path) -> None:
    hand = Hand()
    with filled(tmp_path, hand, 150) as journal:
        assert len(journal.segments) >= 3
        assert (journal.durable.last, journal.failed) == (hand.last, None)
        head = journal.durable.head
        values = [block.value for block in journal.blocks()]
    for readonly in (False, True):
        with reopened(tmp_path, readonly) as journal:
            assert (journal.durable.last, journal.durable.head) == (hand.last, head)
            assert [block.value for block in journal.blocks()] == values
            assert all(segment.environment.readonly for segment in journal.segments[:-1])
            assert journal.segments[-1].environment.readonly == readonly
            assert journal.map_bytes() == MIB * len(journal.segments)
            assert journal.bytes_used() <= journal.map_bytes()
    with reopened(tmp_path) as journal:
        journal.write([hand.entries(3)])
        assert journal.block_of(hand.last).first == hand.last - 2  # type: ignore[union-attr]


def test_it_is_hashed_as_its_ledger_was_made(tmp_path: Path) -> None:
    """Every block, and the first record of every segment, by whichever library."""
    hand, by = Hand(), CHINESE
    with LocalJournal.create(tmp_path, LEDGER_ID, 1, MIB, algorithms=by) as journal:
        journal.write(hand.registry())
        for _ in range(150):
            journal.write([hand.entries(90), hand.entries(7)])
    with LocalJournal.open(tmp_path, LEDGER_ID, 1, MIB, algorithms=by) as journal:
        assert journal.durable.last == hand.last and len(journal.segments) >= 2
        for block in journal.blocks():
            assert block.header["hash_algorithm"] == Hash.SM3
            assert block.hash == sm3_of_cryptography(block.value[: HEADER_BYTES - HASH_BYTES])
        for segment in journal.segments:
            with segment.environment.read() as txn:
                meta = bytes(txn.get(META_KEY) or b"")
            assert meta[-HASH_BYTES:] == sm3_of_cryptography(meta[:-HASH_BYTES])
    with pytest.raises(LedgerFault, match="expected hash_algorithm 1, found 2"):
        with LocalJournal.open(tmp_path, LEDGER_ID, 1, MIB) as journal:
            list(journal.blocks())


@pytest.mark.parametrize("field", ["hash_algorithm", "first", "previous"])
def test_a_segment_whose_first_record_was_changed_is_named(tmp_path: Path, field: str) -> None:
    filled(tmp_path, Hand(), 3).close()
    folder = tmp_path / "journal" / "00000001"
    with lmdb.open(str(folder), max_dbs=2) as environment, environment.begin(write=True) as txn:
        meta = bytearray(txn.get(META_KEY))
        meta[META.fields[field][1]] ^= 8  # type: ignore[index]  # fields of a struct exist
        txn.put(META_KEY, bytes(meta))
    with pytest.raises(LedgerFault, match="expected a meta record with its own digest, found"):
        reopened(tmp_path)


def test_blocks_begin_with_the_one_that_holds_the_first_row(tmp_path: Path) -> None:
    with filled(tmp_path, Hand(), 60) as journal:
        blocks = list(journal.blocks())
        for block in blocks[:: len(blocks) // 9]:
            for first in {block.first, block.last}:
                assert next(journal.blocks(first)).value == block.value
                assert journal.block_of(first).value == block.value  # type: ignore[union-attr]
        middle = blocks[40]
        some = list(journal.blocks(middle.first + 1, middle.last + 1))
        assert [block.first for block in some] == [middle.first, middle.last + 1]
        assert list(journal.blocks(journal.written.last + 1)) == []
        assert journal.block_of(0) is None and journal.block_of(journal.written.last + 1) is None


def test_entries_come_in_the_order_asked(tmp_path: Path) -> None:
    with filled(tmp_path, Hand(), 60) as journal:
        rows = np.zeros(journal.written.last + 1, dtypes.ENTRY)
        legs: dict[int, np.ndarray] = {}
        for block in journal.blocks():
            if block.record == 1:
                rows[block.first : block.last + 1] = block.rows
                legs |= {
                    int(row["sequence"]): block.legs[row["legs_at"] : row["legs_at"] + row["legs"]]
                    for row in block.rows
                }
        generator = np.random.default_rng(1)
        asked = generator.integers(0, journal.durable.last + 40, 3000).astype(np.uint64)
        asked[:4] = 0, journal.written.last + 1, (1 << 64) - 1, 1
        wanted = np.zeros(len(asked), dtypes.ENTRY)
        inside = asked <= journal.durable.last
        wanted[inside] = rows[asked[inside].astype(np.intp)]
        wanted["legs_at"] = 0  # counts into the legs of its block
        for _ in range(2):
            assert_same(journal, asked, wanted, legs)
        assert len(journal.entries(np.empty(0, np.uint64))) == 0
    with reopened(tmp_path) as journal:
        assert_same(journal, asked, wanted, legs)


def assert_same(
    journal: LocalJournal, asked: np.ndarray, wanted: np.ndarray, legs: dict[int, np.ndarray]
) -> None:
    """All of each entry and its legs, wherever these stand."""
    found, theirs = journal.entries_with_legs(asked)
    for row in found[found["sequence"] != 0]:
        at = int(row["legs_at"])
        assert (theirs[at : at + int(row["legs"])] == legs[int(row["sequence"])]).all()
    found["legs_at"] = 0
    assert found.tobytes() == wanted.tobytes()


def test_readers_see_whole_blocks_while_the_writer_appends(tmp_path: Path) -> None:
    hand = Hand()
    with filled(tmp_path, hand, 1) as journal:
        failures: list[BaseException] = []
        stop = threading.Event()

        def read(seed: int) -> None:
            generator = np.random.default_rng(seed)
            try:
                while not stop.is_set():
                    asked = generator.integers(24, journal.written.last + 1, 50).astype(np.uint64)
                    assert (journal.entries(asked)["sequence"] == asked).all()
                    last = journal.durable.last
                    assert sum(b.count for b in journal.blocks(last - 20, last)) >= 20
            except BaseException as error:
                failures.append(error)

        readers = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
        for reader in readers:
            reader.start()
        for _ in range(150):
            journal.write([hand.entries(80)])
        stop.set()
        for reader in readers:
            reader.join()
        assert failures == [] and len(journal.segments) > 2


def test_a_crash_before_the_first_block_of_a_segment_recovers(tmp_path: Path) -> None:
    hand = Hand()
    with filled(tmp_path, hand, 3) as journal:
        journal._next_segment()  # and the process dies here
        tip = journal.written
    (tmp_path / "journal" / "00000003.new").mkdir()  # or while it makes another
    with reopened(tmp_path) as journal:
        assert (len(journal.segments), journal.written) == (2, tip)
        assert not (tmp_path / "journal" / "00000003.new").exists()
        journal.write([hand.entries(5)])
        assert next(journal.blocks(hand.last)).where.startswith("segment 00000002")


def test_a_draft_out_of_order_stops_the_journal(tmp_path: Path) -> None:
    hand = Hand()
    with filled(tmp_path, hand, 1) as journal:
        last = journal.durable.last
        draft = hand.entries(4)
        draft.first += 1
        with pytest.raises(ValueError, match="expected it to begin at"):
            journal.write([draft])
        draft.first -= 1
        with pytest.raises(WriteFailed, match="a write failed before"):
            journal.write([draft])
        assert journal.durable.last == last


def test_a_group_beyond_a_segment_is_refused_before_it_is_judged(tmp_path: Path) -> None:
    hand = Hand()
    with filled(tmp_path, hand, 1) as journal:
        journal.room(MIB // 4)
        with pytest.raises(DiskLow, match="a group of at most 524288 bytes"):
            journal.room(MIB)
        with pytest.raises(WriteFailed, match=r"make segments larger|does not fit"):
            journal.write([hand.entries(12_000)])


def test_room_keeps_a_watermark_of_the_disk_free(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    free = disk.f_bavail * disk.f_frsize
    with LocalJournal.create(tmp_path, LEDGER_ID, 1, 64 * MIB, watermark_bytes=2 * free) as journal:
        with pytest.raises(DiskLow, match="bytes free on its disk, found"):
            journal.room(1)


def test_a_full_map_starts_a_segment_though_the_estimate_said_it_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = Hand()
    with filled(tmp_path, hand, 1) as journal:
        monkeypatch.setattr("onecard.core.journal.segment.Segment.fits", lambda *_: True)
        for _ in range(80):
            journal.write([hand.entries(90)])
        assert len(journal.segments) == 2
        assert sum(block.count for block in journal.blocks()) == hand.last


def test_an_unknown_or_incomplete_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerMissing, match="expected a journal, found none"):
        reopened(tmp_path)
    with filled(tmp_path, Hand(), 90):
        pass
    with pytest.raises(LedgerForeign, match="expected no journal there yet"):
        LocalJournal.create(tmp_path, LEDGER_ID)
    with pytest.raises(LedgerForeign, match=r"expected ledger 78787878.*, found ledger 0102"):
        LocalJournal.open(tmp_path, b"x" * 16, 1, MIB)
    with pytest.raises(LedgerFault, match=r"expected epoch 1 or higher in ledger.toml, found 0"):
        LocalJournal.open(tmp_path, LEDGER_ID, 0, MIB)
    folder = tmp_path / "journal"
    (folder / "00000001").rename(folder / "kept")
    with pytest.raises(LedgerFault, match="expected segment 00000001, found 00000002 next"):
        reopened(tmp_path)
    (folder / "00000002").rename(folder / "00000001")
    with pytest.raises(LedgerFault, match="expected segment 1, found segment 2"):
        reopened(tmp_path)


def test_an_older_copy_of_a_sealed_segment_is_noticed_at_opening(tmp_path: Path) -> None:
    hand = Hand()
    filled(tmp_path, hand, 5).close()
    file = tmp_path / "journal" / "00000001" / "data.mdb"
    older = file.read_bytes()
    with reopened(tmp_path) as journal:
        while len(journal.segments) == 1:
            journal.write([hand.entries(90)])
    file.write_bytes(older)
    with pytest.raises(LedgerFault, match="segment 00000002: expected it to begin at"):
        reopened(tmp_path)


def test_one_buffer_is_used_again_and_again(tmp_path: Path) -> None:
    hand = Hand()
    buffer = bytearray(1 << 16)
    with filled(tmp_path, hand, 1) as journal:
        for _ in range(5):
            made = hand.entries(20)
            view = memoryview(buffer)[: made.value.nbytes]
            view[:] = made.value
            made.value = view
            journal.write([made])
        assert [b.count for b in journal.blocks(hand.last - 99)] == [20] * 5


def other_engine(file: Path) -> None:
    shutil.rmtree(file.parent)
    lmdb.open(str(file.parent), lib_version=1, map_size=MIB).close()


def rewrite(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda file: file.write_bytes(change(file.read_bytes())) and None


OTHER_FILES: list[tuple[str, Callable[[Path], None], type[OnecardError], str]] = [
    ("engine", other_engine, LedgerForeign, "expected an LMDB 0.9 data file .* found LMDB 1.0"),
    ("empty", rewrite(lambda _: b""), LedgerForeign, "0.9 data file, found an empty file"),
    ("half", rewrite(lambda d: d[: len(d) // 2]), LedgerForeign, "bytes, found .* cut short"),
    ("text", rewrite(lambda _: b"card,fen\n" * 999), LedgerForeign, "another format .* b'card,fen"),
    ("missing", lambda file: file.unlink(), LedgerMissing, "data file, found none"),
]


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(
    ("name", "damage", "kind", "said"), OTHER_FILES, ids=[f[0] for f in OTHER_FILES]
)
def test_f12_a_file_that_is_something_else_is_refused(
    tmp_path: Path,
    name: str,
    damage: Callable[[Path], None],
    kind: type[OnecardError],
    said: str,
    number: int,
) -> None:
    hand = Hand()
    with LocalJournal.create(tmp_path, LEDGER_ID, 1, 512 << 10) as journal:
        journal.write(hand.registry())
        while len(journal.segments) < 3:
            journal.write([hand.entries(200)])
    file = tmp_path / "journal" / f"{number:08d}" / "data.mdb"
    damage(file)
    for readonly in (False, True):
        with pytest.raises(kind, match=said):
            LocalJournal.open(tmp_path, LEDGER_ID, 1, 512 << 10, readonly=readonly)
    if name == "empty":
        assert file.stat().st_size == 0  # and it was not filled in


def test_a_chain_of_an_account_is_read_by_sequence(tmp_path: Path) -> None:
    """The same as each entry by itself, over blocks and segments, cut where it is asked."""
    hand = Hand()
    with filled(tmp_path, hand, 130) as journal:
        assert len(journal.segments) > 1
        for last in list(hand.newest.values())[:40]:
            wanted, sequence = [], last
            while sequence:
                row = journal.entries(np.array([sequence], np.uint64))[0]
                wanted.append(row)
                sequence = int(row["previous"])
            expected = np.array(wanted, dtypes.ENTRY)
            expected["legs_at"] = 0
            assert journal.chain(last, len(wanted) + 9).tobytes() == expected.tobytes()
            for count in (0, 1, 7):
                assert journal.chain(last, count).tobytes() == expected[:count].tobytes()
    for readonly in (False, True):
        with reopened(tmp_path, readonly) as journal:  # none of its blocks was hashed before
            assert journal.chain(last, 1 << 10).tobytes() == expected.tobytes()


def test_a_chain_that_leads_to_no_entry_is_a_fault(tmp_path: Path) -> None:
    with filled(tmp_path, Hand(), 1) as journal:
        for sequence in (1, 3, journal.written.last + 1):
            with pytest.raises(LedgerFault, match="expected a block that fits itself"):
                journal.chain(sequence, 5)


def test_an_entry_comes_with_its_legs_and_its_block(tmp_path: Path) -> None:
    with filled(tmp_path, Hand(), 3) as journal:
        for block in journal.blocks():
            for at in (0, block.count - 1):
                found = journal.entry(block.first + at)
                if block.record != Record.ENTRIES:
                    assert found is None
                    continue
                assert found is not None
                row, legs, first, head = found
                start = int(block.rows["legs_at"][at])
                assert row["token"] == block.rows["token"][at]
                assert (legs == block.legs[start : start + int(row["legs"])]).all() and len(
                    legs
                ) > 0
                assert (first, head) == (block.first, block.hash)
        assert journal.entry(0) is None and journal.entry(journal.written.last + 1) is None
