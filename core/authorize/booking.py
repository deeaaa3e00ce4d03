"""When what is decided is booked: the wall clock, as far as it agrees with what else is known.

A block is never booked before the one before it, and taps are judged by that time: after one block
of a clock that is months ahead every tap is too old, for ever. So at the start the wall clock is
held against the last block, from then on against CLOCK_BOOTTIME, which nobody sets and which goes
on through a suspend. Where they disagree nothing is booked, until they agree again or an operator
confirms the time. docs/ledger.md has the rule, under Booking time.
"""

from dataclasses import dataclass

import numpy as np

from onecard.core.clock import Clock
from onecard.core.config import Settings
from onecard.core.days import TIME_MAX_US, TIME_MIN_US, instant_text
from onecard.core.errors import BadInput
from onecard.core.journal.block import Draft
from onecard.core.registry.rules import RULES
from onecard.core.watch.log import Log
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Record
from onecard.ext.state.state import State

SECOND_US = 1_000_000
# Small steps are taken one by one; held against one and the same moment they would add up over
# the years a server runs. So once a day what was taken is what the next ones are held against.
ANCHOR_US = 86_400 * SECOND_US
# A process stopped between two readings has not seen a step; it reads again.
READING_US_MAX = SECOND_US
READINGS_MAX = 8
# From the last block to a start: longer is worth a line, since a clock that is wrong by a time zone
# is taken as well. Most restarts are shorter, and a quiet night is told once.
GAP_TOLD_US = 3_600 * SECOND_US
REASON_MAX = 200  # characters: a line of the log
MEND = (
    "nothing is booked: set the clock right, or, where it is right, tell so with "
    "onecard clock confirm"
)


@dataclass(frozen=True)
class ConfirmClock:
    """An act of the ledger's operator: this machine's clock is right. wall_us: by another clock.

    Journals the rules as they are, which puts the time on record; answers when that is booked, or
    0 where the clock was not in doubt, so that nothing had to be.
    """

    wall_us: int
    reason: str

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], int]:
        row = np.zeros(1, dtypes.CONFIG_RECORD)
        row["sequence"] = sequence
        for name in RULES:
            row[name] = state.totals[name]
        return [Draft.of(Record.CONFIGS, row, booked_at_us)], booked_at_us


