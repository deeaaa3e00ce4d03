"""`onecard serve` as a process of its own, told what to do by signals."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onecard.grpc.client import Client

PATIENCE_S = 30.0
ONECARD = "from onecard.cli.main import main; main()"


@dataclass
class ServerProcess:
    """A server that said it was ready."""

    process: "subprocess.Popen[bytes]"
    address: str
    log: Path

    def client(self, timeout_s: float = 10.0) -> Client:
        return Client(self.address, timeout_s=timeout_s)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Its exit code, when it has ended."""
        return self.process.wait(PATIENCE_S)


@contextmanager
def server_process(
    folder: Path, settings: dict[str, Any], script: str = ONECARD, **environment: str
) -> Iterator[ServerProcess]:
    """Serve an existing ledger; whatever happens, the process is gone afterwards. `script` is
    `onecard`, with something done to it."""
    ready = folder.with_name(folder.name + ".ready")
    ready.unlink(missing_ok=True)
    log = folder.with_name(folder.name + ".serve.log")
    command = [sys.executable, "-c", script, "serve"]
    command += [str(folder), "--listen", "127.0.0.1:0", "--metrics-port", "0"]
    command += ["--ready-file", str(ready)]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not ready.exists():
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, "not ready in time"
            time.sleep(0.02)
        yield ServerProcess(process, json.loads(ready.read_text())["address"], log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait(PATIENCE_S)
