"""A table of claims with a row left or none refuses what needs a row more, and nothing else."""

from dataclasses import replace

import pytest

from onecard.core.authorize.engine import TapsIn
from onecard.core.errors import Overloaded
from tests.rules.taptable import NOW_US, Play, groups
from tests.support.engine import SMALL, EngineSide, quick_folder
from tests.support.steps import Taps

BEFORE = """
a: M RIDE P 20              = ACCEPTED 20 980
x: M REFUND P 999 about=a   = AMOUNT_EXCEEDS_ORIGINAL 0 980
r: M RIDE P 100             = ACCEPTED 100 880
M REFUND P 10 about=r       = ACCEPTED 10 890
j: M RIDE P 100             = ACCEPTED 100 790
I ADJUST P 5 about=j        = ACCEPTED 5 785
v: M RIDE P 100             = ACCEPTED 100 685
M REVERSAL P 0 voids=v      = ACCEPTED 100 785
h: M HOLD P 100             = ACCEPTED 100 685
M CAPTURE P 100 about=h     = ACCEPTED 100 685
b: X RIDE C 20              = ACCEPTED 20 0
k: M HOLD P 30              = ACCEPTED 30 655
t: A TOP_UP P 40            = ACCEPTED 40 695
f: M RIDE Q 5               = FUNDS 0 0
M REVERSAL P 0 voids=900    = TOMBSTONED 0 695
"""
TAKEN = 4  # entries of these that something was taken back of: r, j, v, h
CASES = {  # a message, and how many rows it needs that are not there
    "had": (0, "M REFUND P 1 about=r", "M REFUND P 1 about=r", "I ADJUST P 1 about=r"),
    "adjusted before": (0, "I ADJUST P 1 about=j", "M REVERSAL P 0 voids=j"),
    "closed": (0, "M REFUND P 1 about=v", "M CAPTURE P 1 about=h", "M REVERSAL P 0 voids=v"),
    "sent again": (0, "same x"),
    "not taken back of": (0, "M REVERSAL Q 0 voids=f", "M REFUND P 1 about=t"),
    "of another kind": (
        0,
        "M CAPTURE P 1 about=a",
        "M RELEASE P 0 about=a",
        "I ADJUST P 1 about=k",
    ),
    "nowhere": (0, "M REFUND P 1 about=999999", "M REFUND P 1 about=2", "M CAPTURE P 1"),
    "voided first": (0, "M REVERSAL P 0 voids=950", "M REVERSAL P 0 voids=900"),
    "no gate": (0, "M REFUND P 1 about=a terminal=99", "M REVERSAL P 0 voids=a terminal=0"),
    "a refund": (1, "M REFUND P 1 about=a"),
    "an adjustment": (1, "I ADJUST P 1 about=a"),
    "a release": (1, "M RELEASE P 0 about=k"),
    "a reversal": (1, "M REVERSAL P 0 voids=k"),
    "of a top-up": (1, "A REVERSAL P 0 voids=t"),
    "all of one": (
        1,
        *("M REFUND P 1 about=a", "I ADJUST P 1 about=a", "M REVERSAL P 0 voids=a"),
        *("M REFUND P 2 about=a", "M REFUND P 1 about=r"),
    ),
    "three": (3, "M REFUND P 1 about=a", "X REFUND C 1 about=b", "M CAPTURE P 30 about=k"),
    "two of four": (
        2,
        *("M REFUND P 1 about=r", "M REFUND P 1 about=a", "I ADJUST P 2 about=j"),
        "A REVERSAL P 0 voids=t",
    ),
    "of the same message": (1, "n: M RIDE P 10", "M REVERSAL P 0 voids=n"),
    "by its number to come": (1, "M RIDE P 10", "M REFUND P 1 about={next}"),
    "of a number after it": (0, "M REFUND P 1 about={next}", "M RIDE P 10"),
}
AWAY = 5 * SMALL.batch_taps_max  # entries that push all of the above out of memory


@pytest.mark.parametrize("recalled", (False, True), ids=("in memory", "recalled"))
@pytest.mark.parametrize("name", CASES)
def test_a_message_takes_what_is_left(name: str, recalled: bool) -> None:
    needed, *lines = CASES[name]
    for left in {needed, max(needed - 1, 0)}:
        with quick_folder() as folder:
            settings = replace(SMALL, claims_max=TAKEN + left)
            side = EngineSide(folder / "ledger", NOW_US, settings)
            try:
                if recalled:
                    play = played(side, BEFORE + "M RIDE C 1 = ACCEPTED 1 0\n" * AWAY)
                else:
                    play = played(side, BEFORE)
                check(side, play, lines, needed, left)
            finally:
                side.close()


def played(side: EngineSide, table: str) -> Play:
    play = Play(side)
    play.run(table)
    assert side.engine.state.count("claims") == TAKEN
    return play


def check(side: EngineSide, play: Play, lines: list[str], needed: int, left: int) -> None:
    state = side.engine.state
    before, entries = state.digest(), int(state.totals["last"][0])
    message = "\n& ".join(line.format(next=entries + 1) + " = ?" for line in lines)
    [group] = groups(message)
    taps = tuple(play._line(text).tap for text in group)
    [answer] = side.engine.step([TapsIn(0, Taps(taps).message())])
    if left >= needed:
        assert isinstance(answer, bytes), answer
        assert state.count("claims") == TAKEN + needed
    else:
        assert isinstance(answer, Overloaded)
        assert f"{left} of it are left, and this may need {needed}; serve" in str(answer)
        assert state.digest() == before  # nothing of it was taken
