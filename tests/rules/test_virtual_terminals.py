"""Virtual terminals: how they come to be, and what is not asked of them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from onecard.core.authorize.engine import ActIn
from onecard.core.errors import BadInput
from onecard.core.journal.block import Draft
from onecard.core.query.gaps import find_gaps, not_looked_at
from onecard.core.registry.declarations import Declare
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Record, Status
from tests.command.test_load import run_load
from tests.rules.taptable import AGENT, METRO, NOW_US, Play
from tests.support.engine import EngineSide, quick_folder
from tests.support.serving import served

GATES = (1, 2, 3, 4, 5)  # of tests/rules/taptable.py; the virtual one is 6
VIRTUAL = 6


@pytest.fixture
def side() -> Iterator[EngineSide]:
    with quick_folder() as folder:
        made = EngineSide(folder / "ledger", NOW_US)
        yield made
        made.close()


def put(side: EngineSide, *rows: TerminalRow) -> object:
    [answer] = side.engine.step([ActIn(PutTerminals(list(rows)))])
    return answer


def found(side: EngineSide, terminal: int) -> tuple[int, int, int, int]:
    row = side.engine.state.table("terminals")[terminal]
    operator, place, status, counterless = row["operator_id place status counterless".split()]
    return int(operator), int(place), int(status), int(counterless)


INTERNAL, ACTIVE, BLOCKED = int(Status.INTERNAL), int(Status.ACTIVE), int(Status.BLOCKED)
TAKEN = [  # a row, and what the terminal is then
    (TerminalRow("internal:b", METRO, status=INTERNAL), (METRO, 0, INTERNAL, 1)),
    (TerminalRow("internal:", METRO, 9, 0, INTERNAL, True), (METRO, 9, INTERNAL, 1)),
    (TerminalRow("internal:adjust", AGENT), (AGENT, 0, INTERNAL, 1)),
    (TerminalRow("internal:adjust", AGENT, status=INTERNAL, place=4), (AGENT, 4, INTERNAL, 1)),
    (TerminalRow("internal:adjust", METRO), (METRO, 0, INTERNAL, 1)),
    (TerminalRow("Internal:b", METRO), (METRO, 0, ACTIVE, 0)),  # another word
    (TerminalRow("an internal:b", METRO), (METRO, 0, ACTIVE, 0)),
]


@pytest.mark.parametrize(("row", "after"), TAKEN)
def test_what_is_taken(side: EngineSide, row: TerminalRow, after: tuple[int, ...]) -> None:
    Play(side)
    put(side, row)
    number = side.engine.state.by_number[row.number.encode()]
    assert found(side, number) == after
    side.restart(checkpoint=False)
    assert found(side, number) == after


BY_NUMBER = "expected a number that begins with internal: where the status is internal"
FOR_EVER = "expected a status that is internal from its first row on or never"
REFUSED = [
    (TerminalRow("V-1", METRO, status=INTERNAL), f"terminal V-1: {BY_NUMBER}"),
    (TerminalRow("internal:b", METRO), f"terminal internal:b: {BY_NUMBER}"),
    (TerminalRow("internal:b", METRO, status=BLOCKED), BY_NUMBER),
    (TerminalRow("internal:b", METRO, status=INTERNAL, counterless=False), "expected counterless"),
    (
        TerminalRow("M-1", METRO, status=INTERNAL),
        f"terminal M-1: {FOR_EVER}, found that it becomes",
    ),
    (TerminalRow("internal:adjust", AGENT, status=ACTIVE), f"{FOR_EVER}, found another"),
    (TerminalRow("internal:adjust", AGENT, status=BLOCKED), f"{FOR_EVER}, found another"),
    (TerminalRow("internal:adjust", AGENT, counterless=False), "expected counterless"),
]


@pytest.mark.parametrize(("row", "says"), REFUSED)
def test_what_is_refused(side: EngineSide, row: TerminalRow, says: str) -> None:
    Play(side)
    before = side.engine.state.digest()
    refused = put(side, TerminalRow("M-1", METRO, place=5), row)
    assert isinstance(refused, BadInput) and says in str(refused)
    assert (refused.row, len(str(refused).splitlines())) == (1, 1)
    assert side.engine.state.digest() == before


def test_a_row_after_the_one_that_makes_it(side: EngineSide) -> None:
    Play(side)
    made = TerminalRow("internal:b", METRO, status=INTERNAL)
    assert isinstance(put(side, made, TerminalRow("internal:b", METRO, status=ACTIVE)), BadInput)
    assert not isinstance(put(side, made, TerminalRow("internal:b", METRO)), BadInput)


def test_a_device_of_an_older_ledger_keeps_its_number(side: EngineSide) -> None:
    Play(side)
    number = b"internal:old"
    row = np.zeros(1, dtypes.TERMINAL_RECORD)
    last = int(side.engine.state.totals["last"][0])
    row[["terminal", "operator_id", "status"]] = (7, METRO, ACTIVE)
    row["sequence"], row["number_bytes"], row["number"] = last + 1, len(number), number
    side.ledger.journal.write([Draft.of(Record.TERMINALS, row, NOW_US + 1_000_000)])
    side.restart(checkpoint=False)
    put(side, TerminalRow("internal:old", METRO, status=BLOCKED))
    assert found(side, 7) == (METRO, 0, BLOCKED, 0)
    refused = put(side, TerminalRow("internal:old", METRO, status=INTERNAL))
    assert isinstance(refused, BadInput) and FOR_EVER in str(refused)


def test_it_has_no_gaps_and_nothing_is_declared_of_it(side: EngineSide) -> None:
    play = Play(side)
    play.run("""
        a: M RIDE P 100             = ACCEPTED 100 900
        M RIDE P 100 seq=50         = ACCEPTED 100 800
        I ADJUST P 1 about=a seq=90 = ACCEPTED 1 799
    """)
    hidden = not_looked_at(side.engine.state)
    assert VIRTUAL in hidden and 1 not in hidden
    gaps = find_gaps(side.engine.journal, side.ledger.identities, None, hidden)
    assert {gap.terminal for gap in gaps} == {1}
    gaps = find_gaps(side.engine.journal, side.ledger.identities, VIRTUAL, hidden)
    assert list(gaps) == []
    declared = Declare([(1, 20_000, 1, 5), (VIRTUAL, 20_000, 1, 5)])
    [refused] = side.engine.step([ActIn(declared)])
    assert isinstance(refused, BadInput) and refused.row == 1
    assert str(refused) == "declared terminal: expected a device, found 6, a virtual one"


def test_it_is_loaded_from_a_file_and_carried_by_the_ledgers_own_stream(tmp_path: Path) -> None:
    rows = "number,operator,status\nG-1,Metro,\ninternal:adjust,Metro,internal\n"
    with served(tmp_path / "ledger") as server, server.client() as client:
        metro = client.put_participant("Metro", 1)
        assert metro == METRO
        (tmp_path / "t.csv").write_text(rows)
        result = run_load(server, "terminals", tmp_path / "t.csv")
        assert "2 terminals read, 2 changed" in result.output
        tap = {
            "card": 9,
            "terminal": 2,
            "terminal_seq": 1,
            "kind": 12,
            "amount_fen": -5,
            "about": 1,
        }
        with server.client("Metro") as theirs:
            assert theirs.authorize_one(**tap).outcome == 101  # TERMINAL_FOREIGN
        assert client.authorize_one(**tap).outcome == 20  # CARD_UNKNOWN: it was taken
