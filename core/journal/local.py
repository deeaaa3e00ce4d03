"""The journal on this machine's disk: blocks over segments, written by one thread, read by many."""

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from onecard.core.config import Settings
from onecard.core.errors import DiskLow, LedgerFault, LedgerForeign, LedgerMissing, Overloaded
from onecard.core.failpoint import here
from onecard.core.journal.algorithms import INTERNATIONAL, Algorithms
from onecard.core.journal.block import (
    HEADER_BYTES,
    Block,
    Draft,
    Rows,
    Tip,
    seal,
)
from onecard.core.journal.journal import unheeded
from onecard.core.journal.segment import MARGIN_PAGES, Segment, pages_of
from onecard.core.storage.datafile import later
from onecard.core.storage.disk import free_bytes
from onecard.core.storage.environment import MapFull, Readers, WriteFailed, sync_folder
from onecard.core.storage.unmap import unmap
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import IMAGES_MAX

FOLDER = "journal"
MAP_UNIT_BYTES = 1 << 16
# A minute: longer than any burst of connections, and than a caller waits for an answer.
TRY_AGAIN_S, TRIES_MAX = 0.1, 600
T = TypeVar("T")


class LocalJournal:
    """A Journal (journal.py) on one disk: what is written is durable, since it is synced."""

    def __init__(
        self,
        folder: Path,
        ledger_id: bytes,
        epoch: int,
        segments: Sequence[Segment],
        tip: Tip,
        segment_bytes: int,
        watermark_bytes: int,
        algorithms: Algorithms = INTERNATIONAL,
    ) -> None:
        self.folder = folder
        self.ledger_id = ledger_id
        self.epoch = epoch
        self.segment_bytes = segment_bytes
        self.watermark_bytes = watermark_bytes
        self.algorithms = algorithms
        self.failed: BaseException | None = None
        self.on_durable = unheeded  # `durable` moves by `write` alone, so nobody is called
        self._segments = tuple(segments)  # replaced whole, so that readers need no lock
        self._tip = tip

    @classmethod
    def create(
        cls,
        path: Path,
        ledger_id: bytes,
        epoch: int = 1,
        segment_bytes: int = Settings.segment_bytes,
        watermark_bytes: int = Settings.watermark_bytes,
        algorithms: Algorithms = INTERNATIONAL,
    ) -> "LocalJournal":
        """An empty journal in the folder `path` of a ledger; LedgerForeign where there is one."""
        folder = path / FOLDER
        if folder.exists() and any(folder.iterdir()):
            raise LedgerForeign(f"{folder}: expected no journal there yet, found one")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(path)
        segment_bytes = _whole_units(segment_bytes)
        tip = Tip(epoch=epoch)
        segment = Segment.create(folder, 1, ledger_id, tip, segment_bytes, algorithms)
        return cls(
            folder, ledger_id, epoch, (segment,), tip, segment_bytes, watermark_bytes, algorithms
        )

    @classmethod
    def open(
        cls,
        path: Path,
        ledger_id: bytes,
        epoch: int,
        segment_bytes: int = Settings.segment_bytes,
        watermark_bytes: int = Settings.watermark_bytes,
        readonly: bool = False,
        algorithms: Algorithms = INTERNATIONAL,
    ) -> "LocalJournal":
        """The journal as it stands. Read-only, it ends for ever where it ended now.

        LedgerMissing, LedgerForeign; LedgerFault where segments are missing or do not follow one
        another, or the last block of one is damaged (`onecard verify` walks all blocks).
        """
        folder = path / FOLDER
        numbers = segment_numbers(folder)
        if not readonly:
            _remove_unfinished(folder)
        segment_bytes = _whole_units(segment_bytes)
        segments: list[Segment] = []
        tip = Tip()
        try:
            for number in numbers:
                sealed = number != numbers[-1]
                segment = Segment.open(
                    folder, number, ledger_id, segment_bytes, readonly=readonly or sealed
                )
                segments.append(segment)
                tip = segment_tip(segment, tip)
            if tip.epoch > epoch:
                raise LedgerFault(
                    f"{folder}: expected epoch {tip.epoch} or higher in ledger.toml, found {epoch}"
                )
        except BaseException:
            for segment in segments:
                segment.close()
            raise
        return cls(
            folder, ledger_id, epoch, segments, tip, segment_bytes, watermark_bytes, algorithms
        )

    def __enter__(self) -> "LocalJournal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- writing ----------------------------------------------------------------------------

    def write(self, drafts: Sequence[Draft]) -> None:
        """Seal and store drafts in one transaction; they are synced, so durable, when it returns.

        Raises WriteFailed where that is not certain, and for ever after: what the disk holds is
        known again only to a process that opens it anew. ValueError for a draft that may not be.
        """
        if self.failed is not None:
            raise WriteFailed(f"{self.folder}: a write failed before: {self.failed}")
        if not drafts:
            return
        try:
            tip = self._tip
            for draft in drafts:
                tip = seal(draft, self.ledger_id, self.epoch, tip, self.algorithms)
            self._store(drafts, tip)
        except BaseException as error:
            self.failed = error
            if isinstance(error, OSError):
                raise WriteFailed(f"{self.folder}: expected a durable commit, {error}") from error
            raise
        self._tip = tip

    def _store(self, drafts: Sequence[Draft], tip: Tip) -> None:
        segment = self._segments[-1]
        if not segment.fits(drafts):
            segment = self._next_segment()
        try:
            self._patiently(lambda: segment.append(drafts, tip))
        except MapFull as error:
            # Nothing was written. The estimate was too low, or the group is beyond a segment.
            if segment.first == drafts[0].first:
                raise WriteFailed(
                    f"{segment.environment.path}: the group does not fit it"
                ) from error
            following = self._next_segment()
            self._patiently(lambda: following.append(drafts, tip))

    def _patiently(self, act: Callable[[], T]) -> T:
        """Do what a limit of the system, of files or memory, may hinder for a while.

        Nothing is answered meanwhile and nothing given up: what waits fills the inbox, that
        refuses, and callers who go away give back what was lacking. WriteFailed after a minute.
        """
        found: Exception | None = None
        for _ in range(TRIES_MAX):
            try:
                return act()
            except Overloaded as error:
                found = error
            except OSError as error:
                if not later(error):
                    raise
                found = error
            threading.Event().wait(TRY_AGAIN_S)
        raise WriteFailed(f"{self.folder}: expected to append, found {found} for a minute")

    def _next_segment(self) -> Segment:
        """Seal the last segment by the meta record of the one after; the handle stays for readers.

        An empty segment is never followed: its number of the first sequence would repeat.
        """
        newest = self._segments[-1]
        if newest.first == self._tip.last + 1:
            raise WriteFailed(
                f"{newest.environment.path}: expected the group to fit an empty segment of "
                f"{self.segment_bytes} bytes; make segments larger"
            )
        segment = self._patiently(
            lambda: Segment.create(
                self.folder,
                newest.number + 1,
                self.ledger_id,
                self._tip,
                self.segment_bytes,
                self.algorithms,
            )
        )
        self._segments = (*self._segments, segment)
        here("new_segment")
        return segment

    def room(self, body_bytes: int) -> None:
        """DiskLow unless blocks of `body_bytes` in all can be made durable now.

        Twice the bytes, since a commit writes pages anew that it then frees; and a watermark,
        kept for what else a running ledger writes.
        """
        wanted = 2 * body_bytes + self.watermark_bytes
        free = self.free_bytes()
        if free is not None and free < wanted:
            raise DiskLow(
                f"{self.folder}: expected {wanted} bytes free on its disk, found {free}; "
                "free some, nothing was taken"
            )
        # A segment of this size takes the body whatever the number of blocks it is cut into.
        limit = self.segment_bytes // 2
        if body_bytes + HEADER_BYTES > limit:
            raise DiskLow(f"a group of at most {limit} bytes fits a segment, found {body_bytes}")

    def free_bytes(self) -> int | None:
        """Bytes free on its disk; None where the system cannot say."""
        return free_bytes(self.folder)

    # ---- reading ----------------------------------------------------------------------------

    @property
    def written(self) -> Tip:
        return self._tip

    @property
    def durable(self) -> Tip:
        return self._tip

    @property
    def segments(self) -> tuple[Segment, ...]:
        return self._segments

    def blocks(self, first: int = 1, last: int | None = None) -> Iterator[Block]:
        """The blocks that hold rows `first` to `last`, digests and chain checked, in order.

        The first one may begin before `first`. Each is a copy; no transaction stays open between
        two of them. LedgerFault names the first block at fault.
        """
        end = self.durable.last
        last = end if last is None else min(last, end)
        tip: Tip | None = None
        at = max(first, 1)
        while at <= last:
            segment = self._segment_of(at)
            for block in segment.some_blocks(at, last):
                if tip is None:
                    tip = Tip(block.first - 1, block.header["previous"].tobytes())
                    if block.last < at:
                        break
                tip = block.follow(tip, self.ledger_id, self.algorithms.hash)
                yield block
            if tip is None or tip.last < at:
                raise LedgerFault(f"{segment.where(at)}: expected a block with it, found none")
            at = tip.last + 1

    def block_of(self, sequence: int) -> Block | None:
        """The block that holds a sequence, or None beyond the end."""
        if not 1 <= sequence <= self.durable.last:
            return None
        return self._segment_of(sequence).block_of(sequence)

    def entries(self, sequences: NDArray[np.uint64]) -> Rows:
        """The ENTRY rows of `sequences`, in their order; zeros where there is no such entry."""
        return self.entries_with_legs(sequences)[0]

    def entries_with_legs(self, sequences: NDArray[np.uint64]) -> tuple[Rows, Rows]:
        """The same, and the LEG rows that `legs_at` counts into; one row more than they need."""
        order = np.argsort(sequences, kind="stable")
        wanted = np.ascontiguousarray(sequences, np.uint64)[order]
        rows = np.zeros(len(wanted), dtypes.ENTRY)
        legs: list[Rows] = []
        for segment, part in self._shares(wanted):
            legs += segment.entries(wanted[part], rows[part], sum(map(len, legs)))
        result = np.empty_like(rows)
        result[order] = rows
        return result, np.concatenate((*legs, np.zeros(1, dtypes.LEG)))

    def images(self, sequences: NDArray[np.uint64]) -> Rows:
        """The after-images of entries (AFTER_IMAGE, IMAGES_MAX a row), in the order of `sequences`;
        zeros where an entry has fewer, and where there is none."""
        order = np.argsort(sequences, kind="stable")
        wanted = np.ascontiguousarray(sequences, np.uint64)[order]
        images = np.zeros((len(wanted), IMAGES_MAX), dtypes.AFTER_IMAGE)
        for segment, part in self._shares(wanted):
            segment.images(wanted[part], images[part])
        result = np.empty_like(images)
        result[order] = images
        return result

    def _shares(self, wanted: NDArray[np.uint64]) -> Iterator[tuple[Segment, slice]]:
        """Which of some sequences, ascending, each segment has; of what is not durable, none."""
        last = self.durable.last  # before the segments: whatever is durable is in one of them
        segments = self._segments
        bounds = np.array([s.first for s in segments[1:]] + [last + 1], np.uint64)
        at = int(np.searchsorted(wanted, np.uint64(1)))
        for segment, end in zip(segments, np.searchsorted(wanted, bounds), strict=True):
            if end > at:
                yield segment, slice(at, int(end))
                at = int(end)

    def chain(self, last: int, rows_max: int) -> Rows:
        """The ENTRY rows of an account from entry `last` back, newest first: at most `rows_max`.

        Each is found by its sequence, no block is parsed. LedgerFault where `last`, or what an
        entry calls the one before, is no entry.
        """
        rows = np.zeros(rows_max, dtypes.ENTRY)
        at = 0
        while at < rows_max and last:
            taken, last = self._segment_of(last).chain(last, rows[at:])
            at += taken
        return rows[:at]

    def entry(self, sequence: int) -> tuple[np.void, Rows, int, bytes] | None:
        """An entry, its legs, and first sequence and hash of its block; None where it is none."""
        if not 1 <= sequence <= self.durable.last:
            return None
        rows, legs = self.entries_with_legs(np.array([sequence], np.uint64))
        if int(rows["sequence"][0]) != sequence:
            return None
        first, head = self._segment_of(sequence).head_of(sequence)
        return rows[0], legs[: int(rows["legs"][0])], first, head

    def _segment_of(self, sequence: int) -> Segment:
        for segment in reversed(self._segments):
            if segment.first <= sequence:
                return segment
        raise LedgerFault(f"{self.folder}: expected a segment with sequence {sequence}")

    def bytes_used(self) -> int:
        """Bytes of all segments' files that hold pages."""
        return sum(segment.environment.bytes_used for segment in self._segments)

    def map_bytes(self) -> int:
        """Bytes the segments may grow to; a sealed one counts as it was made."""
        return sum(segment.environment.map_bytes for segment in self._segments)

    def readers(self) -> Readers:
        """Who reads the last segment now, in any process."""
        return self._segments[-1].environment.readers()

    def unmap(self) -> None:
        """Give back what readers left resident. Any thread may read meanwhile."""
        for segment in self._segments:
            unmap(segment.environment)

    def close(self) -> None:
        """No thread may be reading."""
        for segment in self._segments:
            segment.close()


