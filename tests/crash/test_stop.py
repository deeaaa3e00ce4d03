"""Told to stop: by which signal, when, and by whom; `onecard stop` meets no stranger."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from onecard.core.ledger.opened import Ledger
from onecard.core.ledger.owner import holder
from tests.support.node import rides as batch
from tests.support.node import served
from tests.support.server_process import server_process
from tests.support.serving import MIB, SMALL, register, rides

PATIENCE_S = 30.0
LIMITS = {"watermark_bytes": MIB, "cards_max": 10_000}
ONECARD = (sys.executable, "-c", "from onecard.cli.main import main; main()")


def onecard(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*ONECARD, *arguments], capture_output=True, text=True, timeout=2 * PATIENCE_S
    )
    return done.returncode, done.stdout, done.stderr


def new_ledger(folder: Path) -> Path:
    Ledger.create(folder, SMALL)
    return folder


# ---- while it serves ----------------------------------------------------------------------------


def test_a_lost_terminal_drains(tmp_path: Path) -> None:
    folder = new_ledger(tmp_path / "ledger")
    with server_process(folder, LIMITS) as server, server.client() as client:
        register(client)
        list(client.authorize([rides(1)]))
        server.send(signal.SIGHUP)
        assert server.end() == 0
        assert "event=told_to_stop signal=SIGHUP" in server.log.read_text()
    with Ledger.open(folder, readonly=True) as ledger:
        assert ledger.recovery.records == 0, "it saved what it had"


def test_under_nohup_a_lost_terminal_is_nothing_and_a_second_signal_says_what_happens(
    tmp_path: Path,
) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # its children take that over
    try:
        with server_process(new_ledger(tmp_path / "ledger"), LIMITS) as server:
            server.send(signal.SIGHUP)
            # A call that is held open keeps it draining for a moment.
            with grpc.insecure_channel(server.address) as channel:
                watch = channel.unary_stream("/grpc.health.v1.Health/Watch")(b"")
                next(watch)
                server.send(signal.SIGTERM)
                time.sleep(0.3)
                server.send(signal.SIGINT)
                assert server.end() == 0
                watch.cancel()
            lines = server.log.read_text().splitlines()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert [line for line in lines if "SIGHUP" in line] == []
    [line] = [line for line in lines if "event=stopping_already" in line]
    assert "signal=SIGINT" in line and "finishes what is in flight" in line


HOSTILE = """
import itertools, sys, grpc
from onecard.v1 import tap_pb2
from tests.support.serving import rides
channel = grpc.insecure_channel(sys.argv[1])
terminal = int(sys.argv[2])
one = channel.unary_unary("/onecard.v1.Clearing/AuthorizeOne")
journal = channel.unary_stream("/onecard.v1.Ledger/StreamJournal")
stream = channel.stream_stream("/onecard.v1.Clearing/Authorize")
answers = stream(rides(4 * at + 1, 4, terminal) for at in itertools.count())
held = [journal(b""), next(answers)]
print("under way", flush=True)
for at in itertools.count():
    tap = tap_pb2.Tap(card=4096, terminal=terminal, epoch=1, terminal_seq=at + 1, kind=1)
    calls = [one.future(tap.SerializeToString()) for _ in range(8)]
    for call in calls[::2]:
        call.cancel()
    next(answers)
"""


@contextmanager
def hostile(address: str) -> Iterator[list["subprocess.Popen[str]"]]:
    """Clients with all kinds of calls under way, that cancel half of them."""
    clients = [
        subprocess.Popen(
            [sys.executable, "-c", HOSTILE, address, str(terminal)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for terminal in (1, 2)
    ]
    try:
        for client in clients:
            assert client.stdout is not None and client.stdout.readline() == "under way\n"
        yield clients
    finally:
        for client in clients:
            client.kill()
            client.communicate()


def test_vanished_clients_and_an_end_under_load_leave_no_raw_line(tmp_path: Path) -> None:
    """Every line is an event, and none of them an error: nobody did anything wrong here."""
    with server_process(new_ledger(tmp_path / "ledger"), LIMITS) as server:
        with server.client() as client:
            register(client)
        with hostile(server.address):
            time.sleep(0.5)
        host, _, port = server.address.rpartition(":")
        for junk in (b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b""):
            with socket.create_connection((host, int(port))) as gone:
                gone.sendall(junk)
        with hostile(server.address):
            server.send(signal.SIGTERM)
            assert server.end() == 0
        lines = server.log.read_text().splitlines()
    raw = [line for line in lines if not line.startswith(("at_us=", "onecard: ready"))]
    assert raw == []
    assert [line for line in lines if "level=error" in line or "event=call_failed" in line] == []


# ---- while the ledger is opened -----------------------------------------------------------------

SLOW_REPLAY = """
import time
from onecard.core.checkpoint import recovery
blocks = recovery.read_through
def slow(journal, first):
    for block in blocks(journal, first):
        time.sleep(0.05)
        yield block
