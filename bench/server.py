"""A real server in a process of its own, with a registry loaded over gRPC."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench import load
from onecard.core.days import DAY_US
from onecard.grpc.client import Client
from onecard.v1 import registry_pb2, tap_pb2

ONECARD = str(Path(sys.executable).with_name("onecard"))
LOAD_CARDS = 1_000_000  # at once; the client sends them in parts
START_S_MAX = 120.0
TERMINALS = 64  # of each operator
FLOOR_FEN = -1_000_000_000  # no card runs dry, so every tap is judged to its end and booked


@dataclass
class Server:
    """`onecard serve` on `folder`, made by `onecard init`; `start` returns when it is ready."""

    folder: Path
    options: Sequence[str] = ()
    address: str = ""
    metrics: str = ""
    process: subprocess.Popen[bytes] | None = None
    terminals: list[int] = field(default_factory=list)
    cards: int = 0

    def start(self) -> float:
        """Seconds from the start of the process until it takes taps."""
        if not self.folder.exists():
            subprocess.run([ONECARD, "init", str(self.folder)], check=True, capture_output=True)
        ready = self.folder.with_name("ready.json")
        ready.unlink(missing_ok=True)
        command = [ONECARD, "serve", str(self.folder), "--listen", "127.0.0.1:0"]
        command += ["--metrics-port", "0", "--ready-file", str(ready), *self.options]
        began = time.perf_counter()
        with self.folder.with_name("server.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        while not ready.exists():
            time.sleep(0.01)
            assert self.process.poll() is None, self.log()
            assert time.perf_counter() - began < START_S_MAX, self.log()
        taken = time.perf_counter() - began
        row = json.loads(ready.read_text())
        self.address, self.metrics = row["address"], row["metrics"]
        return taken

    def stop(self) -> None:
        """SIGTERM: it drains, checkpoints and exits 0."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.log()

    def kill(self) -> None:
        """SIGKILL: it does nothing more."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def log(self) -> str:
        """The last lines the server wrote."""
        return self.folder.with_name("server.log").read_text()[-2_000:]

    def memory_gib(self) -> dict[str, float]:
        """Resident memory by /proc: all of it, the anonymous part, and the most there was."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        values = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        return {key: int(values[key].split()[0]) / 2**20 for key in ("VmRSS", "RssAnon", "VmHWM")}

    def metric(self, name: str) -> float:
        """The value of an unlabelled metric."""
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=10) as page:
            for line in page.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[1])
        raise KeyError(name)

    def last(self) -> int:
        """The last durable sequence."""
        with Client(self.address) as client:
            return int(client.head().sequence)

    def register(self, cards: int, operators: int) -> float:
        """Participants, a tariff, `operators` x TERMINALS terminals; seconds that cards took."""
        with Client(self.address) as client:
            names = [(f"operator {at}", registry_pb2.ROLE_OPERATOR) for at in range(operators)]
            *owners, issuer = client.load_participants(
                [*names, ("issuer", registry_pb2.ROLE_ISSUER)]
            )
            client.put_tariff("bench", 1, load.fares())
            self.terminals = client.load_terminals(
                registry_pb2.Terminal(number=f"T{owner}-{at}", operator=owner, place=1)
                for owner in owners
                for at in range(TERMINALS)
            )
            self.cards = cards
            began = time.perf_counter()
            for first in range(0, cards, LOAD_CARDS):
                token = load.tokens(first, min(LOAD_CARDS, cards - first))
                client.load_cards(token, issuer, registry_pb2.FUNDING_PREPAID, floor_fen=FLOOR_FEN)
        return time.perf_counter() - began

    def stream(self, operator: int, operators: int, days_ago: int = 0) -> load.Stream:
        """The taps of one operator: its terminals, its share of the cards."""
        share = self.cards // operators
        mine = self.terminals[operator * TERMINALS : (operator + 1) * TERMINALS]
        return load.Stream(
            cards=load.tokens(operator * share, share),
            terminals=np.array(mine, np.uint32),
            seed=operator,
            tapped_at_us=time.time_ns() // 1000 - days_ago * DAY_US - 3_600_000_000,
        )


def rows(stream: load.Stream, count: int) -> list[bytes]:
    """The next `count` rides of a stream as single Tap messages."""
    taps = []
    for at in range(stream.sent, stream.sent + count):
        tap = tap_pb2.Tap(
            card=int(stream.cards[at * 7919 % len(stream.cards)]),
            terminal=int(stream.terminals[at % len(stream.terminals)]),
            terminal_seq=at // len(stream.terminals) + 1,
            tapped_at_us=stream.tapped_at_us + at * stream.step_us,
            kind=tap_pb2.TAP_KIND_RIDE,
            amount_fen=300,
        )
        taps.append(tap.SerializeToString())
    stream.sent += count
    return taps


def accepted(answer: bytes) -> None:
    """Every row of these Decisions was booked."""
    outcome = tap_pb2.Decisions.FromString(answer).outcome
    assert outcome, "an answer without rows"
    assert set(outcome) == {tap_pb2.OUTCOME_ACCEPTED}, f"outcomes {sorted(set(outcome))}"
