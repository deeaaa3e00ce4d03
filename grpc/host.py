"""A ledger's process: opens the node, serves it, and ends it in order, or at once if it failed."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from onecard.core.clearing.node import Node
from onecard.core.clock import Clock
from onecard.core.config import Settings
from onecard.core.errors import BadInput, OnecardError
from onecard.core.log import Log
from onecard.core.metrics import MetricsServer, Snapshot, serve_metrics
from onecard.ext.counters import Counters
from onecard.grpc.server import Address, Server

FAILED_DRAIN_S = 1.0  # after a failure: long enough for in-flight calls to hear of it


@dataclass(frozen=True)
class Ready:
    """What a start tells whoever started it."""

    address: Address
    metrics: str  # host:port
    sequence: int  # where the journal ends
    startup_s: float
    replayed: int


class Host:
    """One ledger served by this process until a signal, or until its node fails."""

    def __init__(
        self,
        path: Path,
        settings: Settings,
        clock: Clock,
        log: Log,
        metrics: Address,
        reflect: bool | None,
        abandon: Callable[[str], NoReturn],
    ) -> None:
        """`abandon` ends the process at once; threads may be stuck in a disk that failed."""
        self.path = path
        self.settings = settings
        self.clock = clock
        self.log = log
        self.metrics = metrics
        self.reflect = reflect
        self.abandon = abandon
        self.node: Node | None = None
        self.server: Server | None = None
        self.startup_s = 0.0
        self.counters = Counters()  # until the node brings its own

    async def run(self, address: Address, ready: Callable[[Ready], None]) -> None:
        """Until SIGTERM or SIGINT, or until the node fails: `abandon` is called then."""
        began_s = self.clock.monotonic()
        stop, failed = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        self.server = Server(self.settings, self.log, address, self.reflect)
        metrics = self._serve_metrics()
        try:
            actual = await self.server.start()
            node = await asyncio.to_thread(self._open)

            def fail(_: BaseException) -> None:
                loop.call_soon_threadsafe(failed.set)

            node.on_failure = fail
            node.start()
            self.node = node
            await self.server.attach(node, node.ledger.token_key)
            self.startup_s = self.clock.monotonic() - began_s
            recovery = node.ledger.recovery
            sequence = node.journal.last
            self.log.info("ready", address=str(actual), sequence=sequence, seconds=self.startup_s)
            ready(Ready(actual, metrics.address, sequence, self.startup_s, recovery.records))
            await _either(stop, failed)
            await self._end(node, self.server)
        except OSError as error:
            # The ready file, say: what was opened is closed in order, and the process ends.
            if self.node is not None and self.node.failed is None:
                await self._end(self.node, self.server)
            raise OnecardError(f"{error.filename}: {error.strerror}") from None
        finally:
            if self.node is None:
                await self.server.stop(0)
            metrics.stop()

    def _open(self) -> Node:
        return Node(self.path, self.settings, self.clock, self.log)

    def _serve_metrics(self) -> MetricsServer:
        try:
            return serve_metrics(self.snapshot, self.metrics.host, self.metrics.port)
        except OSError as error:
            raise BadInput(
                f"metrics: cannot listen on {self.metrics} ({error.strerror}); "
                "choose another port with --metrics-port"
            ) from None

    async def _end(self, node: Node, server: Server) -> None:
        """Taps are refused, answers in flight go out, the checkpoint is saved."""
        if node.failed is not None:
            await server.set_serving(False)
            await server.stop(FAILED_DRAIN_S)
            self.abandon(f"{self.path}: the engine stopped: {node.failed}; start it again")
        self.log.info("stopping")
        await server.stop()
        await asyncio.to_thread(node.stop)
        self.log.info("stopped", sequence=node.journal.last)

    def snapshot(self) -> Snapshot:
        """What a scrape sees, on the scrape's thread: plain reads of what others write."""
        node, server = self.node, self.server
        now = Snapshot(self.counters if node is None else node.counters)
        if server is not None:
            now.serving = server.serving
            now.batches = dict(server.clearing.batches)
            now.streams = len(server.clearing.streams)
            now.streams_max = self.settings.streams_max
            now.in_flight_bytes = server.clearing.in_flight_bytes
        if node is not None:
            now.inbox_batches = node.inbox.count
            now.disk_low = node.disk_low
            now.journal_bytes = node.journal.bytes_used()
            now.journal_map_bytes = node.journal.map_bytes()
            now.last_sequence = node.journal.last
            now.checkpoint_age_s = node.ledger.checkpoint.age_s()
            now.readers, now.reader_lag_commits = node.ledger.readers()
            now.startup_s = self.startup_s
            now.replay_s = node.ledger.recovery.replay_s
            now.replayed = node.ledger.recovery.records
        return now


async def _either(*events: asyncio.Event) -> None:
    """Until one of them is set."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
