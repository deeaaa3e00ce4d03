"""A look-up of a retired identity is proven, or it is a fault and all of them are made anew.

Everything stored about them is deleted, put back as it was a retirement before, or exchanged,
value by value: no answer is ever "new" for what was retired.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from onecard.core.audit.verify import verify
from onecard.core.checkpoint import identities as identities_module
from onecard.core.checkpoint.census import Census, Mark
from onecard.core.checkpoint.identities import (
    COUNTS,
    DATABASES,
    LAYOUT,
    MARK,
    PAGES,
    SHELVES,
    Identities,
)
from onecard.core.errors import LedgerFault
from onecard.core.ledger.opened import Ledger
from onecard.core.storage.rebuildable import META, Origin, Rebuildable, open_rebuildable
from onecard.ext.identity import pages as identity_pages
from onecard.ext.identity import shelf
from onecard.grpc.client import Unreachable
from onecard.v1.tap_pb2 import Decisions
from tests.storage.test_identity import LAST, LOG, MAP_BYTES, ORIGIN, Key, opened, rows_of
from tests.storage.test_identity_forever import ACCEPTED, Counter
from tests.support.engine import SMALL, quick_folder
from tests.support.server_process import server_process

FIRST = {(terminal, 1, seq): 1000 * terminal + seq for terminal in (1, 2) for seq in range(1, 600)}
SECOND = {(terminal, 1, seq): 5000 + seq for terminal in (1,) for seq in range(600, 700)}
SECOND |= {(3, 1, 1): 9_000, (2, 1, 9_000_000): 9_001}
ABSENT: list[Key] = [
    (1, 1, 0),
    (1, 1, 700),
    (2, 1, 600),
    (2, 2, 5),
    (3, 1, 2),
    (4, 1, 1),
    (1, 9, 9),
]
Values = dict[tuple[str, bytes], bytes]


Changes = dict[tuple[str, bytes], bytes | None]  # None: deleted


@contextmanager
def stored(path: Path, origin: Origin = ORIGIN) -> Iterator[tuple[Rebuildable, Values]]:
    """The environment, and everything in it."""
    stamp = origin.stamp(LAYOUT)
    environment = open_rebuildable(path / "identities", DATABASES, stamp, MAP_BYTES, LOG)
    assert environment is not None
    found = {}
    for name in DATABASES:
        with environment.read(name) as txn:
            found |= {(name, bytes(k)): bytes(v) for k, v in txn.cursor().iternext()}
    with environment.read(META) as txn:
        found[META, MARK] = bytes(txn.get(MARK) or b"")
    yield environment, found
    environment.close()


def put(path: Path, origin: Origin, changes: Changes) -> None:
    with stored(path, origin) as (environment, _), environment.write() as txn:
        for (name, key), value in changes.items():
            if value is None:
                txn.delete(key, db=environment.database(name))
            else:
                txn.put(key, value, db=environment.database(name))


def make(path: Path) -> tuple[Values, Values]:
    """What is stored after the first and after the second retirement."""
    identities = opened(path)
    identities.retire(rows_of(FIRST), 4000)
    identities.release()
    with stored(path) as (_, before):
        pass
    identities = opened(path)
    identities.retire(rows_of(SECOND), 9001)
    identities.release()
    with stored(path) as (_, after):
        return before, after


def ask(path: Path) -> str:
    """`set aside` at the start, `fault` at a look-up, or `right`; no answer is wrong."""
    known = FIRST | SECOND
    identities = opened(path)
    if identities.retired == 0:
        said = "set aside"
        assert not identities.find(rows_of(known)).any()
    else:
        said = "right"
        for keys in ([*known, *ABSENT], *[[key] for key in (*known, *ABSENT)][::7]):
            rows = rows_of(dict.fromkeys(keys, 0))
            try:
                assert identities.find(rows).tolist() == [known.get(key, 0) for key in keys]
            except LedgerFault as fault:
                assert "\n" not in str(fault) and "made anew from the journal" in str(fault)
                said = "fault"
                break
    identities.release()
    if said == "fault":
        assert ask(path) == "set aside", "the next start goes on as before"
    return said


def noticed(path: Path) -> bool:
    """By an answer, or where every answer is proven without it, by verify."""
    if ask(path) in ("fault", "set aside"):
        return True
    reading = Identities.open(path / "identities", ORIGIN, LAST, MAP_BYTES, LOG, readonly=True)
    try:
        reading.check()
    except LedgerFault as fault:
        return "delete that folder and start again" in str(fault)
    finally:
        reading.release()
    return False


@pytest.mark.parametrize("pages_a_read", [1, 2, 1024])
def test_no_gap_is_reported_where_a_page_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pages_a_read: int
) -> None:
    """Nor is the end of a terminal, or a whole one, left out."""
    monkeypatch.setattr(identities_module, "PAGES_A_READ", pages_a_read)
    _, after = make(tmp_path)
    pages = sorted(key for key in after if key[0] == PAGES)
    identities = opened(tmp_path)
    assert sum(map(len, identities.in_order())) == len(FIRST | SECOND)
    assert len(list(identities.gaps())) == 1 and list(identities.gaps(3)) == []
    identities.release()
    for key in pages:
        put(tmp_path, ORIGIN, {key: None})
        identities = opened(tmp_path)
        terminal = int.from_bytes(key[1][:4], "big")
        for walk in (identities.gaps(), identities.gaps(terminal), identities.in_order()):
            with pytest.raises(LedgerFault, match=r"expected .* identities of terminal"):
                list(walk)
        identities.release()
        put(tmp_path, ORIGIN, {key: after[key]})


@pytest.fixture(params=[1, 500, 1 << 30], ids=["shelves", "some", "walked"])
def shelves_from(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(identities_module, "SHELVES_FROM", request.param)
    return int(request.param)


def each(found: Values) -> list[tuple[str, bytes]]:
    """Some keys of each database, the first and last among them."""
    chosen = []
    for name in (*DATABASES, META):
        keys = sorted(key for key in found if key[0] == name)
        chosen += keys[:2] + keys[2::3] + keys[-1:]
    return list(dict.fromkeys(chosen))


def test_nothing_that_is_stored_may_be_missing(tmp_path: Path, shelves_from: int) -> None:
    _, after = make(tmp_path / "made")
    assert ask(tmp_path / "made") == "right"
    assert any(name == SHELVES for name, _ in after) == (shelves_from < 1 << 30)
    for number, key in enumerate(each(after)):
        make(tmp_path / str(number))
        put(tmp_path / str(number), ORIGIN, {key: None})
        assert noticed(tmp_path / str(number)), key


def test_nothing_may_be_as_it_was_before(tmp_path: Path, shelves_from: int) -> None:
    """Each value alone, and what stands together in one database, and all but the mark."""
    before, after = make(tmp_path / "made")
    changed = {key: before.get(key) for key in after if before.get(key) != after[key]}
    stale: list[Changes] = [{key: old} for key, old in changed.items()]
    for names in ((PAGES,), (SHELVES,), (PAGES, SHELVES), (PAGES, SHELVES, COUNTS), (COUNTS, META)):
        stale.append({key: old for key, old in changed.items() if key[0] in names})
    for number, changes in enumerate(stale):
        if changes:
            make(tmp_path / str(number))
            put(tmp_path / str(number), ORIGIN, changes)
            assert noticed(tmp_path / str(number)), changes


def test_nothing_may_stand_under_another_key(tmp_path: Path, shelves_from: int) -> None:
    _, after = make(tmp_path / "made")
    for name in (PAGES, SHELVES, COUNTS):
        keys = sorted(key for key in after if key[0] == name)
        for number, (one, other) in enumerate(zip(keys[::2], keys[1::2], strict=False)):
            folder = tmp_path / f"{name}{number}"
            make(folder)
            put(folder, ORIGIN, {one: after[other], other: after[one]})
            assert noticed(folder), (one, other)


def test_a_retirement_does_not_build_on_what_is_missing(tmp_path: Path, shelves_from: int) -> None:
    """Whether it is noticed while retiring or only when asked for, nothing becomes new."""
    before, after = make(tmp_path / "made")
    for number, key in enumerate(key for key in each(after) if key[0] != META):
        folder = tmp_path / str(number)
        make(folder)
        put(folder, ORIGIN, {key: before.get(key)})
        identities = opened(folder)
        if identities.retired:
            more = {(terminal, 1, seq): 9500 + seq for terminal in (1, 2, 3) for seq in (650, 701)}
            rest = {key: value for key, value in more.items() if key not in SECOND}
            try:
                identities.retire(rows_of(rest), 10_300)
            except LedgerFault as fault:
                assert "made anew from the journal" in str(fault)
        identities.release()
        if before.get(key) != after[key]:
            assert noticed(folder), key


def test_any_flipped_bit_of_mark_counts_and_shelf_is_noticed() -> None:
    mark = Mark(5, 7, 3, bytes(range(32))).packed()
    ((key, value),) = (
        Census().grown(np.array([5], np.uint32), np.array([3]), 2).packed(np.array([5], np.uint32))
    )
    assert Mark.unpack(mark).retired == 5
    assert Census.of([(key, value)], 3).counts(np.array([5, 6], np.uint32)).tolist() == [3, 0]
    page_keys = [bytes(8) + (1 << 12).to_bytes(4, "big"), bytes(8) + (4097).to_bytes(4, "big")]
    counts = np.array([256, 1])
    ((name, standing),) = shelf.update(page_keys, np.zeros(2, np.int64), counts, {})
    shelf.check(page_keys, counts, {name: standing})
    for content, read in (
        (mark, lambda changed: Mark.unpack(changed)),
        (value, lambda changed: Census.of([(key, changed)], 3)),
        (standing, lambda changed: shelf.check(page_keys, counts, {name: changed})),
    ):
        for bit in range(0, 8 * len(content), 1 if len(content) < 100 else 7):
            changed = bytearray(content)
            changed[bit // 8] ^= 1 << bit % 8
            with pytest.raises(ValueError):
                read(bytes(changed))
        for length in range(0, len(content), 1 + len(content) // 50):
            with pytest.raises(ValueError):
                read(content[:length])


def test_shelves_equal_a_dict() -> None:
    rng = np.random.default_rng(5)
    stored_shelves: dict[bytes, bytes] = {}
    model: dict[bytes, int] = {}
    for _ in range(40):
        numbers = np.unique(rng.integers(0, 3 * 4096, rng.integers(1, 900)))
        keys = [bytes(8) + int(number).to_bytes(4, "big") for number in numbers]
        before = np.array([model.get(key, 0) for key in keys], np.int64)
        after = np.minimum(before + rng.integers(1, 40, len(keys)), 256)
        stored_shelves |= dict(shelf.update(keys, before, after, stored_shelves))
        model |= dict(zip(keys, after.tolist(), strict=True))
        total = sum(int.from_bytes(value[8:12], "little") for value in stored_shelves.values())
        assert total == sum(model.values())
    every = [bytes(8) + number.to_bytes(4, "big") for number in range(3 * 4096)]
    shelf.check(every, np.array([model.get(key, 0) for key in every], np.int64), stored_shelves)
    with pytest.raises(ValueError, match="expected 0 identities in the page"):
        shelf.check([bytes(8) + b"\xff" * 4], np.array([1]), stored_shelves)


# ---- with the engine ------------------------------------------------------------------------


@pytest.fixture
def counter() -> Iterator[Counter]:
    """A ledger at rest whose first taps left memory long ago."""
    with quick_folder() as folder:
        made = Counter(folder / "ledger", SMALL)
        made.pour(816, 16)
        made.ledger.close(checkpoint=True)
        yield made


def place(counter: Counter) -> tuple[Path, Origin]:
    return counter.folder / "checkpoint", counter.ledger.origin


def check_all(counter: Counter) -> None:
    """Every tap ever sent is a repeat, and nothing is booked."""
    last = counter.ledger.journal.durable.last
    for first in range(0, counter.sent, 16):
        answer = counter.send(counter.message(first, 16))
        assert set(answer.repeated) == {1} and set(answer.outcome) == {ACCEPTED}
    assert counter.ledger.journal.durable.last == last
    assert (counter.folder / "checkpoint/identities.aside").exists()
    assert not (counter.folder / "checkpoint/identities.doubt").exists()
    counter.ledger.close(checkpoint=True)
    assert verify(counter.folder, settings=SMALL).fault is None


def wrong_sequences(found: Values) -> Changes:
    """Pages that are sound, and lead to the entries of others."""
    changes: Changes = {}
    for name, key in found:
        if name == PAGES:
            rows = identity_pages.identities_of([(key, found[name, key])])
            rows["sequence"] += 1
            ((_, changes[name, key]),) = identity_pages.merge(
                rows, np.array([0, len(rows)]), 0, 1, {}
            )
    return changes


AT_A_LOOK_UP: dict[str, Callable[[Values], Changes]] = {
    "pages gone": lambda found: {key: None for key in found if key[0] == PAGES},
    "others' entries": wrong_sequences,
}


@pytest.mark.parametrize("change", AT_A_LOOK_UP)
def test_a_resent_tap_is_refused_and_never_booked_again(counter: Counter, change: str) -> None:
    """Noticed only when it is asked for: the process stops, the next start makes it anew."""
    with stored(*place(counter)) as (_, found):
        pass
    put(*place(counter), AT_A_LOOK_UP[change](found))
    counter.open()
    last = counter.ledger.journal.durable.last
    with pytest.raises(LedgerFault, match="made anew from the journal"):
        counter.send(counter.message(0, 16))
    assert counter.ledger.journal.durable.last == last
    counter.ledger.close()
    assert (counter.folder / "checkpoint/identities.doubt").exists()
    counter.open()
    check_all(counter)


def test_the_state_tells_what_the_identities_lack(counter: Counter) -> None:
    """Emptied, under a mark that agrees: not at odds in themselves, and still not used."""
    with stored(*place(counter)) as (_, found):
        pass
    mark = Mark.unpack(found[META, MARK])
    changes: Changes = dict.fromkeys(found)
    changes[META, MARK] = replace(mark, total=0).packed()
    put(*place(counter), changes)
    counter.open()
    check_all(counter)


def test_what_was_left_word_of_by_hand_or_half_written_is_set_aside(counter: Counter) -> None:
    (counter.folder / "checkpoint/identities.doubt").write_bytes(b"\xff\n" * 5000)
    with Ledger.open(counter.folder, SMALL, readonly=True, log=LOG) as reading:
        assert reading.identities.retired == 0
    counter.open()
    check_all(counter)


@pytest.mark.parametrize(
    "byte, met", [(0, "at the start"), (11, "at a look-up"), (40, "at a look-up")]
)
def test_a_server_never_books_again_what_a_flipped_bit_hides(
    counter: Counter, byte: int, met: str
) -> None:
    """One bit of a page, in the file: of its key, or of what stands under it."""
    (key,) = identity_pages.keys_of(rows_of({(1, 0, 1): 0}))
    with stored(*place(counter)) as (_, found):
        page = key + found[PAGES, key]
    file = counter.folder / "checkpoint/identities/data.mdb"
    content = bytearray(file.read_bytes())
    at = content.index(page)
    while at >= 0:  # what is free now may hold it too
        content[at + byte] ^= 64
        at = content.find(page, at)
    file.write_bytes(content)
    limits = {name: getattr(SMALL, name) for name in ("recent_max", "batch_taps_max")}
    message = counter.message(0, 16)
    if met == "at a look-up":
        with server_process(counter.folder, limits) as server, server.client() as client:
            with pytest.raises(Unreachable):
                list(client.exchange([message]))
            assert server.end() == 2
            assert "made anew from the journal" in server.log.read_text()
    with server_process(counter.folder, limits) as server, server.client() as client:
        (answer,) = map(Decisions.FromString, client.exchange([message]))
        assert set(answer.repeated) == {1} and set(answer.outcome) == {ACCEPTED}
        assert "derived_set_aside" in server.log.read_text()
        server.send(signal.SIGTERM)
        assert server.end() == 0
    assert verify(counter.folder, settings=SMALL).fault is None
