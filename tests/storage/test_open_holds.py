"""Open holds that have an end: their rows, which of them ends next, and blocks that lie of them."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from onecard.core.audit.books import Books
from onecard.core.errors import LedgerFault
from onecard.core.journal import Block, Draft
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Image, Kind
from onecard.ext.shape.numbers import Record as R
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from tests.rules.hold_tables import HELD_LEGS
from tests.rules.taptable import NOW_US, Play
from tests.support.engine import EngineSide, quick_folder

START_US = 1_700_000_000_000_000
ROOM = 3_000  # of a state here: some pages of 2,048 rows
OPENED, CLOSED = int(Image.HOLD_OPENED), int(Image.HOLD_CLOSED)
Said = tuple[int, int, int, int]  # what, row, value; and the entry it is about


def entries(state: State, said: list[Said]) -> Draft:
    """A block of an entry each, that says so; without legs."""
    first = int(state.totals["last"][0]) + 1
    rows = np.zeros(len(said), dtypes.ENTRY)
    rows["sequence"] = np.arange(first, first + len(said))
    rows["kind"], rows["outcome"], rows["amount_fen"] = Kind.HOLD, 1, 70
    rows["token"] = 1_000 + rows["sequence"]
    images = np.zeros(len(said), dtypes.AFTER_IMAGE)
    images["row"] = np.arange(len(said))
    columns = np.array(said, np.int64)
    images["what"], images["key"], images["value"] = columns[:, 0], columns[:, 1], columns[:, 2]
    rows["about"] = columns[:, 3]
    draft = Draft.of(R.ENTRIES, rows, START_US + first, None, images)
    draft.label()
    return draft


def took(state: State, *said: Said) -> int:
    """The first sequence of a block that was applied."""
    first = int(state.totals["last"][0]) + 1
    apply(state, entries(state, list(said)).value)
    return first


def in_order(rows: NDArray[np.void]) -> list[tuple[int, int]]:
    return [(int(row["expires_us"]), int(row["sequence"])) for row in rows]


@pytest.mark.parametrize("seed", range(4))
def test_what_ends_first_is_what_a_slow_one_says(seed: int) -> None:
    """Many that end at once, many closed from the middle, rows used again; asked now and then, so
    that the order is kept for a while and gathered anew at other times."""
    rng = random.Random(seed)
    state = State(8, 8, ROOM)
    is_open: dict[int, tuple[int, int]] = {}  # by row
    for step in range(1_500):
        free = min(set(range(1, len(is_open) + 2)) - is_open.keys())
        if is_open and rng.random() < (0.3 if step < 900 else 0.7):
            row = rng.choice(list(is_open))
            _, sequence = is_open.pop(row)
            took(state, (CLOSED, row, sequence, sequence))
        else:
            # Now and then another row than the engine would take: of a journal it is believed.
            row = free if rng.random() < 0.98 else max(is_open, default=0) + 1
            expires_us = rng.randint(1, 60)
            is_open[row] = expires_us, took(state, (OPENED, row, expires_us, 0))
        if rng.random() < 0.2:
            at_us, most = rng.randint(0, 61), rng.choice((0, 1, 7, 10_000))
            due = sorted(one for one in is_open.values() if one[0] <= at_us)
            assert in_order(state.holds_due(at_us, most)) == due[:most]
            assert state.holds_open() == len(is_open)
        if rng.random() < 0.02:
            state.reindex()
    rows = state.rows("open_holds")
    assert len(rows) == 1 + int(state.totals["open_holds"][0])
    assert {row for row in np.flatnonzero(rows["sequence"])} == is_open.keys()
    assert not rows[rows["sequence"] == 0].view(np.uint8).any()  # a row that is free is all 0
    state.reindex()
    assert in_order(state.holds_due(1 << 62, ROOM)) == sorted(is_open.values())


def test_what_it_gives_is_a_copy_of_each() -> None:
    state = State(8, 8, ROOM)
    first = took(state, (OPENED, 1, 500, 0), (OPENED, 2, 400, 0))
    due = state.holds_due(500, 9)
    assert [tuple(row) for row in due.tolist()] == [
        (first + 1, 400, 1_000 + first + 1, 70),
        (first, 500, 1_000 + first, 70),
    ]
    took(state, (CLOSED, 2, first + 1, first + 1))
    assert int(due["sequence"][0]) == first + 1
    assert len(state.holds_due(399, 9)) == 0


LIES: dict[str, list[Said]] = {
    "row 0": [(OPENED, 0, 5, 0)],
    "a row beyond all": [(OPENED, ROOM + 1, 5, 0)],
    "a row that wraps": [(OPENED, -1, 5, 0)],
    "a row that is in use": [(OPENED, 1, 5, 0)],
    "one twice in a block": [(OPENED, 9, 5, 0), (OPENED, 9, 5, 0)],
    "of a row that is free": [(CLOSED, 2, 1, 1)],
    "of another hold": [(CLOSED, 1, 9, 9)],
    "of a hold that it is not about": [(CLOSED, 1, 1, 9)],
    "closed twice": [(CLOSED, 1, 1, 1), (CLOSED, 1, 1, 1)],
    "of a row beyond all": [(CLOSED, ROOM + 1, 1, 1)],
}


@pytest.mark.parametrize("lie", LIES)
def test_a_block_that_lies_is_refused(lie: str) -> None:
    state = State(8, 8, ROOM)
    took(state, (OPENED, 1, 5, 0))
    with pytest.raises(ValueError, match="names what this state has no room for"):
        took(state, *LIES[lie])


@pytest.mark.parametrize("count", [60_000, pytest.param(1_000_000, marks=pytest.mark.campaign)])
def test_asking_is_cheap_however_many_are_open(count: int) -> None:
    """What is due is found by its own number, and the order of all is gathered in one pass."""
    state = State(8, 8, count)
    expires_us = np.random.default_rng(3).permutation(count) + 1
    for at in range(0, count, 50_000):
        part = expires_us[at : at + 50_000].tolist()
        took(state, *((OPENED, at + n, one, 0) for n, one in enumerate(part, 1)))
    began = time.perf_counter()
    state.gather_holds()
    gathered_s = time.perf_counter() - began
    took_s = []
    for _ in range(20):
        began = time.perf_counter()
        due = state.holds_due(1_000, 1_000)
        took_s.append(time.perf_counter() - began)
    print(
        f"{count} open: gathered in {gathered_s * 1e3:.1f} ms, 1,000 due in {min(took_s) * 1e3:.2f}"
    )
    assert due["expires_us"].tolist() == list(range(1, 1_001))
    assert gathered_s < 2
    assert min(took_s) < 0.05
    assert state.holds_open() == count


# ---- what verify holds against it -------------------------------------------------------------


@pytest.fixture(scope="module")
def journal() -> Iterator[tuple[list[Block], Play]]:
    with quick_folder() as folder:
        side = EngineSide(folder / "ledger", NOW_US)
        play = Play(side)
        play.run(HELD_LEGS)
        yield list(side.engine.journal.blocks()), play
        side.close()


def image(what: int, field: str, value: int) -> Callable[[NDArray[np.void]], None]:
    def change(images: NDArray[np.void]) -> None:
        images[field][images["what"] == what] = value

    return change


FAULTS = [  # whose entry, what is changed of its images, and what is said of it
    ("c", image(OPENED, "key", 0), "expected a hold to take a row of open holds that is free"),
    ("c", image(OPENED, "value", 5), "expected an end after"),
    ("k", image(OPENED, "what", CLOSED), "expected row 1 of the hold that it is about"),
    ("c3", image(CLOSED, "key", 2), "expected row 2 of the hold that it is about"),
    ("c3", image(CLOSED, "value", 1), "expected row 1 of the hold that it is about, found hold 1"),
    ("k1", image(Image.CLOSED_ORIGINAL, "what", Image.CLAIMED), "to be closed, found it open"),
    ("c3", image(CLOSED, "what", OPENED), "expected a hold to take a row"),
]


@pytest.mark.parametrize(("label", "change", "says"), FAULTS)
def test_books_that_do_not_add_up(
    journal: tuple[list[Block], Play],
    label: str,
    change: Callable[[NDArray[np.void]], None],
    says: str,
) -> None:
    blocks, play = journal
    sequence = play.answers[label].sequence
    books = Books()
    with pytest.raises(LedgerFault, match=says):
        for block in blocks:
            if block.first <= sequence <= block.last:
                images = block.images.copy()
                change(images)
                block = replace(block, images=images)
            books.take(block)


def test_books_that_add_up(journal: tuple[list[Block], Play]) -> None:
    books = Books()
    for block in journal[0]:
        books.take(block)
    assert books.entries > 10
