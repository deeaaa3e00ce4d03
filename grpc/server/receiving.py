"""Messages that are being received: a bounded number at once, each for a bounded time.

A message is held in memory as far as it came, so what is announced and half sent costs what a whole
one does. What is not being received costs its call at most WINDOW_BYTES.
"""

import asyncio
from collections import Counter, deque
from typing import Any

import grpc

from onecard.core.errors import OnecardError, Reclaimed, TooSlow
from onecard.grpc.server.seats import Seat, fullest_first, is_idle

# What HTTP/2 lets a client send of a message that nobody asked for yet: its smallest window.
WINDOW_BYTES = 65_535
LOOK_S = 0.25  # between two looks at who is late
LATE_S = 0.1  # the loop was busy for so long: what came meanwhile was not taken in yet


class Receiving:
    """`read` in place of context.read(), for every message but those of a stream of taps.

    While all places are taken, connections take turns, one that waits for none first; and what was
    received for longer than a look makes room, of the fullest peer first.
    """

    def __init__(self, places_max: int, cuts: Counter[str]) -> None:
        self.places_max = places_max
        self.cuts = cuts
        self.places: dict[Seat, float] = {}  # until when, by the loop's clock
        self.waiting: dict[str, deque[tuple[Seat, asyncio.Future[None], float]]] = {}
        self.turn: deque[str] = deque()  # connections with somebody waiting
        self.loop = asyncio.get_running_loop()

    async def read(self, seat: Seat, receive_s: float) -> Any:
        """One message, or grpc.aio.EOF; the seat is taken away if it does not come in time."""
        seat.idle_since_s = self.loop.time()
        until_s = seat.idle_since_s + receive_s
        if len(self.places) < self.places_max:
            self.places[seat] = until_s
        else:
            await self._queue(seat, until_s)
        try:
            return await seat.context.read()
        finally:
            seat.idle_since_s = 0.0
            del self.places[seat]
            self._next()

    async def watch(self) -> None:
        """Looks for who is late, for as long as the server lives."""
        while True:
            began_s = self.loop.time()
            await asyncio.sleep(LOOK_S)
            now_s = self.loop.time()
            if now_s - began_s < LOOK_S + LATE_S:
                self._look(now_s)

    async def _queue(self, seat: Seat, until_s: float) -> None:
        """Until a place is free and it is this one's turn."""
        connection = seat.connection
        granted: asyncio.Future[None] = self.loop.create_future()
        if connection not in self.waiting:
            self.waiting[connection] = deque()
            self.turn.appendleft(connection)
        self.waiting[connection].append((seat, granted, until_s))
        try:
            await granted
        except asyncio.CancelledError:
            if self.places.pop(seat, None) is None:
                self._forget(connection, seat)
            else:
                self._next()  # it was given and is not used
            raise

    def _next(self) -> None:
        """Give a free place to the first of the connection whose turn it is."""
        while self.turn and len(self.places) < self.places_max:
            connection = self.turn.popleft()
            queue = self.waiting[connection]
            seat, granted, until_s = queue.popleft()
            if queue:
                self.turn.append(connection)
            else:
                del self.waiting[connection]
            if not granted.done():
                self.places[seat] = until_s
                granted.set_result(None)

    def _forget(self, connection: str, seat: Seat) -> None:
        """It waits no longer."""
        queue = self.waiting.get(connection)
        if queue is None:
            return
        left = deque(one for one in queue if one[0] is not seat)
        if left:
            self.waiting[connection] = left
        else:
            del self.waiting[connection]
            self.turn.remove(connection)

    def _look(self, now_s: float) -> None:
        queued = [one for queue in self.waiting.values() for one in queue]
        late = [seat for seat, until_s in self.places.items() if until_s <= now_s]
        late += [seat for seat, _, until_s in queued if until_s <= now_s]
        for seat in late:
            self._cut(
                seat,
                TooSlow(
                    f"expected a whole message in time, found none after "
                    f"{now_s - seat.idle_since_s:.0f} s; send it again in one go"
                ),
            )
        idle = [seat for seat in self.places if is_idle(seat, now_s, LOOK_S)]
        for seat in fullest_first(idle, self.places)[: len(queued)]:
            self._cut(
                seat,
                Reclaimed(
                    f"messages: {self.places_max} are being received, which is the limit, and "
                    f"this one was not whole after {now_s - seat.idle_since_s:.1f} s; "
                    "send it again later in one go"
                ),
            )

    def _cut(self, seat: Seat, reason: OnecardError) -> None:
        if seat.reason is None:
            self.cuts["half_sent"] += 1
            seat.cut(reason)


def is_end(message: Any) -> bool:
    """Returns True when the client sends nothing more."""
    return message is grpc.aio.EOF
