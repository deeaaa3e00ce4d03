"""What an entry says of an EXIT that its gate rated itself: its marks, tariff, journey and legs."""

import pytest

from onecard.ext.shape.numbers import Effect, Flag, Kind, Mark
from onecard.v1.tap_pb2 import TapBatch
from tests.rules import gate_rated_tables as tables
from tests.rules.taptable import NOW_US, Play
from tests.support.engine import opened
from tests.support.steps import MALFORMED, Message

GATE, BOTH = int(Mark.GATE_RATED), Mark.GATE_RATED | Mark.DIFFERS
CLOSED, APART = int(Effect.JOURNEY_CLOSED), Effect.JOURNEY_CLOSED | Effect.JOURNEY_APART
# Table, line: marks, version compared with, effects.
SAYS = """
GATE_RATED          same    GATE 1 CLOSED
GATE_RATED          other   BOTH 1 CLOSED
GATE_RATED          none    GATE 0 0
GATE_RATED          nofare  GATE 0 CLOSED
GATE_RATED          beyond  GATE 0 CLOSED
GATE_RATED          free    BOTH 1 CLOSED
GATE_RATED          both    GATE 1 CLOSED
GATE_RATED          early   GATE 0 0
GATE_RATED          at      GATE 1 CLOSED
GATE_RATED_FUNDS    short   BOTH 1 0
GATE_RATED_FUNDS    below   BOTH 1 DENIED
GATE_RATED_FUNDS    chip    BOTH 1 CLOSED
GATE_RATED_FUNDS    late    GATE 1 CLOSED
GATE_RATED_FUNDS    alone   GATE 0 0
GATE_RATED_FUNDS    code    GATE 1 CLOSED
GATE_RATED_SUSPENSE unknown GATE 0 0
GATE_RATED_SUSPENSE blocked GATE 0 0
GATE_RATED_SUSPENSE nowhere GATE 0 0
GATE_RATED_SUSPENSE old     GATE 0 0
GATE_RATED_SUSPENSE mended  0    0 0
GATE_RATED_ELSEWHERE ferry  GATE 0 0
GATE_RATED_ELSEWHERE own    GATE 2 CLOSED
GATE_RATED_ELSEWHERE apart  BOTH 2 APART
GATE_RATED_ELSEWHERE scene  GATE 2 CLOSED
GATE_RATED_ELSEWHERE when   GATE 1 CLOSED
GATE_RATED_GIVEN_BACK r     0    0 0
GATE_RATED_GIVEN_BACK c     0    0 0
GATE_RATED_GIVEN_BACK v     0    0 0
GATE_RATED_EDGE     full    BOTH 1 0
"""
NUMBERS = {"GATE": GATE, "BOTH": BOTH, "CLOSED": CLOSED, "APART": APART, "0": 0}
NUMBERS |= {"DENIED": CLOSED | Effect.DENIED}
LEGS = """
GATE_RATED_FUNDS    below   ACCOUNT P MAIN bank -900, PAYABLE metro MAIN metro 900
GATE_RATED_FUNDS    chip    FLOAT union MAIN union -270, PAYABLE metro MAIN metro 270
GATE_RATED_FUNDS    late    FLOAT union MAIN union -300, PAYABLE metro MAIN metro 300
GATE_RATED_FUNDS    code    RECEIVABLE bank MAIN bank -500, PAYABLE metro MAIN metro 500
GATE_RATED_SUSPENSE unknown SUSPENSE metro DUE metro -40, SUSPENSE metro OWED metro 40
GATE_RATED_SUSPENSE nowhere SUSPENSE metro DUE metro -40, SUSPENSE metro OWED metro 40
GATE_RATED_SUSPENSE mended  SUSPENSE metro DUE metro 40, SUSPENSE metro OWED metro -40
GATE_RATED_GIVEN_BACK v     ACCOUNT P MAIN bank 350, PAYABLE metro MAIN metro -350, \
ACCOUNT P MAIN bank -50, PAYABLE metro MAIN metro 50
GATE_RATED_GIVEN_BACK w     FLOAT union MAIN union 70, PAYABLE metro MAIN metro -70
"""


def wrong_of(play: Play, name: str) -> list[str]:
    """Lines of SAYS and LEGS that are otherwise in the ledger of a table."""
    found = []
    for table, label, marks, tariff, effects in map(str.split, SAYS.strip().splitlines()):
        if table == name:
            row = play.record(label)
            said = (row["marks"], row["tariff"], row["effects"])
            if said != (NUMBERS[marks], int(tariff), NUMBERS[effects]):
                found.append(f"{label}: {said}")
            if (row["journey"] != 0) != bool(row["effects"] & Effect.JOURNEY_CLOSED):
                found.append(f"{label}: journey {row['journey']}")
    for table, label, legs in (line.split(maxsplit=2) for line in LEGS.strip().splitlines()):
        if table == name and ", ".join(play.legs(label)) != legs:
            found.append(f"{label}: {play.legs(label)}")
    return found


@pytest.mark.parametrize("name", tables.TABLES)
@pytest.mark.parametrize("side", ["twin", "engine"])
def test_what_is_recorded(side: str, name: str) -> None:
    with opened(side, NOW_US) as one:
        play = Play(one)
        play.run(tables.TABLES[name])
        assert not wrong_of(play, name)


# Columns of one row without amount_fen, and whether the message is taken.
FORGOTTEN = (
    ({"kind": Kind.EXIT, "flags": 0}, True),
    ({"kind": Kind.EXIT, "flags": Flag.OFFLINE}, True),
    ({"kind": Kind.EXIT, "flags": Flag.RATED}, False),
    ({"kind": Kind.EXIT, "flags": Flag.RATED | Flag.OFFLINE}, False),
    ({"kind": Kind.EXIT, "flags": 255}, False),
    ({"kind": Kind.CHECK, "flags": Flag.RATED}, True),  # which is then not allowed
    ({"kind": 255, "flags": Flag.RATED}, True),
)


@pytest.mark.parametrize("at", range(len(FORGOTTEN)))
@pytest.mark.parametrize("side", ["twin", "engine"])
def test_an_amount_that_is_forgotten(side: str, at: int) -> None:
    said, is_taken = FORGOTTEN[at]
    with opened(side, NOW_US) as one:
        play = Play(one)
        columns = {name: bytes([number]) for name, number in said.items()}
        row = {"card": [play.tokens["C"]], "terminal": [1], "terminal_seq": [900], "place": [2]}
        [answer] = one.step([Message(TapBatch(**row, **columns).SerializeToString(), 0)], NOW_US)
        assert (answer != MALFORMED) == is_taken
