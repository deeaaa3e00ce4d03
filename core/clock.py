"""The only file that reads the time. Time is an input: a replay is given what was read."""

import time
from typing import Protocol


class Clock(Protocol):
    """What the engine asks; tests give one that they move by hand."""

    def now_us(self) -> int:
        """Microseconds since 1970 UTC, from the wall clock; may step back."""
        ...

    def boottime_us(self) -> int:
        """Microseconds since the machine booted, suspends included; nobody sets it."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never steps back."""
        ...

    def elapsed_ns(self) -> int:
        """Nanoseconds from an arbitrary start, for durations."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let other threads go on."""
        ...


class SystemClock:
    """The machine's own."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def boottime_us(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    def elapsed_ns(self) -> int:
        """Nanoseconds from an arbitrary start, for durations."""
        return time.perf_counter_ns()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
