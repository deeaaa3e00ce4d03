"""Answers that are written and not read: each for a bounded time, large ones so many bytes at once.

What gRPC was given to send it keeps until the client took it, also after the call was ended.
"""

import asyncio
from collections import Counter, deque
from contextlib import suppress
from typing import Any

from onecard.core.errors import Overloaded, Unread
from onecard.grpc.server.connections import Connections

SMALL_BYTES = 65_536  # what HTTP/2 takes at once; less is not counted
LAST_WORD_S = 1.0  # for the status of a call whose answer is not read


class Answers:
    """Writes the answers of all calls, on the loop's thread."""

    def __init__(
        self, connections: Connections, bytes_max: int, unread_max_s: float, cuts: Counter[str]
    ) -> None:
        self.connections = connections
        self.bytes_max = bytes_max
        self.unread_max_s = unread_max_s
        self.cuts = cuts
        self.bytes = 0  # of large answers being written
        self.waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def write(self, context: Any, message: bytes) -> None:
        """Returns when the client took it, or Unread."""
        try:
            async with asyncio.timeout(self.unread_max_s):
                await context.write(message)
        except TimeoutError:
            raise self._unread(len(message)) from None

    async def write_counted(self, context: Any, message: bytes) -> None:
        """As `write`, for answers of any size: large ones wait until there is room for them."""
        size = len(message)
        if size <= SMALL_BYTES:
            await self.write(context, message)
            return
        await self._room(size)
        writing = asyncio.ensure_future(context.write(message))
        del message
        # Until gRPC let go of it, whatever becomes of the call.
        writing.add_done_callback(lambda done: self._written(done, size))
        done, _ = await asyncio.wait({writing}, timeout=self.unread_max_s)
        if not done:
            raise self._unread(size)
        await writing

    async def end(self, context: Any, ending: "asyncio.Future[Any]") -> None:
        """Waits until a call ended whose client may not read; its connection ends otherwise."""
        done, _ = await asyncio.wait({ending}, timeout=LAST_WORD_S)
        if not done:
            self.cuts["connection"] += 1
            await asyncio.to_thread(self.connections.end, str(context.peer()))
        await ending

    def _unread(self, size: int) -> Unread:
        self.cuts["unread"] += 1
        return Unread(
            f"an answer of {size} bytes was not read for {self.unread_max_s:g} s, which is the "
            "limit; read answers while asking"
        )

    async def _room(self, size: int) -> None:
        """In turn; one larger than all of it goes alone. Overloaded if it takes long."""
        if not self.waiting and self._fits(size):
            self.bytes += size
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((size, granted))
        try:
            async with asyncio.timeout(self.unread_max_s):
                await granted
        except TimeoutError:
            self._leave(size, granted)
            self.cuts["refused"] += 1
            raise Overloaded(
                f"answers: {self.bytes} bytes wait to be read, {size} more would pass the limit of "
                f"{self.bytes_max}; ask again later"
            ) from None
        except asyncio.CancelledError:
            self._leave(size, granted)
            raise

    def _leave(self, size: int, granted: "asyncio.Future[None]") -> None:
        if granted.done() and not granted.cancelled():
            self._release(size)  # it was given and is not used
        else:
            with suppress(ValueError):
                self.waiting.remove((size, granted))
            self._grant()

    def _written(self, writing: "asyncio.Future[Any]", size: int) -> None:
        if not writing.cancelled():
            writing.exception()  # seen, so that asyncio does not complain
        self._release(size)

    def _fits(self, size: int) -> bool:
        return self.bytes == 0 or self.bytes + size <= self.bytes_max

    def _release(self, size: int) -> None:
        self.bytes -= size
        self._grant()

    def _grant(self) -> None:
        while self.waiting and self._fits(self.waiting[0][0]):
            size, granted = self.waiting.popleft()
            if not granted.done():
                self.bytes += size
                granted.set_result(None)
