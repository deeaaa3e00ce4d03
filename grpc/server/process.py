"""A ledger's process: opens the node, serves it, and ends it in order, or at once if it failed."""

import asyncio
import errno
import signal
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import grpc

from onecard.core.authorize.node import Node
from onecard.core.clock import Clock
from onecard.core.config import Settings
from onecard.core.errors import BadInput, OnecardError
from onecard.core.ledger.folder import read_ledger_toml
from onecard.core.ledger.owner import check_unheld
from onecard.core.query.calendar import calendar_ends_us
from onecard.core.query.room import rows_in_use
from onecard.core.query.window import last_closed_us
from onecard.core.watch.log import Log
from onecard.core.watch.metrics import Snapshot, serve_metrics
from onecard.core.watch.scrape import ScrapeServer
from onecard.grpc.server.server import Address, Server

FAILED = 2  # the status after a failure: whoever watches the process starts it again
FAILED_DRAIN_S = 1.0  # after a failure: long enough for in-flight calls to hear of it
FAILED_END_S = 5.0  # after a failure, whatever holds the loop up: then the process is gone
OPENING_END_S = 1.0  # told to stop while the ledger is opened: a few blocks of a replay
PORT_FAULTS = (errno.EADDRINUSE, errno.EACCES)  # another port of the same address may do
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # the last: its terminal is gone
GONE = (asyncio.CancelledError, ConnectionError, grpc.aio.AbortError, grpc.aio.UsageError)
BACKUP_STAMP = "backup.stamp"  # in the ledger's folder; deploy/README.md


@dataclass(frozen=True)
class Ready:
    """What a start tells whoever started it."""

    address: Address
    metrics: str  # host:port
    sequence: int  # where the journal ends
    startup_s: float
    replayed: int


class Interrupted(OnecardError):
    """Internal: the process was told to stop before the ledger was open. Nobody is told of it."""


