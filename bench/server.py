"""A real server in a process of its own, with a registry loaded over gRPC."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import numpy as np

from bench import load
from bench.bare import OPTIONS
from onecard.v1 import (
    ledger_pb2,
    ledger_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
    tap_pb2,
)

ONECARD = str(Path(sys.executable).with_name("onecard"))
LOAD_CARDS = 65_536  # a message of 512 KiB
TERMINALS = 64  # of each operator
FLOOR_FEN = -1_000_000_000  # no card runs dry, so every tap is judged to its end and booked
DAY_US = 86_400 * 1_000_000


@dataclass
class Server:
    """`onecard serve` on `folder`; `start` returns when it answers."""

    folder: Path
    options: Sequence[str] = ()
    address: str = ""
    process: subprocess.Popen[str] | None = None
    terminals: list[int] = field(default_factory=list)
    cards: int = 0

    def start(self) -> float:
        """Seconds from the start of the process to its first answer."""
        began = time.perf_counter()
        log = (self.folder.parent / f"{self.folder.name}.log").open("a")
        self.process = subprocess.Popen(
            [ONECARD, "serve", str(self.folder), *self.options], stdout=log, stderr=log, text=True
        )
        self.wait()
        return time.perf_counter() - began

    def wait(self) -> None:
        """Block until the ledger answers."""
        raise NotImplementedError

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def memory_gib(self) -> dict[str, float]:
        """Resident memory by /proc: all of it, and the anonymous part."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        values = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        return {key: int(values[key].split()[0]) / 2**20 for key in ("VmRSS", "RssAnon", "VmHWM")}

    def last(self) -> int:
        """The last durable sequence."""
        with self.channel() as channel:
            head = ledger_pb2_grpc.LedgerStub(channel).GetHead(ledger_pb2.GetHeadRequest())
            return int(head.sequence)

    def channel(self) -> grpc.Channel:
        return grpc.insecure_channel(self.address, options=OPTIONS)

    def register(self, cards: int, operators: int) -> float:
        """Participants, a tariff, `operators` x TERMINALS terminals, `cards` cards; seconds."""
        began = time.perf_counter()
        with self.channel() as channel:
            registry = registry_pb2_grpc.RegistryStub(channel)
            people = [
                registry_pb2.Participant(name=f"operator {at}", role=registry_pb2.ROLE_OPERATOR)
                for at in range(operators)
            ]
            people.append(registry_pb2.Participant(name="issuer", role=registry_pb2.ROLE_ISSUER))
            answer = registry.Load(iter([registry_pb2.LoadRequest(participants=people)]))
            *ids, issuer = answer.participant_ids
            registry.PutTariff(
                registry_pb2.Tariff(
                    name="bench",
                    effective_from_us=1,
                    stations=load.STATIONS,
                    fares_fen=load.fares().ravel().tolist(),
                )
            )
            terminals = [
                registry_pb2.Terminal(number=f"T{owner}-{at}", operator=owner, place=1)
                for owner in ids
                for at in range(TERMINALS)
            ]
            answer = registry.Load(iter([registry_pb2.LoadRequest(terminals=terminals)]))
            self.terminals = list(answer.terminal_ids)
            registry.Load(card_columns(cards, issuer), timeout=600)
        self.cards = cards
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


def card_columns(cards: int, issuer: int) -> Iterator[registry_pb2.LoadRequest]:
    for first in range(0, cards, LOAD_CARDS):
        columns = registry_pb2.CardColumns(
            token=load.tokens(first, min(LOAD_CARDS, cards - first)).tolist(),
            issuer=issuer,
            funding=registry_pb2.FUNDING_PREPAID,
            floor_fen=FLOOR_FEN,
        )
        yield registry_pb2.LoadRequest(card_columns=columns)


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
