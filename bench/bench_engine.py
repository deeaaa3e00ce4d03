"""The engine in one process: from a message's bytes to the durable commit, against bare LMDB."""

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import load
from bench.bare import Appends
from bench.figures import Figures, million
from bench.server import FLOOR_FEN, accepted
from onecard.core.authorize.node import COMMIT_AHEAD, Node, wait_for
from onecard.core.clock import SystemClock
from onecard.core.config import Settings
from onecard.core.journal.block import Draft
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.cards import PutCards
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.tariffs import PutTariff
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.ext.shape.numbers import Funding, Role

CARDS = 1_000_000
TERMINALS = 1_000
TAPS = 8_192  # of a batch
# A disk takes the first gigabytes three times as fast as it can for long: both are compared as they
# go on.
WARM_BYTES = 3 << 31
IN_FLIGHT = 8  # batches that wait for their answer, as one stream over gRPC has them


class InProcess:
    """A running node and its registry; what each commit held is noted beside."""

    def __init__(self, path: Path) -> None:
        Ledger.create(path, Settings())
        self.node = Node(path, Settings(), SystemClock())
        self.commits: list[list[int]] = []  # bytes of each value of each commit
        append = self.node.journal.write

        def noted(drafts: Sequence[Draft]) -> None:
            self.commits.append([draft.value.nbytes for draft in drafts])
            append(drafts)

        self.node.journal.write = noted  # type: ignore[method-assign]
        self.node.start()
        self.stream = self._register()

    def ask(self, act: Any) -> Any:
        """The answer to an act, once it is durable."""
        return wait_for(lambda done: self.node.act(act, done))

    def run(self, messages: Sequence[bytes]) -> float:
        """Seconds until every message is answered."""
        room = threading.Semaphore(IN_FLIGHT)
        answers: list[object] = []

        def done(answer: object) -> None:
            answers.append(answer)
            room.release()

        start = time.perf_counter()
        for message in messages:
            room.acquire()
            self.node.taps(0, self, message, done)
        for _ in range(IN_FLIGHT):
            room.acquire()
        taken = time.perf_counter() - start
        assert len(answers) == len(messages)
        for answer in (answers[0], answers[-1]):
            assert isinstance(answer, bytes), answer
            accepted(answer)
        return taken

    def _register(self) -> load.Stream:
        operator, issuer = self.ask(
            PutParticipants([("operator", Role.OPERATOR), ("issuer", Role.ISSUER)])
        ).ids
        self.ask(PutTariff("bench", 1, load.STATIONS, load.fares().ravel()))
        terminals = self.ask(
            PutTerminals([TerminalRow(f"T{at}", operator, 1) for at in range(TERMINALS)])
        ).ids
        cards = load.tokens(0, CARDS)
        for first in range(0, CARDS, 1 << 16):
            part = cards[first : first + (1 << 16)]
            self.ask(PutCards(part, issuer, Funding.PREPAID, floor_fen=FLOOR_FEN))
        now_us = time.time_ns() // 1000
        return load.Stream(cards, np.array(terminals, np.uint32), 1, now_us - 3_600_000_000)


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[InProcess]:
    engine = InProcess(folder / "ledger")
    yield engine
    engine.node.stop()


def bench_decode_to_durable(
    benchmark: BenchmarkFixture, figures: Figures, engine: InProcess, folder: Path
) -> None:
    count = 60 if figures.short else 200
    rounds = 9
    engine.commits.clear()
    engine.run(engine.stream.messages(count, TAPS))
    appends = Appends(folder / "bare")
    shape = list(engine.commits)  # what commits held so far; its file has grown before, as ours
    for _ in range(WARM_BYTES // sum(map(sum, shape))):
        appends.pipelined(shape, COMMIT_AHEAD)
    ours_s: list[float] = []
    bare_s: list[float] = []
    before_s: list[float] = []
    rows = []

    def ready() -> tuple[tuple[list[bytes]], dict[str, object]]:
        messages = engine.stream.messages(count, TAPS)
        engine.commits.clear()
        before_s.append(appends.pipelined(shape, COMMIT_AHEAD))
        return (messages,), {}

    def run(messages: list[bytes]) -> None:
        ours_s.append(engine.run(messages))

    def beside(*_: object) -> None:
        # One before ours and one after: a disk that gets slower under load favours neither.
        after_s = appends.pipelined(engine.commits, COMMIT_AHEAD)
        before = before_s[-1] * sum(map(sum, engine.commits)) / sum(map(sum, shape))
        bare_s.append((before + after_s) / 2)
        commits = engine.commits
        taps = count * TAPS
        total = sum(sum(sizes) for sizes in commits)
        rows.append(
            (
                million(taps / ours_s[-1]),
                million(taps / bare_s[-1]),
                f"{bare_s[-1] / ours_s[-1]:.2f}",
                len(commits),
                f"{total / taps:.0f}",
            )
        )

    benchmark.pedantic(run, setup=ready, teardown=beside, rounds=rounds)
    appends.close()
    figures.table(
        "engine", ("records/s", "bare records/s", "ratio", "commits", "bytes a record"), rows
    )
    ratio = median(bare / ours for ours, bare in zip(ours_s, bare_s, strict=True))
    benchmark.extra_info["of_bare_appends"] = ratio
    figures.hold({"engine.records_of_bare_appends_min": ratio})
