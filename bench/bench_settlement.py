"""A window's files, what came back, and the proof of the ledger: figures by the million lines."""

import csv
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import gate
from bench.figures import Figures, million
from bench.server import ONECARD, Server
from onecard.grpc.client import Client

TAPS = 8_192  # of a message
DAY = 20_000  # since 1970


@dataclass(frozen=True)
class Ran:
    """A command that ended: seconds, most memory it held, exit status, what it printed."""

    seconds: float
    gib: float
    status: int
    printed: str


# Of its own small process: a child starts with the peak of whoever forked it.
LAUNCH = """import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(status)"""


def command(*words: str | Path) -> Ran:
    """Run `onecard` to its end."""
    began = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-c", LAUNCH, ONECARD, *map(str, words)], capture_output=True, text=True
    )
    seconds = time.perf_counter() - began
    gib = int(ended.stderr.split()[-1]) / 2**20
    return Ran(seconds, gib, ended.returncode, ended.stdout)


@pytest.fixture(scope="module")
def ledger(folder: Path, figures: Figures) -> Iterator[Path]:
    """A ledger whose window 1 is closed: 1.3 million taps, in short a quarter of a million."""
    server = Server(folder / "ledger")
    server.start()
    server.register(100_000, 2)
    streams = [server.stream(operator, 2) for operator in range(2)]
    messages = [stream.messages(15 if figures.short else 80, TAPS) for stream in streams]
    gate.closed_loop(server.address, gate.AUTHORIZE, messages, 4)
    with Client(server.address) as client:
        client.close_window(1, DAY, force=True)
    server.stop()
    yield server.folder


def bench_files_reconcile_verify(
    benchmark: BenchmarkFixture, figures: Figures, ledger: Path
) -> None:
    ran: dict[str, Ran] = {}

    def run() -> None:
        ran["settle"] = command("settle", ledger, "1", "--json")
        returned(ran["settle"].printed, ledger.with_name("returned.csv"))
        ran["reconcile"] = command(
            *("reconcile", "1", ledger.with_name("returned.csv")),
            *("--data", ledger, "--participant", "issuer", "--json"),
        )
        ran["verify"] = command("verify", ledger, "--json")

    benchmark.pedantic(run, rounds=1)
    assert [ran[name].status for name in ("settle", "reconcile", "verify")] == [0, 1, 0]
    manifest = json.loads(ran["settle"].printed)
    result = json.loads(ran["reconcile"].printed)
    proof = json.loads(ran["verify"].printed)
    found = {name: result[name]["count"] for name in BREAKS}
    assert found == BREAKS
    assert proof["ok"]
    lines = result["theirs"]["lines"]
    done = {
        "settle": (manifest["totals"]["lines"], "lines"),
        "reconcile": (lines, "lines"),
        "verify": (proof["records"], "records"),
    }
    rows = []
    for name, (count, of) in done.items():
        spent = ran[name]
        rate = f"{million(count / spent.seconds)}/s"
        rows.append(
            (name, f"{count:,} {of}", f"{spent.seconds:.2f} s", f"{spent.gib:.2f} GiB", rate)
        )
    figures.table("settlement", ("command", "of", "in all", "most memory", "rate"), rows)
    a_million = ran["reconcile"].seconds * 1e6 / lines
    figures.hold({"settlement.reconcile_million_seconds_max": a_million})


BREAKS = {"theirs_only": 1, "ours_only": 1, "amount_differs": 1, "repeated": 1}


def returned(manifest: str, path: Path) -> None:
    """What the issuer sends back: its own lines in any order, with one break of each sort."""
    stated = json.loads(manifest)
    sheet = next(sheet for sheet in stated["files"] if sheet["name"] == "issuer")
    with (Path(stated["folder"]) / sheet["file"]).open(newline="") as file:
        assert file.readline().startswith("#header")
        rows = [
            (int(row["sequence"]), int(row["leg"]), int(row["amount_fen"]))
            for row in csv.DictReader(line for line in file if not line.startswith("#"))
        ]
    random.Random(1).shuffle(rows)
    rows.pop()
    sequence, leg, amount_fen = rows[0]
    rows[0] = (sequence, leg, amount_fen - 1)
    rows.append((stated["cut"] + 1_000, 0, -500))
    rows.append(rows[1])
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("sequence", "leg", "amount_fen"))
        writer.writerows(rows)