class Process:
    """One ledger served by this process until a signal, or until its node fails."""

    def __init__(
        self,
        path: Path,
        settings: Settings,
        clock: Clock,
        log: Log,
        metrics: Address,
        reflect: bool | None,
        leave: Callable[[int, str], NoReturn],
    ) -> None:
        """`leave` ends the process at once with a status and its reason: threads may be stuck in
        a disk that failed."""
        self.path = path
        self.settings = settings
        self.clock = clock
        self.log = log
        self.metrics = metrics
        self.reflect = reflect
        self.leave = leave
        self.node: Node | None = None
        self.server: Server | None = None
        self.startup_s = 0.0
        self.began_us = 0  # when the ledger's first record was booked
        self.stop, self.failed = asyncio.Event(), asyncio.Event()
        self.told = threading.Event()  # as `stop`, for the thread that opens the ledger

    async def run(self, address: Address, ready: Callable[[Ready], None]) -> None:
        """Until a signal, or until the node fails: `leave` is called then."""
        began_s = self.clock.monotonic()
        self._heed_signals()
        # Before the ports: whoever serves this ledger already has them, and is the reason.
        read_ledger_toml(self.path).check_writable(self.path)
        check_unheld(self.path)
        self.server = Server(self.settings, self.log, address, self.reflect)
        metrics = self._serve_metrics()
        try:
            actual = await self.server.start()
            node = await self._open()
            if node is None:
                return
            self.node = node
            node.on_failure = self._failure(asyncio.get_running_loop())
            node.start()
            await self.server.attach(node)
            self.startup_s = self.clock.monotonic() - began_s
            recovery = node.ledger.recovery
            sequence = node.journal.durable.last
            self.log.info("ready", address=str(actual), sequence=sequence, seconds=self.startup_s)
            ready(Ready(actual, metrics.address, sequence, self.startup_s, recovery.records))
            await _either(self.stop.wait(), self.failed.wait())
            await self._end(node, self.server)
        except BaseException as error:
            if self.node is None:
                raise
            # Its threads run and hold the ledger: without an end they would do so for ever.
            self.leave(FAILED, f"{self.path}: {_named(error)}; start it again")
        finally:
            if self.node is None:
                await self.server.stop(0)
            metrics.stop()

    # ---- signals ----------------------------------------------------------------------------

    def _heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._loop_error)
        for number in STOPS:
            # Under nohup a lost terminal is not meant to end it.
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue
            loop.add_signal_handler(number, self._told_to_stop, number)

    def _told_to_stop(self, number: signal.Signals) -> None:
        if self.stop.is_set():
            self.log.info(
                "stopping_already",
                signal=number.name,
                text="it finishes what is in flight and saves; SIGKILL loses nothing answered",
            )
        else:
            self.log.info("told_to_stop", signal=number.name)
        self.told.set()
        self.stop.set()

    def _loop_error(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio would print with its parts: only what kind it was is told."""
        error = context.get("exception")
        if isinstance(error, GONE):
            return  # a client that went away in the middle is nobody's fault
        self.log.error("loop_error", text=str(context["message"]), error=type(error).__name__)

    # ---- the start --------------------------------------------------------------------------

    async def _open(self) -> Node | None:
        """Recover the ledger on a thread; None where it was told to stop meanwhile."""
        opening = asyncio.create_task(asyncio.to_thread(self._recover))
        await _either(opening, self.stop.wait())
        if not self.stop.is_set():
            return opening.result()
        self.log.info("stopping")
        await asyncio.wait((opening,), timeout=OPENING_END_S)
        if not opening.done():
            # It reads what is long, or waits for its disk. What it writes may end at any place.
            self.log.info("stopped")
            self.leave(0, "")
        with suppress(Interrupted):
            await asyncio.to_thread(opening.result().stop)
        self.log.info("stopped")
        return None

    def _recover(self) -> Node:
        def progress(_: int, __: int) -> None:
            if self.told.is_set():
                raise Interrupted(f"{self.path}: told to stop while it was opened")

        try:
            node = Node(self.path, self.settings, self.clock, self.log, progress)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise OnecardError(f"{self.path}: {where}{error.strerror or error}") from None
        with suppress(OnecardError):  # it is for a gauge alone
            first = node.journal.block_of(1)
            self.began_us = first.booked_at_us if first is not None else self.clock.now_us()
        return node

    def _serve_metrics(self) -> ScrapeServer:
        try:
            return serve_metrics(self.snapshot, self.metrics.host, self.metrics.port)
        except OSError as error:
            if error.errno in PORT_FAULTS:
                raise BadInput(
                    f"metrics: cannot listen on {self.metrics} ({error.strerror}); "
                    "choose another port with --metrics-port"
                ) from None
            said = error.strerror
        except UnicodeError:  # a name that no resolver takes
            said = "no name of a machine"
        # Both listen on the one address, so no other port would help.
        raise BadInput(
            f"cannot listen on {self.metrics.host}: {said}; give an address of this machine with "
            "--listen"
        )

    # ---- the end ----------------------------------------------------------------------------

    def _failure(self, loop: asyncio.AbstractEventLoop) -> Callable[[BaseException], None]:
        """What the node calls on its own thread when it fails: the process ends, come what may."""

        def end() -> None:
            self.leave(FAILED, self._reason())

        def fail(_: BaseException) -> None:
            try:
                # For a loop that is stuck: nothing that says SERVING may live on for long.
                latest = threading.Timer(FAILED_END_S, end)
                latest.daemon = True
                latest.start()
                loop.call_soon_threadsafe(self.failed.set)
            except RuntimeError:  # no thread to be had, or no loop any more
                end()

        return fail

    def _reason(self) -> str:
        failed = None if self.node is None else self.node.failed
        return f"{self.path}: the engine stopped: {failed}; start it again"

    async def _end(self, node: Node, server: Server) -> None:
        """Taps are refused, answers in flight go out, the checkpoint is saved."""
        if node.failed is None:
            self.log.info("stopping")
            await server.stop()
            stopping = asyncio.create_task(asyncio.to_thread(node.stop))
            await _either(stopping, self.failed.wait())
            if node.failed is None:
                await stopping
                self.log.info("stopped", sequence=node.journal.durable.last)
                return
        try:
            await server.set_serving(False)
            await server.stop(FAILED_DRAIN_S)
        finally:
            self.leave(FAILED, self._reason())

    def snapshot(self) -> Snapshot:
        """What a scrape sees, on the scrape's thread: plain reads of what others write."""
        node, server = self.node, self.server
        now = Snapshot() if node is None else Snapshot(node.counters)
        now.log_lines_dropped = self.log.dropped
        now.backup_age_s = self._backup_age_s()
        if server is not None:
            now.serving = server.serving and (node is None or node.failed is None)
            now.batches = dict(server.clearing.batches)
            now.streams = len(server.clearing.streams)
            now.streams_max = self.settings.streams_max
            now.in_flight_bytes = server.clearing.in_flight_bytes
            now.cuts = dict(server.cuts)
            now.refusals = dict(server.refusals.counts)
            now.connections = server.connections.count()
            now.connections_max = server.connections.connections_max
        if node is not None:
            now.engine_stopped = node.failed is not None
            now.inbox_batches = node.inbox.count
            now.disk_low = node.watchdog.disk_low
            now.disk_free_bytes = node.watchdog.disk_free_bytes
            now.clock_doubtful = node.clock_watch.doubtful
            now.clock_booked_minus_wall_s = node.clock_watch.booked_minus_wall_s()
            now.journal_bytes = node.journal.bytes_used()
            now.journal_map_bytes = node.journal.map_bytes()
            now.last_sequence = node.journal.durable.last
            now.checkpoint_age_s = node.ledger.checkpoint.age_s()
            now.readers, now.reader_lag_commits = node.ledger.readers()
            now.startup_s = self.startup_s
            now.replay_s = node.ledger.recovery.replay_s
            now.replayed = node.ledger.recovery.records
            now.used = rows_in_use(node.state)
            now.sweeps = node.scheduler.figures()
            ends_us = calendar_ends_us(node.state)
            now.calendar_ends_s = None if ends_us is None else ends_us / 1e6
            now.window_open_s = self._window_open_s(last_closed_us(node.state))
        return now

    def _window_open_s(self, closed_us: int | None) -> float:
        """Since the window before was closed, or since the ledger began."""
        began_us = self.began_us if closed_us is None else closed_us
        return max(0.0, (self.clock.now_us() - began_us) / 1e6)

    def _backup_age_s(self) -> float | None:
        """Since whoever copies the ledger touched its stamp; None where nobody ever did."""
        try:
            stamped_s = (self.path / BACKUP_STAMP).stat().st_mtime
        except OSError:
            return None
        return max(0.0, self.clock.now_us() / 1e6 - stamped_s)


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


async def _either(*waits: Coroutine[Any, Any, Any] | asyncio.Task[Any]) -> None:
    """Until one of them is done; events that did not come are waited for no more."""
    tasks = {
        wait if isinstance(wait, asyncio.Task) else asyncio.create_task(wait) for wait in waits
    }
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks - set(waits):
        task.cancel()
