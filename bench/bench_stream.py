"""Taps over gRPC, durable, against an echo of the same bytes on the same two cores."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import bare, gate
from bench.figures import Figures, million
from bench.load import Stream
from bench.server import Server, accepted

CARDS = 1_000_000
OPERATORS = 16
IN_FLIGHT = 8  # messages of each stream that wait for their answer
TAPS = (1, 16, 128, 1_024, 8_192)  # of a message
STREAMS = (1, 4, 16)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    server = Server(folder / "ledger")
    server.start()
    server.register(CARDS, OPERATORS)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def streams(server: Server) -> list[Stream]:
    return [server.stream(operator, OPERATORS) for operator in range(OPERATORS)]


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    with bare.echo() as address:
        yield address


def bench_8192_taps_a_message(
    benchmark: BenchmarkFixture,
    figures: Figures,
    server: Server,
    streams: list[Stream],
    echo: str,
) -> None:
    """The headline: a fifth of the echo, one stream."""
    count = 60 if figures.short else 200
    rounds = 5 if figures.short else 9
    # Until every table that is reused has been met once: memory is slow the first time.
    warm = 100 if figures.short else 400
    gate.closed_loop(
        server.address, gate.AUTHORIZE, [streams[0].messages(warm, 8_192)], 4, accepted
    )
    bare_s, ours_s = [], []

    def ready() -> tuple[tuple[list[bytes]], dict[str, object]]:
        messages = streams[0].messages(count, 8_192)
        bare_s.append(gate.closed_loop(echo, bare.STREAM, [messages], IN_FLIGHT))
        return (messages,), {}

    def run(messages: list[bytes]) -> None:
        ours_s.append(gate.closed_loop(server.address, gate.AUTHORIZE, [messages], IN_FLIGHT))

    before = server.last()
    benchmark.pedantic(run, setup=ready, rounds=rounds)
    taps = count * 8_192
    assert server.last() == before + rounds * taps
    rows = [
        (at + 1, million(taps / ours), million(taps / bare), f"{bare / ours:.2f}")
        for at, (ours, bare) in enumerate(zip(ours_s, bare_s, strict=True))
    ]
    figures.table("stream", ("round", "durable taps/s", "echoed taps/s", "ratio"), rows)
    ratio = median(bare / ours for ours, bare in zip(ours_s, bare_s, strict=True))
    benchmark.extra_info["of_bare_echo"] = ratio
    figures.hold({"stream.taps_of_bare_echo_min": ratio})


def bench_curve(
    benchmark: BenchmarkFixture,
    figures: Figures,
    server: Server,
    streams: list[Stream],
    echo: str,
) -> None:
    """Taps a second by taps a message and streams; one pass, so each figure is a single sight."""
    sizes = (1, 128, 8_192) if figures.short else TAPS
    counts = (1, 16) if figures.short else STREAMS
    rows: list[tuple[object, ...]] = []

    def cell(taps: int, wide: int) -> None:
        messages = max(8, min(3_000, 600_000 // taps) // wide // (4 if figures.short else 1))
        sent = [stream.messages(messages, taps) for stream in streams[:wide]]
        total = messages * wide * taps
        bare_s = gate.closed_loop(echo, bare.STREAM, sent, IN_FLIGHT)
        ours_s = gate.closed_loop(server.address, gate.AUTHORIZE, sent, IN_FLIGHT)
        rows.append(
            (
                f"{taps:,}",
                wide,
                f"{total / ours_s:,.0f}",
                f"{messages * wide / ours_s:,.0f}",
                f"{messages * wide / bare_s:,.0f}",
                f"{bare_s / ours_s:.2f}",
            )
        )

    def curve() -> None:
        for taps in sizes:
            for wide in counts:
                cell(taps, wide)

    benchmark.pedantic(curve, rounds=1)
    header = ("taps a message", "streams", "durable taps/s", "messages/s", "echoed/s", "ratio")
    figures.table("curve", header, rows)
