"""Tariffs, from their files to the arrays: those that come with onecard, and a large feed."""

import json
import subprocess
import sys
import time
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from bench import synthetic_feed
from bench.figures import ROOT, Figures
from onecard.core.tariff import ready
from onecard.core.tariff.notice import Notices

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
