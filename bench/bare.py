"""The machine's own limits: LMDB appends and commits, an echo over gRPC. Nothing of ours in it."""

import asyncio
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import grpc
import lmdb

STREAM = "/bare.Echo/Stream"
UNARY = "/bare.Echo/Unary"
MESSAGE_BYTES_MAX = 16 << 20
OPTIONS = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.use_local_subchannel_pool", 1),  # two channels of one process share no connection
]
MAP_BYTES = 64 << 30
NOISE = os.urandom(1 << 24)  # what values are made of: nothing that a disk could shrink


class Appends:
    """Bare LMDB with its default sync, as the journal uses it: values appended under a counter."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.env = lmdb.open(str(path), map_size=MAP_BYTES, max_readers=16, lib_version=0)
        self.next = 0

    def commit(self, values: Sequence[bytes]) -> None:
        """One transaction that holds `values`, durable when it returns."""
        with self.env.begin(write=True, buffers=True) as txn:
            for value in values:
                txn.put(self.next.to_bytes(8, "big"), value, append=True)
                self.next += 1

    def pipelined(self, commits: Sequence[Sequence[int]], ahead: int) -> float:
        """Seconds to make and append values of these sizes: one thread makes those of a commit from
        noise while another one commits; `ahead` commits may wait between the two.
        """
        made: queue.Queue[list[bytes]] = queue.Queue(ahead)

        def make() -> None:
            for sizes in commits:
                made.put([NOISE[:size] for size in sizes])

        making = threading.Thread(target=make, daemon=True)
        start = time.perf_counter()
        making.start()
        for _ in commits:
            self.commit(made.get())
        taken = time.perf_counter() - start
        making.join()
        return taken

    def close(self) -> None:
        self.env.close()


def commits_at(path: Path, value: bytes, rate: float, seconds: float) -> list[float]:
    """Seconds from the intended start to durable, of commits of `value` at a steady `rate`."""
    appends = Appends(path)
    taken = []
    start = time.perf_counter() + 0.01
    for index in range(int(rate * seconds)):
        intended = start + index / rate
        wait = intended - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        appends.commit([value])
        taken.append(time.perf_counter() - intended)
    appends.close()
    return taken


def commits(path: Path, value: bytes, count: int) -> list[float]:
    """Seconds of each of `count` durable commits of `value`, one after the other."""
    appends = Appends(path)
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        appends.commit([value])
        taken.append(time.perf_counter() - start)
    appends.close()
    return taken


@contextmanager
def echo() -> Iterator[str]:
    """Address of a server in a process of its own that sends back every message as it came."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.bare"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parent.parent,
    )
    try:
        assert process.stdout is not None
        yield f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


async def serve_echo() -> None:
    async def stream(messages, context):  # type: ignore[no-untyped-def]
        async for message in messages:
            yield message

    async def unary(message: bytes, context: object) -> bytes:
        return message

    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(
                "bare.Echo",
                {
                    "Stream": grpc.stream_stream_rpc_method_handler(stream),
                    "Unary": grpc.unary_unary_rpc_method_handler(unary),
                },
            )
        ]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    parent = os.getppid()
    while os.getppid() == parent:  # a killed benchmark leaves no server behind
        await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(serve_echo())
