"""A log that nobody reads, or that cannot be written: clearing goes on, and the end is in order."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from onecard.core.audit.verify import verify
from onecard.core.errors import BadInput
from onecard.core.ledger.opened import Ledger
from onecard.grpc.client import Client, Unanswered, Unreachable
from tests.support.serving import MIB, SMALL, register, rides

ONECARD = "from onecard.cli.main import main; main()"
PATIENCE_S = 30.0


@dataclass
class Server:
    """A real `onecard serve` with a standard error of the test's choosing."""

    process: "subprocess.Popen[bytes]"
    address: str
    metrics: str

    def figure(self, name: str) -> float:
        """One sample of a scrape."""
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        [value] = [line.split()[-1] for line in lines if line.startswith(name + " ")]
        return float(value)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@contextmanager
def serving(
    folder: Path, code: str = ONECARD, shell: tuple[str, ...] = (), **given: object
) -> Iterator[Server]:
    """`shell` is a command that becomes the server."""
    if not folder.exists():
        Ledger.create(folder, SMALL)
    ready = folder.with_name("ready.json")
    ready.unlink(missing_ok=True)
    command = [*shell, sys.executable, "-c", code, "serve", str(folder)]
    command += ["--listen", "127.0.0.1:0", "--metrics-port", "0", "--ready-file", str(ready)]
    command += ["--set", f"watermark_bytes={MIB}", "--cards-max", "10000"]
    process = subprocess.Popen(command, **{"stdout": subprocess.DEVNULL, **given})  # type: ignore[call-overload]
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not ready.exists():
            assert process.poll() is None, f"it ended with {process.returncode}"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        row = json.loads(ready.read_text())
        yield Server(process, row["address"], row["metrics"])
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE_S)


def refuse(client: Client, count: int) -> None:
    """Batches that are refused: a line of the log each, until the second has had its fill."""
    for _ in range(count):
        with pytest.raises(BadInput):
            list(client.authorize([b"\xff\xff"]))


def gone_reader() -> tuple[dict[str, object], Callable[[], None]]:
    """A pipe whose reader went away."""
    reading, writing = os.pipe()
    os.close(reading)
    return {"stderr": writing}, lambda: os.close(writing)


def full_device() -> tuple[dict[str, object], Callable[[], None]]:
    """A file on a disk without room."""
    full = os.open("/dev/full", os.O_WRONLY)
    return {"stderr": full}, lambda: os.close(full)


def closed() -> tuple[dict[str, object], Callable[[], None]]:
    """No standard error at all, nor an input or output: their numbers are free for other files."""
    shell = ("/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")
    return {"shell": shell, "stderr": None, "stdout": None}, lambda: None


def never_read() -> tuple[dict[str, object], Callable[[], None]]:
    """A pipe that is full from the start, with a reader that does not read."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(4096))
    os.set_blocking(writing, True)

    def end() -> None:
        os.close(reading)
        os.close(writing)

    return {"stderr": writing, "stdout": writing}, end


DYING = [gone_reader, full_device, closed, never_read]


@pytest.mark.parametrize("dying", DYING)
def test_f44_clearing_goes_on_without_a_log(
    dying: Callable[[], tuple[dict[str, object], Callable[[], None]]], tmp_path: Path
) -> None:
    given, end = dying()
    folder = tmp_path / "ledger"
    try:
        with serving(folder, **given) as server, Client(server.address) as client:  # type: ignore[arg-type]
            register(client)
            refuse(client, 12)
            answers = list(client.authorize(rides(1 + 8 * at, 8) for at in range(50)))
            assert sum(int((answer.outcome == 1).sum()) for answer in answers) == 400
            assert client.is_serving()
            if dying is closed:
                files = [
                    os.readlink(f"/proc/{server.process.pid}/fd/{number}") for number in range(3)
                ]
                assert files == [os.devnull] * 3, "a word there would go into the ledger"
            assert server.figure("onecard_serving") == 1
            assert server.figure("onecard_engine_stopped") == 0
            if dying is not never_read:  # there they wait as long as there is room for them
                assert server.figure("onecard_log_lines_dropped_total") >= 10
            assert server.stop() == 0
    finally:
        end()
    with Ledger.open(folder, readonly=True) as ledger:
        assert ledger.recovery.records == 0, "it was saved at its end"
    report = verify(folder)
    assert report.ok, report.fault


def test_f44_megabytes_that_nobody_reads_are_dropped_and_counted(tmp_path: Path) -> None:
    given, end = never_read()
    small = "import onecard.core.watch.lines as lines; lines.WAITING_BYTES_MAX = 2000\n"
    small += "import onecard.core.watch.log as log; log.SHOWN_A_SECOND = 1_000_000\n"
    small += "lines.Lines.__init__.__defaults__ = (2000,)\n"
    try:
        with serving(tmp_path / "ledger", code=small + ONECARD, **given) as server:  # type: ignore[arg-type]
            with Client(server.address) as client:
                register(client)
                refuse(client, 40)
                [answer] = client.authorize([rides(1)])
                assert (answer.outcome == 1).all()
                assert server.figure("onecard_log_lines_dropped_total") >= 20
            assert server.stop() == 0
    finally:
        end()


FAILING = """
from onecard.core.journal import LocalJournal
write, left = LocalJournal.write, [3]
def failing(self, drafts):
    left[0] -= 1
    if left[0] < 0:
        raise OSError(5, "Input/output error")
    write(self, drafts)
