"""What deploy/ says is what the program has: options, metric names, rules that Prometheus takes."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from onecard.cli.exit_status import of_error
from onecard.core.config import Settings
from onecard.core.errors import LedgerFault
from onecard.core.watch.metrics import LedgerCollector, Snapshot
from onecard.ext.judge.counters import Counters
from onecard.grpc.server.process import FAILED

DEPLOY = Path(__file__).resolve().parent.parent.parent / "deploy"
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


def test_prometheus_takes_the_configuration() -> None:
    text = (DEPLOY / "prometheus.yml").read_text()
    assert "job_name: onecard\n" in text
    assert 'job="onecard"' in ALERTS
    assert f'"127.0.0.1:{Settings.metrics_port}"' in text
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run(
        [promtool, "check", "config", str(DEPLOY / "prometheus.yml")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


FIRES = 'ALERTS{{alertname="{}",alertstate="firing"}}'
UP = 'up{job="onecard"}'
SERVES = 'onecard_serving{job="onecard"}'
FIRING = [
    # alert, series and their values a minute apart, whether it fires at the end of them
    ("OnecardNotServing", {SERVES: "1x5", UP: "1x5"}, False),
    ("OnecardNotServing", {SERVES: "0x5", UP: "1x5"}, True),
    ("OnecardNotServing", {UP: "0x5"}, True),
    ("OnecardNotServing", {"node_load1": "1x5"}, True),  # the target is out of the configuration
    ("OnecardNotServing", {SERVES: "1 1 _x12", UP: "1 1 _x12"}, True),  # it was there, and is gone
    ("OnecardNotServing", {'onecard_serving{job="card"}': "1x5", 'up{job="card"}': "1x5"}, True),
    ("OnecardEngineStopped", {"onecard_engine_stopped": "0 1"}, True),
    ("OnecardEngineStopped", {'process_start_time_seconds{job="onecard"}': "1 2 3"}, True),
    ("OnecardEngineStopped", {'process_start_time_seconds{job="onecard"}': "1 1 2"}, False),
    ("OnecardDiskFilling", {"onecard_disk_free_bytes": "15000000000x40"}, True),
    ("OnecardDiskFilling", {"onecard_disk_free_bytes": "90000000000-20000000x400"}, True),
    ("OnecardDiskFilling", {"onecard_disk_free_bytes": "90000000000x400"}, False),
    ("OnecardSuspense", {"onecard_suspense_taps_total": "0 0 3"}, True),
    ("OnecardSuspense", {"onecard_suspense_taps_total": "7 7 7"}, False),
    ("OnecardRoomFilling", {"onecard_cards": "9", "onecard_cards_limit": "10"}, True),
    ("OnecardRoomFilling", {"onecard_terminals": "9", "onecard_terminals_limit": "10"}, True),
    ("OnecardRoomFilling", {"onecard_card_pasts": "9", "onecard_card_pasts_limit": "10"}, True),
    (
        "OnecardRoomFilling",
        {"onecard_terminal_pasts": "9", "onecard_terminal_pasts_limit": "10"},
        True,
    ),
    ("OnecardRoomFilling", {"onecard_cards": "7", "onecard_cards_limit": "10"}, False),
    ("OnecardWindowOpenLong", {"onecard_window_open_seconds": "108001"}, True),
    ("OnecardWindowOpenLong", {"onecard_window_open_seconds": "90000"}, False),
    ("OnecardSweepLate", {'onecard_sweep_oldest_seconds{kind="hold_ends"}': "0 301x3"}, True),
    ("OnecardSweepLate", {'onecard_sweep_oldest_seconds{kind="hold_ends"}': "0 299x3"}, False),
    ("OnecardCalendarEnds", {"onecard_calendar_end_timestamp_seconds": "2591000"}, True),
    ("OnecardCalendarEnds", {"onecard_calendar_end_timestamp_seconds": "2593000"}, False),
    ("OnecardCalendarEnds", {"onecard_serving": "1"}, False),  # no calendar is loaded
    ("OnecardLogLinesDropped", {"onecard_log_lines_dropped_total": "0 5"}, True),
    ("OnecardLogLinesDropped", {"onecard_log_lines_dropped_total": "5 5"}, False),
    ("OnecardCallsCut", {'onecard_calls_cut_total{why="reclaimed"}': "0 200"}, True),
    ("OnecardCallsCut", {'onecard_calls_cut_total{why="reclaimed"}': "200 220"}, False),
    ("OnecardAccessRefused", {'onecard_access_refused_total{record="recorded"}': "0 30"}, True),
    ("OnecardAccessRefused", {'onecard_access_refused_total{record="recorded"}': "5 12"}, False),
    ("OnecardNoBackup", {"onecard_serving": "1x130"}, True),
    ("OnecardNoBackup", {"onecard_serving": "1x130", "onecard_backup_age_seconds": "9x130"}, False),
    ("OnecardNoBackup", {"onecard_serving": "1", "onecard_backup_age_seconds": "99999x130"}, True),
]


def minutes(values: str) -> int:
    """How many there are: `1x130` is a hundred and thirty more after the first."""
    return int(values.rpartition("x")[2]) if "x" in values else len(values.split()) - 1


def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": one} for name, one in series.items()],
            "promql_expr_test": [
                {
                    "expr": f"count({FIRES.format(alert)}) or vector(0)",
                    "eval_time": f"{max(map(minutes, series.values()))}m",
                    "exp_samples": [{"labels": "{}", "value": int(fires)}],
                }
            ],
        }
        for alert, series, fires in FIRING
    ]
    file = tmp_path / "test.yml"  # JSON is YAML
    file.write_text(json.dumps({"rule_files": [str(DEPLOY / "alerts.yml")], "tests": tests}))
    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_says_what_it_is_and_what_to_do() -> None:
    alerts = re.split(r"- alert: ", ALERTS)[1:]
    assert len(alerts) > 10
    for alert in alerts:
        for part in ("expr:", "severity:", "summary:", "do:"):
            assert part in alert, alert


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


def test_the_unit_starts_again_what_another_start_can_mend() -> None:
    """An engine that failed, and no ledger that contradicts itself."""
    unit = (DEPLOY / "onecard.service").read_text()
    [prevented] = re.findall(r"^RestartPreventExitStatus=(.*)$", unit, re.M)
    kept = {int(status) for status in prevented.split()}
    assert kept == {of_error(LedgerFault())}
    assert FAILED not in kept and "\nRestart=on-failure\n" in unit
