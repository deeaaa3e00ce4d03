"""onecard settle and onecard reconcile, on a ledger that the engine wrote."""

import json
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from onecard.cli.reconcile import reconcile
from onecard.cli.replay import replay
from onecard.cli.settle import settle
from onecard.core.authorize.node import Node
from onecard.core.clock import SystemClock
from onecard.core.config import Settings
from onecard.core.days import day_of, day_text
from onecard.core.errors import BadInput, LedgerInUse, NotFound, OnecardError
from onecard.core.exchange.files import window_folder
from onecard.core.journal import LocalJournal
from onecard.core.ledger.folder import read_ledger_toml
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.cards import PutCards
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.ext.shape.numbers import Flag, Funding, Kind, Role
from onecard.v1.tap_pb2 import TapBatch
from tests.support.serving import register, served

TODAY = day_text(day_of(SystemClock().now_us(), 8 * 3_600_000_000))  # in the ledger's zone
RUNNER = CliRunner()
APP = typer.Typer()
APP.command()(settle)
APP.command()(reconcile)
APP.command()(replay)

RIDES = 40


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Forty rides on chips, one check, one offline ride of a card nobody knows, and a hold."""
    path = tmp_path / "ledger"
    Ledger.create(path)
    node = Node(path, Settings(), SystemClock())
    answers: SimpleQueue[object] = SimpleQueue()
    node.start()
    try:
        for act in (
            PutParticipants([("地铁", Role.OPERATOR), ("徽商银行", Role.ISSUER)]),
            PutTerminals([TerminalRow("G1", 1)]),
            PutCards(np.arange(1, 11, dtype=np.uint64), 2, Funding.CHIP),
            PutCards(np.array([77], np.uint64), 2, Funding.PREPAID, floor_fen=-9999),
        ):
            node.act(act, answers.put)
            assert not isinstance(answer := answers.get(timeout=30), BaseException), answer
        count = RIDES + 3
        batch = TapBatch(
            card=[*(1 + at % 10 for at in range(RIDES)), 5, 999, 77],
            terminal=[1] * count,
            terminal_seq=range(1, count + 1),
            kind=bytes([Kind.RIDE] * RIDES + [Kind.CHECK, Kind.RIDE, Kind.HOLD]),
            amount_fen=[200] * RIDES + [0, 300, 150],
            flags=bytes([0] * (RIDES + 1) + [Flag.OFFLINE, 0]),
        )
        node.taps(0, None, batch.SerializeToString(), answers.put)
        assert isinstance(answer := answers.get(timeout=30), bytes), answer
    finally:
        node.stop()
    return path


def run(*words: object) -> tuple[int, str]:
    result = RUNNER.invoke(APP, [str(word) for word in words])
    if isinstance(result.exception, OnecardError):
        raise result.exception
    return result.exit_code, result.stdout


def test_a_window_is_closed_written_and_written_again(ledger: Path) -> None:
    closing = ("--close", "--business-day", TODAY)
    status, said = run("settle", ledger, 1, *closing, "--json")
    assert status == 0
    manifest = json.loads(said)
    assert manifest["totals"]["net_fen"] == 0 and not manifest["repeated"]
    metro, bank = manifest["files"]
    assert (metro["name"], bank["name"]) == ("地铁", "徽商银行")
    # Forty rides; the check and the hold without a leg of its own; two legs of suspense.
    assert (metro["lines"], metro["legs"]) == (RIDES + 4, RIDES + 2)
    assert (metro["net_fen"], bank["net_fen"]) == (RIDES * 200, -RIDES * 200)
    assert (bank["lines"], bank["legs"]) == (RIDES + 2, RIDES + 2)
    status, said = run("settle", ledger, 1, *closing)
    assert status == 0 and "were there already" in said and manifest["head"] in said
    toml = read_ledger_toml(ledger)
    origin, by = toml.origin, toml.algorithms
    with LocalJournal.open(
        ledger, origin.ledger_id, origin.epoch, readonly=True, algorithms=by
    ) as journal:
        assert journal.durable.last == manifest["cut"]


REFUSALS = [
    # words after DIR, error, what it says
    ((1,), NotFound, "window 1 is not a closed window"),
    ((1, "--close"), BadInput, "give --business-day"),
    ((1, "--business-day", "2026-11-22"), BadInput, "add --close"),
    ((1, "--force"), BadInput, "add --close"),
    ((1, "--close", "--business-day", "22.11.2026"), BadInput, "expected YYYY-MM-DD"),
    ((1, "--close", "--business-day", "20261122"), BadInput, "expected YYYY-MM-DD"),
    ((1, "--close", "--business-day", "2021-11-22"), BadInput, r"days before today.*--force"),
    ((2, "--close", "--business-day", TODAY), NotFound, "the open one is 1"),
]


@pytest.mark.parametrize(("words", "error", "says"), REFUSALS)
def test_refusals(
    ledger: Path, words: tuple[object, ...], error: type[OnecardError], says: str
) -> None:
    with pytest.raises(error, match=says):
        run("settle", ledger, *words)


def test_closing_beside_a_server_says_how(ledger: Path) -> None:
    with Ledger.open(ledger), pytest.raises(LedgerInUse, match="--to HOST:PORT"):
        run("settle", ledger, 1, "--close", "--business-day", TODAY)


def test_a_day_long_past_is_closed_by_force(ledger: Path) -> None:
    closing = ("--close", "--business-day", "2021-11-22", "--force", "--json")
    with pytest.raises(BadInput, match="--force: expected why, for the record"):
        run("settle", ledger, 1, *closing)
    closing = (*closing, "--reason", "imported")
    status, said = run("settle", ledger, 1, *closing)
    assert status == 0
    assert json.loads(said)["business_day"] == "2021-11-22"


def test_a_server_of_another_ledger_closes_nothing(ledger: Path, tmp_path: Path) -> None:
    with served(tmp_path / "other") as other, other.client() as client:
        register(client)
        for words in (
            ("settle", ledger, 1, "--close", "--business-day", TODAY, "--to", other.address),
            ("replay", "x.csv", "--format", "shenzhen", "--data", ledger, "--to", other.address),
        ):
            with pytest.raises(BadInput, match=r"expected a server of the ledger in .*, found "):
                run(*words)
        assert client.head().window == 1
    with Ledger.open(ledger, readonly=True) as unharmed:
        assert int(unharmed.state.totals["window"][0]) == 1


def test_a_returned_file_is_matched(ledger: Path, tmp_path: Path) -> None:
    run("settle", ledger, 1, "--close", "--business-day", TODAY)
    ours = window_folder(ledger / "files", 1) / "participant-00001.csv"
    status, said = run("reconcile", 1, ours, "--data", ledger)
    assert status == 0 and "all matched" in said
    theirs = tmp_path / "theirs.csv"
    rows = [f"1,{number},200" for number in range(1, RIDES + 1)]
    rows[3] = "1,4,250"
    rows += ["1,7,200", "1,900,5"]
    del rows[9]
    theirs.write_text("\n".join(["terminal,terminal_seq,amount_fen", *rows]) + "\n")
    words = ("reconcile", 1, theirs, "--data", ledger, "--participant", "地铁", "--money-only")
    out = tmp_path / "breaks.csv"
    status, said = run(*words, "--json", "--csv", out)
    assert status == 1
    found = json.loads(said)
    counts = {
        name: found[name]["count"]
        for name in ("matched", "theirs_only", "ours_only", "amount_differs", "repeated")
    }
    assert list(counts.values()) == [RIDES - 2, 1, 1, 1, 1]
    assert found["zero_unlisted"] == 3  # the check, the hold, and the suspense that sums to 0
    assert [row["terminal_seq"] for row in found["breaks"]] == [4, 7, 10, 900]
    assert len(out.read_text().splitlines()) == 5
    status, said = run(*words)
    told = [" ".join(line.split()) for line in said.splitlines()]
    assert status == 1 and any(line.startswith("金额不符 1 0 4 6 5 24 1 20") for line in told)
    assert any(line.endswith(" 0000000000000004 RIDE G1 2.00 2.50") for line in told)
    theirs.write_text("terminal;terminal_seq;amount_yuan\n1;1;2\n")
    assert "read as   semicolons, yuan\n" in run(*words)[1]
    theirs.write_text("terminal,terminal_seq,amount_fen\n1,1,2.5\n")
    with pytest.raises(BadInput, match=r"theirs.csv, line 2, column amount_fen"):
        run(*words)
    with pytest.raises(NotFound, match="window 2 is not a closed window"):
        run("reconcile", 2, ours, "--data", ledger)
