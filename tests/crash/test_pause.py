"""A process that is stopped for a while, a clock that jumps, and an end in order under load."""

import os
import signal
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import pytest

from onecard.core.audit.verify import verify
from onecard.core.authorize.node import Node, wait_for
from onecard.core.config import MIB
from onecard.core.errors import OnecardError, Overloaded
from onecard.core.failpoint import POINTS
from onecard.core.ledger.opened import Ledger
from onecard.core.watch.log import Log
from onecard.ext.shape.numbers import Outcome
from onecard.grpc.client import Client, Unreachable
from tests.crash.client import CrashClient
from tests.crash.test_crash import crash_client, prove
from tests.support.node import SMALL, Answers, ask, rides, served
from tests.support.random_steps import NOW_US
from tests.support.server_process import server_process
from tests.support.serving import register
from tests.support.serving import rides as wire_rides
from tests.support.steps import DAY_US, HOUR_US

STEPS = 12


# ---- stopped and let go on ----------------------------------------------------------------------


@pytest.mark.parametrize("point", ["before_commit", "mid_answer", "before_manifest"])
def test_f15_a_pause_at_a_named_point_changes_no_answer(point: str, tmp_path: Path) -> None:
    """What is answered afterwards is what the twin says, as if nothing had been."""
    with crash_client(tmp_path / "ledger", POINTS.index(point)) as one:
        one.start(f"{point}:5", "stop")
        waker = threading.Thread(target=wake_after, args=(one, 1.0))
        waker.start()
        one.load(STEPS)
        waker.join()
        finish(one)


def test_f15_a_pause_under_load(tmp_path: Path) -> None:
    pause_under_load(tmp_path / "ledger", 2.0)


@pytest.mark.campaign
def test_f15_a_minute_of_pause_under_load(tmp_path: Path) -> None:
    pause_under_load(tmp_path / "ledger", 60.0)


def pause_under_load(folder: Path, pause_s: float) -> None:
    with crash_client(folder, 500) as one:
        one.start()
        assert one.process
        one.process.patience_s = pause_s + 30
        process = one.process.process

        def pause() -> None:
            time.sleep(0.3)
            process.send_signal(signal.SIGSTOP)
            time.sleep(pause_s)
            process.send_signal(signal.SIGCONT)

        pauser = threading.Thread(target=pause)
        pauser.start()
        one.load(STEPS)
        pauser.join()
        one.load(2)
        finish(one)


def wake_after(one: CrashClient, pause_s: float) -> None:
    """Let the process go on that stopped itself at its point."""
    assert one.process
    for _ in range(2000):
        if state_of(one.process.pid) == "T":
            time.sleep(pause_s)
            assert state_of(one.process.pid) == "T"
            os.kill(one.process.pid, signal.SIGCONT)
            return
        time.sleep(0.01)


