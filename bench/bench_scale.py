"""Ten million cards, half of them riding: how much memory; how soon it serves after a kill."""

import threading
import time
from pathlib import Path

import grpc
from pytest_benchmark.fixture import BenchmarkFixture

from bench import gate
from bench.figures import Figures, million
from bench.server import Server

OPERATORS = 4
REPLAYED = "onecard_replayed_records"
REPLAY_S = "onecard_replay_seconds"
TRAVELS = "onecard_travels"


def bench_cards_and_a_kill(benchmark: BenchmarkFixture, figures: Figures, folder: Path) -> None:
    cards = 1_000_000 if figures.short else 10_000_000
    server = Server(folder / "ledger")
    server.start()
    registered_s = server.register(cards, OPERATORS)
    registered_gib = server.memory_gib()
    start = time.perf_counter()
    taps = under_load(server, cards // 2)
    taken_s = time.perf_counter() - start
    loaded_gib, travels = server.memory_gib(), server.metric(TRAVELS)
    before = server.last()
    again_s: list[float] = []

    def restart() -> None:
        again_s.append(server.start())

    def kill() -> None:
        busy = threading.Thread(target=until_cut, args=(server,), daemon=True)
        busy.start()
        time.sleep(2)
        server.kill()
        busy.join(30)

    benchmark.pedantic(restart, setup=kill, rounds=1)
    assert server.last() >= before
    again_gib = server.memory_gib()
    replayed = server.metric(REPLAYED)
    replay_s = server.metric(REPLAY_S)
    server.stop()
    rows = [
        ("cards", f"{cards:,}"),
        ("registered at", f"{million(cards / registered_s)} cards/s"),
        ("resident after registering", f"{registered_gib['VmRSS']:.2f} GiB"),
        ("taps under load", f"{taps:,} at {million(taps / taken_s)}/s"),
        ("cards that ever began a journey", f"{travels:,.0f}"),
        ("resident under load", f"{loaded_gib['VmRSS']:.2f} GiB"),
        ("of it anonymous", f"{loaded_gib['RssAnon']:.2f} GiB"),
        ("serving again after kill -9", f"{again_s[0]:.1f} s"),
        ("replayed", f"{replayed:,.0f} records at {million(replayed / replay_s)}/s"),
        ("resident after restart", f"{again_gib['VmRSS']:.2f} GiB"),
        ("at its highest, under load", f"{loaded_gib['VmHWM']:.2f} GiB"),
        ("at its highest, after restart", f"{again_gib['VmHWM']:.2f} GiB"),
    ]
    figures.table("scale", ("what", "found"), rows)
    highest = max(gib["VmHWM"] for gib in (loaded_gib, again_gib))
    figures.hold({"scale.resident_gib_max": highest, "scale.serving_again_seconds_max": again_s[0]})


def under_load(server: Server, travels: int) -> int:
    """Taps booked by four streams that send as fast as they are answered, until so many cards have
    begun a journey: what memory is promised for, on a fast machine as on a slow one."""
    streams = [server.stream(operator, OPERATORS) for operator in range(OPERATORS)]
    taps = 0
    while server.metric(TRAVELS) < travels:
        messages = [stream.messages(25, 8_192) for stream in streams]
        gate.closed_loop(server.address, gate.AUTHORIZE, messages, 4)
        taps += sum(map(len, messages)) * 8_192
    return taps


def until_cut(server: Server) -> None:
    """Full load until the server is gone."""
    streams = [server.stream(operator, OPERATORS) for operator in range(OPERATORS)]
    for stream in streams:
        stream.sent = 1 << 30  # identities nobody used
    messages = [stream.messages(200, 8_192) for stream in streams]
    try:
        gate.closed_loop(server.address, gate.AUTHORIZE, messages, 4)
    except (grpc.aio.AioRpcError, AssertionError):
        return
