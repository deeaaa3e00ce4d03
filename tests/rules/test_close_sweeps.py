"""Which open holds keep a window from being closed: engine and twin, held against each other."""

from pathlib import Path

import pytest

from onecard.core.days import day_of, midnight_us
from onecard.ext.shape.numbers import Funding, Kind, Outcome, Role
from tests.support.engine import Both
from tests.support.steps import (
    HOUR_US,
    MALFORMED,
    START_RULES,
    Cards,
    Close,
    NewHoldTerms,
    Participants,
    Taps,
    Terminals,
)
from tests.twin.state import Tap, Terminal

NOON_US = 1_780_286_400_000_000  # 2026-06-01 12:00 in UTC+8
S, MINUTE_US = 1_000_000, 60_000_000
DAY = day_of(NOON_US, START_RULES.zone_offset_us)
LIFE_S = 600
END_US = NOON_US + LIFE_S * S
OVER_US = midnight_us(DAY + 1, START_RULES.zone_offset_us)


@pytest.fixture
def both(tmp_path: Path) -> Both:
    made = Both(tmp_path / "ledger", NOON_US - HOUR_US)
    made.step(
        [
            Participants((("Metro", Role.OPERATOR), ("Bank", Role.ISSUER))),
            Terminals((Terminal("M-1", 1, 0, 0, 1, False),)),
            Cards((1,), 2, Funding.PREPAID, floor_fen=-1_000),
            NewHoldTerms(0, (Funding.PREPAID,), False, LIFE_S),
        ],
        NOON_US - HOUR_US,
    )
    return made


def tap(seq: int, kind: Kind, at_us: int, amount_fen: int = 0, about: int = 0) -> Taps:
    return Taps((Tap(1, 1, seq, 0, at_us, kind, amount_fen, 0, 0, about, 0, 0),))


CLOSES = [  # when the hold was tapped, when the close is booked, for which day, whether it closes
    (NOON_US, END_US - 1, DAY, True),  # it has not ended
    (NOON_US, END_US + MINUTE_US - 3, DAY, True),  # it is on its way
    (NOON_US, END_US + MINUTE_US + 3, DAY, False),
    (NOON_US, END_US + 9 * HOUR_US, DAY, False),
    (NOON_US, OVER_US + 9 * HOUR_US, DAY + 1, False),  # of a day before
    (NOON_US, OVER_US + 9 * HOUR_US, DAY - 1, True),  # it ended on the day after
    (OVER_US - LIFE_S * S - 1, OVER_US + 2 * MINUTE_US, DAY, False),  # just before the day was over
    (OVER_US - LIFE_S * S, OVER_US + 2 * MINUTE_US, DAY, True),  # and as it was
]


@pytest.mark.parametrize(("held_us", "closed_us", "day", "closes"), CLOSES)
def test_a_close(both: Both, held_us: int, closed_us: int, day: int, closes: bool) -> None:
    [[hold]] = both.step([tap(1, Kind.HOLD, held_us, 5)], held_us + 1)
    assert hold.outcome == Outcome.ACCEPTED
    [answer] = both.step([Close(day)], closed_us)
    assert (answer != MALFORMED) == closes
    if not closes:
        # Finished by whomever, or by force, it is no reason any more.
        release = tap(2, Kind.RELEASE, closed_us, 0, hold.sequence)
        both.step([release], closed_us + 10)
        [answer] = both.step([Close(day)], closed_us + 20)
        assert answer != MALFORMED
    both.compare(1)
    both.close()


def test_by_force(both: Both) -> None:
    both.step([tap(1, Kind.HOLD, NOON_US, 5)], NOON_US)
    answers = both.step([Close(DAY), Close(DAY, force=True)], END_US + HOUR_US)
    assert answers[0] == MALFORMED and answers[1] != MALFORMED
    both.close()
