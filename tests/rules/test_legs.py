"""The legs and images of each kind, exactly as the table in docs/ledger.md lists them."""

from collections.abc import Iterator

import pytest

from tests.rules.taptable import NOW_US, Play
from tests.support.engine import opened

PRELUDE = """
ride: M RIDE P 200                      = ACCEPTED 200 800
bus: X RIDE C 200                = ACCEPTED 200 0
chip: M RIDE C 200                      = ACCEPTED 200 0
credit: X PURCHASE K 200                = ACCEPTED 200 0
zero: M RIDE P 0                        = ACCEPTED 0 800
declined: M RIDE Q 5                    = FUNDS 0 0
entry: M ENTRY P 0                      = ACCEPTED 0 800
exit: X EXIT P 0 place=2                = ACCEPTED 300 500
refund: M REFUND P 150 about=ride       = ACCEPTED 150 650
refund2: M REFUND P 50 about=ride       = ACCEPTED 50 700
refund_chip: M REFUND C 200 about=chip  = ACCEPTED 200 0
reversal: X REVERSAL P 0 voids=exit     = ACCEPTED 300 1000
topup: A TOP_UP P 500                   = ACCEPTED 500 1500
topup_chip: A TOP_UP C 500              = ACCEPTED 500 0
hold: M HOLD P 400                      = ACCEPTED 400 1100
capture: M CAPTURE P 150 about=hold     = ACCEPTED 150 1350
hold2: M HOLD P 400                     = ACCEPTED 400 950
capture2: M CAPTURE P 400 about=hold2   = ACCEPTED 400 950
hold3: M HOLD P 100                     = ACCEPTED 100 850
release: M RELEASE P 0 about=hold3      = ACCEPTED 100 950
hold4: M HOLD P 100                     = ACCEPTED 100 850
unhold: M REVERSAL P 0 voids=hold4      = ACCEPTED 100 950
undo: A REVERSAL P 0 voids=topup        = ACCEPTED 500 450
check: M CHECK P 0                      = ACCEPTED 0 450
below: X RIDE P 600 offline             = ACCEPTED_BELOW_FLOOR 600 -150
suspense: M RIDE U 70 offline           = ACCEPTED_SUSPENSE 70 0
suspense0: M EXIT P 0 offline           = ACCEPTED_SUSPENSE 0 -150
tomb: M REVERSAL P 0 voids=99           = TOMBSTONED 0 -150
nothing: M REVERSAL Q 0 voids=declined  = ACCEPTED 0 0
entry2: M ENTRY C 0                     = ACCEPTED 0 0
leave: M REVERSAL C 0 voids=entry2      = ACCEPTED 0 0
mend: A TOP_UP P 150                    = ACCEPTED 150 0
more: I ADJUST C 30 about=bus caused_by=leave = ACCEPTED 30 0
less: I ADJUST C -70 about=bus   = ACCEPTED -70 0
undone: X REVERSAL C 0 voids=bus = ACCEPTED 160 0
dear: I ADJUST K 50 about=credit        = ACCEPTED 50 0
undear: X REVERSAL K 0 voids=credit     = ACCEPTED 250 0
unzero: I ADJUST P 25 about=zero        = ACCEPTED_BELOW_FLOOR 25 -25
rezero: M REVERSAL P 0 voids=zero       = ACCEPTED 25 0
captured: I ADJUST P 10 about=capture   = ACCEPTED_BELOW_FLOOR 10 -10
unknown: I ADJUST P 1 about=999999      = ORIGINAL_UNKNOWN 0 -10
beyond: I ADJUST P -999 about=capture   = AMOUNT_EXCEEDS_ORIGINAL 0 -10
"""

