"""A clock that a test moves by hand."""

from onecard.core.clock import SystemClock


class PassingClock(SystemClock):
    """The machine's own, and what a test adds: to what the wall clock shows, and to what passed."""

    wall_us = 0
    passed_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.wall_us + self.passed_us

    def boottime_us(self) -> int:
        return super().boottime_us() + self.passed_us
