"""Brings answers from the commit thread to the event loop, waking it once a burst."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

Done = Callable[[object], None]


class Mailbox:
    """One a loop. `expect` on the loop's thread; what it returns may be called from any."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.waiting = False  # the loop is told already and has not come yet
        self.answers: deque[tuple[asyncio.Future[Any], object]] = deque()

    def expect(self) -> tuple[asyncio.Future[Any], Done]:
        """A future, and the call that settles it with an answer or raises the error it is given."""
        future: asyncio.Future[Any] = self.loop.create_future()
        return future, partial(self._put, future)

    def _put(self, future: asyncio.Future[Any], answer: object) -> None:
        self.answers.append((future, answer))
        # Set after the append and cleared before the loop takes any, so none is left lying; a
        # commit that answers a hundred batches wakes the loop once and not a hundred times.
        if not self.waiting:
            self.waiting = True
            try:
                self.loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                # The loop is closed: nobody waits for this answer any more.
                self.answers.clear()

    def _deliver(self) -> None:
        self.waiting = False
        while self.answers:
            future, answer = self.answers.popleft()
            if future.done():  # its stream was cancelled
                continue
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)
