"""What a run measured: held against budgets.toml, printed, and in full written to the page."""

import importlib.metadata
import os
import platform
import re
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import lmdb
import pytest

ROOT = Path(__file__).resolve().parent.parent
BUDGETS = ROOT / "bench" / "budgets.toml"
PAGE = ROOT / "docs" / "benchmarks.md"
TEMPLATE = ROOT / "bench" / "page.md"
# The short form has few rounds, on whatever machine a gate runs on: it catches what got twice as
# bad, and only the full form holds the promises as they are written.
SHORT_SLACK = 2.0
LIBRARIES = ("numpy", "lmdb", "grpcio", "protobuf", "Cython", "pytest-benchmark")


@dataclass
class Figures:
    """Tables by name, and every budget with what was found."""

    short: bool
    tables: dict[str, str] = field(default_factory=dict)
    held: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def hold(self, found: Mapping[str, float]) -> None:
        """Fail unless each value is on the promised side of the budget `section.name`."""
        past = []
        for name, value in found.items():
            section, key = name.split(".")
            promised = tomllib.loads(BUDGETS.read_text())[section][key]
            if self.short:
                promised = (
                    promised / SHORT_SLACK if key.endswith("_min") else promised * SHORT_SLACK
                )
            within = value >= promised if key.endswith("_min") else value <= promised
            side = "at least" if key.endswith("_min") else "at most"
            self.held.append((name, f"{side} {promised:g}", f"{value:.3g}", within))
            line = f"{name}: expected {side} {promised:g}, found {value:.3g}"
            print(f"{'within' if within else 'PAST'} its budget: {line}")
            past += [] if within else [line]
        if past:
            pytest.fail("past its budget: " + "; ".join(past), pytrace=False)

    def table(self, name: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Keep a table for the page under `name`, and print it."""
        lines = [[str(cell) for cell in row] for row in (header, *rows)]
        text = ["| " + " | ".join(line) + " |" for line in lines]
        text.insert(1, "|" + "---|" * len(header))
        self.tables[name] = "\n".join(text)
        widths = [max(len(line[at]) for line in lines) for at in range(len(header))]
        print(f"\n{name}")
        for line in lines:
            print("  " + "  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)))

    def is_whole(self) -> bool:
        """Was every table measured that the page shows?"""
        shown = set(re.findall(r"\{\{(\w+)\}\}", TEMPLATE.read_text()))
        return shown <= {*self.tables, "budgets", "machine"}

    def write(self) -> None:
        """Rewrite docs/benchmarks.md from its template."""
        budgets = [(n, p, f, "yes" if ok else "**no**") for n, p, f, ok in self.held]
        self.table("budgets", ("budget", "promised", "found", "within"), budgets)
        self.table("machine", ("what", "found"), list(machine().items()))

        def found(match: re.Match[str]) -> str:
            return self.tables[match[1]]

        PAGE.write_text(re.sub(r"\{\{(\w+)\}\}", found, TEMPLATE.read_text()))


def machine() -> dict[str, str]:
    """Where this ran: processor, cores, memory, kernel, disk, versions, commit."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    return {
        "commit": commit(),
        "processor": cpu[1] if cpu else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(memory[1]) / 2**20:.1f} GiB" if memory else "?",
        "kernel": platform.release(),
        "file system": file_system(ROOT),
        "python": platform.python_version(),
        "libraries": ", ".join(versions),
        "LMDB": ".".join(str(part) for part in lmdb.version()),
    }


def commit() -> str:
    """The commit this ran on, and whether anything but the page differed from it."""
    try:
        at = ("git", "-C", str(ROOT))
        head = subprocess.check_output([*at, "rev-parse", "--short=12", "HEAD"], text=True).strip()
        changed = subprocess.check_output(
            [*at, "status", "--porcelain", "--untracked-files=no", "--", ":!docs/benchmarks.md"],
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "not a git checkout"
    return head + (" with changes" if changed.strip() else "")


def file_system(path: Path) -> str:
    """Type of the file system that holds `path`, by the longest mount point above it."""
    best = ("", "?")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, kind = line.split()[:3]
        above = mount if mount.endswith("/") else mount + "/"
        if f"{path}/".startswith(above) and len(above) > len(best[0]):
            best = (above, kind)
    return best[1]


def million(per_second: float) -> str:
    """A rate in millions, two decimals."""
    return f"{per_second / 1e6:.2f} M"
