"""The lines of both files in order of reference, on disk: memory does not grow with them.

Lines are sorted in memory a run at a time and written down; of each run every MARK_ROWS-th row
is remembered, and the marks of all runs part the whole into chunks of about the same size.
"""

import os
import tempfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

LINE = np.dtype(
    [
        ("high", "<u8"),  # sequence; or terminal and epoch
        ("amount_fen", "<i8"),
        ("entry", "<u8"),  # ours: its sequence, whatever the reference
        ("low", "<u4"),  # leg; or terminal_seq
        ("line", "<u4"),
        ("side", "<u2"),  # OURS or THEIRS
        ("part", "<u2"),  # 0: the whole entry; else one of its legs, see join
    ]
)
OURS, THEIRS = 0, 1
RUN_ROWS = 1 << 20  # some 100 MB while a run is sorted
CHUNK_ROWS = 1 << 19  # some 100 MB while a chunk is joined
# 36 bytes kept for each 36 KB on disk; and a chunk is longer by so many rows a run at most.
MARK_ROWS = 1 << 10


class SortedLines:
    """LINE rows: append them, each side in order of its lines, then read `chunks`."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()
        self._pending: list[NDArray[np.void]] = []
        self._pending_rows = 0
        self._rows: list[int] = []  # of each run
        self._marks: list[NDArray[np.void]] = []  # of each run

    def close(self) -> None:
        self._file.close()

    def append(self, lines: NDArray[np.void]) -> None:
        """More lines; those of one side in the order of their numbers."""
        self._pending.append(lines)
        self._pending_rows += len(lines)
        if self._pending_rows >= RUN_ROWS:
            self._write(self._take())

    def chunks(self) -> Iterator[NDArray[np.void]]:
        """All lines in order: reference; ours by number, then theirs by amount and number.

        At most CHUNK_ROWS and MARK_ROWS of each run at a time.
        """
        if not self._rows:  # they never left memory
            yield self._take()
            return
        if self._pending_rows:
            self._write(self._take())
        self._file.flush()
        starts = [0] * len(self._rows)
        for bound in self._bounds():
            ends = [self._before(run, bound) for run in range(len(self._rows))]
            yield self._chunk(starts, ends)
            starts = ends
        yield self._chunk(starts, self._rows)

    def _take(self) -> NDArray[np.void]:
        pending = self._pending or [np.zeros(0, LINE)]
        self._pending, self._pending_rows = [], 0
        joined = np.concatenate(pending)
        pending.clear()
        return ordered(joined)

    def _write(self, rows: NDArray[np.void]) -> None:
        self._file.write(rows.view(np.uint8).data)
        self._rows.append(len(rows))
        self._marks.append(rows[::MARK_ROWS].copy())

    def _bounds(self) -> NDArray[np.void]:
        marks = ordered(np.concatenate(self._marks))
        step = max(1, CHUNK_ROWS // MARK_ROWS)
        bounds: NDArray[np.void] = marks[step::step]
        return bounds

    def _before(self, run: int, bound: np.void) -> int:
        """How many rows of a run come before `bound`."""
        marks = int(precedes(self._marks[run], bound).sum())
        if marks == 0:
            return 0
        start = (marks - 1) * MARK_ROWS
        stop = min(start + MARK_ROWS, self._rows[run])
        return start + int(precedes(self._read(run, start, stop), bound).sum())

    def _chunk(self, starts: list[int], ends: list[int]) -> NDArray[np.void]:
        parts = [
            self._read(run, *edges) for run, edges in enumerate(zip(starts, ends, strict=True))
        ]
        found = [part for part in parts if len(part)]
        if len(found) == 1:
            return found[0]
        return ordered(np.concatenate(parts))

    def _read(self, run: int, start: int, stop: int) -> NDArray[np.void]:
        rows = np.empty(stop - start, LINE)
        room = rows.view(np.uint8).data
        at = (sum(self._rows[:run]) + start) * LINE.itemsize
        while room:  # one call reads 2 GiB at most
            size = os.preadv(self._file.fileno(), [room], at)
            room, at = room[size:], at + size
        return rows


def ordered(lines: NDArray[np.void]) -> NDArray[np.void]:
    """In the order of `chunks`; each side is in order of its numbers already."""
    theirs = lines["side"] == THEIRS
    below = (lines["low"].astype(np.uint64) << np.uint64(1)) | theirs
    order = np.lexsort((below, lines["high"]))
    rows: NDArray[np.void] = lines[order]
    repeated = rows["side"][1:] == THEIRS
    for name in ("high", "low", "side"):
        repeated &= rows[name][1:] == rows[name][:-1]
    if repeated.any():  # seldom, and a third of the time where it is not
        amount_fen = np.where(theirs, lines["amount_fen"], 0)
        rows = lines[np.lexsort((amount_fen, below, lines["high"]))]
    return rows


def precedes(rows: NDArray[np.void], bound: np.void) -> NDArray[np.bool_]:
    """Which rows come before `bound` in the order of `chunks`; no two rows are equal in it."""
    before = np.zeros(len(rows), bool)
    equal = np.ones(len(rows), bool)
    for name in ("high", "low", "side", "amount_fen", "line"):
        if name == "amount_fen" and bound["side"] == OURS:
            continue  # ours are in order of their numbers alone
        before |= equal & (rows[name] < bound[name])
        equal &= rows[name] == bound[name]
    return before
