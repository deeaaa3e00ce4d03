"""Gates as a load: closed loops that keep so many messages in flight, and an open loop.

The open loop sends at intended times whatever the server does, and counts every answer from its
intended send, so a stall shows in each message that should have been sent during it.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from bench.bare import OPTIONS

AUTHORIZE = "/onecard.v1.Clearing/Authorize"
AUTHORIZE_ONE = "/onecard.v1.Clearing/AuthorizeOne"
Check = Callable[[bytes], None]


def closed_loop(
    address: str,
    method: str,
    streams: Sequence[Sequence[bytes]],
    in_flight: int,
    check: Check | None = None,
    metadata: Sequence[tuple[str, str]] = (),
) -> float:
    """Seconds until every message of every stream is answered, `in_flight` at once on each."""

    async def one(channel: grpc.aio.Channel, messages: Sequence[bytes]) -> None:
        call: Any = channel.stream_stream(method)(metadata=metadata)
        room = asyncio.Semaphore(in_flight)

        async def write() -> None:
            for message in messages:
                await room.acquire()
                await call.write(message)
            await call.done_writing()

        writing = asyncio.create_task(write())
        for index in range(len(messages)):
            answer = await call.read()
            if answer is grpc.aio.EOF:
                await writing
                raise AssertionError(f"{method}: {index} answers to {len(messages)} messages")
            room.release()
            if check is not None:
                check(answer)
        await writing

    async def all_of_them() -> float:
        channels = [grpc.aio.insecure_channel(address, options=OPTIONS) for _ in streams[:4]]
        for channel in channels:
            await channel.channel_ready()
        start = time.perf_counter()
        await asyncio.gather(
            *(one(channels[at % len(channels)], messages) for at, messages in enumerate(streams))
        )
        taken = time.perf_counter() - start
        for channel in channels:
            await channel.close()
        return taken

    return asyncio.run(all_of_them())


def one_by_one(address: str, method: str, requests: Sequence[bytes]) -> list[float]:
    """Seconds of each unary call, one after the other on one channel."""
    taken = []
    with grpc.insecure_channel(address, options=OPTIONS) as channel:
        call: Any = channel.unary_unary(method)
        grpc.channel_ready_future(channel).result(10)
        for request in requests:
            start = time.perf_counter()
            call(request)
            taken.append(time.perf_counter() - start)
    return taken


def open_loop(
    address: str,
    messages: Sequence[bytes],
    rate: float,
    check: Check | None = None,
    method: str = AUTHORIZE,
) -> list[float]:
    """Seconds from each message's intended send to its answer, at `rate` messages a second."""
    taken = []
    start = time.perf_counter() + 0.05

    def at_their_times() -> Iterator[bytes]:
        for index, message in enumerate(messages):
            wait = start + index / rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            yield message

    with grpc.insecure_channel(address, options=OPTIONS) as channel:
        grpc.channel_ready_future(channel).result(10)
        start = time.perf_counter() + 0.05
        call: Any = channel.stream_stream(method)
        for index, answer in enumerate(call(at_their_times())):
            taken.append(time.perf_counter() - (start + index / rate))
            if check is not None:
                check(answer)
    assert len(taken) == len(messages), f"{len(taken)} answers to {len(messages)} messages"
    return taken


@dataclass(frozen=True)
class Spread:
    """Percentiles in milliseconds; `worst` is p100."""

    count: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    worst_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float] | NDArray[np.float64]) -> "Spread":
        ms = np.asarray(seconds) * 1000
        p50, p99, p999 = (float(x) for x in np.percentile(ms, (50, 99, 99.9)))
        return cls(len(ms), p50, p99, p999, float(ms.max()))


class Beside:
    """An act on a thread of its own while something else is measured; raises what it raised."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.failed: BaseException | None = None
        self.act = act
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Beside":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.join(120)
        if self.failed is not None:
            raise self.failed

    def _run(self) -> None:
        try:
            self.act()
        except BaseException as error:
            self.failed = error