LocalJournal.write = failing
"""


@pytest.mark.parametrize("dying", [gone_reader, never_read])
def test_f44_a_failed_engine_without_a_log_says_so_and_ends(
    dying: Callable[[], tuple[dict[str, object], Callable[[], None]]], tmp_path: Path
) -> None:
    """Health and metrics first, status 2; what it answered is there."""
    given, end = dying()
    slow = "from onecard.grpc.server import process; process.FAILED_DRAIN_S = 1.5\n"
    hold = "import asyncio\nasync def held(self, drain_s=30.0):\n    await asyncio.sleep(drain_s)\n"
    hold += "import onecard.grpc.server.server as server; server.Server.stop = held\n"
    try:
        with serving(tmp_path / "ledger", code=FAILING + slow + hold + ONECARD, **given) as server:  # type: ignore[arg-type]
            with Client(server.address) as client:
                with pytest.raises((Unreachable, Unanswered)):
                    register(client)
                    for at in range(10):
                        list(client.authorize([rides(1 + 8 * at, 8)]))
                assert not client.is_serving()
                assert server.figure("onecard_engine_stopped") == 1
                assert server.figure("onecard_serving") == 0
            assert server.process.wait(PATIENCE_S) == 2
    finally:
        end()
    report = verify(tmp_path / "ledger")
    assert report.ok, report.fault


STUCK_LOOP = """
import time
from onecard.grpc.server import process
from onecard.grpc.server.server import Server
process.FAILED_END_S = 1.0
said = Server.set_serving
async def stuck(self, serving):
    if not serving and self.serving:
        time.sleep(600)
    await said(self, serving)
Server.set_serving = stuck
"""
FAILING_LOOP = """
from onecard.grpc.server.server import Server
async def failing(self, *_):
    raise KeyError("nobody expected this")
Server.attach = failing
"""


def test_a_loop_that_is_stuck_does_not_keep_a_failed_process_alive(tmp_path: Path) -> None:
    with serving(tmp_path / "ledger", code=FAILING + STUCK_LOOP + ONECARD) as server:
        with Client(server.address, timeout_s=5.0) as client:
            with pytest.raises((Unreachable, Unanswered)):
                register(client)
                for at in range(10):
                    list(client.authorize([rides(1 + 8 * at, 8)]))
        assert server.process.wait(PATIENCE_S) == 2


def test_a_loop_that_fails_ends_the_process_and_its_threads(tmp_path: Path) -> None:
    Ledger.create(tmp_path / "ledger", SMALL)
    command = [sys.executable, "-c", FAILING_LOOP + ONECARD, "serve", str(tmp_path / "ledger")]
    command += ["--listen", "127.0.0.1:0", "--metrics-port", "0", "--cards-max", "10000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(f"onecard: {tmp_path}/ledger: KeyError: ")
    assert "Traceback" not in done.stderr


def test_a_ready_file_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    """It only tells; a folder that is not there is a wrong call, and said before the start."""
    Ledger.create(tmp_path / "ledger", SMALL)
    command = [sys.executable, "-c", ONECARD, "serve", str(tmp_path / "ledger")]
    command += ["--listen", "127.0.0.1:0", "--metrics-port", "0", "--cards-max", "10000"]
    done = subprocess.run(
        [*command, "--ready-file", str(tmp_path / "none" / "ready")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 2
    says = f"onecard: --ready-file: expected a folder {tmp_path}/none, found none; make it\n"
    assert done.stderr == says
    (tmp_path / "ready").mkdir()
    process = subprocess.Popen(
        [*command, "--ready-file", str(tmp_path / "ready")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[3].rstrip(",")
        with Client(address) as client:
            assert client.is_serving()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert "event=ready_file" in err
