"""Who earns at a scene that has a payee: the legs of what is charged, given back and corrected."""

from collections.abc import Iterator

import pytest

from tests.rules.taptable import BUS, NOW_US, Play
from tests.support.engine import opened

# Of a terminal of metro's; scene 7 is bus's, 8 of nobody's own.
PAYEE = f"""
early: M RIDE P 10 scene=7              = ACCEPTED 10 990       -- before any scene was loaded
! scene 7 name=Canteen payee={BUS}
! scene 8 name=Library
ride: M RIDE P 100 scene=7              = ACCEPTED 100 890
own: M RIDE P 1 scene=8                 = ACCEPTED 1 889
chip: M PURCHASE C 30 scene=7           = ACCEPTED 30 0
credit: M PURCHASE K 40 scene=7         = ACCEPTED 40 0
entry: M ENTRY P 0 scene=7              = ACCEPTED 0 889
exit: M EXIT P 0 place=2 scene=7        = ACCEPTED 300 589
hold: M HOLD P 50 scene=7               = ACCEPTED 50 539
capture: M CAPTURE P 20 about=hold      = ACCEPTED 20 569
hold2: M HOLD P 50                      = ACCEPTED 50 519
capture2: M CAPTURE P 20 about=hold2 scene=7 = ACCEPTED 20 549 -- the hold's scene, not its own
refund: M REFUND P 25 about=ride        = ACCEPTED 25 574
refund2: M REFUND P 5 about=early scene=7 = ACCEPTED 5 579
foreign: X REFUND P 5 about=ride        = ORIGINAL_FOREIGN 0 579
adjust: I ADJUST C 7 about=chip         = ACCEPTED 7 0
undone: M REVERSAL C 0 voids=chip       = ACCEPTED 37 0
again: I ADJUST P -3 about=capture      = ACCEPTED -3 582
zero: M RIDE P 0 scene=7                = ACCEPTED 0 582
unzero: I ADJUST P 9 about=zero         = ACCEPTED 9 573
rezero: M REVERSAL P 0 voids=zero       = ACCEPTED 9 582
plain: M RIDE P 0                       = ACCEPTED 0 582
unplain: I ADJUST P 2 about=plain       = ACCEPTED 2 580
late: M RIDE U 5 scene=7 offline        = ACCEPTED_SUSPENSE 5 0
top: A TOP_UP P 20 scene=7              = ACCEPTED 20 600
! refused scene 7 payee=1
! refused scene 7 payee=0
! refused scene 8 payee=2
! refused scene 9 name=Bank payee=3
! refused scene 9 name=Agent payee=4
! refused scene 9 name=Nobody payee=99
! scene 7 payee={BUS} most_fen=500
! scene 1 name=First payee={BUS}
first: M RIDE P 3 scene=1               = ACCEPTED 3 597       -- the least code there is
! restart
after: M RIDE P 2 scene=7               = ACCEPTED 2 595
"""

LEGS = {
    "early": "ACCOUNT P MAIN bank -10, PAYABLE metro MAIN metro 10",
    "ride": "ACCOUNT P MAIN bank -100, PAYABLE bus MAIN bus 100",
    "own": "ACCOUNT P MAIN bank -1, PAYABLE metro MAIN metro 1",
    "chip": "FLOAT union MAIN union -30, PAYABLE bus MAIN bus 30",
    "credit": "RECEIVABLE bank MAIN bank -40, PAYABLE bus MAIN bus 40",
    "exit": "ACCOUNT P MAIN bank -300, PAYABLE bus MAIN bus 300",
    "capture": "ACCOUNT P HELD bank -50, PAYABLE bus MAIN bus 20, ACCOUNT P MAIN bank 30",
    "capture2": "ACCOUNT P HELD bank -50, PAYABLE metro MAIN metro 20, ACCOUNT P MAIN bank 30",
    "refund": "ACCOUNT P MAIN bank 25, PAYABLE bus MAIN bus -25",
    "refund2": "ACCOUNT P MAIN bank 5, PAYABLE metro MAIN metro -5",
    "adjust": "FLOAT union MAIN union -7, PAYABLE bus MAIN bus 7",
    "undone": "FLOAT union MAIN union 30, PAYABLE bus MAIN bus -30, "
    "FLOAT union MAIN union 7, PAYABLE bus MAIN bus -7",
    "again": "ACCOUNT P MAIN bank 3, PAYABLE bus MAIN bus -3",
    "unzero": "ACCOUNT P MAIN bank -9, PAYABLE bus MAIN bus 9",
    "rezero": "ACCOUNT P MAIN bank 9, PAYABLE bus MAIN bus -9",
    "unplain": "ACCOUNT P MAIN bank -2, PAYABLE metro MAIN metro 2",
    "late": "SUSPENSE metro DUE metro -5, SUSPENSE metro OWED metro 5",
    "top": "ACCOUNT P MAIN bank 20, COLLECTED agent MAIN agent -20",
    "first": "ACCOUNT P MAIN bank -3, PAYABLE bus MAIN bus 3",
    "after": "ACCOUNT P MAIN bank -2, PAYABLE bus MAIN bus 2",
}


@pytest.fixture(params=("twin", "engine"))
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    with opened(request.param, NOW_US) as side:
        yield Play(side)


def test_who_earns(play: Play) -> None:
    play.run(PAYEE)
    assert {label: ", ".join(play.legs(label)) for label in LEGS} == LEGS
    assert play.record("ride")["operator_id"] == 1  # metro answers for its terminal
