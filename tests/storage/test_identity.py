"""Retired identities against a plain dict: find, gaps, close; dense, sparse, several epochs."""

import io
import os
import threading
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from onecard.core.checkpoint import identities as identities_module
from onecard.core.checkpoint.identities import DATABASES, LAYOUT, PAGES, Gap, HashOf, Identities
from onecard.core.clock import SystemClock
from onecard.core.errors import LedgerFault
from onecard.core.storage.environment import MapFull
from onecard.core.storage.rebuildable import META, Origin, open_rebuildable
from onecard.core.watch.log import Log
from onecard.ext.identity import pages as identity_pages
from onecard.ext.identity import shelf
from onecard.ext.identity.generations import IDENTITY
from onecard.ext.identity.order import arrange, arrange_within

ORIGIN = Origin(bytes(range(16)), 1)
MAP_BYTES = 64 << 20
LAST = 1 << 62
LINES = io.StringIO()
LOG = Log(SystemClock(), out=LINES)
Key = tuple[int, int, int]


def rows_of(model: dict[Key, int]) -> NDArray[np.void]:
    rows = np.zeros(len(model), IDENTITY)
    for i, ((terminal, epoch, seq), sequence) in enumerate(model.items()):
        rows[i] = (terminal, epoch, seq, 0, sequence)
    return rows


def opened(path: Path, last: int = LAST, origin: Origin = ORIGIN) -> Identities:
    return Identities.open(path / "identities", origin, last, MAP_BYTES, LOG)


@pytest.fixture
def identities(tmp_path: Path) -> Iterator[Identities]:
    made = opened(tmp_path)
    yield made
    made.release()


def slow_gaps(model: dict[Key, int]) -> list[Gap]:
    """By the definition: within each epoch, every run of absent numbers between present ones."""
    series: dict[tuple[int, int], list[int]] = {}
    for terminal, epoch, seq in sorted(model):
        series.setdefault((terminal, epoch), []).append(seq)
    return [
        Gap(terminal, epoch, low + 1, high - 1)
        for (terminal, epoch), seqs in series.items()
        for low, high in pairwise(seqs)
        if high > low + 1
    ]


dense = st.tuples(st.integers(1, 3), st.integers(0, 2), st.integers(0, 700))
sparse = st.tuples(st.integers(0, 2**28 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
runs = st.builds(
    lambda at, length: [(at[0], at[1], at[2] + i) for i in range(length)],
    dense,
    st.integers(1, 600),
)
keys = st.one_of(runs, st.lists(dense, max_size=40), st.lists(sparse, max_size=40))
near = st.integers(1, 1 << 20)
far = st.integers(1, 2**64 - 1)


@st.composite
def generations(draw: st.DrawFn) -> list[dict[Key, int]]:
    model: dict[Key, int] = {}
    made = []
    for _ in range(draw(st.integers(1, 4))):
        generation: dict[Key, int] = {}
        for key in draw(keys):
            if key not in model:
                generation[key] = model[key] = draw(st.one_of(near, far))
        made.append(generation)
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), made=generations(), commit=st.sampled_from([1, 2, 2048]))
def test_find_and_gaps_equal_a_dict(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    made: list[dict[Key, int]],
    commit: int,
) -> None:
    path = tmp_path_factory.mktemp("identities")
    identities = opened(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identities_module, "PAGES_A_COMMIT", commit)
        patch.setattr(identities_module, "PAGES_A_READ", commit)
        closed: dict[Key, int] = {}
        for number, generation in enumerate(made[:-1], 1):
            identities.retire(rows_of(generation), number)
            closed |= generation
            if data.draw(st.booleans()):
                identities.release()
                identities = opened(path)
            assert identities.retired == number
        others = data.draw(st.lists(st.one_of(dense, sparse), max_size=20))
        asked = [*others, *closed, *others]
        found = identities.find(rows_of(dict.fromkeys(asked, 1)))
        assert found.tolist() == [closed.get(key, 0) for key in dict.fromkeys(asked)]

        recent = made[-1]
        both = closed | recent
        assert list(identities.gaps(recent=rows_of(recent))) == slow_gaps(both)
        for terminal in {key[0] for key in both}:
            one = {key: value for key, value in both.items() if key[0] == terminal}
            assert list(identities.gaps(terminal, rows_of(recent))) == slow_gaps(one)
    identities.release()


