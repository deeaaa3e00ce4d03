"""In place of gRPC's context, for handlers that write their answers themselves."""

import asyncio
from collections.abc import Callable
from typing import Any

from onecard.grpc.server.seats import Seat
from onecard.grpc.server.unread import Answers


class Writing:
    """gRPC's context for a handler that writes its answers itself, and its seat.

    It is idle from its last answer on, and while that is not read.
    """

    def __init__(
        self, answers: Answers, context: Any, serialize: Callable[[Any], bytes], seat: Seat
    ) -> None:
        self.answers = answers
        self.context = context
        self.serialize = serialize
        self.seat = seat

    async def write(self, message: Any) -> None:
        """Unread where the client does not take it."""
        await self.write_bytes(self.serialize(message))

    async def write_bytes(self, message: bytes) -> None:
        """The same of what is serialized already."""
        self.seat.idle_since_s = asyncio.get_running_loop().time()
        await self.answers.write_counted(self.context, message)
        self.seat.idle_since_s = asyncio.get_running_loop().time()


class Latest:
    """gRPC's context for the watcher of health, which writes while it holds what tells the others:
    what is written waits here, and only the latest of it."""

    def __init__(self) -> None:
        self.message: Any = None
        self.changed = asyncio.Event()

    async def write(self, message: Any) -> None:
        """Returns at once."""
        self.message = message
        self.changed.set()


async def latest(behaviour: Callable[[Any, Any], Any], asked: Any, writing: Writing) -> None:
    """Writes what `behaviour` last wrote, until it ends."""
    latest = Latest()
    watching = asyncio.ensure_future(behaviour(asked, latest))
    watching.add_done_callback(lambda _: latest.changed.set())
    try:
        while not watching.done():
            await latest.changed.wait()
            latest.changed.clear()
            if latest.message is not None:
                await writing.write(latest.message)
        await watching
    finally:
        watching.cancel()
