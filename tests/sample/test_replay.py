"""`onecard replay` and `onecard demo` from end to end: over a real server, on files made here."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray

from onecard.cli.local import serving
from onecard.cli.main import main
from onecard.core.clock import SystemClock
from onecard.core.errors import Overloaded
from onecard.core.ledger.folder import read_card_tokens
from onecard.core.ledger.opened import Ledger
from onecard.grpc.client import Answer, Client
from onecard.sample import send
from onecard.sample.recorded import play, shenzhen
from onecard.sample.recorded.taps import Roll
from onecard.v1.tap_pb2 import Decisions, TapBatch

DATA = Path(__file__).resolve().parent.parent.parent / "../shared/data/shenzhen_taps"
HEADER = (
    "deal_date,close_date,card_no,deal_value,deal_type,company_name,"
    "car_no,station,conn_mark,deal_money,equ_no"
)
# tap time, card, kind, operator, charge, terminal; the second is dated before its date
FIRST = """
  2018-09-01 06:24:32  CARDA  地铁入站  地铁一号线    0  263000001
  2018-08-31 23:59:59  CARDB  巴士      金华南巴士  160  223000001
  2018-09-01 07:01:00  CARDA  地铁出站  地铁一号线  190  263000002
  2018-09-01 07:01:00  CARDA  地铁出站  地铁一号线  190  263000002
  2018-09-01 07:01:00  CARDC  地铁出站  地铁一号线  285  263000002
"""
SECOND = """
  2018-09-02 06:24:32  CARDA  地铁入站  地铁一号线    0  263000001
  2018-09-02 07:05:00  CARDA  地铁出站  地铁一号线  190  263000002
