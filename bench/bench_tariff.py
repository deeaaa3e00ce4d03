"""Tariffs, from their files to the arrays: those that come with onecard, and a large feed."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from bench import synthetic_feed
from bench.figures import ROOT, Figures
from onecard.core.tariff import ready
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.notice import Notices
from onecard.ext.fare import shapes
from onecard.ext.fare.rate import FareSet, Status, new_rider, walk

REAL_FEED = ROOT / "../shared/data/gtfs_zakroczym"


def bench_a_large_feed(benchmark: BenchmarkFixture, figures: Figures, folder: Path) -> None:
    """In a process of its own: the most memory it ever had is that of the compilation."""
    feed = folder / "feed"
    synthetic_feed.write(feed)
    found: list[dict[str, float]] = []

    def compiling() -> None:
        command = [sys.executable, "-m", "bench.synthetic_feed", str(feed)]
        child = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
        found.append(json.loads(child.stdout))

    benchmark.pedantic(compiling, rounds=1 if figures.short else 3)
    seconds, gib = min(one["s"] for one in found), max(one["gib"] for one in found)
    said = f"{synthetic_feed.STOPS:,} stops, {synthetic_feed.LEG_RULES:,} leg rules"
    row = (
        said,
        f"{found[0]['cells']:,}",
        f"{found[0]['offers']:,}",
        f"{seconds:.1f}",
        f"{gib:.2f}",
    )
    figures.table("tariff", ("a feed of", "cells", "offers", "seconds", "GiB"), [row])
    figures.hold({"tariff.compile_s_max": seconds, "tariff.compile_gib_max": gib})


def bench_ready_tariffs(benchmark: BenchmarkFixture, figures: Figures) -> None:
    """Checked and compiled, all of them one after another; the real feed too where the data is."""
    names = [*ready.READY, *([str(REAL_FEED)] if REAL_FEED.exists() else [])]
    taken: dict[str, float] = {}

    def all_of_them() -> None:
        for name in names:
            start = time.perf_counter()
            notices = Notices()
            assert ready.compiled(ready.find(name), notices) is not None and not notices.errors
            taken[name] = min(taken.get(name, 60.0), time.perf_counter() - start)

    benchmark.pedantic(all_of_them, rounds=1 if figures.short else 3)
    rows = [(Path(name).name, f"{seconds * 1000:.0f}") for name, seconds in taken.items()]
    figures.table("ready", ("tariff", "ms"), rows)
    figures.hold({"tariff.ready_s_max": sum(taken.values())})


def bench_rating(benchmark: BenchmarkFixture, figures: Figures, folder: Path) -> None:
    """One leg of the large feed, from places at random, beside a look-up at random in a table as
    large as the feed's arrays, of which each place is known only from the look-up before."""
    feed = folder / "rated"
    synthetic_feed.write(feed)
    tariff = ready.load(str(feed))
    fares, rides = FareSet(tariff.arrays), _rides(tariff)
    rider = new_rider(0)
    table = _permutation(sum(array.nbytes for array in tariff.arrays.values()) // 4)
    places = np.random.default_rng(1).integers(0, len(table), len(rides))
    taken: dict[str, list[float]] = {"rate": [], "walk": [], "take": []}

    def both() -> None:
        for name, run in (
            ("walk", lambda: walk(table, len(rides))),
            ("rate", lambda: fares.rate_each(rides, rider)),
            ("take", lambda: table.take(places)),
        ):
            start = time.thread_time_ns()
            run()
            taken[name].append((time.thread_time_ns() - start) / len(rides))

    benchmark.pedantic(both, rounds=3 if figures.short else 9)
    rate_ns, walk_ns = min(taken["rate"]), min(taken["walk"])
    row = (
        f"{table.nbytes / 2**20:.0f}",
        f"{walk_ns:.0f}",
        f"{min(taken['take']):.1f}",
        f"{rate_ns:.0f}",
    )
    columns = ("MiB of arrays", "ns a look-up that waits", "ns one that does not", "ns a leg")
    figures.table("rating", columns, [row])
    figures.hold({"tariff.rating_of_lookup_max": rate_ns / walk_ns})


def _rides(tariff: Compiled) -> NDArray[np.void]:
    """Rides that have a fare, in any network, between any two places."""
    rng = np.random.default_rng(20260427)
    places = tariff.arrays["place_sets"].shape[1]
    rides = np.zeros(1 << 20, shapes.RIDE)
    rides["network"] = rng.integers(1, len(tariff.words["networks"]) + 1, len(rides))
    rides["from_place"] = rng.integers(1, places, len(rides))
    rides["to_place"] = rng.integers(1, places, len(rides))
    rides["begin_us"] = rides["end_us"] = 1_772_409_600_000_000  # 2026-03-02 00:00 UTC
    rides["face"] = rides["metres"] = -1
    _, statuses = FareSet(tariff.arrays).rate_each(rides, new_rider(0))
    return np.ascontiguousarray(rides[statuses == Status.RATED])


def _permutation(count: int) -> NDArray[np.uint32]:
    """A table that leads through all of its places once before it comes back to the first."""
    order = np.random.default_rng(20260427).permutation(count).astype(np.uint32)
    table = np.empty(count, np.uint32)
    table[order] = np.roll(order, -1)
    return table
