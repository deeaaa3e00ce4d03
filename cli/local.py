"""A server of one's own on a ledger's folder, for as long as a command runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onecard.core.audit.verify import Progress, Report, verify
from onecard.core.errors import BadInput, OnecardError
from onecard.core.exchange.files import write_files
from onecard.core.exchange.manifest import Manifest
from onecard.core.ledger.folder import TOML, read_ledger_toml
from onecard.core.ledger.opened import Ledger
from onecard.grpc.client import Client
from onecard.grpc.client.who import NOBODY, Who

LOG = "server.log"
START_S = 120.0  # a start replays what was not checkpointed
STOP_S = 120.0  # it drains and saves a checkpoint
ONECARD = (sys.executable, "-c", "from onecard.cli.main import main; main()")


@dataclass(frozen=True, slots=True)
class Settled:
    """What a ledger's folder gives once the windows are closed."""

    manifests: list[Manifest]
    verify: str  # "ok" or what is wrong
    report: Report | None = None


def ledger_folder(data: Path | None) -> Path:
    """The folder given, or a new temporary one, to be written; made a ledger where it is none yet.

    LedgerOld where it is one that is only read.
    """
    path = data if data is not None else Path(tempfile.mkdtemp(prefix="onecard-"))
    if (path / TOML).exists():
        read_ledger_toml(path).check_writable(path)
    else:
        Ledger.create(path)
    return path


@contextmanager
def serving(path: Path) -> Iterator[str]:
    """`onecard serve` on a free port of loopback; yields its address, stops it at the end.

    OnecardError where it does not start, or does not stop as it should.
    """
    with _ended_in_order(), tempfile.TemporaryDirectory(prefix="onecard-ready-") as folder:
        ready = Path(folder) / "ready"
        command = [*ONECARD, "serve", str(path), "--listen", "127.0.0.1:0"]
        command += ["--metrics-port", "0", "--ready-file", str(ready)]
        with (path / LOG).open("ab") as log:
            # A group of its own: Ctrl-C reaches this command alone, which then stops the server.
            server = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        try:
            yield _address(server, ready, path / LOG)
        finally:
            _stop(server, path / LOG)


@contextmanager
def connected(address: str, who: Who = NOBODY) -> Iterator[Client]:
    """A client of a server that answers; Unreachable where none does."""
    with Client(address, timeout_s=60.0, who=who) as client:
        client.wait_ready(10.0)
        yield client


def check_same_ledger(client: Client, address: str, path: Path) -> None:
    """BadInput unless the server at `address` serves the ledger in `path`; asked before anything is
    done there, since a folder and a server that do not belong together are a slip."""
    ours, theirs = read_ledger_toml(path).origin.ledger_id, client.head().ledger
    if theirs != ours:
        raise BadInput(
            f"{address}: expected a server of the ledger in {path} ({ours.hex()[:8]}), found "
            f"{theirs.hex()[:8]}'s; give the folder that it serves, or the address of this one's"
        )


def settled(path: Path, windows: list[int], progress: Progress | None = None) -> Settled:
    """Write the files of closed windows and prove the ledger."""
    with Ledger.open(path, readonly=True) as ledger:
        manifests = [write_files(ledger.journal, path, window) for window in windows]
    report = verify(path, progress=progress)
    return Settled(manifests, "ok" if report.fault is None else report.fault, report)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let SIGTERM end this command as Ctrl-C does, so that it does not leave its server behind."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what a signal does
        return

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _address(server: subprocess.Popen[bytes], ready: Path, log: Path) -> str:
    end = time.monotonic() + START_S
    while not ready.exists():
        if server.poll() is not None or time.monotonic() > end:
            raise OnecardError(f"the server did not start: {_last_line(log)} (all of it: {log})")
        time.sleep(0.02)
    return str(json.loads(ready.read_text())["address"])


def _stop(server: subprocess.Popen[bytes], log: Path) -> None:
    server.terminate()
    try:
        status = server.wait(STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        status = server.wait()
    if status != 0 and sys.exc_info()[0] is None:
        raise OnecardError(
            f"the server stopped with status {status}: {_last_line(log)} (all of it: {log})"
        )


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096), os.SEEK_SET)
        lines = file.read().decode("utf-8", "replace").splitlines()
    return lines[-1].removeprefix("onecard: ") if lines else "it said nothing"