recovery.read_through = slow
"""
STUCK_REPLAY = """
import time
from onecard.core.journal import LocalJournal
LocalJournal.blocks = lambda self, first=1, last=None: time.sleep(600)
"""


@pytest.mark.parametrize(
    ("replay", "number"), [(SLOW_REPLAY, signal.SIGTERM), (STUCK_REPLAY, signal.SIGHUP)]
)
def test_a_signal_while_the_ledger_is_opened_is_obeyed(
    replay: str, number: signal.Signals, tmp_path: Path
) -> None:
    folder = tmp_path / "ledger"
    with served(folder) as node:
        for at in range(1, 1201, 8):  # 150 blocks: some 8 s of the slow replay
            node.taps(0, at, batch(at), lambda _: None)
            while at % 80 == 1 and node.journal.durable.last < at:
                time.sleep(0.001)
    subprocess.run(["rm", "-r", str(folder / "checkpoint")], check=True)
    (folder / "owner").unlink()
    command = [sys.executable, "-c", replay + "from onecard.cli.main import main; main()", "serve"]
    command += [str(folder), "--listen", "127.0.0.1:0", "--metrics-port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while holder(folder) is None:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.02)
        time.sleep(0.3)
        assert process.poll() is None
        before = {path: path.read_bytes() for path in (folder / "checkpoint").rglob("*.mdb")}
        began_s = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
        took_s = time.monotonic() - began_s
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, err
    assert took_s < 5.0, "two seconds, and a machine that is busy"
    assert "ready" not in out + err
    assert "event=stopped" in err
    assert "Traceback" not in err
    after = {path: path.read_bytes() for path in (folder / "checkpoint").rglob("data.mdb")}
    assert all(before[path] == content for path, content in after.items() if path in before)
    with Ledger.open(folder, SMALL) as ledger:
        assert ledger.recovery.checkpoint == 0
        assert ledger.state.rows("terminals")["taken"].sum() == 1200


# ---- onecard stop -------------------------------------------------------------------------------


def test_stop_ends_who_serves_and_waits_for_it(tmp_path: Path) -> None:
    folder = new_ledger(tmp_path / "ledger")
    with server_process(folder, LIMITS) as server:
        pid = server.process.pid
        server.send(signal.SIGSTOP)
        status, out, err = onecard("stop", str(folder), "--timeout", "0.2")
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert f"process {pid} was told to stop and still runs after 0.2 s" in err
        threading.Timer(1.0, server.send, (signal.SIGCONT,)).start()
        status, out, err = onecard("stop", str(folder))
        assert (status, err) == (0, "")
        assert out.startswith(f"{folder}: process {pid} stopped after ") or "nobody" in out
        assert holder(folder) is None
        assert server.end() == 0
    assert onecard("stop", str(folder)) == (0, f"{folder}: nobody serves it\n", "")
    none = tmp_path / "none"
    says = f"onecard: {none}: expected a ledger, found no ledger.toml; check the path\n"
    assert onecard("stop", str(none)) == (2, "", says)


def test_stop_does_not_meet_the_stranger_who_got_a_dead_owners_number(tmp_path: Path) -> None:
    folder = new_ledger(tmp_path / "ledger")
    with server_process(folder, LIMITS) as server:
        said = (folder / "owner").read_text()
        server.send(signal.SIGKILL)
        server.end()
    assert (folder / "owner").read_text() == said, "nobody was there to empty it"
    with subprocess.Popen(["sleep", "60"]) as stranger:
        try:
            for left in (
                f"{stranger.pid}\n",
                said.replace(str(server.process.pid), str(stranger.pid)),
            ):
                (folder / "owner").write_text(left)
                assert onecard("stop", str(folder)) == (0, f"{folder}: nobody serves it\n", "")
            # As people did it once: there is no number alone, so that nobody is met.
            kill = f'kill -TERM "$(cat {folder}/owner)"'
            assert subprocess.run(["sh", "-c", kill], stderr=subprocess.DEVNULL).returncode != 0
            assert stranger.poll() is None
        finally:
            stranger.kill()