@given(st.lists(sparse, max_size=300), st.booleans())
def test_arrange_sorts(keys: list[Key], whole: bool) -> None:
    rows = rows_of({key: i + 1 for i, key in enumerate(keys)})
    shift = 0 if whole else 8
    wanted = sorted(rows.tolist(), key=lambda row: (row[0], row[1], row[2] >> shift))
    assert arrange(rows, whole).tolist() == wanted
    assert sorted(rows.tolist()) == sorted(wanted)
    spare = np.zeros(len(rows) + 3, IDENTITY)
    assert arrange_within(rows, spare, whole).tolist() == wanted
    assert sorted(rows.tolist()) == sorted(wanted)  # so it may be done again
    with pytest.raises(ValueError, match=f"expected {len(rows) + 1} spare rows"):
        arrange_within(rows_of({(9, 9, 9): 9, **dict.fromkeys(keys, 1)}), spare[: len(rows)])


@given(st.lists(st.tuples(sparse, st.integers(1, 12)), max_size=60))
def test_arrange_sorts_runs(runs: list[tuple[Key, int]]) -> None:
    """What is side by side is sorted as one, and in each page they stay in the order they came."""
    keys = [
        (terminal, epoch, min(seq + at, (1 << 32) - 1))
        for (terminal, epoch, seq), length in runs
        for at in range(length)
    ]
    rows = np.zeros(len(keys), IDENTITY)
    for at, key in enumerate(keys):
        rows[at] = (*key, 0, at + 1)
    before = rows.tolist()
    wanted = sorted(before, key=lambda row: (row[0], row[1], row[2] >> 8))
    spare = np.zeros(len(rows), IDENTITY)
    assert arrange_within(rows, spare).tolist() == wanted
    assert sorted(rows.tolist()) == sorted(before)


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 200, 256])
def test_the_checksum_is_what_zlib_makes_of_key_and_value(count: int) -> None:
    """As pages on disk have always had it: the field itself is left out."""
    rows = rows_of({(7, 1, 512 + number): 10 + number for number in range(count)})
    ((key, value),) = identity_pages.merge(rows, np.array([0, count]), 0, 1, {})
    page = (key, value)
    (on_shelf,) = shelf.update([key], np.array([0]), np.array([count]), {})
    for key, value in (page, on_shelf):
        crc = zlib.crc32(value[8:], zlib.crc32(value[:4], zlib.crc32(key)))
        assert value[4:8] == crc.to_bytes(4, "little")


@pytest.mark.parametrize("stop", range(5))
def test_a_close_that_was_cut_may_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    """Cut after each of its transactions: the pages so far hold, `retired` does not move."""
    monkeypatch.setattr(identities_module, "PAGES_A_COMMIT", 1)
    model = {(1, 1, seq): seq + 10 for seq in range(0, 5 * 256, 3)}
    identities = opened(tmp_path)
    identities.retire(rows_of({(1, 1, 1): 5}), 9)
    merge = identity_pages.merge
    pages = iter(range(stop))

    def cut(*arguments: object) -> list[tuple[bytes, bytes]]:
        if next(pages, None) is None:
            raise KeyboardInterrupt
        return merge(*arguments)

    monkeypatch.setattr(identity_pages, "merge", cut)
    with pytest.raises(KeyboardInterrupt):
        identities.retire(rows_of(model), 2000)
    monkeypatch.setattr(identity_pages, "merge", merge)
    identities.release()
    identities = opened(tmp_path)
    assert identities.retired == 9
    assert identities.begun == (2000 if stop else 9)
    identities.retire(rows_of(model), 2000)
    identities.retire(rows_of({(9, 9, 9): 9}), 2000)
    assert identities.retired == 2000
    assert (identities.find(rows_of(model)) == rows_of(model)["sequence"]).all()
    assert identities.find(rows_of({(1, 1, 1): 1, (9, 9, 9): 1})).tolist() == [5, 0]
    identities.release()


