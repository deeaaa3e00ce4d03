"""The judge alone, in one process: what a ride costs, and what a travel row costs besides."""

import time
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from bench import load
from bench.figures import Figures
from bench.server import FLOOR_FEN
from onecard.core.authorize.engine import ActIn, Engine, TapsIn
from onecard.core.clock import SystemClock
from onecard.core.config import Settings
from onecard.core.errors import OnecardError
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.cards import PutCards
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.tariffs import PutTariff
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.ext.shape.numbers import Funding, Kind, Role

TAPS = 8_192  # of a batch
TERMINALS = 1_000


class Judge:
    """An engine without threads; half of its cards have a travel row, the other half never rode."""

    def __init__(self, path: Path, cards: int) -> None:
        Ledger.create(path, Settings())
        self.engine = Engine(Ledger.open(path, Settings()), SystemClock())
        self.random = np.random.default_rng(1)
        self.sent = 0
        self.act(PutParticipants([("operator", Role.OPERATOR), ("issuer", Role.ISSUER)]))
        self.act(PutTariff("bench", 1, load.STATIONS, load.fares().ravel()))
        self.act(PutTerminals([TerminalRow(f"T{at}", 1, 1) for at in range(TERMINALS)]))
        tokens = load.tokens(0, cards)
        for first in range(0, cards, 1 << 16):
            part = tokens[first : first + (1 << 16)]
            self.act(PutCards(part, 2, Funding.PREPAID, floor_fen=FLOOR_FEN))
        tokens = self.random.permutation(tokens)  # a rider's neighbours are no riders
        self.others, self.riders = tokens[: cards // 2], tokens[cards // 2 :]
        for first in range(0, len(self.riders), TAPS):
            self.journey(self.riders[first : first + TAPS])

    def act(self, act: object) -> None:
        (answer,) = self.engine.step([ActIn(act)])  # type: ignore[arg-type]
        assert not isinstance(answer, OnecardError), answer

    def ride_ns(self, cards: NDArray[np.uint64]) -> float:
        """Nanoseconds a tap of a batch of rides of random cards out of these."""
        chosen = cards[self.random.integers(len(cards), size=TAPS)]
        return self._judged_ns(Kind.RIDE, chosen, 300, 0)

    def journey_ns(self) -> float:
        """The same of the entries and exits of riders, each the mean of a batch of both."""
        return self.journey(self.random.choice(self.riders, TAPS, replace=False))

    def journey(self, cards: NDArray[np.uint64]) -> float:
        entry_ns = self._judged_ns(Kind.ENTRY, cards, 0, 1)
        return (entry_ns + self._judged_ns(Kind.EXIT, cards, 0, 9)) / 2

    def _judged_ns(
        self, kind: Kind, cards: NDArray[np.uint64], amount_fen: int, place: int
    ) -> float:
        taps = len(cards)
        at = np.arange(self.sent, self.sent + taps)
        self.sent += taps
        columns = {
            "card": cards,
            "terminal": (1 + at % TERMINALS).astype("<u4"),
            "terminal_seq": (1 + at // TERMINALS).astype("<u4"),
            "kind": np.full(taps, kind, np.uint8),
            "amount_fen": np.full(taps, amount_fen, "<i8"),
            "place": np.full(taps, place, "<u4"),
        }
        parts = [part for name, column in columns.items() for part in load.packed(name, column)]
        submission = TapsIn(0, b"".join([b"\x09" + bytes(8), *parts]))
        self.engine.read(submission)
        if not self.engine.recent.room(taps, self.sent):
            self.engine.retire_identities()
        start = time.thread_time_ns()  # not while others have the core
        group, left = self.engine.judge([submission])
        taken_ns = time.thread_time_ns() - start
        ((_, answer),) = group.answers
        assert not left and isinstance(answer, bytes), answer
        self.engine.commit(group)
        return taken_ns / taps


def bench_a_travel_row(benchmark: BenchmarkFixture, figures: Figures, folder: Path) -> None:
    """In turns, so that a noisy moment favours neither; the median of many batches."""
    judge = Judge(folder / "ledger", 100_000 if figures.short else 2_000_000)
    cases = {
        "a ride of a card that never rode by gates": lambda: judge.ride_ns(judge.others),
        "a ride of one with a travel row": lambda: judge.ride_ns(judge.riders),
        "an entry or exit, which reads and writes it": judge.journey_ns,
    }
    found: dict[str, list[float]] = {name: [] for name in cases}

    def all_of_them() -> None:
        for name, case in cases.items():
            found[name].append(case())

    benchmark.pedantic(all_of_them, rounds=10 if figures.short else 60, warmup_rounds=2)
    rows = [(name, f"{median(ns):.0f}", f"{min(ns):.0f}") for name, ns in found.items()]
    figures.table("judge", ("tap", "ns", "at best"), rows)
    flat, riding, journey = map(np.array, found.values())
    figures.hold(
        {
            "judge.travel_row_ns_max": median(riding - flat),
            "judge.journey_of_ride_max": median(journey / flat),
        }
    )
