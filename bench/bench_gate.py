"""An open loop at a steady rate, on a grown file, while everything else happens besides."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import bare, gate
from bench.figures import Figures
from bench.server import Server, accepted
from onecard.core.days import DAY_US
from onecard.grpc.client import Client

CARDS = 1_000_000
RATE = 250  # messages a second
TAPS = 128  # of a message: 32,000 taps a second, a large city's peak
ENTRY_BYTES = 160  # an entry and its two legs
LATE_TAPS = 8_192  # of a message of the late upload
CHECKPOINT_S = 5
DAY = 20_000  # since 1970: of the first window


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    server = Server(folder / "ledger", ["--checkpoint-seconds", str(CHECKPOINT_S)])
    server.start()
    server.register(CARDS, 3)
    yield server
    server.stop()


def bench_open_loop(
    benchmark: BenchmarkFixture, figures: Figures, server: Server, folder: Path
) -> None:
    grown = 100 if figures.short else 1_000  # messages of 8,192: how far the file has grown
    slice_s, slices = (4, 2) if figures.short else (10, 5)
    steady, late, early = (server.stream(operator, 3) for operator in range(3))
    late.tapped_at_us -= DAY_US
    gate.closed_loop(server.address, gate.AUTHORIZE, [early.messages(grown, 8_192)], 4)
    gate.open_loop(server.address, steady.messages(RATE, TAPS), RATE, accepted)
    bare_s: list[float] = []
    ours_s: list[float] = []
    closed = 0

    def upload() -> None:
        messages = late.messages(slice_s * 4, LATE_TAPS)
        gate.closed_loop(server.address, gate.AUTHORIZE, [messages], 1, accepted)

    def besides() -> None:
        nonlocal closed
        time.sleep(slice_s / 4)
        closed += 1
        with Client(server.address) as client:
            window = client.close_window(closed, DAY + closed, force=True)
        assert window.closed
        assert sum(position.net_fen for position in window.positions) == 0
        upload()

    def ready() -> tuple[tuple[list[bytes]], dict[str, object]]:
        path = folder / f"bare-{len(bare_s)}"
        bare_s.extend(bare.commits_at(path, bytes(TAPS * ENTRY_BYTES), RATE, slice_s))
        return (steady.messages(RATE * slice_s, TAPS),), {}

    def run(messages: list[bytes]) -> None:
        with gate.Beside(besides):
            ours_s.extend(gate.open_loop(server.address, messages, RATE))

    benchmark.pedantic(run, setup=ready, rounds=slices)
    report(figures, gate.Spread.of(bare_s), gate.Spread.of(ours_s))


def report(figures: Figures, bare_at_rate: gate.Spread, ours: gate.Spread) -> None:
    rows = []
    for name, spread in (("bare commits", bare_at_rate), ("messages", ours)):
        ms = (spread.p50_ms, spread.p99_ms, spread.p999_ms, spread.worst_ms)
        rows.append((name, spread.count, *(f"{value:.2f}" for value in ms)))
    header = ("what", "count", "p50 ms", "p99 ms", "p99.9 ms", "p100 ms")
    figures.table("open_loop", header, rows)
    worst = (ours.worst_ms - bare_at_rate.worst_ms) / ours.p50_ms
    figures.hold(
        {
            "open_loop.p999_of_p50_max": ours.p999_ms / ours.p50_ms,
            "open_loop.worst_less_bare_worst_of_p50_max": worst,
        }
    )