class BookingTime:
    """The wall clock and whether it is to be believed; on the engine's thread alone."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self.clock = clock
        self.step_max_us = settings.clock_step_max_s * SECOND_US
        self.downtime_max_us = settings.downtime_max_s * SECOND_US
        self.wall_us = 0  # as last read
        self.gap_us = 0  # from the last block to the first time that was believed
        self.doubt: str | None = None  # why nothing may be booked now
        self._boot_us = 0
        self._anchor: tuple[int, int] | None = None  # wall and boottime that were believed

    def look(self, last_us: int) -> None:
        """Read the clocks anew. last_us: when the last block was booked, 0 where there is none."""
        self._read()
        if self._anchor is None:
            self.doubt = self._at_start(last_us)
            if self.doubt is None:
                self.gap_us = self.wall_us - last_us if last_us else 0
                self._believe()
            return
        wall_us, boot_us = self._anchor
        passed_us = self._boot_us - boot_us
        self.doubt = self._running(wall_us + passed_us)
        if self.doubt is None and passed_us > ANCHOR_US:
            self._believe()

    @property
    def sweep_us(self) -> int | None:
        """The time that what is due goes by, None while it is in doubt: as was last read, and never
        ahead of what the time since boot says, so that a step forward that is small enough to be
        believed makes nothing due early. docs/ledger.md, Sweeps."""
        anchor = self._anchor
        if self.doubt is not None or anchor is None:
            return None
        return min(self.wall_us, anchor[0] + self._boot_us - anchor[1])

    def check(self, act: ConfirmClock, state: State) -> None:
        """BadInput unless the act may end the doubt: it names this machine's time, and a reason."""
        reason = act.reason.strip()
        if not 1 <= len(reason) <= REASON_MAX or not act.reason.isprintable():
            raise BadInput(
                f"reason: expected 1 to {REASON_MAX} printable characters, found {len(reason)}; "
                "say who confirms the clock and why"
            )
        zone_us = int(state.totals["zone_offset_us"][0])
        now = _to_the_second(self.wall_us, zone_us)
        if abs(act.wall_us - self.wall_us) > self.step_max_us:
            raise BadInput(
                f"clock: expected the time of the server's clock, {now}, give or take "
                f"{_span(self.step_max_us)}, found {_to_the_second(act.wall_us, zone_us)}; "
                "set the clock right first"
            )
        ahead_us = int(state.totals["booked_at_us"][0]) - self.wall_us
        if ahead_us > int(state.totals["age_max_us"][0]):
            raise BadInput(
                f"clock: expected the last block at most age_max_us ahead of {now}, found it "
                f"{_span(ahead_us)} ahead; every tap would be too old, so restore the ledger from "
                "before that block"
            )

    def confirmed(self) -> None:
        """What was read last is believed; the act that says so is in the state."""
        self._believe()
        self.doubt = None

    def _believe(self) -> None:
        self._anchor = self.wall_us, self._boot_us

    def _read(self) -> None:
        for _ in range(READINGS_MAX):
            before_us = self.clock.boottime_us()
            self.wall_us = self.clock.now_us()
            self._boot_us = self.clock.boottime_us()
            if self._boot_us - before_us <= READING_US_MAX:
                return

    def _at_start(self, last_us: int) -> str | None:
        if not last_us:  # a ledger without a block: nothing to hold it against but what can be
            if TIME_MIN_US <= self.wall_us < TIME_MAX_US:
                return None
            return self._doubtful("a time from 2000 to 2099")
        gap_us = self.wall_us - last_us
        if gap_us > self.downtime_max_us:
            return self._doubtful(
                f"at most {_span(self.downtime_max_us)} (downtime_max_s) after the last block, "
                f"of {_to_the_second(last_us)}",
                f", {_span(gap_us)} after it",
            )
        if gap_us < -self.step_max_us:
            return self._doubtful(
                f"no time more than {_span(self.step_max_us)} (clock_step_max_s) before the last "
                f"block, of {_to_the_second(last_us)}",
                f", {_span(-gap_us)} before it",
            )
        return None

    def _running(self, expected_us: int) -> str | None:
        step_us = self.wall_us - expected_us
        if abs(step_us) <= self.step_max_us:
            return None
        return self._doubtful(
            f"{_to_the_second(expected_us)} by the time since boot, give or take "
            f"{_span(self.step_max_us)} (clock_step_max_s)",
            f", {_span(abs(step_us))} {'ahead' if step_us > 0 else 'behind'}",
        )

    def _doubtful(self, expected: str, off: str = "") -> str:
        return f"clock: expected {expected}, found {_to_the_second(self.wall_us)}{off}; {MEND}"


class ClockWatch:
    """What others hear of the clock: the log at each change, the metrics at any time."""

    def __init__(self, booking: BookingTime, state: State, log: Log) -> None:
        self.doubtful = False
        self._booking = booking
        self._state = state
        self._log = log
        self.look()
        if not self.doubtful and booking.gap_us > GAP_TOLD_US:
            log.warning("clock_gap", seconds=booking.gap_us // SECOND_US)

    def look(self) -> None:
        """A line where the clock began or ended to be doubtful; on the engine's thread."""
        doubt = self._booking.doubt
        if self.doubtful == (doubt is not None):
            return
        self.doubtful = doubt is not None
        ahead_s = self.booked_minus_wall_s()
        if self.doubtful:
            self._log.warning("clock_doubtful", reason=doubt, booked_minus_wall_s=ahead_s)
        else:
            self._log.info("clock_believed", booked_minus_wall_s=ahead_s)

    def booked_minus_wall_s(self) -> float:
        """The last booking time less the wall clock, in seconds; 0 where nothing is booked yet."""
        booked_us = int(self._state.totals["booked_at_us"][0])
        return round((booked_us - self._booking.clock.now_us()) / 1e6, 3) if booked_us else 0.0


def _to_the_second(at_us: int, zone_us: int = 0) -> str:
    """A time beside a bound of minutes or more."""
    return instant_text(at_us - at_us % SECOND_US, zone_us)


def _span(us: int) -> str:
    """A duration in its largest whole unit, for people."""
    seconds = us / SECOND_US
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
