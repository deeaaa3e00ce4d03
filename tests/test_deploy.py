"""What deploy/ says is what the program has: options, metric names, rules that Prometheus takes."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from onecard.core.metrics import LedgerCollector, Snapshot
from onecard.ext.counters import Counters

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
ALERTS = (DEPLOY / "alerts.yml").read_text()


def test_alerts_name_metrics_that_exist() -> None:
    names = set()
    for family in LedgerCollector(lambda: Snapshot(Counters())).collect():
        suffixes = {"histogram": ("_bucket",), "counter": ("_total",)}.get(family.type, ("",))
        names |= {family.name + suffix for suffix in suffixes}
    used = set(re.findall(r"\bonecard_\w+", ALERTS))
    assert len(used) > 5
    assert used <= names


def test_prometheus_takes_the_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run(
        [promtool, "check", "rules", str(DEPLOY / "alerts.yml")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_unit_starts_with_options_that_exist() -> None:
    [start] = re.findall(
        r"^ExecStart=\S+/onecard (\w+) (.*)$", (DEPLOY / "onecard.service").read_text(), re.M
    )
    shown = subprocess.run(
        [str(Path(sys.executable).with_name("onecard")), start[0], "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for option in re.findall(r"--[\w-]+", start[1]):
        assert option in shown
