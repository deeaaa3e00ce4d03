"""Lots: the order of their rows, blocks that lie of them, where they go once nothing is left."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from onecard.core.audit.lots import Lots
from onecard.core.audit.verify import verify
from onecard.core.errors import LedgerFault
from onecard.core.journal import Block, Draft
from onecard.ext.identity.pages import in_space
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Effect, Image, Kind, OwnerKind, Record, Space
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from tests.rules.lot_tables import GRANTS
from tests.rules.taptable import NOW_US, Play
from tests.rules.test_claims_leave import World
from tests.support.engine import SMALL, Both, EngineSide, quick_folder
from tests.support.random_steps import RandomSteps

START_US = 1_700_000_000_000_000
ROOM, ACCOUNTS = 4_000, 5  # of a state here: some pages of 1,724 rows
OPENED, SPENT = int(Image.LOT_OPENED), int(Image.LOT_SPENT)
Said = tuple[int, int, int]  # what, key, value
END_US = 1 << 60


def made() -> State:
    """A state with accounts and nothing on them."""
    state = State(8, 8, 8, ROOM)
    for record, dtype in ((Record.PARTICIPANTS, dtypes.PARTICIPANT_RECORD),):
        rows = np.zeros(1, dtype)
        rows["sequence"], rows["participant"], rows["kind"] = 1, 1, 1
        put(state, Draft.of(record, rows, START_US + 1))
    rows = np.zeros(ACCOUNTS, dtypes.CARD_RECORD)
    rows["sequence"] = np.arange(2, 2 + ACCOUNTS)
    rows["account"] = rows["token"] = np.arange(1, ACCOUNTS + 1)
    put(state, Draft.of(Record.CARDS, rows, START_US + 2))
    return state


def put(state: State, draft: Draft) -> None:
    draft.label()
    apply(state, draft.value)


def took(
    state: State, said: list[Said], account: int, amount_fen: int = 70, ends_us: int = 0
) -> None:
    """A block of an entry that says so, with the legs of the lot that it is about."""
    first = int(state.totals["last"][0]) + 1
    rows = np.zeros(1, dtypes.ENTRY)
    rows["sequence"], rows["kind"], rows["outcome"] = first, Kind.GRANT, 1
    rows["account"], rows["amount_fen"], rows["ends_us"] = account, amount_fen, ends_us
    if not state.rows("accounts")["purse"][account] and said[0][0] == OPENED:
        rows["effects"] = Effect.PURSE_OPENED
    images = np.zeros(len(said), dtypes.AFTER_IMAGE)
    for at, (what, key, value) in enumerate(said):
        images[at] = 0, what, key % (1 << 64), value
    legs = np.zeros(2, dtypes.LEG)
    rows["legs"] = 2
    legs["owner_kind"] = OwnerKind.LOT, OwnerKind.SPONSOR
    legs["owner"][0] = (said[0][2] if said[0][0] == OPENED else said[0][1]) % (1 << 32)
    legs["amount_fen"] = (amount_fen, -amount_fen) if said[0][0] == OPENED else (-70, 70)
    put(state, Draft.of(Record.ENTRIES, rows, START_US + first, legs, images))


@pytest.mark.parametrize("seed", range(4))
def test_the_order_is_what_a_slow_one_says(seed: int) -> None:
    """Ends that are alike, spent from the middle, rows used again; followed for a while, and at
    other times gathered anew."""
    rng, state = random.Random(seed), made()
    lots: dict[int, tuple[int, int, int]] = {}  # by row: end, number, account
    for step in range(800):
        free = min(set(range(1, len(lots) + 2)) - lots.keys())
        if lots and rng.random() < (0.3 if step < 500 else 0.7):
            row = rng.choice(list(lots))
            _, number, account = lots.pop(row)
            took(state, [(SPENT, number, row)], account)
        else:
            # Now and then another row than the engine would take: of a journal it is believed.
            row = free if rng.random() < 0.98 else max(lots, default=0) + 1
            number = int(state.totals["granted"][0]) + 1
            account, ends_us = rng.randint(1, ACCOUNTS), rng.choice((0, 0, *range(1, 9)))
            took(state, [(OPENED, row, number)], account, 70, ends_us)
            lots[row] = ends_us or END_US, number, account
        if rng.random() < 0.1:
            for account in range(1, ACCOUNTS + 1):
                wanted = sorted(lot for lot in lots.values() if lot[2] == account)
                found = state.lots_of(account)
                assert found["lot"].tolist() == [number for _, number, _ in wanted]
                assert set(found["left_fen"].tolist()) <= {70}
            assert state.lots.live == len(lots)
        if rng.random() < 0.02:
            state.reindex()
    state.lots.put_in_order()
    before = state.rows("lots").copy(), state.rows("purses").copy()
    state.reindex()
    state.lots.put_in_order()
    assert (before[0] == state.rows("lots")).all() and (before[1] == state.rows("purses")).all()
    rows = state.rows("lots").copy()
    assert set(np.flatnonzero(rows["lot"]).tolist()) == lots.keys()
    assert not rows[rows["lot"] == 0].view(np.uint8).any()  # a row that is free is all 0


LIES: dict[str, list[Said]] = {
    "row 0": [(OPENED, 0, 3)],
    "a row beyond all": [(OPENED, ROOM + 1, 3)],
    "a row that wraps": [(OPENED, -1, 3)],
    "a row that is in use": [(OPENED, 1, 3)],
    "a number that was given": [(OPENED, 3, 2)],
    "a number that is not the next": [(OPENED, 3, 4)],
    "of a row that is free": [(SPENT, 1, 3)],
    "of another lot": [(SPENT, 2, 1)],
    "of row 0": [(SPENT, 1, 0)],
    "of a row beyond all": [(SPENT, 1, ROOM + 1)],
    "twice": [(SPENT, 1, 1), (SPENT, 1, 1)],
}


@pytest.mark.parametrize("lie", LIES)
def test_a_block_that_lies_is_refused(lie: str) -> None:
    state = made()
    took(state, [(OPENED, 1, 1)], 1)
    took(state, [(OPENED, 2, 2)], 1)
    with pytest.raises(ValueError, match="names what this state has no room for"):
        took(state, LIES[lie], 1)


def test_nothing_is_left_of_what_is_spent() -> None:
    state = made()
    took(state, [(OPENED, 1, 1)], 1, 71)
    with pytest.raises(ValueError, match="names what this state has no room for"):
        took(state, [(SPENT, 1, 1)], 1)  # of 71 fen it takes 70
    state = made()
    took(state, [(OPENED, 1, 1)], 1, 69)
    with pytest.raises(ValueError, match="names what this state has no room for"):
        took(state, [(SPENT, 1, 1)], 1)


@pytest.mark.parametrize("count", [20_000, pytest.param(2_000_000, marks=pytest.mark.campaign)])
def test_lots_take_little_memory(count: int) -> None:
    """Two an account, which has a purse then: what is touched of the tables and their index."""
    granted(10_000)  # what blocks are made in is there then
    state, bytes_each = granted(count)
    state.reindex()
    began = time.perf_counter()
    state.lots.put_in_order()
    ordered_s = time.perf_counter() - began
    print(f"{count} lots: {bytes_each:.1f} bytes each, in order in {ordered_s * 1e3:.0f} ms")
    assert state.lots.live == count
    assert state.lots_of(3)["lot"].tolist() == [5, 6]
    assert ordered_s < 2
    if count == 2_000_000:
        assert bytes_each * count < 0.1 * (1 << 30)


def granted(count: int) -> tuple[State, float]:
    """A state with so many lots, and the bytes that each of them took."""
    state = State(count // 2, 8, 8, count)
    cards = np.zeros(count // 2, dtypes.CARD_RECORD)
    cards["sequence"] = cards["account"] = cards["token"] = np.arange(1, count // 2 + 1)
    put(state, Draft.of(Record.CARDS, cards, START_US))
    before = resident_bytes()
    for at in range(0, count, 10_000):
        rows, images = np.zeros(10_000, dtypes.ENTRY), np.zeros(10_000, dtypes.AFTER_IMAGE)
        number = np.arange(at + 1, at + 10_001)
        rows["sequence"] = count // 2 + number
        rows["kind"], rows["outcome"], rows["amount_fen"] = Kind.GRANT, 1, 70
        rows["account"] = (number + 1) // 2
        rows["effects"] = Effect.PURSE_OPENED * (number % 2)
        images["row"], images["what"] = np.arange(10_000), OPENED
        images["key"] = images["value"] = number
        put(state, Draft.of(Record.ENTRIES, rows, START_US + at + 1, None, images))
    return state, (resident_bytes() - before) / count


def resident_bytes() -> int:
    """Anonymous memory of this process that is there."""
    [line] = [one for one in Path("/proc/self/status").read_text().splitlines() if "RssAnon" in one]
    return int(line.split()[1]) << 10


# ---- what verify holds against it -------------------------------------------------------------


@pytest.fixture(scope="module")
def journal() -> Iterator[tuple[list[Block], Play, EngineSide]]:
    with quick_folder() as folder:
        side = EngineSide(folder / "ledger", NOW_US)
        play = Play(side)
        play.run(GRANTS)
        yield list(side.engine.journal.blocks()), play, side
        side.close()


def image(what: int, field: str, value: int) -> Callable[[Block], Block]:
    def change(block: Block) -> Block:
        images = block.images.copy()
        images[field][images["what"] == what] = value
        return replace(block, images=images)

    return change


def leg(field: str, value: int) -> Callable[[Block], Block]:
    def change(block: Block) -> Block:
        legs = block.legs.copy()
        legs[field][legs["owner_kind"] == OwnerKind.LOT] = value
        return replace(block, legs=legs)

    return change


FAULTS = [  # whose entry, what is changed of its block, and what is said of it
    ("g", image(OPENED, "value", 5), "expected a grant of lot 1, found lot 5"),
    ("h", image(OPENED, "key", 1), "expected a row that is free, found 1"),
    ("g", image(OPENED, "what", 1), "expected legs of lots 1 to 0"),
    ("k", image(SPENT, "value", 2), "expected lot 1 in row 2"),
    ("k", image(SPENT, "what", 1), "expected lot 1 with something left of it, found 0 fen"),
    ("k", leg("amount_fen", -499), "expected lot 1 with nothing left of it, found 1 fen"),
    ("k", leg("amount_fen", -501), "expected lot 1 with nothing left of it, found -1 fen"),
    ("k", leg("owner", 2), "expected lot 2 with something left of it, found -495 fen"),
]


@pytest.mark.parametrize(("label", "change", "says"), FAULTS)
def test_lots_that_do_not_add_up(
    journal: tuple[list[Block], Play, EngineSide],
    label: str,
    change: Callable[[Block], Block],
    says: str,
) -> None:
    blocks, play, _ = journal
    sequence, lots = play.answers[label].sequence, Lots()
    with pytest.raises(LedgerFault, match=says):
        for block in blocks:
            lots.take(change(block) if block.first <= sequence <= block.last else block)


def test_lots_that_add_up(journal: tuple[list[Block], Play, EngineSide]) -> None:
    blocks, _, side = journal
    lots, state = Lots(), side.engine.state
    for block in blocks:
        lots.take(block)
    lots.agree(state)
    row = int(np.flatnonzero(state.rows("lots")["lot"])[0])
    wrong: list[tuple[NDArray[np.void], str, str]] = [
        (state.table("lots")[row : row + 1], "left_fen", "expected the fold of its legs"),
        (state.table("lots")[row : row + 1], "lot", "expected .* in the rows that their entries"),
    ]
    for rows, name, says in wrong:
        rows[name] += 1
        with pytest.raises(LedgerFault, match=says):
            lots.agree(state)
        rows[name] -= 1
    party = int(state.rows("accounts")["issuer"][state.rows("lots")["account"][row]])
    balances = state.table("participants")["balance_fen"][party]
    balances[OwnerKind.LOT] += 1
    with pytest.raises(LedgerFault, match=f"participant {party}: expected .* left of the lots"):
        lots.agree(state)
    balances[OwnerKind.LOT] -= 1
    lots.agree(state)


# ---- once nothing is left ----------------------------------------------------------------------


def test_who_spent_a_lot_is_known_for_ever() -> None:
    """In memory, then in the index, and in an index that is made anew."""
    with quick_folder() as folder:
        world = World(EngineSide(folder / "ledger", NOW_US))
        world.run("""
            g: I GRANT P 500 sponsor=1  = ACCEPTED 500 1000
            h: I GRANT P 500 sponsor=1  = ACCEPTED 500 1000
            k: I REVERSAL P 0 voids=g   = ACCEPTED 500 1000
        """)
        side, by = world.side, world.sequence("k")
        assert [side.engine.recent.spent_by(lot) for lot in (1, 2)] == [by, 0]
        world.restart(checkpoint=True, index=True)
        assert side.engine.recent.spent_by(1) == by
        world.away()
        assert side.engine.recent.spent_by(1) == 0
        asked = in_space(Space.SPENT_LOTS, np.array([1, 2], np.uint64))
        assert side.ledger.identities.find(asked).tolist() == [by, 0]
        for index in (True, False):
            world.restart(checkpoint=False, index=index)
            assert side.ledger.identities.find(asked).tolist() == [by, 0]
        side.ledger.close(True)
        report = verify(side.folder)
        assert report.fault is None and "ok" in report.identities, report
        side._open()
        side.close()


@pytest.mark.parametrize("seed", range(6))
def test_storms_in_a_ledger_that_has_room_for_few(seed: int) -> None:
    """Rows are used again and again, and more are asked for than there are."""
    rng = random.Random(seed)
    with quick_folder() as folder:
        both = Both(folder / "ledger", NOW_US, replace(SMALL, lots_max=5))
        both.twin_side.book.lots_max = 5
        try:
            drawn = RandomSteps(rng, both.twin_side.book, kinds=(Kind.GRANT, Kind.REVERSAL))
            both.step(drawn.registry(), drawn.now_us)
            for _ in range(25):
                both.step(drawn.step(), drawn.now_us)
                if rng.random() < 0.1:
                    both.restart(checkpoint=rng.random() < 0.5)
            both.close()
            assert both.twin_side.book.granted > both.twin_side.book.lot_rows > 0
        finally:
            both.engine_side.close()
    report = both.twin_side.book
    assert report.lot_rows <= 5