def test_a_hole_of_four_thousand_million_is_one_gap(identities: Identities) -> None:
    identities.retire(rows_of({(7, 1, 0): 1, (7, 1, 2**32 - 1): 2}), 2)
    assert list(identities.gaps()) == [Gap(7, 1, 1, 2**32 - 2)]
    recent = rows_of({(7, 1, 2**31): 3, (7, 2, 5): 4})
    assert list(identities.gaps(7, recent)) == [
        Gap(7, 1, 1, 2**31 - 1),
        Gap(7, 1, 2**31 + 1, 2**32 - 2),
    ]


def test_one_identity_of_two_entries_is_a_fault(identities: Identities) -> None:
    identities.retire(rows_of({(1, 1, 1): 1}), 1)
    with pytest.raises(LedgerFault, match="bound to two entries"):
        identities.retire(rows_of({(1, 1, 1): 2}), 2)
    assert identities.retired == 1
    assert identities.find(rows_of({(1, 1, 1): 0})).tolist() == [1]


def test_any_flipped_bit_of_a_page_is_noticed(tmp_path: Path) -> None:
    model = {(1, 1, seq): seq + 1 for seq in (*range(40), 200)}
    pages = dict(identity_pages.merge(rows_of(model), np.array([0, len(model)]), 0, 1, {}))
    ((key, value),) = pages.items()
    assert len(identity_pages.identities_of([(key, value)])) == len(model)
    for bit in range(8 * (len(key) + len(value))):
        damaged = bytearray(key + value)
        damaged[bit // 8] ^= 1 << bit % 8
        pair = bytes(damaged[: len(key)]), bytes(damaged[len(key) :])
        with pytest.raises(ValueError, match="damaged"):
            identity_pages.identities_of([pair])
    for length in range(len(value)):
        with pytest.raises(ValueError, match="damaged"):
            identity_pages.look_up(rows_of(model)[:1], {key: value[:length]})


def test_a_damaged_page_is_a_fault_with_the_way_out(tmp_path: Path) -> None:
    identities = opened(tmp_path)
    model = {(1, 1, 1): 1}
    identities.retire(rows_of(model), 1)
    identities.release()
    stamp = ORIGIN.stamp(LAYOUT)
    environment = open_rebuildable(tmp_path / "identities", DATABASES, stamp, MAP_BYTES, LOG)
    assert environment is not None
    with environment.write() as txn:
        database = environment.database(PAGES)
        (key,) = identity_pages.keys_of(rows_of(model))
        value = bytearray(txn.get(key, db=database) or b"")
        value[-1] ^= 1
        txn.put(key, bytes(value), db=database)
    environment.close()
    identities = opened(tmp_path)
    for question in (
        lambda: identities.find(rows_of(model)),
        lambda: list(identities.gaps()),
        lambda: identities.retire(rows_of({(1, 1, 2): 2}), 2),
    ):
        with pytest.raises(LedgerFault, match="made anew from the journal"):
            question()
    identities.release()


CASES = [  # what is opened: the journal's last sequence, the ledger -> is it used?
    ("as it was", 50, ORIGIN, True),
    ("another ledger", 50, Origin(bytes(16), 1), False),
    ("restored since", 50, Origin(ORIGIN.ledger_id, 2), False),
]


@pytest.mark.parametrize("name, last, origin, used", CASES, ids=[case[0] for case in CASES])
def test_what_is_not_of_this_journal_is_set_aside(
    tmp_path: Path,
    name: str,
    last: int,
    origin: Origin,
    used: bool,
) -> None:
    identities = opened(tmp_path)
    identities.retire(rows_of({(1, 1, 1): 50}), 50)
    identities.release()
    reading = Identities.open(tmp_path / "identities", origin, last, MAP_BYTES, LOG, readonly=True)
    assert reading.retired == (50 if used else 0)
    reading.release()
    before = len(LINES.getvalue().splitlines())
    identities = opened(tmp_path, last, origin)
    assert identities.retired == (50 if used else 0)
    assert identities.find(rows_of({(1, 1, 1): 0})).tolist() == [50 if used else 0]
    assert len(LINES.getvalue().splitlines()) - before == (0 if used else 1)
    identities.release()


@pytest.mark.parametrize("readonly", [False, True])
def test_identities_of_what_the_journal_lost_are_refused(tmp_path: Path, readonly: bool) -> None:
    """Only they tell that a tail is missing where no state was saved: nothing is set aside."""
    head = bytes(range(32))

    def of(last: int, hash_of: HashOf) -> Identities:
        path = tmp_path / "identities"
        return Identities.open(
            path, ORIGIN, last, MAP_BYTES, LOG, readonly=readonly, hash_of=hash_of
        )

    identities = Identities.open(
        tmp_path / "identities", ORIGIN, LAST, MAP_BYTES, LOG, hash_of=lambda sequence: head
    )
    identities.retire(rows_of({(1, 1, 1): 50}), 50)
    identities.release()
    with pytest.raises(LedgerFault, match="up to 50, whose identities were retired, found 49"):
        of(49, lambda sequence: head)
    with pytest.raises(LedgerFault, match=r"the entry 50 in the block 00010203.*another journal"):
        of(50, lambda sequence: bytes([9] * 32))
    again = of(50, lambda sequence: head)
    assert again.find(rows_of({(1, 1, 1): 0})).tolist() == [50]
    again.release()
    assert os.listdir(tmp_path) == ["identities"]


def test_a_full_map_gives_up_and_may_be_tried_again(tmp_path: Path) -> None:
    model = {(terminal, 1, 1): terminal for terminal in range(1, 20_000)}
    small = Identities.open(tmp_path / "identities", ORIGIN, LAST, 1 << 19, LOG)
    with pytest.raises(MapFull):
        small.retire(rows_of(model), 20_000)
    assert small.retired == 0
    small.release()
    identities = opened(tmp_path)
    identities.retire(rows_of(model), 20_000)
    assert (identities.find(rows_of(model)) == rows_of(model)["sequence"]).all()
    identities.release()


def test_many_threads_find_while_one_closes(identities: Identities) -> None:
    generations = [
        {(terminal, 1, seq): 1000 * terminal + seq for terminal in range(1, 40)}
        for seq in range(1, 30)
    ]
    identities.retire(rows_of(generations[0]), 1)
    wrong: list[object] = []
    done = threading.Event()

    def look() -> None:
        wanted = rows_of(generations[0])
        while not done.is_set():
            if (identities.find(wanted) != wanted["sequence"]).any():
                wrong.append(1)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number, generation in enumerate(generations[1:], 2):
        identities.retire(rows_of(generation), number)
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert list(identities.gaps()) == []


def test_opened_to_be_read_nothing_is_written(tmp_path: Path) -> None:
    nothing = Identities.open(tmp_path / "identities", ORIGIN, 0, MAP_BYTES, LOG, readonly=True)
    assert nothing.find(rows_of({(1, 1, 1): 0})).tolist() == [0]
    assert list(nothing.gaps(recent=rows_of({(1, 1, 1): 1, (1, 1, 3): 2}))) == [Gap(1, 1, 2, 2)]
    nothing.release()
    assert os.listdir(tmp_path) == []
    with pytest.raises(ValueError, match="cannot be added to"):
        nothing.retire(rows_of({}), 1)


def test_a_stamp_is_the_only_thing_new(tmp_path: Path) -> None:
    """A folder made and never stamped, as after a crash at the worst moment, is made again."""
    stamp = ORIGIN.stamp(LAYOUT)
    environment = open_rebuildable(tmp_path / "identities", DATABASES, stamp, MAP_BYTES, LOG)
    assert environment is not None
    with environment.write() as txn:
        txn.delete(b"origin", db=environment.database(META))
    environment.close()
    identities = opened(tmp_path)
    identities.retire(rows_of({(1, 1, 1): 1}), 1)
    identities.release()
    assert sorted(os.listdir(tmp_path)) == ["identities", "identities.aside"]