"""


def lines(table: str, date: str) -> list[str]:
    rows = []
    for row in table.strip().splitlines():
        day, clock, card, kind, operator, fen, terminal = row.split()
        rows.append(
            f'"{day} {clock}","{date} 00:00:00",{card},{fen},{kind},{operator},'
            f"-,-,0,{fen},{terminal}"
        )
    return rows


def csv_of(path: Path, *rows: str) -> Path:
    path.write_text("\n".join((HEADER, *rows)) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return csv_of(tmp_path / "first.csv", *lines(FIRST, "2018-09-01"))


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return csv_of(tmp_path / "second.csv", *lines(SECOND, "2018-09-02"))


@dataclass(frozen=True)
class Done:
    stdout: str
    stderr: str


def run(*arguments: object, status: int = 0) -> Done:
    """A command as a person gives it, in this process; the server it starts is its own."""
    out, err = StringIO(), StringIO()
    found = 0
    with (
        patch("sys.argv", ["onecard", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            found = int(ended.code or 0)
    assert found == status, err.getvalue()
    return Done(out.getvalue(), err.getvalue())


def replayed(*arguments: object, status: int = 0) -> dict[str, Any]:
    done = run("replay", "--format", "shenzhen", "--json", *arguments, status=status)
    summary: dict[str, Any] = json.loads(done.stdout)
    assert list(summary) == [
        "rows",
        "invalid",
        "accepted",
        "declined",
        "duplicate",
        "conflict",
        "charged_fen",
        "operators",
        "late",
        "window",
        "windows",
        "verify",
    ]
    assert summary["verify"] == "ok"
    assert all(window["sum_fen"] == 0 for window in summary["windows"])
    return summary


def totals(summary: dict[str, Any]) -> tuple[int, ...]:
    names = ("rows", "invalid", "accepted", "duplicate", "conflict", "charged_fen", "late")
    return tuple(summary[name] for name in names)


def test_a_day_and_the_same_again(first: Path, second: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    summary = replayed(first, "--data", ledger)
    assert totals(summary) == (5, 0, 4, 1, 0, 635, 1)
    assert summary["declined"] == {}
    assert summary["operators"] == {
        "地铁一号线": {"taps": 3, "charged_fen": 475},
        "金华南巴士": {"taps": 1, "charged_fen": 160},
    }
    assert summary["windows"] == [summary["window"]]
    files = [Path(file) for file in summary["window"]["files"]]
    assert summary["window"]["id"] == 1 and len(files) == 3  # the issuer and two operators
    before = [file.read_bytes() for file in files]

    again = replayed(first, "--data", ledger)
    assert totals(again) == (5, 0, 0, 5, 0, 0, 1)
    assert again["windows"] == summary["windows"]  # the window there was; no empty one is closed
    assert [file.read_bytes() for file in files] == before

    other = replayed(second, "--data", ledger)
    assert totals(other) == (2, 0, 2, 0, 0, 190, 0)
    assert other["window"]["id"] == 2


def test_dates_close_in_order_and_malformed_rows_are_told(first: Path, tmp_path: Path) -> None:
    rows = [*lines(SECOND, "2018-09-02"), *lines(FIRST, "2018-09-01")]
    path = csv_of(
        tmp_path / "mixed.csv", rows[0], rows[3].replace(",160,2230", ",1.60,2230"), *rows[1:]
    )
    arguments = ("replay", "--format", "shenzhen", path, "--data", tmp_path / "ledger", "--json")
    done = run(*arguments, status=1)
    summary = json.loads(done.stdout)
    assert totals(summary) == (8, 1, 6, 1, 0, 825, 1)
    assert [window["id"] for window in summary["windows"]] == [1, 2]
    assert summary["window"] == summary["windows"][1]
    line, *rest = done.stderr.splitlines()
    assert rest == []
    assert line.startswith(f"onecard: {path}: line 3, column deal_money: expected an amount")
    # All of the first date was booked before its window was closed.
    for window, day in zip(summary["windows"], ("2018-09-01", "2018-09-02"), strict=True):
        manifest = json.loads((Path(window["files"][0]).parent / "manifest.json").read_text())
        assert manifest["business_day"] == day
    # The other file's rows are part of this one.
    assert totals(replayed(first, "--data", tmp_path / "ledger")) == (5, 0, 0, 5, 0, 0, 1)


def test_to_a_server_that_runs(first: Path, second: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    Ledger.create(ledger)
    with serving(ledger) as address:
        old = ("replay", "--format", "shenzhen", "--json", first, "--to", address, "--data", ledger)
        done = run(*old, status=2)
        assert "business day: expected" in done.stderr and len(done.stderr.splitlines()) == 1
        assert "taps up to settlement date 2018-09-01 are booked, window 1 stays" in done.stderr
        assert "--force" in done.stderr
        with Client(address) as client:
            head = client.head()
            assert head.window == 1  # open as it was, with the taps in it
            assert sum(p.in_fen for p in client.window(1).positions) == 635
        summary = replayed(first, "--to", address, "--data", ledger, "--force")
        assert totals(summary)[:3] == (5, 0, 0) and len(summary["window"]["files"]) == 3
        arguments = ("replay", "--format", "shenzhen", "--json", second, "--to", address)
        done = run(*arguments, status=2)
        assert "--token-key FILE" in done.stderr and len(done.stderr.splitlines()) == 1
        far = json.loads(run(*arguments, "--token-key", ledger / "token.key", "--force").stdout)
        assert (far["accepted"], far["window"]["files"]) == (2, [])
        assert far["verify"].startswith("not verified: give --data DIR")
    assert totals(replayed(second, "--data", ledger))[2:4] == (0, 2)


def test_a_run_that_was_cut_short_is_finished(first: Path, tmp_path: Path) -> None:
    """All taps are booked and the window is still open: the next run closes it."""
    ledger = tmp_path / "ledger"
    Ledger.create(ledger)
    roll = Roll()
    taps, _ = shenzhen.read([first], roll, print)
    with serving(ledger) as address, Client(address) as client:
        play.widen_rules(client, int(taps["at_us"].min()), SystemClock().now_us())
        terminal, token = play.register(client, roll, read_card_tokens(ledger))
        columns = play.columns_of(taps, terminal, token)
        assert send.send(client, columns, SystemClock()).booked == 4
    summary = replayed(first, "--data", ledger)
    assert totals(summary)[2:4] == (0, 5)
    assert summary["window"]["id"] == 1 and len(summary["window"]["files"]) == 3


def test_a_command_that_is_ended_takes_its_server_along(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from onecard.cli.local import *\n"
        "with serving(Path(sys.argv[1])) as address: print(address, flush=True); time.sleep(60)"
    )
    ledger = tmp_path / "ledger"
    Ledger.create(ledger)
    command = subprocess.Popen([sys.executable, "-c", code, ledger], stdout=subprocess.PIPE)
    assert command.stdout is not None and command.stdout.readline()
    command.terminate()
    assert command.wait(60) == 128 + 15
    command.stdout.close()
    Ledger.open(ledger).close()  # nobody holds it


def test_rules_are_only_widened(first: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    Ledger.create(ledger)
    now_us = SystemClock().now_us()
    with serving(ledger) as address, Client(address) as client:
        assert play.widen_rules(client, 1_500_000_000_000_000, now_us)
        assert not play.widen_rules(client, 1_500_000_000_000_000, now_us)
        assert not play.widen_rules(client, 1_600_000_000_000_000, now_us)
        assert play.widen_rules(client, 1_400_000_000_000_000, now_us)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["{none}"], "expected a file of taps"),
        (["{text}"], "expected the column names"),
        (["{first}", "--to", "127.0.0.1:1", "--token-key", "{text}"], "expected 32 bytes"),
        (["{first}", "--to", "127.0.0.1:1", "--token-key", "{open}"], "found mode 0644; chmod 600"),
        (["{first}", "--data", "{folder}"], "expected an empty folder"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], reason: str, first: Path, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("hello\n")
    (tmp_path / "text").chmod(0o600)
    (tmp_path / "open").write_bytes(bytes(32))
    (tmp_path / "open").chmod(0o644)
    places = {
        "open": tmp_path / "open",
        "none": tmp_path / "none",
        "text": tmp_path / "text",
        "first": first,
    }
    given = [argument.format(**places, folder=tmp_path) for argument in arguments]
    done = run("replay", "--format", "shenzhen", *given, status=2)
    assert reason in done.stderr and len(done.stderr.splitlines()) == 1
    assert "CARD" not in done.stderr


def test_people_read_a_summary(first: Path, tmp_path: Path) -> None:
    out = run("replay", "--format", "shenzhen", first, "--data", tmp_path / "ledger").stdout
    assert "5 rows: 4 accepted, 0 declined, 1 repeats, 0 conflicts, 0 malformed; 1 dated" in out
    assert "window 1 of 2018-09-01: closed; net positions sum to 0 fen" in out
    assert "verify: ok" in out and "4.75" in out


def test_demo(first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONECARD_TAPS", str(first))
    arguments = ("demo", "--taps", 5000, "--data", tmp_path / "ledger")
    out = run(*arguments).stdout
    for text in (
        "real taps: first.csv",
        "5 rows: 4 accepted",
        "answers    all 5,000 are those the rules give, row by row",
        "net positions of windows 2 and 3 sum to [0, 0] fen",
        "together 0.00",
        "verify     ok",
        "\t长款\t2\t2\n",
        "taps a second, durable, over gRPC",
        f"files      {tmp_path / 'ledger' / 'files'}",
    ):
        assert text in out, out
    again = run(*arguments).stdout
    assert "this ledger holds this day already" in again


# ---- a stream that is refused -------------------------------------------------------------------


class Refusing:
    """A server that answers sequence = terminal_seq, and is full after every third message."""

    def __init__(self) -> None:
        self.calls = 0
        self.about: dict[int, int] = {}  # terminal_seq -> about, as sent

    def authorize(self, batches: Iterable[bytes], window: int) -> Iterator[Answer]:
        self.calls += 1
        for number, message in enumerate(batches):
            if number == 3:
                raise Overloaded("full")
            batch = TapBatch.FromString(message)
            zeros = bytes(len(batch.card))
            self.about |= dict(zip(batch.terminal_seq, batch.about, strict=True))
            yield Answer.parse(
                Decisions(
                    outcome=b"\x01" * len(batch.card),
                    sequence=batch.terminal_seq,
                    amount_fen=list(zeros),
                    balance_fen=list(zeros),
                    repeated=zeros,
                ).SerializeToString()
            )


class Still(SystemClock):
    """Waits for nothing."""

    def sleep(self, seconds: float) -> None:
        return None


def test_a_refused_stream_goes_on_where_its_answers_ended() -> None:
    number = np.arange(1, 101, dtype=np.uint32)
    original = np.where(number % 20 == 0, number.astype(np.int32) - 20, -1).astype(np.int32)
    pieces = [(at, at + 10) for at in range(0, 100, 10)]
    columns: dict[str, NDArray[Any]] = {
        "card": number.astype(np.uint64),
        "terminal": number,
        "terminal_seq": number,
    }
    server = Refusing()
    answers = send.send(
        server,  # type: ignore[arg-type]  # only its stream is used
        columns,
        Still(),
        original=original,
        pieces=pieces,
    )
    assert answers.sequence.tolist() == number.tolist() and answers.booked == 100
    assert server.calls == 4
    # A row that is about another carries the sequence that the other was answered.
    assert server.about == {
        int(n): int(o) + 1 if o >= 0 else 0 for n, o in zip(number, original, strict=True)
    }
    with pytest.raises(ValueError, match="rows 10 to 20 are about a row of their own"):
        send.send(
            server,  # type: ignore[arg-type]
            columns,
            Still(),
            original=np.where(number == 15, 12, -1).astype(np.int32),
            pieces=pieces,
        )


# ---- the real data ------------------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data/shenzhen_taps")
def test_real_taps(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    summary = replayed(DATA / "taps_10k.csv", "--data", ledger)
    assert totals(summary) == (10_000, 0, 10_000, 0, 0, 97_960, 411)
    assert summary["operators"]["地铁五号线"] == {"taps": 2795, "charged_fen": 17_185}
    sample = replayed(DATA / "sample_100.json", "--data", ledger)
    assert totals(sample)[2:4] == (0, 100) and sample["window"]["id"] == 1