LEGS = {
    "ride": "ACCOUNT P MAIN bank -200, PAYABLE metro MAIN metro 200",
    "chip": "FLOAT union MAIN union -200, PAYABLE metro MAIN metro 200",
    "credit": "RECEIVABLE bank MAIN bank -200, PAYABLE bus MAIN bus 200",
    "zero": "",
    "declined": "",
    "entry": "",
    "exit": "ACCOUNT P MAIN bank -300, PAYABLE bus MAIN bus 300",
    "refund": "ACCOUNT P MAIN bank 150, PAYABLE metro MAIN metro -150",
    "refund_chip": "FLOAT union MAIN union 200, PAYABLE metro MAIN metro -200",
    "reversal": "ACCOUNT P MAIN bank 300, PAYABLE bus MAIN bus -300",
    "topup": "ACCOUNT P MAIN bank 500, COLLECTED agent MAIN agent -500",
    "topup_chip": "FLOAT union MAIN union 500, COLLECTED agent MAIN agent -500",
    "hold": "ACCOUNT P MAIN bank -400, ACCOUNT P HELD bank 400",
    "capture": "ACCOUNT P HELD bank -400, PAYABLE metro MAIN metro 150, ACCOUNT P MAIN bank 250",
    "capture2": "ACCOUNT P HELD bank -400, PAYABLE metro MAIN metro 400",
    "release": "ACCOUNT P HELD bank -100, ACCOUNT P MAIN bank 100",
    "unhold": "ACCOUNT P MAIN bank 100, ACCOUNT P HELD bank -100",
    "undo": "ACCOUNT P MAIN bank -500, COLLECTED agent MAIN agent 500",
    "check": "",
    "below": "ACCOUNT P MAIN bank -600, PAYABLE bus MAIN bus 600",
    "suspense": "SUSPENSE metro DUE metro -70, SUSPENSE metro OWED metro 70",
    "suspense0": "",
    "tomb": "",
    "nothing": "",
    "leave": "",
    "mend": "ACCOUNT P MAIN bank 150, COLLECTED agent MAIN agent -150",
    "more": "FLOAT union MAIN union -30, PAYABLE bus MAIN bus 30",
    "less": "FLOAT union MAIN union 70, PAYABLE bus MAIN bus -70",
    "undone": "FLOAT union MAIN union 200, PAYABLE bus MAIN bus -200, "
    "FLOAT union MAIN union -40, PAYABLE bus MAIN bus 40",
    "dear": "RECEIVABLE bank MAIN bank -50, PAYABLE bus MAIN bus 50",
    "undear": "RECEIVABLE bank MAIN bank 200, PAYABLE bus MAIN bus -200, "
    "RECEIVABLE bank MAIN bank 50, PAYABLE bus MAIN bus -50",
    "unzero": "ACCOUNT P MAIN bank -25, PAYABLE metro MAIN metro 25",
    "rezero": "ACCOUNT P MAIN bank 25, PAYABLE metro MAIN metro -25",
    "captured": "ACCOUNT P MAIN bank -10, PAYABLE metro MAIN metro 10",
    "unknown": "",
    "beyond": "",
}

# What the images name: (what, the label of the original or a raw key, used_fen afterwards).
VOIDED, CLAIMED, CLOSED, ADJUSTED = 1, 2, 3, 4
IMAGES: dict[str, list[tuple[int, str | int, int]]] = {
    "refund": [(CLAIMED, "ride", 150)],
    "refund2": [(CLAIMED, "ride", 200)],
    "reversal": [(CLOSED, "exit", 300)],
    "capture": [(CLOSED, "hold", 150)],
    "capture2": [(CLOSED, "hold2", 400)],
    "release": [(CLOSED, "hold3", 100)],
    "unhold": [(CLOSED, "hold4", 100)],
    "undo": [(CLOSED, "topup", 500)],
    "tomb": [(VOIDED, 99, 0)],
    "nothing": [],
    "leave": [(CLOSED, "entry2", 0)],
    "ride": [],
    "more": [(ADJUSTED, "bus", 30)],
    "less": [(ADJUSTED, "bus", -40)],
    "undone": [(CLOSED, "bus", 160)],
    "undear": [(CLOSED, "credit", 250)],
    "rezero": [(CLOSED, "zero", 25)],
    "captured": [(ADJUSTED, "capture", 10)],
    "unknown": [],
    "beyond": [],
}

