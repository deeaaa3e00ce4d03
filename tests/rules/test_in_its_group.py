"""What is loaded counts for the very next taps, be they judged and written in the same group."""

from collections.abc import Sequence
from typing import Any

import pytest

from onecard.ext.shape.numbers import Funding, Outcome
from tests.rules.taptable import DAY_US, NOW_US, Play
from tests.support.engine import SMALL, opened
from tests.support.steps import Item, NewHoldTerms, NewTariff, Scenes, Taps
from tests.twin.scenes import SceneRow

SINCE_US = NOW_US - DAY_US
FREE, DEAR = (0, 5, 5, 0), (0, 900, 900, 0)  # fares of two stations


@pytest.mark.parametrize("of", ["twin", "engine"])
def test_policies_and_scenes_are_used_in_the_group_that_loads_them(of: str) -> None:
    with opened(of, NOW_US, SMALL) as side:
        play = Play(side)
        play.run("! terminal X mode=0 -29d\n! terminal X network=7 -29d")

        def tap(line: str) -> Taps:
            return Taps((play._line(line).tap,))

        group: Sequence[Item] = (
            tap("X ENTRY C 0 place=1"),
            NewTariff("ferry", SINCE_US, 2, FREE, 0, 7),
            tap("X ENTRY C 0 place=1"),
            tap("X EXIT C 0 place=2"),
            NewTariff("dearer", SINCE_US, 2, DEAR, 0, 7),
            tap("X ENTRY C 0 place=1"),
            tap("X EXIT C 0 place=2"),
            tap("M HOLD C 10"),
            NewHoldTerms(SINCE_US, tuple(map(int, Funding))),
            tap("M HOLD C 10"),
            tap("M ENTRY C 0 place=1 scene=5"),
            Scenes((SceneRow(5, "Fair", rated_by=7),)),
            tap("M EXIT C 0 place=2 scene=5"),
            tap("M ENTRY C 0 place=1 scene=5"),
            tap("M EXIT C 0 place=2 scene=5"),
        )
        answers = side.step(group, NOW_US)
    of_taps = zip(group, answers, strict=True)
    assert [decision_of(answer) for item, answer in of_taps if isinstance(item, Taps)] == [
        (Outcome.TARIFF_UNKNOWN, 0),
        (Outcome.ACCEPTED, 0),
        (Outcome.ACCEPTED, 5),
        (Outcome.ACCEPTED, 0),
        (Outcome.ACCEPTED, 900),
        (Outcome.HOLD_NOT_ALLOWED, 0),
        (Outcome.ACCEPTED, 10),
        (Outcome.ACCEPTED, 0),  # by the metro's fares: no scene was loaded yet
        (Outcome.NO_OPEN_JOURNEY, 0),
        (Outcome.ACCEPTED, 0),
        (Outcome.ACCEPTED, 900),
    ]


def decision_of(answer: Any) -> tuple[Outcome, int]:
    (decision,) = answer
    return Outcome(decision.outcome), decision.amount_fen


def test_it_is_one_group() -> None:
    """An engine writes what it is given at once in one transaction, and not before."""
    with opened("engine", NOW_US, SMALL) as side:
        journal, commits = side.engine_side.engine.journal, []
        write = journal.write
        journal.write = lambda drafts: (commits.append(len(drafts)), write(drafts))[1]
        tariff, scenes = NewTariff("ferry", SINCE_US, 2, FREE, 0, 7), Scenes((SceneRow(5, "Fair"),))
        side.step([tariff, scenes], NOW_US)
        assert len(commits) == 1 and commits[0] >= 4  # each with who did it
