"""One file of the journal: an LMDB environment that holds blocks by the sequence they begin at."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import LedgerFault, LedgerForeign
from onecard.core.journal.algorithms import INTERNATIONAL, Algorithms
from onecard.core.journal.block import (
    Block,
    Draft,
    Rows,
    Tip,
    check_digests,
    parse,
    parse_header,
    unfit,
)
from onecard.core.journal.hashing import HASHES
from onecard.core.storage.environment import Cursor, Environment, Txn, sync_folder
from onecard.ext.block.unpack import Trace, glance, images_of, some_of
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Hash, Record

META = np.dtype(
    [
        ("magic", "<u4"),
        ("version", "<u2"),
        ("hash_algorithm", "<u2"),  # of `check`; version 1 has 0 here, and SHA-256
        ("lmdb", "<u4", (3,)),  # the engine that made the file
        ("number", "<u4"),
        ("first", "<u8"),  # sequence its first block begins at
        ("ledger", "V16"),
        ("previous", "V32"),  # hash of the last block of the segment before, which this one seals
        ("check", "V32"),  # digest of the record up to here
    ]
)
END = np.dtype([("last", "<u8"), ("hash", "V32")])  # of the newest block
META_KEY, END_KEY = b"meta", b"end"
META_MAGIC = 0x31534F43  # "COS1" as it stands in a file
CHECKED_BYTES = META.itemsize - 32
BLOCKS = "blocks"

PAGE_HEADER_BYTES = 16
MARGIN_PAGES = 32  # what LMDB needs besides the values: leaves, branches, its list of free pages
READ_BLOCKS = 64  # a read transaction ends after so many blocks, to free no page too late
READ_BYTES = 1 << 22
SEQUENCE_MAX = 1 << 62
CACHED_BYTES = 256 << 20  # the newest 1.6 million entries stay in the system's cache
NO_LEGS = np.zeros(0, dtypes.LEG)
SOUND_BLOCKS = 1 << 18  # remembered as hashed and found sound; about 20 MB of memory


class Segment:
    """Blocks from `first` on; `previous` is the hash of the block before its first one."""

    def __init__(self, environment: Environment, number: int, ledger_id: bytes) -> None:
        self.number = number
        self.environment = environment
        meta = self._meta(ledger_id)
        self.first = int(meta["first"])
        self.previous = meta["previous"].tobytes()
        self._sound: set[int] = set()

    @classmethod
    def create(
        cls,
        folder: Path,
        number: int,
        ledger_id: bytes,
        tip: Tip,
        map_bytes: int,
        algorithms: Algorithms = INTERNATIONAL,
    ) -> "Segment":
        """A new, empty segment after `tip`; named only once its meta record is durable.

        May be called again after it failed, be it after the segment had got its name.
        """
        if not (folder / f"{number:08d}").exists():
            cls._make(folder, number, ledger_id, tip, map_bytes, algorithms.hash)
        sync_folder(folder)
        made = cls.open(folder, number, ledger_id, map_bytes)
        if (made.first, made.previous) != (tip.last + 1, tip.head):
            made.close()
            raise LedgerFault(f"segment {number:08d}: expected none there yet, found {made.first}")
        return made

    @classmethod
    def _make(
        cls,
        folder: Path,
        number: int,
        ledger_id: bytes,
        tip: Tip,
        map_bytes: int,
        hash_algorithm: int,
    ) -> None:
        draft = folder / f"{number:08d}.new"
        if draft.exists():
            shutil.rmtree(draft)
        with Environment(draft, (BLOCKS,), map_bytes=map_bytes, create=True) as environment:
            meta = np.zeros(1, META)
            meta["magic"] = META_MAGIC
            meta["version"] = dtypes.VERSION
            meta["hash_algorithm"] = hash_algorithm
            meta["lmdb"] = environment.lib_version
            meta["number"] = number
            meta["first"] = tip.last + 1
            meta["ledger"] = np.void(ledger_id)
            meta["previous"] = np.void(tip.head)
            meta["check"] = np.void(HASHES[hash_algorithm](meta.tobytes()[:CHECKED_BYTES]))
            with environment.write() as txn:
                txn.put(META_KEY, meta.tobytes())
        draft.rename(folder / f"{number:08d}")

    @classmethod
    def open(
        cls,
        folder: Path,
        number: int,
        ledger_id: bytes,
        map_bytes: int | None = None,
        readonly: bool = False,
    ) -> "Segment":
        """LedgerMissing, LedgerForeign or LedgerFault where it is not this ledger's segment."""
        path = folder / f"{number:08d}"
        environment = Environment(path, (BLOCKS,), map_bytes=map_bytes, readonly=readonly)
        try:
            return cls(environment, number, ledger_id)
        except BaseException:
            environment.close()
            raise

    def _meta(self, ledger_id: bytes) -> np.void:
        where = f"{self.environment.path}: expected"
        with self.environment.read() as txn:
            found = txn.get(META_KEY)
            value = b"" if found is None else bytes(found)
        if len(value) != META.itemsize:
            raise LedgerForeign(f"{where} a segment of a journal, found no meta record of one")
        meta: np.void = np.frombuffer(value, META)[0]
        known = 1 <= int(meta["version"]) <= dtypes.VERSION
        if int(meta["magic"]) != META_MAGIC or not known:
            raise LedgerForeign(
                f"{where} a segment of format 1 to {dtypes.VERSION}, found format {meta['version']}"
            )
        digest = HASHES.get(int(meta["hash_algorithm"]) or Hash.SHA256)
        if digest is None or digest(value[:CHECKED_BYTES]) != meta["check"].tobytes():
            raise LedgerFault(f"{where} a meta record with its own digest, found another")
        if meta["ledger"].tobytes() != ledger_id:
            found_id = meta["ledger"].tobytes().hex()
            raise LedgerForeign(f"{where} ledger {ledger_id.hex()}, found ledger {found_id}")
        if int(meta["number"]) != self.number:
            raise LedgerFault(f"{where} segment {self.number}, found segment {meta['number']}")
        return meta

    # ---- writing ----------------------------------------------------------------------------

    def fits(self, drafts: Sequence[Draft]) -> bool:
        """Returns True when they fit what is left of the map, with LMDB's own pages."""
        page_bytes = self.environment.page_bytes
        free = self.environment.map_bytes // page_bytes - self.environment.pages_used
        return pages_of(drafts, page_bytes) <= free

    def append(self, drafts: Sequence[Draft], tip: Tip) -> None:
        """Put sealed drafts that end at `tip`, in one synced transaction. MapFull, WriteFailed.

        The end is said twice: a damaged index of the blocks could hide the newest one.
        """
        blocks = self.environment.database(BLOCKS)
        with self.environment.write() as txn:
            for draft in drafts:
                key = key_of(draft.first)
                if not txn.put(key, draft.value, append=True, overwrite=False, db=blocks):
                    raise LedgerFault(f"{self.where(draft.first)}: expected none there yet")
            txn.put(END_KEY, _end(tip.last, tip.head))
        for draft in drafts:
            self._remember(draft.first)
        self.environment.let_go(CACHED_BYTES)

    # ---- reading ----------------------------------------------------------------------------

    def where(self, first: int) -> str:
        return f"segment {self.number:08d}, block {first}"

    def last_block(self) -> Block | None:
        """The newest block, its digests checked; None in an empty segment."""
        # Both in one transaction: another process may append between two.
        with (
            self.environment.read() as txn,
            txn.cursor(db=self.environment.database(BLOCKS)) as cursor,
        ):
            block = self._parse(*cursor.item()) if cursor.last() else None
            end = bytes(txn.get(END_KEY) or b"")
        self._compare_end(end, None if block is None else Tip(block.last, block.hash))
        return block

    def check_end(self, tip: Tip | None) -> None:
        """LedgerFault unless the segment says that it ends there; None where it is empty."""
        with self.environment.read() as txn:
            found = bytes(txn.get(END_KEY) or b"")
        self._compare_end(found, tip)

    def _compare_end(self, found: bytes, tip: Tip | None) -> None:
        wanted = b"" if tip is None else _end(tip.last, tip.head)
        if found != wanted:
            ends = [int.from_bytes(end[:8], "little") if end else "none" for end in (found, wanted)]
            raise LedgerFault(
                f"segment {self.number:08d}: expected its newest block to end at {ends[0]}, as "
                f"was written with it, found {ends[1]} or another block there"
            )

    def block_of(self, sequence: int) -> Block | None:
        """The block that holds a sequence, its digests checked; None where there is none."""
        with self.environment.read(BLOCKS) as txn:
            found = _seek(txn, sequence)
            block = None if found is None else self._parse(*found)
        return block if block is not None and block.last >= sequence else None

    def some_blocks(self, sequence: int, last: int) -> list[Block]:
        """A run of whole blocks from the one that holds `sequence` on, up to `last`.

        Read in one transaction, which READ_BLOCKS and READ_BYTES keep short.
        """
        with self.environment.read(BLOCKS) as txn, txn.cursor() as cursor:
            found = _seek(txn, sequence)
            if found is None or not cursor.set_key(bytes(found[0])):
                return []
            return self._run(cursor, last)

    def blocks_from(self, first: int) -> list[Block]:
        """As `some_blocks`, by the keys alone: from the first key of `first` or more on."""
        with self.environment.read(BLOCKS) as txn, txn.cursor() as cursor:
            return self._run(cursor, SEQUENCE_MAX) if cursor.set_range(key_of(first)) else []

    def _run(self, cursor: Cursor, last: int) -> list[Block]:
        blocks: list[Block] = []
        room = READ_BYTES
        more = True
        while more and len(blocks) < READ_BLOCKS and room > 0:
            try:
                block = self._parse(*cursor.item())
            except LedgerFault:
                if not blocks:
                    raise
                break  # those before it first: the fault is the next run's
            if block.first > last:
                break
            blocks.append(block)
            room -= len(block.value)
            more = cursor.next()
        return blocks

    def entries(
        self, sequences: NDArray[np.uint64], rows: Rows, legs_before: int = 0
    ) -> list[Rows]:
        """Fill `rows` (ENTRY, zeros) with the entries of `sequences`, ascending; their LEG rows, of
        each block some, which `legs_at` counts into from `legs_before` on.

        A block is hashed the first time this process reads it, then its rows are taken straight
        from the map. Sequences of no entry keep their zeros.
        """
        at = 0
        legs: list[Rows] = []
        while at < len(sequences):
            with self.environment.read(BLOCKS) as txn:
                for _ in range(READ_BLOCKS):
                    taken, theirs = self._fill(txn, sequences[at:], rows[at:])
                    if len(theirs):  # rows of no entry keep their zeros
                        rows["legs_at"][at : at + taken] += legs_before
                    at += taken
                    legs.append(theirs)
                    legs_before += len(theirs)
                    if at >= len(sequences):
                        break
        return legs

    def _fill(self, txn: Txn, sequences: NDArray[np.uint64], rows: Rows) -> tuple[int, Rows]:
        """Fill the rows of the first sequence's block; how many sequences that was, their legs."""
        found = _seek(txn, int(sequences[0]))
        if found is None:
            return 1, NO_LEGS
        first, count, record = self._glance(found[0], found[1])
        taken = int(np.searchsorted(sequences, np.uint64(first + count)))
        if taken == 0:
            return 1, NO_LEGS
        if record != Record.ENTRIES:
            return taken, NO_LEGS
        try:
            legs = some_of(found[1], sequences[:taken], rows[:taken])
        except ValueError as error:
            raise unfit(self.where(first), error) from None
        wrong = np.flatnonzero(rows["sequence"][:taken] != sequences[:taken])
        if len(wrong):
            wanted, seen = sequences[wrong[0]], rows["sequence"][wrong[0]]
            raise LedgerFault(f"{self.where(first)}: expected entry {wanted}, found {seen}")
        return taken, legs

    def images(self, sequences: NDArray[np.uint64], images: Rows) -> None:
        """Fill `images` (AFTER_IMAGE, IMAGES_MAX a row, zeros) with those of the entries of
        `sequences`, ascending. What is of no entry keeps its zeros."""
        at = 0
        while at < len(sequences):
            with self.environment.read(BLOCKS) as txn:
                for _ in range(READ_BLOCKS):
                    at += self._fill_images(txn, sequences[at:], images[at:])
                    if at >= len(sequences):
                        break

    def _fill_images(self, txn: Txn, sequences: NDArray[np.uint64], images: Rows) -> int:
        """Fill the rows of the first sequence's block; how many sequences that was."""
        found = _seek(txn, int(sequences[0]))
        if found is None:
            return 1
        first, count, record = self._glance(found[0], found[1])
        taken = int(np.searchsorted(sequences, np.uint64(first + count)))
        if taken == 0 or record != Record.ENTRIES:
            return max(taken, 1)
        try:
            images_of(found[1], sequences[:taken], images[:taken])
        except ValueError as error:
            raise unfit(self.where(first), error) from None
        return taken

    def chain(self, last: int, rows: Rows) -> tuple[int, int]:
        """Fill `rows` (ENTRY) with the entry `last` and those of its account before it, newest
        first, as far as this segment goes: how many, and what sequence comes next, 0 where none.

        `legs_at` of each is 0. LedgerFault where `last` is no entry.
        """
        trace = Trace(rows)
        while trace.at < len(rows) and last >= self.first:
            with self.environment.read(BLOCKS) as txn, txn.cursor() as cursor:
                for _ in range(READ_BLOCKS):
                    found = _seek_with(cursor, last)
                    if found is None:
                        raise LedgerFault(f"{self.where(last)}: expected an entry, found none")
                    if (first := int.from_bytes(found[0], "big")) not in self._sound:
                        self._glance(found[0], found[1])
                    try:
                        last = trace.take(found[1], last)
                    except ValueError as error:
                        raise unfit(self.where(first), error) from None
                    if trace.at >= len(rows) or last < self.first:
                        break
        return trace.at, last

    def head_of(self, sequence: int) -> tuple[int, bytes]:
        """First sequence and hash of the block that holds an entry, which was read before."""
        with self.environment.read(BLOCKS) as txn:
            found = _seek(txn, sequence)
            if found is None:
                raise LedgerFault(f"{self.where(sequence)}: expected a block with it, found none")
            first = int.from_bytes(found[0], "big")
            header = parse_header(found[1], self.where(first))
        return first, header["hash"].tobytes()

    def _glance(self, key: memoryview, value: memoryview) -> tuple[int, int, int]:
        """First sequence, rows and record of a block; met first, all of it is checked."""
        first = int.from_bytes(key, "big")
        if first in self._sound:
            return glance(value)
        where = self.where(first)
        header = parse_header(value, where)
        if int(header["first"]) != first:
            raise LedgerFault(f"{where}: expected it to begin there, found {header['first']}")
        check_digests(value, header, where)
        self._remember(first)
        return first, int(header["count"]), int(header["record"])

    def _parse(self, key: memoryview, value: memoryview) -> Block:
        if len(key) != 8:
            raise LedgerFault(
                f"segment {self.number:08d}: expected a key of 8 bytes, found one of {len(key)}"
            )
        first = int.from_bytes(key, "big")
        block = parse(value, self.where(first))
        if block.first != first:
            raise LedgerFault(f"{block.where}: expected it to begin there, found {block.first}")
        self._remember(first)
        return block

    def _remember(self, first: int) -> None:
        if len(self._sound) >= SOUND_BLOCKS:
            self._sound = set()
        self._sound.add(first)

    def close(self) -> None:
        self.environment.close()


def pages_of(drafts: Sequence[Draft], page_bytes: int) -> int:
    """Pages that a transaction with these values may need at most."""
    values = sum(-(-(draft.value.nbytes + PAGE_HEADER_BYTES) // page_bytes) for draft in drafts)
    return values + len(drafts) + MARGIN_PAGES


def key_of(sequence: int) -> bytes:
    """Big-endian, so that keys sort as numbers do."""
    return sequence.to_bytes(8, "big")


def _end(last: int, head: bytes) -> bytes:
    end = np.zeros(1, END)
    end["last"], end["hash"] = last, np.void(head)
    return end.tobytes()


def _seek(txn: Txn, sequence: int) -> tuple[memoryview, memoryview] | None:
    """Key and value of the last block that begins at or before `sequence`."""
    with txn.cursor() as cursor:
        return _seek_with(cursor, sequence)


def _seek_with(cursor: Cursor, sequence: int) -> tuple[memoryview, memoryview] | None:
    key = key_of(sequence)
    if cursor.set_range(key):
        if bytes(cursor.key()) != key and not cursor.prev():
            return None
    elif not cursor.last():
        return None
    return cursor.item()