# Fields of the entry beside its legs.
FIELDS: dict[str, dict[str, str | int]] = {
    "ride": {"effects": 0, "tariff": 0, "journey": 0, "about": 0, "reason": 0, "place": 1},
    "entry": {"effects": 1, "tariff": 1, "amount_fen": 0},
    "exit": {"effects": 2, "tariff": 1, "journey": "entry", "amount_fen": 300, "place": 2},
    "refund": {"about": "ride", "amount_fen": 150},
    "reversal": {"about": "exit", "amount_fen": 300, "effects": 0},
    "capture": {"about": "hold", "amount_fen": 150},
    "release": {"about": "hold3", "amount_fen": 100},
    "declined": {"amount_fen": 5, "outcome": 23},
    "below": {"effects": 4, "flags": 1},
    "suspense": {"reason": 20, "amount_fen": 70, "account": 0, "issuer": 0, "funding": 0},
    "suspense0": {"reason": 29, "amount_fen": 0, "account": 1},
    "tomb": {"about": 0, "outcome": 4},
    "nothing": {"about": "declined", "amount_fen": 0},
    "leave": {"about": "entry2", "effects": 2},
    "mend": {"effects": 8},
    "more": {
        "about": "bus",
        "caused_by": "leave",
        "amount_fen": 30,
        "operator_id": 2,
        "terminal": 6,
        "place": 0,
    },
    "less": {"about": "bus", "amount_fen": -70, "operator_id": 2, "effects": 0},
    "undone": {"about": "bus", "amount_fen": 160, "effects": 0},
    "captured": {"about": "capture", "operator_id": 1, "effects": 4, "kind": 12, "issuer": 3},
    "unknown": {"about": 999999, "amount_fen": 1, "operator_id": 4},
    "beyond": {"about": "capture", "amount_fen": -999, "operator_id": 1, "effects": 0},
}


@pytest.fixture(params=("twin", "engine"))
def played(request: pytest.FixtureRequest) -> Iterator[Play]:
    with opened(request.param, NOW_US) as side:
        play = Play(side)
        play.run(PRELUDE)
        yield play


def test_legs(played: Play) -> None:
    assert {label: ", ".join(played.legs(label)) for label in LEGS} == LEGS


def test_images(played: Play) -> None:
    for label, expected in IMAGES.items():
        found = played.record(label)["images"]
        assert [(one["what"], one["key"], one["value"]) for one in found] == [
            (what, number(played, key), value) for what, key, value in expected
        ], label


def test_fields(played: Play) -> None:
    for label, expected in FIELDS.items():
        record = played.record(label)
        found = {name: record[name] for name in expected}
        assert found == {name: number(played, value) for name, value in expected.items()}, label


@pytest.mark.parametrize("card", ("P", "C", "K"))
def test_a_plain_charge_costs_its_row_alone(card: str) -> None:
    with opened("engine", NOW_US) as side:
        play = Play(side)
        play.run(f"a: M RIDE {card} 200 = ACCEPTED 200 {800 if card == 'P' else 0}")
        block = side.engine_side.engine.journal.block_of(play.answers["a"].sequence)
        assert (block.count, int(block.header["row_bytes"]), int(block.header["legs"])) == (
            1,
            83,
            0,
        )
        assert not block.header["parts"].any()


def test_trail_of_an_account(played: Play) -> None:
    trail, sequence = [], played.answers["beyond"].sequence
    while sequence:
        record = played.side.record(sequence)
        trail.append(record["terminal_seq"] if record["terminal"] == 4 else record["kind"])
        sequence = record["previous"]
    labels = [label for label, tap in played.taps.items() if tap.card == played.tokens["P"]]
    assert len(trail) == len(labels)


def number(played: Play, value: str | int) -> int:
    return played.answers[value].sequence if isinstance(value, str) else value
