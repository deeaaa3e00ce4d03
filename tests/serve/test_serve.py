"""`onecard serve` as a process: ready, stopped, refused, failed, scraped."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from onecard.cli import serve
from onecard.core.config import Settings
from onecard.core.errors import BadInput, OnecardError
from onecard.core.ledger.opened import Ledger
from onecard.grpc.client import Client, Unanswered, Unreachable
from onecard.v1 import registry_pb2
from tests.support.serving import METRO, MIB, register, rides

ONECARD = (sys.executable, "-c", "from onecard.cli.main import main; main()")
SMALL = ("--cards-max", "10000", "--set", f"watermark_bytes={MIB}")
FREE = ("--listen", "127.0.0.1:0", "--metrics-port", "0")
WAIT_S = 60


@dataclass
class Process:
    """A running `onecard serve`."""

    process: subprocess.Popen[str]
    address: str
    metrics: str

    def stop(self) -> tuple[int, str, str]:
        """Status, standard output and standard error after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, out, err


@contextmanager
def serving(ledger: Path, *options: str, command: tuple[str, ...] = ONECARD) -> Iterator[Process]:
    if not ledger.exists():
        Ledger.create(ledger, Settings(watermark_bytes=MIB))
    ready = ledger.parent / "ready.json"
    ready.unlink(missing_ok=True)
    process = subprocess.Popen(
        [*command, "serve", str(ledger), *FREE, "--ready-file", str(ready), *SMALL, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(WAIT_S * 50):
            if ready.exists() or process.poll() is not None:
                break
            threading.Event().wait(0.02)
        assert ready.exists(), process.communicate(timeout=1)
        row = json.loads(ready.read_text())
        assert row["pid"] == process.pid
        yield Process(process, row["address"], row["metrics"])
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=WAIT_S)


def refused(*arguments: str) -> str:
    """The one line a command that cannot start leaves; its status is 2."""
    done = subprocess.run(
        [*ONECARD, "serve", *arguments], capture_output=True, text=True, timeout=WAIT_S
    )
    assert (done.returncode, done.stdout) == (2, ""), done
    lines = [line for line in done.stderr.splitlines() if line.startswith("onecard: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


def test_it_stops_when_told_and_goes_on_where_it_was(tmp_path: Path) -> None:
    with serving(tmp_path / "ledger") as server, Client(server.address) as client:
        register(client)
        assert client.is_serving()
        first = [answer.sequence.tolist() for answer in client.authorize([rides(1), rides(5)])]
        status, out, err = server.stop()
    assert status == 0, err
    assert re.match(r"onecard: ready on 127\.0\.0\.1:\d+, metrics on http://127", out)
    assert "event=ready" in err and "event=stopped" in err
    with serving(tmp_path / "ledger") as server, Client(server.address) as client:
        again = list(client.authorize([rides(1), rides(5)]))
        assert [answer.sequence.tolist() for answer in again] == first
        assert all(answer.repeated.all() for answer in again)
        # It was saved when it stopped, so there was nothing to replay.
        assert "onecard_replayed_records 0.0" in scrape(server.metrics)
        assert server.stop()[0] == 0


def test_told_to_stop_it_answers_what_is_in_flight(tmp_path: Path) -> None:
    with serving(tmp_path / "ledger") as server, Client(server.address) as client:
        register(client)
        sequences: list[int] = []
        enough = threading.Event()

        def batches() -> Iterator[bytes]:
            at = 1
            while True:
                yield rides(at)
                at += 4

        def read() -> None:
            try:
                for answer in client.authorize(batches()):
                    sequences.extend(answer.sequence.tolist())
                    if len(sequences) > 100:
                        enough.set()
            except Unreachable as error:
                errors.append(error)

        errors: list[OnecardError] = []
        reader = threading.Thread(target=read)
        reader.start()
        assert enough.wait(WAIT_S)
        status, _, err = server.stop()
        reader.join(WAIT_S)
    assert status == 0, err
    assert len(errors) == 1
    with Ledger.open(tmp_path / "ledger", readonly=True) as ledger:
        booked = ledger.journal.entries(np.array(sequences, np.uint64))
        assert booked["terminal_seq"].tolist() == list(range(1, len(sequences) + 1))


def test_a_second_process_is_refused_naming_the_first(tmp_path: Path) -> None:
    with serving(tmp_path / "ledger") as server:
        line = refused(str(tmp_path / "ledger"), *FREE)
        assert str(server.process.pid) in line


def test_what_cannot_start_says_why_in_one_line(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    Ledger.create(ledger)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for arguments, says in (
            ((str(tmp_path / "none"), *FREE), "none"),
            ((str(ledger), "--listen", f"127.0.0.1:{port}", "--metrics-port", "0"), "--listen"),
            ((str(ledger), "--listen", "127.0.0.1:0", "--metrics-port", port), "--metrics-port"),
        ):
            assert says in refused(*arguments), arguments


BAD_OPTIONS = [
    # options, what the error says
    (("--listen", "nowhere"), "expected HOST:PORT"),
    (("--set", "colour=3"), "expected NAME=VALUE with one of cards_max"),
    (("--set", "streams_max"), "expected NAME=VALUE"),
    (("--set", "streams_max=x"), "expected a value of type int, found 'x'"),
    (("--log-format", "xml"), "expected logfmt or json"),
]


@pytest.mark.parametrize(("options", "says"), BAD_OPTIONS)
def test_an_option_that_does_not_fit_is_refused(options: tuple[str, ...], says: str) -> None:
    app = typer.Typer()
    app.command()(serve.serve)
    result = CliRunner().invoke(app, ["nowhere", *options])
    assert isinstance(result.exception, BadInput)
    assert says in str(result.exception)


def test_a_write_that_fails_ends_the_process_and_nothing_answered_is_lost(tmp_path: Path) -> None:
    limited = ("/bin/sh", "-c", 'ulimit -f 6144; exec "$@"', "sh", *ONECARD)  # 3 MiB a file
    answered: list[int] = []
    with serving(tmp_path / "ledger", command=limited) as server, Client(server.address) as client:
        register(client)
        with pytest.raises((Unreachable, Unanswered)):
            for answer in client.authorize(rides(1 + 500 * at, 500) for at in range(1000)):
                answered.extend(answer.sequence.tolist())
        _, err = server.process.communicate(timeout=WAIT_S)
    assert server.process.returncode == 2
    assert "the engine stopped" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert 500 <= len(answered) < 500_000
    with serving(tmp_path / "ledger") as server, Client(server.address) as client:
        assert client.head().sequence >= answered[-1]
        (again,) = client.authorize([rides(1, 500)])
        assert again.repeated.all()


def scrape(metrics: str) -> str:
    with urllib.request.urlopen(f"http://{metrics}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def test_metrics_count_what_was_answered(tmp_path: Path) -> None:
    with serving(tmp_path / "ledger", "--log-format", "json") as server:
        with Client(server.address) as client:
            register(client)
            client.load_terminals([registry_pb2.Terminal(number="T4", operator=METRO, place=2)])
            list(client.authorize([rides(1), rides(1), rides(5, 2)]))
            list(client.authorize([rides(1, terminal=77)]))
        assert not re.search(r"^onecard_backup_age_seconds ", scrape(server.metrics), re.M)
        (tmp_path / "ledger" / "backup.stamp").touch()
        text = scrape(server.metrics)
        for name in ("window_open", "backup_age"):
            [age] = re.findall(rf"^onecard_{name}_seconds (\S+)$", text, re.M)
            assert 0 < float(age) < WAIT_S
        for line in (
            "onecard_engine_stopped 0.0",
            "onecard_log_lines_dropped_total 0.0",
            "onecard_suspense_taps_total 0.0",
            "onecard_cards 20.0",
            "onecard_cards_limit 10000.0",
            "onecard_terminals 4.0",
            "onecard_card_pasts 0.0",
            "onecard_card_pasts_limit 20000.0",
            "onecard_terminal_pasts 1.0",
            'onecard_items_total{kind="ride",outcome="accepted"} 6.0',
            'onecard_items_total{kind="ride",outcome="terminal_unknown"} 4.0',
            'onecard_duplicates_total{kind="ride"} 4.0',
            'onecard_batches_total{outcome="answered"} 4.0',
            "onecard_batch_decode_seconds_count 4.0",
            "onecard_serving 1.0",
            "onecard_streams 0.0",
            # The rules, 3 participants, 4 terminals, one again, 20 cards, who did it, 6 rides.
            "onecard_last_durable_sequence 40.0",
        ):
            assert line in text
        assert "_created" not in text
        assert "process_resident_memory_bytes" in text
        promtool(text)
        _, _, err = server.stop()
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert {"ready", "stopping", "stopped"} <= set(events)


def promtool(text: str) -> None:
    """Prometheus' own lint, where it is installed; else the test says that it was not asked."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (Debian: prometheus); the metrics were not linted")
    done = subprocess.run([tool, "check", "metrics"], input=text, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
