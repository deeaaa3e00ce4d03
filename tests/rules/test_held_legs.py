"""What holds of every funding book, which row one takes, and which terms their entries name."""

from collections.abc import Iterator

import pytest

from onecard.ext.shape.numbers import Image, OwnerKind
from tests.rules.hold_tables import FULL, HELD_LEGS, SWEPT_CARDS, SWEPT_GATES
from tests.rules.taptable import METRO, NOW_US, Play
from tests.support.engine import opened

HOUR_US = 3_600_000_000
LEGS = {
    "c": "FLOAT union MAIN union -100, FLOAT union HELD union 100",
    "c1": "FLOAT union HELD union -30, PAYABLE metro MAIN metro 30",
    "c2": "FLOAT union HELD union -20, PAYABLE metro MAIN metro 20",
    "c3": "FLOAT union HELD union -50, FLOAT union MAIN union 50",
    "k": "RECEIVABLE bank MAIN bank -100, RECEIVABLE bank HELD bank 100",
    "k1": "RECEIVABLE bank HELD bank -100, PAYABLE metro MAIN metro 100",
    "p": "ACCOUNT P MAIN bank -100, ACCOUNT P HELD bank 100",
    "p1": "ACCOUNT P MAIN bank 100, ACCOUNT P HELD bank -100",
    "s1": "RECEIVABLE bank HELD bank -40, PAYABLE bus MAIN bus 40",  # who earns at its scene
    "o1": "RECEIVABLE bank HELD bank -100, PAYABLE metro MAIN metro 40, "
    "RECEIVABLE bank MAIN bank 60",
}
# Whatever became of the card, the gate or the scene: where it was held, it goes back.
SWEPT = {
    SWEPT_CARDS: {
        "b1": "ACCOUNT P HELD bank -70, ACCOUNT P MAIN bank 70",
        "m1": "ACCOUNT P HELD bank -100, ACCOUNT P MAIN bank 100",
        "q1": "ACCOUNT Q HELD bank -40, ACCOUNT Q MAIN bank 40",
        "i1": "ACCOUNT P HELD bank -100, ACCOUNT P MAIN bank 100",
        "f1": "ACCOUNT P HELD bank -100, ACCOUNT P MAIN bank 100",
        "g1": "FLOAT union HELD union -100, FLOAT union MAIN union 100",
        "k1": "RECEIVABLE bank HELD bank -100, RECEIVABLE bank MAIN bank 100",
    },
    SWEPT_GATES: {
        "h1": "ACCOUNT P HELD bank -100, ACCOUNT P MAIN bank 100",
        "k1": "ACCOUNT P HELD bank -100, ACCOUNT P MAIN bank 100",
    },
}
# What each image says: of a claim the hold and used_fen afterwards; of a row its number, and the
# hold that it was of or, here as 0, an end.
OPENED, CLOSED_ROW = Image.HOLD_OPENED, Image.HOLD_CLOSED
CLAIMED, CLOSED = Image.CLAIMED, Image.CLOSED_ORIGINAL
IMAGES = {
    "c": [(OPENED, 1, 0)],
    "c1": [(CLAIMED, "c", 30)],
    "c2": [(CLAIMED, "c", 50)],
    "c3": [(CLOSED, "c", 100), (CLOSED_ROW, 1, "c")],
    "k": [(OPENED, 1, 0)],
    "k1": [(CLOSED, "k", 100), (CLOSED_ROW, 1, "k")],
    "p": [(OPENED, 1, 0)],
    "p1": [(CLOSED, "p", 100), (CLOSED_ROW, 1, "p")],
    "o": [],
    "o1": [(CLOSED, "o", 40)],
}
TERMS = {
    "c": 2,
    "c1": 2,
    "c2": 2,
    "c3": 2,
    "k": 2,
    "k1": 2,
    "p": 2,
    "p1": 0,
    "s1": 2,
    "o": 3,
    "o1": 3,
}


@pytest.fixture(params=("twin", "engine"))
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    with opened(request.param, NOW_US) as side:
        yield Play(side)


def test_legs_images_and_terms(play: Play) -> None:
    play.run(HELD_LEGS)
    sequences = {label: play.answers[label].sequence for label in TERMS}
    assert {label: ", ".join(play.legs(label)) for label in LEGS} == LEGS
    found = {label: play.record(label) for label in TERMS}
    assert {label: int(record["tariff"]) for label, record in found.items()} == TERMS
    for label, wanted in IMAGES.items():
        images = [
            (one["what"], one["key"], 0 if one["what"] == OPENED else one["value"])
            for one in found[label]["images"]
        ]
        said = [tuple(sequences.get(one, one) for one in image) for image in wanted]
        assert images == said, label
    [image] = found["p"]["images"]
    assert image["value"] == found["p"]["booked_at_us"] + HOUR_US
    assert found["c3"]["operator_id"] == METRO  # at a terminal of the agent
    assert {int(leg["owner_kind"]) for leg in found["c3"]["legs"]} == {OwnerKind.FLOAT}


@pytest.mark.parametrize("table", SWEPT, ids=("cards", "gates"))
def test_what_is_swept_goes_back_where_it_was_held(play: Play, table: str) -> None:
    play.run(table)
    legs = SWEPT[table]
    assert {label: ", ".join(play.legs(label)) for label in legs} == legs
    assert {int(play.record(label)["operator_id"]) for label in legs} == {METRO}


def test_the_lowest_row_that_is_free_is_taken(play: Play) -> None:
    play.run(FULL)
    rows = {label: play.record(label)["images"][0]["key"] for label in "abcfgi"}
    assert rows == {"a": 1, "b": 2, "c": 3, "f": 2, "g": 1, "i": 3}
