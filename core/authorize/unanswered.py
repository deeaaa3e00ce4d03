"""Groups that are written and not durable yet: they wait in order, and not for ever."""

import threading
from collections import deque

from onecard.core.authorize.engine import Group
from onecard.core.clock import Clock
from onecard.core.errors import WriteFailed
from onecard.core.journal import Journal

# Written and not answered: several times what are written within another machine's round trip, at
# one small group a sync. What is kept of one is its answers; full groups are bounded by the ring.
GROUPS_MAX = 64
LOOK_S = 0.1  # between two looks whether the journal failed; that it moved on it tells by itself
# Told to stop, for what is written to become durable: longer than a fail-over elsewhere takes, and
# with what a server drains before (grpc/server) well below what a service manager waits.
STOP_S = 10.0


class Unanswered:
    """On the commit thread, but for `moved`, which the journal calls on any."""

    def __init__(self, journal: Journal, clock: Clock, stopping: threading.Event) -> None:
        self._journal = journal
        self._clock = clock
        self._stopping = stopping
        self._groups: deque[Group] = deque()
        self._moved = threading.Event()
        self._until_s: float | None = None  # when a stop waits no longer

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def full(self) -> bool:
        """Returns True when no more is to be written before something is durable."""
        return len(self._groups) >= GROUPS_MAX

    def add(self, group: Group) -> None:
        """Before it is written, so that it hears of a failure; one without answers needs none."""
        if group.answers:
            self._groups.append(group)

    def oldest_durable(self) -> Group | None:
        """The next group to be answered, None where it is not durable; `remove` it once it was."""
        group = self._groups[0] if self._groups else None
        return group if group is not None and group.last <= self._journal.durable.last else None

    def remove(self) -> None:
        self._groups.popleft()

    def take_all(self) -> list[Group]:
        """What will never be answered as it was decided."""
        groups = list(self._groups)
        self._groups.clear()
        return groups

    def moved(self) -> None:
        self._moved.set()

    def wait(self) -> None:
        """Until the journal moved on, or it is time to look."""
        self._moved.wait(LOOK_S)
        self._moved.clear()

    def check(self) -> None:
        """WriteFailed where what waits will not be durable, or not as soon as a stop can wait."""
        if not self._groups:
            return
        if self._journal.failed is not None:
            raise WriteFailed(
                f"{self._journal.folder}: expected what is written to become durable, "
                f"{self._journal.failed}"
            )
        if not self._stopping.is_set():
            return
        now_s = self._clock.monotonic()
        if self._until_s is None:
            self._until_s = now_s + STOP_S
        if now_s >= self._until_s:
            raise WriteFailed(
                f"{self._journal.folder}: expected all that is written, to "
                f"{self._journal.written.last}, to be durable {STOP_S:.0f} s after the stop, found "
                f"it durable to {self._journal.durable.last}"
            )
