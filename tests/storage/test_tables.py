"""What is said of the state's tables follows from one list: SHAPES of ext/state/table."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

from onecard.core.checkpoint.pages import FRAME, KEY, MANIFEST, PAGES, SavedPages, page_of
from onecard.core.checkpoint.room import Room
from onecard.core.clock import SystemClock
from onecard.core.config import MIB, Settings
from onecard.core.ledger.opened import Ledger
from onecard.core.storage.rebuildable import META
from onecard.core.watch.log import Log
from onecard.ext.shape import dtypes
from onecard.ext.state.state import State
from onecard.ext.state.table import DTYPES, ROWS_A_PAGE, SETTINGS, SHAPES, TABLES, Shape
from tests.twin import digest as twin_digest

ROOMS = {"cards": 5_000, "terminals": 3_000, "holds": 4_000, "lots": 4_000}
ROWS_EACH = {"card_pasts": 2}  # of tables that have more rows than their setting says
# Written by hand once: what is on disk and in digests has this order for ever.
ORDER = "participants terminals accounts credentials windows policies".split()
ORDER += ["card_pasts", "terminal_pasts", "actors", "scenes", "calendar_days", "open_holds"]
ORDER += ["purses", "lots"]
ORDER += ["travels", "journeys"]


def room_of(shape: Shape) -> int:
    return ROWS_EACH.get(shape.name, 1) * ROOMS[shape.room] if shape.room in ROOMS else shape.room


def filled(seed: int) -> State:
    """Three to nine rows in use in each table, of random bytes, and a total of random rules."""
    random = np.random.default_rng(seed)
    state = State(*ROOMS.values())
    for shape in SHAPES:
        used = 3 + shape.number
        state.totals[shape.name] = used
        rows = state.table(shape.name)[shape.first : shape.first + used]
        rows.view(np.uint8)[:] = random.integers(1, 256, rows.nbytes, np.uint8)
    state.lots.forget()
    state.lots.put_in_order()  # links follow from the other columns, as once rows are loaded
    return state


def test_the_order_is_kept_and_the_twin_has_the_same_tables() -> None:
    assert list(TABLES) == ORDER == list(twin_digest.TABLES)
    assert [shape.number for shape in SHAPES] == list(range(len(ORDER)))
    assert set(SETTINGS) == set(ROOMS)


@pytest.mark.parametrize("shape", SHAPES, ids=TABLES)
def test_memory_and_pages_follow_from_the_list(shape: Shape) -> None:
    state = State(*ROOMS.values())
    rows = state.table(shape.name)
    assert rows.dtype == shape.dtype == DTYPES[shape.name]
    assert len(rows) == shape.first + room_of(shape)
    assert state.count(shape.name) == shape.first
    pages = len(rows) // ROWS_A_PAGE[shape.name] + 1
    assert ROWS_A_PAGE[shape.name] == dtypes.PAGE_BYTES // shape.dtype.itemsize
    assert (len(state.dirty(shape.name)), len(state.as_of(shape.name))) == (pages, pages)
    state.totals[shape.name] = 2
    assert len(state.rows(shape.name)) == shape.first + 2


def test_the_digest_walks_the_list() -> None:
    state = filled(1)
    total = hashlib.sha256()
    for shape in SHAPES:
        used = shape.first + int(state.totals[shape.name][0])
        total.update(used.to_bytes(8, "little"))
        total.update(state.table(shape.name)[:used].tobytes())
    total.update(state.totals.tobytes())
    assert state.digest() == total.digest()


@pytest.mark.parametrize("shape", SHAPES, ids=TABLES)
def test_the_room_of_a_ledger_follows_from_the_list(shape: Shape) -> None:
    totals = np.zeros(1, dtypes.TOTALS)
    totals[shape.name] = 100
    used = Room.used(totals[0])
    need = 100 // ROWS_EACH.get(shape.name, 1)
    assert used == Room(**{name: need * (name == shape.room) for name in ROOMS})
    sized = sum(room_of(one) * one.dtype.itemsize for one in SHAPES if one.room in ROOMS)
    assert Room(**ROOMS).map_bytes == 2 * sized


def test_what_is_saved_and_loaded_follows_from_the_list(tmp_path: Path) -> None:
    origin = Ledger.create(tmp_path / "ledger", Settings())
    log = Log(SystemClock(), out=io.StringIO())
    saved = SavedPages.open(tmp_path / "pages", origin, 64 * MIB, log)
    state, loaded = filled(2), State(*ROOMS.values())
    saved.put([page_of(state, number, 0) for number in range(len(TABLES))])
    saved.seal(0, bytes(32), state.totals.tobytes())
    environment = saved._open()
    with environment.read(PAGES) as txn:
        keys = [KEY.unpack(key) for key in txn.cursor().iternext(values=False)]
    assert keys == [(number, 0) for number in range(len(ORDER))]
    with environment.read(META) as txn:
        value = bytes(txn.get(MANIFEST))
    text = json.loads(value[FRAME.size :][: FRAME.unpack_from(value)[1]])
    assert [table[:2] for table in text["tables"]] == [
        [shape.name, shape.dtype.itemsize] for shape in SHAPES
    ]
    assert saved.load(loaded) is not None
    assert loaded.digest() == state.digest()
    saved.close()


def test_look_ups_follow_from_the_list() -> None:
    """Rebuilt from the rows in use; a number that was never given leads nowhere."""
    state = filled(3)
    state.table("terminals")[2] = np.zeros(1, dtypes.TERMINAL)
    state.reindex()
    names = {bytes(row["name"]): at for at, row in enumerate(state.rows("participants")) if at}
    actors = {bytes(row["name"]): at for at, row in enumerate(state.rows("actors")) if at}
    numbers = {bytes(row["number"]): at for at, row in enumerate(state.rows("terminals")) if at}
    assert state.by_name == names
    assert state.by_actor == actors
    assert numbers.pop(b"") == 2
    assert state.by_number == numbers
    tokens = state.rows("credentials")["token"].copy()
    assert state.credentials_of(tokens).tolist() == list(range(len(tokens)))
    assert {shape.name for shape in SHAPES if shape.key} == {
        "participants",
        "terminals",
        "credentials",
        "actors",
        "lots",
    }
