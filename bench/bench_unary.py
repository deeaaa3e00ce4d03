"""One tap, one call, one answer: against a bare echo and a bare commit, taken in turns."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import bare, gate
from bench.figures import Figures
from bench.server import Server, rows

BLOCK = bytes(512)  # about what a block of one entry takes
CALLS = 100  # of each in a turn


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    server = Server(folder / "ledger")
    server.start()
    server.register(100_000, 1)
    yield server
    server.stop()


def bench_authorize_one(
    benchmark: BenchmarkFixture, figures: Figures, server: Server, folder: Path
) -> None:
    stream = server.stream(0, 1)
    echo_s: list[float] = []
    commit_s: list[float] = []
    ours_s: list[float] = []
    with bare.echo() as echo:

        def ready() -> tuple[tuple[list[bytes]], dict[str, object]]:
            taps = rows(stream, CALLS)
            echo_s.extend(gate.one_by_one(echo, bare.UNARY, taps))
            commit_s.extend(bare.commits(folder / f"bare-{stream.sent}", BLOCK, CALLS))
            return (taps,), {}

        def run(taps: list[bytes]) -> None:
            ours_s.extend(gate.one_by_one(server.address, gate.AUTHORIZE_ONE, taps))

        before = server.last()
        rounds = 8 if figures.short else 40
        benchmark.pedantic(run, setup=ready, rounds=rounds)
    assert server.last() == before + rounds * CALLS
    named = {"bare echo": echo_s, "bare commit": commit_s, "AuthorizeOne": ours_s}
    spreads = [(name, gate.Spread.of(seconds)) for name, seconds in named.items()]
    table = [
        (n, s.count, *(f"{x:.2f}" for x in (s.p50_ms, s.p99_ms, s.worst_ms))) for n, s in spreads
    ]
    figures.table("unary", ("what", "calls", "p50 ms", "p99 ms", "p100 ms"), table)
    ratio = median(ours_s) / (median(echo_s) + median(commit_s))
    benchmark.extra_info["of_echo_and_commit"] = ratio
    figures.hold({"unary.p50_of_echo_and_commit_max": ratio})
