"""Limits on what is open at once. When one is reached, what is idle makes room, else the new goes.

A gateway is silent at night, so nothing is ended for being silent alone.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

from onecard.core.errors import Overloaded, Reclaimed


class Seat:
    """One open call, as the limits on calls see it."""

    __slots__ = ("context", "idle_since_s", "in_flight", "reason", "task")

    def __init__(self, context: Any, task: "asyncio.Task[Any] | None") -> None:
        self.context = context
        self.task = task  # cancelled where the seat is taken away
        self.idle_since_s = 0.0  # by the loop's clock, while it waits for its client alone; else 0
        self.in_flight = 0  # messages taken and not answered yet
        self.reason: Exception | None = None  # why it was taken away

    @property
    def connection(self) -> str:
        """Who holds it, such as `ipv4:192.0.2.7:40112`."""
        return str(self.context.peer())

    def cut(self, reason: Exception) -> None:
        """End what waits on it; its task finds the reason here."""
        if self.reason is None and self.task is not None:
            self.reason = reason
            self.task.cancel()


class Seats:
    """So many of one kind of call, on the loop's thread."""

    def __init__(
        self, what: str, seats_max: int, idle_min_s: float, advice: str, cuts: Counter[str]
    ) -> None:
        """`idle_min_s`: what waits for less is not idle. `advice` goes into the refusal. `cuts`
        counts the reclaimed and the refused."""
        self.what = what
        self.seats_max = seats_max
        self.idle_min_s = idle_min_s
        self.advice = advice
        self.cuts = cuts
        self.taken: dict[Seat, None] = {}
        self._looked_s = float("-inf")

    def take(self, seat: Seat) -> None:
        """Overloaded where all are taken and none is idle."""
        if len(self.taken) >= self.seats_max and not self._make_room():
            self.cuts["refused"] += 1
            raise Overloaded(
                f"{self.what}: {len(self.taken)} are open, the limit is {self.seats_max}; "
                f"{self.advice}"
            )
        self.taken[seat] = None

    def leave(self, seat: Seat) -> None:
        self.taken.pop(seat, None)

    def _make_room(self) -> bool:
        """Ends what was idle longest of the peer that holds most. Returns True when there is
        room."""
        now_s = asyncio.get_running_loop().time()
        # Where many are refused a second, one look at them all serves for a while.
        if self._looked_s <= now_s < self._looked_s + self.idle_min_s / 10:
            return False
        idle = [seat for seat in self.taken if is_idle(seat, now_s, self.idle_min_s)]
        # Some at once where there are many: a look takes longer the more there are.
        victims = fullest_first(idle, self.taken)[: 1 + self.seats_max // 128]
        for seat in victims:
            self.cuts["reclaimed"] += 1
            del self.taken[seat]
            seat.cut(
                Reclaimed(
                    f"{self.what}: all {self.seats_max} were open and this one was idle for "
                    f"{now_s - seat.idle_since_s:.1f} s, so it ended for a new one; "
                    "open it again when there is something to send"
                )
            )
        if not victims:
            self._looked_s = now_s
        return bool(victims)


def is_idle(seat: Seat, now_s: float, idle_min_s: float) -> bool:
    """Returns True when it waited for its client, and for nothing else, for so long."""
    return 0 < seat.idle_since_s <= now_s - idle_min_s and seat.reason is None


def host_of(connection: str) -> str:
    return connection.rpartition(":")[0]


def fullest_first(seats: Iterable[Seat], taken: Iterable[Seat]) -> list[Seat]:
    """Those of the host, then of the connection, that holds most of what is taken; then the one
    idle longest."""
    connections = {seat: seat.connection for seat in taken}
    by_connection = Counter(connections.values())
    by_host: Counter[str] = Counter()
    for connection, count in by_connection.items():
        by_host[host_of(connection)] += count

    def rank(seat: Seat) -> tuple[int, int, float]:
        connection = connections[seat]
        return -by_host[host_of(connection)], -by_connection[connection], seat.idle_since_s

    return sorted(seats, key=rank)
