"""Closes a window at a sequence, and says what is in one: open or closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onecard.core.days import day_number, day_of, day_text, instant_text, midnight_us
from onecard.core.errors import BadInput, CalendarEnds, LedgerFault, NotFound, Overloaded, SweepsDue
from onecard.core.journal import Block, Draft, Journal
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Record

if TYPE_CHECKING:
    from onecard.ext.state.state import State

NAME = np.dtype("S88")  # a row of the blob of a WINDOWS block: the name as it was at the cut
DAY_MIN = day_number("2000-01-01")  # the span of times a tap may have, docs/ledger.md
DAY_MAX = day_number("2099-12-31")
# Between the days of two windows: the longest public holidays are nine days, with the days around
# them less than this; a month or a year that is mistyped is more.
DAYS_APART_MAX = 15
# What ended so lately is being released: were it waited for, a close would never come where holds
# end each second. Some looks of the scheduler (core/authorize/sweeps.py), and a slow disk.
ON_ITS_WAY_US = 60_000_000


@dataclass(frozen=True)
class Closed:
    """The answer of CloseWindow: sequences first..cut are in the window, its record included."""

    window: int
    business_day: int  # days since 1970-01-01
    first: int
    cut: int
    record: int  # sequence of its first WindowRecord
    closed_at_us: int
    repeated: bool = False  # it was closed before; this is how


@dataclass(frozen=True)
class Position:
    """What the legs of a window sum to for one participant; `out_fen` is positive."""

    participant: int
    name: str
    in_fen: int
    out_fen: int
    legs: int

    @property
    def net_fen(self) -> int:
        return self.in_fen - self.out_fen


@dataclass(frozen=True)
class WindowView:
    """A window and its positions, in order of participant; an open one as far as it is."""

    window: int
    business_day: int  # 0 while open
    closed: bool
    first: int
    cut: int  # while open: the last sequence so far
    closed_at_us: int  # 0 while open
    positions: tuple[Position, ...]


@dataclass(frozen=True)
class CloseWindow:
    """An act: close the open window, in time proportional to participants.

    Closing a closed window again answers as it did and books nothing.
    """

    window: int
    business_day: int  # days since 1970-01-01
    force: bool = False  # take a day that does not follow the one before

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], Closed]:
        """The WINDOWS block to journal; the nets are checked before it is made.

        Errors: NotFound no such window; BadInput a day out of range, one that does not follow the
        window before, or another than it was closed for, or no participants; CalendarEnds a day
        that the calendar has not; SweepsDue what is due is not done; Overloaded the table
        of windows is full; LedgerFault the nets do not sum to zero.
        """
        if self.window != int(state.totals["window"][0]):
            return [], self._again(state)
        if not DAY_MIN <= self.business_day <= DAY_MAX:
            raise BadInput(
                f"business day: expected one of 2000-01-01 to 2099-12-31, "
                f"found {self.business_day} days since 1970-01-01"
            )
        if not self.force:
            self._check_day(state, booked_at_us)
        self._check_calendar(state)
        if not self.force:
            self._check_sweeps(state, booked_at_us)
        live = _participants(state)
        if len(live) == 0:
            raise BadInput(
                f"window {self.window}: nobody takes part in this ledger yet; "
                "load participants before closing a window"
            )
        if len(state.rows("windows")) >= len(state.table("windows")):
            raise Overloaded(
                f"the table of windows is full at {len(state.table('windows'))}; "
                "this ledger can close no more"
            )
        check_nets(self.window, _positions(live))
        rows = self._rows(state, live, sequence, booked_at_us)
        names = live["name"].astype(NAME).tobytes()
        return [Draft.of(Record.WINDOWS, rows, booked_at_us, blob=names)], _closed(rows)

    def _check_day(self, state: State, booked_at_us: int) -> None:
        """BadInput where the day is not one that is expected next."""
        windows = state.rows("windows")
        if len(windows):
            first = int(windows["business_day"][-1])
            after = f"the day of window {int(windows['window'][-1])}"
        else:
            first = day_of(booked_at_us, int(state.totals["zone_offset_us"][0])) - DAYS_APART_MAX
            after = f"{DAYS_APART_MAX} days before today"
        last = first + (DAYS_APART_MAX if len(windows) else 2 * DAYS_APART_MAX)
        if not first <= self.business_day <= last:
            raise BadInput(
                f"business day: expected {day_text(first)} ({after}) to {day_text(last)}, found "
                f"{day_text(self.business_day)}; give the day that is meant, or force it (--force)"
            )

    def _check_calendar(self, state: State) -> None:
        """CalendarEnds where a calendar is loaded that ends before the day."""
        rows = state.rows("calendar_days")
        last = int(rows["day"][-1])
        if len(rows) > 1 and self.business_day > last:
            raise CalendarEnds(
                f"business day: expected one up to {day_text(last)}, the last of the calendar, "
                f"found {day_text(self.business_day)}; load the days that are missing "
                "(onecard load calendar)"
            )

    def _check_sweeps(self, state: State, booked_at_us: int) -> None:
        """SweepsDue where a hold is open that ended before the day was over; one that ended just
        now is on its way."""
        zone_us = int(state.totals["zone_offset_us"][0])
        over_us = midnight_us(self.business_day + 1, zone_us) - 1
        due = state.holds_due(min(over_us, booked_at_us - ON_ITS_WAY_US), 1)
        if len(due):
            ended = instant_text(int(due["expires_us"][0]), zone_us)
            raise SweepsDue(
                f"window {self.window}: expected what was due on {day_text(self.business_day)} to "
                f"be done, found a hold that ended at {ended} and is not released yet; close again "
                "in a moment, or force it (--force)"
            )

    def _rows(
        self, state: State, live: NDArray[np.void], sequence: int, booked_at_us: int
    ) -> NDArray[np.void]:
        # The records close the window and were booked while it was open, so they are its last.
        rows = np.zeros(len(live), dtypes.WINDOW_RECORD)
        rows["sequence"] = np.arange(sequence, sequence + len(live), dtype=np.uint64)
        rows["first"] = state.totals["window_first"][0]
        rows["cut"] = sequence + len(live) - 1
        rows["closed_at_us"] = booked_at_us
        rows["in_fen"] = live["window_in_fen"]
        rows["out_fen"] = live["window_out_fen"]
        rows["legs"] = live["window_legs"]
        rows["window"] = self.window
        rows["business_day"] = self.business_day
        rows["participant"] = live["participant"]
        return rows

    def _again(self, state: State) -> Closed:
        was = _closed_row(state, self.window)
        if was.business_day != self.business_day:
            raise BadInput(
                f"window {self.window} was closed for {day_text(was.business_day)}, "
                f"not {day_text(self.business_day)}; ask for the day it was closed for"
            )
        return was


def window_view(state: State, journal: Journal, number: int) -> WindowView:
    """A window by its number. Called where `state` may be read, i.e. on the engine thread.

    Errors: NotFound; Overloaded where its closing is not durable yet.
    """
    if number != int(state.totals["window"][0]):
        return closed_view(journal, _closed_row(state, number))
    positions = _positions(_participants(state))
    first, last = int(state.totals["window_first"][0]), int(state.totals["last"][0])
    return WindowView(number, 0, False, first, last, 0, positions)


def closed_view(journal: Journal, closed: Closed) -> WindowView:
    """A closed window from its record alone, with the names as they were at the cut."""
    block = journal.block_of(closed.record)
    if block is None:
        raise Overloaded(f"window {closed.window} is being closed; ask again")
    return read_view(block)


def read_view(block: Block) -> WindowView:
    """A closed window out of the WINDOWS block that closed it; LedgerFault where it is not one."""
    if block.record != Record.WINDOWS:
        raise LedgerFault(
            f"block {block.first}: expected a window's record, found record type {block.record}"
        )
    closed = _closed(block.rows)
    if len(block.blob) == len(block.rows) * NAME.itemsize:
        names = [_text(name) for name in np.frombuffer(block.blob, NAME)]
    else:
        names = [""] * len(block.rows)
    positions = tuple(
        Position(int(row["participant"]), name, int(row["in_fen"]), int(row["out_fen"]), legs)
        for row, name, legs in zip(block.rows, names, block.rows["legs"].tolist(), strict=True)
    )
    check_nets(closed.window, positions)
    return WindowView(
        closed.window,
        closed.business_day,
        True,
        closed.first,
        closed.cut,
        closed.closed_at_us,
        positions,
    )


def find_window(journal: Journal, number: int) -> Closed:
    """A closed window by number out of the journal alone: a handful of blocks is read.

    Windows only grow along the journal, so the record is found by halving. Errors: NotFound.
    """
    # The first block of a window above `number` starts in here.
    low, high = 1, journal.durable.last + 1
    found: Closed | None = None
    while low < high and found is None:
        middle = (low + high) // 2
        block = _windowed(journal, middle, high - 1)
        if block is None:
            high = middle
            continue
        window = int(block.rows["window"][0])
        if window == number and block.record == Record.WINDOWS:
            found = _closed(block.rows)
        elif window > number:
            high = min(middle, block.first)
        else:
            low = block.last + 1
    if found is None:
        raise NotFound(
            f"window {number} is not a closed window of this ledger; "
            "close it first, or check the number"
        )
    return found


def check_nets(window: int, positions: tuple[Position, ...]) -> None:
    """LedgerFault unless the window moved as much in as out, so that the nets sum to zero."""
    in_fen = sum(position.in_fen for position in positions)
    out_fen = sum(position.out_fen for position in positions)
    if in_fen != out_fen:
        raise LedgerFault(
            f"window {window}: expected nets that sum to zero, found {in_fen} fen in and "
            f"{out_fen} fen out; nothing was closed, verify the ledger"
        )


def _participants(state: State) -> NDArray[np.void]:
    """The participants there are, in id order; row 0 of the table is nobody."""
    rows = state.rows("participants")
    live: NDArray[np.void] = rows[rows["participant"] != 0]
    return live


def _positions(live: NDArray[np.void]) -> tuple[Position, ...]:
    return tuple(
        Position(
            int(row["participant"]),
            _text(row["name"]),
            int(row["window_in_fen"]),
            int(row["window_out_fen"]),
            int(row["window_legs"]),
        )
        for row in live
    )


def _text(name: bytes) -> str:
    return bytes(name).decode("utf-8", "replace")


def _closed(rows: NDArray[np.void]) -> Closed:
    row = rows[0]
    return Closed(
        int(row["window"]),
        int(row["business_day"]),
        int(row["first"]),
        int(row["cut"]),
        int(row["sequence"]),
        int(row["closed_at_us"]),
    )


def _closed_row(state: State, number: int) -> Closed:
    rows = state.rows("windows")
    found = rows[rows["window"] == number]
    if len(found) == 0:
        raise NotFound(
            f"window {number} is neither closed nor open; "
            f"the open one is {int(state.totals['window'][0])}"
        )
    row = found[0]
    return Closed(
        number,
        int(row["business_day"]),
        int(row["first"]),
        int(row["cut"]),
        int(row["record"]),
        int(row["closed_at_us"]),
        repeated=True,
    )


def _windowed(journal: Journal, first: int, last: int) -> Block | None:
    """The first block from a sequence on whose rows say their window."""
    for block in journal.blocks(first, last):
        if block.record in (Record.ENTRIES, Record.WINDOWS):
            return block
    return None
