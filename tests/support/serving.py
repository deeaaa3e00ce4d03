"""A real node behind a real server on loopback, in this process; the client's side of it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from onecard.core.authorize.due import WORKS
from onecard.core.authorize.node import Node
from onecard.core.authorize.sweeps import Work
from onecard.core.clock import SystemClock
from onecard.core.config import Settings
from onecard.core.ledger.opened import Ledger, OpenJournal, open_local
from onecard.core.watch.log import Log
from onecard.grpc.client import Client, columns_message
from onecard.grpc.server.server import Address, Server
from onecard.v1 import registry_pb2

MIB = 1 << 20
SMALL = Settings(
    cards_max=10_000,
    terminals_max=1_000,
    recent_max=10_000,
    batch_taps_max=1_000,
    group_taps_max=4_000,
    segment_bytes=256 * MIB,
    watermark_bytes=MIB,
    checkpoint_map_bytes=256 * MIB,
    identities_map_bytes=256 * MIB,
    streams_max=4,
)
BUS, METRO, BANK = 1, 2, 3  # participants, in the order they are loaded
CARD = 0x1000  # tokens from here on
CARDS = 20
TERMINALS = 4  # 1 and 2 of the bus, 3 and 4 of the metro


class _Loop:
    """One loop a process, as grpc.aio wants it, on a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)


_loop: _Loop | None = None


def run(coroutine: Any) -> Any:
    """On the one loop, from a test's thread."""
    global _loop
    _loop = _loop or _Loop()
    return _loop.run(coroutine)


@dataclass
class Served:
    """What a test holds of a running server."""

    node: Node
    server: Server
    address: str
    log: StringIO

    def client(self, participant: str | None = None, timeout_s: float = 10.0) -> Client:
        return Client(self.address, participant, timeout_s)


@dataclass
class HeldBack:
    """A node whose answers to taps wait until they are let go."""

    node: Node
    holding: bool = True
    held: list[tuple[Callable[[object], None], object]] = field(default_factory=list)
    taken: int = 0
    answered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.node, name)

    def taps(self, principal: int, stream: object, message: bytes, done: Any) -> None:
        def hold(answer: object) -> None:
            if self.holding:
                self.held.append((done, answer))
            else:
                done(answer)
            self.answered.release()

        self.node.taps(principal, stream, message, hold)
        self.taken += 1

    def let_go(self) -> None:
        self.holding = False
        while self.held:
            done, answer = self.held.pop(0)
            done(answer)


@contextmanager
def served(
    path: Path,
    settings: Settings = SMALL,
    host: str = "127.0.0.1",
    wrap: Callable[[Node], Any] = lambda node: node,
    attach: bool = True,
    open_journal: OpenJournal = open_local,
    works: tuple[Work, ...] = WORKS,
    **options: Any,
) -> Iterator[Served]:
    """A server over a new or existing ledger in `path`."""
    if not path.exists():
        Ledger.create(path, settings)
    text = StringIO()
    clock = SystemClock()
    log = Log(clock, out=text)
    node = Node(path, settings, clock, log, open_journal=open_journal, works=works)
    node.start()

    async def start() -> tuple[Server, Address]:
        server = Server(settings, log, Address(host, 0), **options)
        return server, await server.start()

    server, address = run(start())
    if attach:
        run(server.attach(wrap(node)))
    try:
        yield Served(node, server, f"127.0.0.1:{address.port}", text)
    finally:
        run(server.stop(1.0))
        node.stop()


def register(client: Client, floor_fen: int = -1_000_000) -> None:
    """The participants, terminals and cards named above."""
    ids = client.load_participants([("Bus", 1), ("Metro", 1), ("Bank", 2)])
    assert ids == [BUS, METRO, BANK]
    rows = [
        registry_pb2.Terminal(number=f"T{number}", operator=BUS if number <= 2 else METRO, place=1)
        for number in range(1, TERMINALS + 1)
    ]
    assert client.load_terminals(rows) == [1, 2, 3, 4]
    tokens = np.arange(CARD, CARD + CARDS, dtype=np.uint64)
    client.load_cards(tokens, BANK, registry_pb2.FUNDING_PREPAID, floor_fen=floor_fen)


def rides(first_seq: int, count: int = 4, terminal: int = 1, request_id: int = 0) -> bytes:
    """A batch of rides of 100 fen each, on one terminal from a sequence on."""
    at = np.arange(first_seq, first_seq + count)
    return columns_message(
        request_id,
        card=CARD + at % CARDS,
        terminal=np.full(count, terminal),
        terminal_seq=at,
        kind=np.ones(count, np.uint8),
        amount_fen=np.full(count, 100),
    )