def segment_numbers(folder: Path) -> list[int]:
    """1 to n, of the segments in a journal's folder; LedgerFault where one is missing."""
    if not folder.is_dir():
        raise LedgerMissing(f"{folder}: expected a journal, found none; make one by onecard init")
    names = sorted(entry.name for entry in folder.iterdir())
    numbers = [int(name) for name in names if len(name) == 8 and name.isdecimal()]
    if not numbers:
        raise LedgerMissing(f"{folder}: expected segments 00000001 and on, found none")
    for wanted, found in enumerate(numbers, 1):
        if wanted != found:
            raise LedgerFault(
                f"{folder}: expected segment {wanted:08d}, found {found:08d} next; put it back"
            )
    return numbers


def segment_tip(segment: Segment, tip: Tip) -> Tip:
    """The tip at the end of a segment that must follow `tip`; its last block is checked."""
    found = segment.first, segment.previous
    if found != (tip.last + 1, tip.head):
        raise LedgerFault(
            f"segment {segment.number:08d}: expected it to begin at {tip.last + 1} after "
            f"{tip.head.hex()}, found {segment.first} after {segment.previous.hex()}"
        )
    block = segment.last_block()
    if block is None:
        return tip
    return Tip(block.last, block.hash, block.booked_at_us, block.epoch)


def _remove_unfinished(folder: Path) -> None:
    """A segment that has not got its name held nothing yet."""
    for path in folder.glob("*.new"):
        shutil.rmtree(path)


def _whole_units(segment_bytes: int) -> int:
    whole = segment_bytes // MAP_UNIT_BYTES * MAP_UNIT_BYTES
    if whole < (MARGIN_PAGES + pages_of((), 1)) * 4096:
        raise ValueError(f"a segment of {segment_bytes} bytes is too small to hold a block")
    return whole