def state_of(pid: int) -> str:
    """As the kernel has it: R runs, S sleeps, T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def finish(one: CrashClient) -> None:
    one.repeat(30)
    assert one.stop() == 0
    prove(one)


# ---- the clock ----------------------------------------------------------------------------------


@dataclass
class JumpingClock:
    """Set by hand; durations are the machine's own."""

    us: int = NOW_US

    def now_us(self) -> int:
        return self.us

    def boottime_us(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    def elapsed_ns(self) -> int:
        return time.perf_counter_ns()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def test_f16_booking_times_increase_however_the_clock_jumps(tmp_path: Path) -> None:
    """Back an hour, forward a day, a leap second twice: strictly later from block to block."""
    folder = tmp_path / "ledger"
    with served(folder):
        pass
    clock = JumpingClock()
    # By itself a server refuses such jumps (tests/rules/test_booking.py); below that this holds.
    loose = replace(SMALL, clock_step_max_s=10**9, downtime_max_s=10**9)
    jumps = (1, 0, -HOUR_US, 5, DAY_US, -DAY_US, -1_000_000, -1_000_000, 1_000_000, -1, 0)
    shown: list[int] = []
    for _ in range(2):  # a restart does not forget where time was
        node = Node(folder, loose, clock, Log(clock, out=StringIO()))
        node.start()
        before_us = int(node.state.totals["booked_at_us"][0])
        for jump_us in jumps:
            clock.us += jump_us
            first = 1 + 8 * len(shown)
            decisions = ask(node, rides(first))
            assert {one.outcome for one in decisions} == {Outcome.ACCEPTED}
            block = node.journal.block_of(decisions[0].sequence)
            assert block is not None
            assert block.booked_at_us == max(clock.us, before_us + 1)
            before_us = block.booked_at_us
            shown.append(before_us)
        assert booked_at_us(node) == before_us
        node.stop()
    assert shown == sorted(set(shown))
    report = verify(folder, settings=SMALL)
    assert report.ok, report.fault


def booked_at_us(node: Node) -> object:
    return wait_for(lambda done: node.read(lambda s: int(s.totals["booked_at_us"][0]), done))


# ---- an end in order ----------------------------------------------------------------------------


def test_a_stop_under_load_answers_all_it_took(tmp_path: Path) -> None:
    """Threads that submit until they are refused: each is answered, and nothing is replayed."""
    folder = tmp_path / "ledger"
    answers = Answers()
    taken: list[tuple[int, int]] = []
    with served(folder, replace(SMALL, inbox_bytes_max=MIB)) as node:

        def pump(stream: int) -> None:
            for number in range(100_000):
                message = rides(1 + 8 * (4 * number + stream))
                try:
                    node.taps(0, stream, message, answers.of((stream, number)))
                except Overloaded:
                    time.sleep(0.001)
                except OnecardError:
                    return
                else:
                    taken.append((stream, number))

        pumps = [threading.Thread(target=pump, args=(stream,)) for stream in range(4)]
        for thread in pumps:
            thread.start()
        answers.wait(100)
        node.stop()
        for thread in pumps:
            thread.join()
        given = answers.wait(len(taken))
        assert sorted(answers.names()) == sorted(taken)
        assert all(isinstance(answer, bytes) for _, answer in given)
        last = node.journal.durable.last
    with served(folder) as node:
        assert (node.ledger.recovery.records, node.ledger.recovery.checkpoint) == (0, last)


def test_sigterm_under_load_ends_in_order(tmp_path: Path) -> None:
    """`onecard serve`: what it answered is durable, streams end cleanly, nothing is replayed."""
    folder = tmp_path / "ledger"
    Ledger.create(folder, SMALL)
    limits = {"batch_taps_max": 100, "recent_max": 200, "watermark_bytes": MIB}
    answered: dict[int, int] = {}
    ended: list[str] = []
    with server_process(folder, limits) as server, server.client() as client:
        register(client)

        def pump(terminal: int) -> None:
            batches = (wire_rides(8 * at + 1, 8, terminal) for at in range(1_000_000))
            try:
                for answer in client.authorize(batches):
                    assert (answer.outcome == Outcome.ACCEPTED).all()
                    answered[terminal] = answered.get(terminal, 0) + 1
            except Unreachable as error:
                ended.append(str(error))

        pumps = [threading.Thread(target=pump, args=(terminal,)) for terminal in (1, 2, 3)]
        for thread in pumps:
            thread.start()
        while sum(answered.values()) < 300:
            time.sleep(0.01)
        server.send(signal.SIGTERM)
        for thread in pumps:
            thread.join()
        assert server.end() == 0, server.log.read_text()[-2000:]
    assert len(ended) == 3
    assert all("stopping" in text for text in ended), ended
    with Ledger.open(folder, readonly=True) as ledger:
        assert ledger.recovery.records == 0, "the checkpoint at the end holds all of it"
        taken = ledger.state.rows("terminals")["taken"]
        for terminal, count in answered.items():
            # What was answered, whole; and what was taken and whose answer met a closed stream.
            assert taken[terminal] >= 8 * count and taken[terminal] % 8 == 0
    with server_process(folder, limits) as server, server.client() as client:
        assert "0 records replayed" in server.log.read_text().splitlines()[-1]
        for terminal, count in answered.items():
            batches = (wire_rides(8 * at + 1, 8, terminal) for at in range(count))
            assert all(answer.repeated.all() for answer in client.authorize(batches))
        server.send(signal.SIGTERM)
        assert server.end() == 0


def test_every_stream_that_still_sends_hears_why_it_ended(tmp_path: Path) -> None:
    """A connection that is closed before its client has read so would be reset, status and all."""
    folder = tmp_path / "ledger"
    Ledger.create(folder, SMALL)
    answered: list[int] = []
    ended: list[str] = []

    def pump(client: Client, terminal: int) -> None:
        batches = (wire_rides(8 * at + 1, 8, terminal) for at in range(1_000_000))
        try:
            for answer in client.authorize(batches):
                answered.append(answer.request_id)
        except OnecardError as error:
            ended.append(f"{type(error).__name__} {error}")

    with server_process(folder, {"watermark_bytes": MIB}) as server, ExitStack() as clients:
        senders = [clients.enter_context(server.client()) for _ in range(12)]
        register(senders[0])
        pumps = [threading.Thread(target=pump, args=(one, t)) for one in senders for t in (1, 2)]
        for thread in pumps:
            thread.start()
        while len(answered) < 300:
            time.sleep(0.01)
        server.send(signal.SIGTERM)
        for thread in pumps:
            thread.join()
        assert server.end() == 0
    assert len(ended) == 24
    assert all(text.startswith("Stopped ") and "is stopping" in text for text in ended), ended


def test_kill_9_of_onecard_serve_under_load_loses_no_answer(tmp_path: Path) -> None:
    """The whole way, over gRPC: five deaths, each after some answers, and all of them repeated."""
    folder = tmp_path / "ledger"
    Ledger.create(folder, SMALL)
    limits = {"batch_taps_max": 100, "recent_max": 200, "checkpoint_every_s": 0}
    answers: list[list[int]] = []
    for death in range(5):
        with server_process(folder, limits) as server, server.client() as client:
            if death == 0:
                register(client)
            batches = (wire_rides(8 * at + 1) for at in range(1_000_000))
            count = 0
            with pytest.raises(Unreachable):
                for answer in client.authorize(batches):
                    sequences = answer.sequence.tolist()
                    if count < len(answers):
                        assert answers[count] == sequences, "acknowledged, and now another"
                        assert answer.repeated.all()
                    else:
                        answers.append(sequences)
                    count += 1
                    if count == 60 * (death + 1):
                        server.send(signal.SIGKILL)
            assert server.end() == -signal.SIGKILL
        report = verify(folder)
        assert report.ok, report.fault
    assert len(answers) >= 300
