"""Travel rows and the pool of journeys that stand apart: filled, emptied, filled again."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from onecard.core.journal import Draft
from onecard.core.query.card import find_card
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Effect, Image, Kind, Outcome, Record, Role, Status
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from tests.support.engine import SMALL, EngineSide, quick_folder
from tests.support.steps import Cards, NewTariff, Participants, Taps, Terminals
from tests.twin.state import Tap, Terminal

NOW_US = 1_780_300_800_000_000
BEGUN = Effect.JOURNEY_OPENED | Effect.JOURNEY_APART
ENDED = Effect.JOURNEY_CLOSED | Effect.JOURNEY_APART
PLACED, LEFT = Image.JOURNEY_PLACED, Image.JOURNEY_LEFT
CARDS = 3  # and so many rows of the pool
GATES = 6  # of modes 0 to 5


@pytest.fixture
def side() -> Iterator[EngineSide]:
    with quick_folder() as folder:
        made = EngineSide(folder / "ledger", NOW_US, replace(SMALL, cards_max=CARDS))
        gates = (Terminal(f"T-{n}", 1, 1, n, Status.ACTIVE, True) for n in range(GATES))
        made.step(
            [
                Participants((("Metro", Role.OPERATOR), ("Bank", Role.ISSUER))),
                Terminals(tuple(gates)),
                Cards(tuple(range(1, CARDS + 1)), 2, 2),
                NewTariff("fares", NOW_US - 1, 1, (5,), 0),
            ],
            NOW_US,
        )
        yield made
        made.close()


class Rider:
    """Taps of card and mode, each under a number of its own."""

    def __init__(self, side: EngineSide) -> None:
        self.side = side
        self.seq = 0

    def tap(
        self, kind: Kind, card: int, mode: int, voids: int = 0, at_us: int = 0, place: int = 0
    ) -> tuple[Outcome, int, int]:
        """Outcome, sequence, and the row of the pool that an image names; -1: none does."""
        self.seq += 1
        tap = Tap(card, mode + 1, self.seq, 0, at_us, kind, 0, 0, place, 0, 0, voids)
        ((decision,),) = self.side.step([Taps((tap,))], NOW_US)
        images = self.side.record(decision.sequence)["images"] if decision.sequence else []
        return decision.outcome, decision.sequence, images[-1]["key"] if images else -1


def opens(side: EngineSide) -> list[list[int]]:
    """The modes of the open journeys of each card, the oldest first."""
    found = [find_card(side.engine.state, card) for card in range(1, CARDS + 1)]
    return [[one.mode for one in card.journeys] for card in found if card]


def test_the_lowest_row_is_taken_and_none_when_all_are(side: EngineSide) -> None:
    rider = Rider(side)
    assert rider.tap(Kind.ENTRY, 1, 0)[2] == -1  # in the travel row, and of no mode
    assert [rider.tap(Kind.ENTRY, 1, mode)[2] for mode in (1, 2, 3)] == [1, 2, 3]
    assert rider.tap(Kind.ENTRY, 1, 4) == (Outcome.JOURNEYS_FULL, 0, -1)
    assert rider.tap(Kind.ENTRY, 1, 2)[2] == 2  # another of its mode takes its place
    assert rider.tap(Kind.ENTRY, 2, 4)[2] == 0  # the travel row of another account
    assert rider.tap(Kind.ENTRY, 2, 5) == (Outcome.JOURNEYS_FULL, 0, -1)
    assert rider.tap(Kind.ENTRY, 9, 5)[0] == Outcome.CARD_UNKNOWN  # it has no journey
    assert opens(side) == [[0, 1, 3, 2], [4], []]
    assert rider.tap(Kind.EXIT, 1, 2)[2] == 2 and rider.tap(Kind.EXIT, 1, 1)[2] == 1
    for checkpoint in (True, False):
        side.restart(checkpoint)
        assert opens(side) == [[0, 3], [4], []]
    assert rider.tap(Kind.ENTRY, 2, 5)[2] == 1
    side.restart(checkpoint=False)
    assert rider.tap(Kind.ENTRY, 1, 5)[2] == 2
    assert rider.tap(Kind.ENTRY, 1, 1) == (Outcome.JOURNEYS_FULL, 0, -1)
    assert int(side.engine.state.totals["journeys"][0]) == 3
    assert side.engine.state.travels.apart() == 3


def test_a_refused_entry_may_be_sent_again(side: EngineSide) -> None:
    rider = Rider(side)
    for mode in range(4):
        rider.tap(Kind.ENTRY, 1, mode)
    before = int(side.engine.state.totals["last"][0])
    assert rider.tap(Kind.ENTRY, 1, 4)[0] == Outcome.JOURNEYS_FULL
    # Before whatever the tap would be declined for: its time, its place.
    assert (
        rider.tap(Kind.ENTRY, 1, 4, at_us=NOW_US - 61 * 86_400_000_000)[0] == Outcome.JOURNEYS_FULL
    )
    assert rider.tap(Kind.ENTRY, 1, 4, place=9)[0] == Outcome.JOURNEYS_FULL
    assert int(side.engine.state.totals["last"][0]) == before
    rider.tap(Kind.EXIT, 1, 3)
    rider.seq -= 2  # the last of those that were refused
    assert rider.tap(Kind.ENTRY, 1, 4)[0] == Outcome.ACCEPTED


def test_a_reversal_ends_the_journey_of_its_entry_wherever_it_stands(side: EngineSide) -> None:
    rider = Rider(side)
    for mode in range(4):
        rider.tap(Kind.ENTRY, 1, mode)
    for voided, left in ((3, [0, 1, 3]), (1, [1, 3]), (4, [1])):
        mode = voided - 1
        outcome, sequence, _ = rider.tap(Kind.REVERSAL, 1, mode, voids=voided)
        assert outcome == Outcome.ACCEPTED and opens(side)[0] == left
        effects = side.record(sequence)["effects"]
        apart = Effect.JOURNEY_APART if mode else 0
        assert effects == Effect.JOURNEY_CLOSED | apart
    rider.tap(Kind.ENTRY, 1, 1)  # that of before is replaced, so its entry has none any more
    outcome, sequence, _ = rider.tap(Kind.REVERSAL, 1, 1, voids=2)
    assert outcome == Outcome.ACCEPTED and side.record(sequence)["effects"] == 0
    assert opens(side)[0] == [1]


def test_a_travel_row_says_where_and_when(side: EngineSide) -> None:
    rider = Rider(side)
    _, first, _ = rider.tap(Kind.ENTRY, 2, 3)
    rider.tap(Kind.ENTRY, 1, 0)
    rider.tap(Kind.EXIT, 2, 3)
    state = side.engine.state
    assert state.rows("accounts")["travel"].tolist() == [0, 2, 1, 0]
    row = state.rows("travels")[1]
    assert (row["key"], row["sequence"], row["boarded"]) == (0, 0, first)
    assert row["latest_us"] > row["boarded_at_us"] >= NOW_US


# Account, effects; what, row and mode of an image. Account 1 has a journey of mode 3 in row 1.
Said = tuple[int, int, int, int, int]
LIES: dict[str, list[Said]] = {
    "a row that is another's": [(2, BEGUN, PLACED, 1, 3)],
    "a row of another mode": [(1, BEGUN, PLACED, 1, 4)],
    "a row beyond all": [(1, BEGUN, PLACED, CARDS + 1, 4)],
    "a mode that is none": [(1, BEGUN, PLACED, 2, 256)],
    "of no account": [(0, BEGUN, PLACED, 2, 4)],
    "of an entry that begins none": [(1, 0, PLACED, 2, 4)],
    "of one that does not stand apart": [(1, Effect.JOURNEY_OPENED, PLACED, 2, 4)],
    "of one that ends": [(1, ENDED, PLACED, 2, 4)],
    "left where none is": [(1, ENDED, LEFT, 2, 3)],
    "left twice": [(1, ENDED, LEFT, 1, 3), (1, ENDED, LEFT, 1, 3)],
    "left by another": [(2, ENDED, LEFT, 1, 3)],
    "left in another mode": [(1, ENDED, LEFT, 1, 4)],
    "left in the travel row": [(1, ENDED, LEFT, 0, 3)],
    "left by one that begins": [(1, BEGUN, LEFT, 1, 3)],
}


def took(state: State, *said: Said) -> None:
    """A block of an entry each that was applied, without legs."""
    first = int(state.totals["last"][0]) + 1
    rows = np.zeros(len(said), dtypes.ENTRY)
    rows["sequence"] = np.arange(first, first + len(said))
    rows["outcome"], rows["kind"] = 1, Kind.ENTRY
    rows["account"], rows["effects"] = [one[0] for one in said], [one[1] for one in said]
    images = np.zeros(len(said), dtypes.AFTER_IMAGE)
    images["row"] = np.arange(len(said))
    for column, name in enumerate(("what", "key", "value"), 2):
        images[name] = [one[column] for one in said]
    draft = Draft.of(Record.ENTRIES, rows, NOW_US + first, None, images)
    draft.label()
    apply(state, draft.value)
    state.totals["last"] = first + len(said) - 1


def two_accounts() -> State:
    state = State(CARDS, 8)
    state.totals["accounts"] = 2
    took(state, (1, BEGUN, PLACED, 0, 1), (1, BEGUN, PLACED, 1, 3))
    return state


@pytest.mark.parametrize("lie", LIES)
def test_a_block_that_lies_of_a_journey_is_refused(lie: str) -> None:
    with pytest.raises(ValueError, match="names what this state has no room for"):
        took(two_accounts(), *LIES[lie])


def test_one_that_does_not_is_taken() -> None:
    state = two_accounts()
    took(state, (1, BEGUN, PLACED, 1, 3), (2, BEGUN, PLACED, 0, 3), (2, BEGUN, PLACED, 2, 4))
    took(state, (1, ENDED, LEFT, 1, 3))
    assert state.travels.apart() == 1
