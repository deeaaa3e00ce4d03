"""The books of a ledger with adjustments: sound ones add up, and what is off is named."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from onecard.core.audit import runs
from onecard.core.audit.books import Books
from onecard.core.audit.taken_back import TakenBack
from onecard.core.errors import LedgerFault
from onecard.core.journal.block import Block
from onecard.ext.shape.numbers import Image, Record
from tests.rules.taptable import NOW_US, Play
from tests.support.engine import EngineSide, quick_folder

TABLE = """
a: M RIDE P 300             = ACCEPTED 300 700
more: I ADJUST P 50 about=a = ACCEPTED 50 650
less: I ADJUST P -80 about=a = ACCEPTED -80 730
b: X RIDE C 100             = ACCEPTED 100 0
up: I ADJUST C 25 about=b   = ACCEPTED 25 0
z: M RIDE P 0               = ACCEPTED 0 730
paid: I ADJUST P 30 about=z = ACCEPTED 30 700
undo: M REVERSAL P 0 voids=a = ACCEPTED 270 970
back: X REVERSAL C 0 voids=b = ACCEPTED 125 0
free: M REVERSAL P 0 voids=z = ACCEPTED 30 1000
c: M RIDE P 100             = ACCEPTED 100 900
all: I ADJUST P -100 about=c = ACCEPTED -100 1000
none: M REVERSAL P 0 voids=c = ACCEPTED 0 1000
"""


@pytest.fixture(scope="module")
def journal() -> Iterator[tuple[list[Block], Play]]:
    with quick_folder() as folder:
        side = EngineSide(folder / "ledger", NOW_US)
        play = Play(side)
        play.run(TABLE)
        yield list(side.engine.journal.blocks()), play
        side.close()


@pytest.fixture(params=[2, runs.ROWS_A_RUN], ids=["many runs", "one"])
def run_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is taken back of originals is sorted in runs of so many rows."""
    monkeypatch.setattr(runs, "ROWS_A_RUN", request.param)
    monkeypatch.setattr(runs, "ROWS_A_SAMPLE", 1)
    monkeypatch.setattr(runs, "SAMPLES_A_RANGE", 1)


def taken(blocks: list[Block], changed: int, change: Callable[[Block], None]) -> Books:
    """Books that took all blocks, the one of this sequence after the change; what they take back is
    proved too."""
    with TakenBack() as taken_back:
        books = _taken(blocks, changed, change, taken_back)
        taken_back.prove(lambda first: f"block {first}")
    return books


def _taken(
    blocks: list[Block], changed: int, change: Callable[[Block], None], taken_back: TakenBack
) -> Books:
    books = Books()
    for block in blocks:
        if block.first <= changed <= block.last:
            rows, legs, images = block.rows.copy(), block.legs.copy(), block.images.copy()
            block = replace(block, rows=rows, legs=legs, images=images)
            change(block)
        books.take(block)
        taken_back.take(block)
    return books


@pytest.mark.usefixtures("run_rows")
def test_sound_ones_add_up(journal: tuple[list[Block], Play]) -> None:
    blocks, _ = journal
    books = taken(blocks, 0, lambda block: None)
    assert books.trial.total_fen() == 0
    assert books.entries == sum(block.count for block in blocks if block.record == Record.ENTRIES)


def amounts(*change_fen: int) -> Callable[[Block], None]:
    """Added to the entry's amount, and to each of its legs."""

    def change(block: Block) -> None:
        entry_fen, *legs_fen = change_fen
        block.rows["amount_fen"][0] += entry_fen
        if legs_fen:
            block.legs["amount_fen"] += np.array(legs_fen)

    return change


def image(field: str, value: int) -> Callable[[Block], None]:
    def change(block: Block) -> None:
        block.images[field][0] = value

    return change


def of_nothing(block: Block) -> None:
    block.images["key"][0] = block.first


OFF = [  # whose entry, what is changed of it, and what is said of it
    ("more", amounts(1), "expected legs that move its 51 fen, found 50 fen"),
    ("less", amounts(-1), "expected legs that move its 81 fen, found 80 fen"),
    ("less", amounts(160), "open and adjusted by 130 fen, found -30 fen"),  # the sign
    ("more", image("value", 49), "adjusted by 50 fen, found 49 fen"),
    ("less", image("value", 0), "adjusted by -30 fen, found 0 fen"),
    ("up", image("what", 99), "expected an after-image of a known kind, found 99"),
    ("up", of_nothing, "expected an original that came before"),
    ("undo", amounts(60), "expected legs that move its 330 fen, found 270 fen"),
    ("undo", amounts(0, 0, 0, 10, -10), "expected legs that move its 270 fen, found 280 fen"),
    ("back", amounts(-50), "expected legs that move its 75 fen, found 125 fen"),
    ("none", amounts(100), "expected legs that move its 100 fen, found 0 fen"),
]


@pytest.mark.parametrize(("label", "change", "said"), OFF)
@pytest.mark.usefixtures("run_rows")
def test_what_is_off_is_named(
    journal: tuple[list[Block], Play], label: str, change: Callable[[Block], None], said: str
) -> None:
    blocks, play = journal
    sequence = play.answers[label].sequence
    with pytest.raises(LedgerFault) as fault:
        taken(blocks, sequence, change)
    assert said in str(fault.value) and f"entry {sequence}" in str(fault.value)


@pytest.mark.usefixtures("run_rows")
def test_nothing_closed_is_adjusted(journal: tuple[list[Block], Play]) -> None:
    blocks, play = journal

    def change(block: Block) -> None:
        block.images["what"][0] = Image.CLOSED_ORIGINAL

    with pytest.raises(
        LedgerFault, match="adjusted by -80 fen, found -30 fen of one that is closed"
    ):
        taken(blocks, play.answers["more"].sequence, change)
