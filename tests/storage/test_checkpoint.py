"""A kill between any two pages; whatever becomes of the saved pages, the state is the same."""

import io
import os
import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from onecard.core.checkpoint import passes as checkpoint_module
from onecard.core.checkpoint.pages import FRAME, KEY, LAYOUT, MANIFEST, PAGES, SavedPages
from onecard.core.checkpoint.passes import Checkpoint
from onecard.core.clock import SystemClock
from onecard.core.config import MIB
from onecard.core.errors import BadInput, LedgerFault
from onecard.core.journal import LocalJournal, Tip, seal
from onecard.core.ledger.folder import read_ledger_toml
from onecard.core.ledger.opened import Ledger
from onecard.core.storage.environment import MapFull, WriteFailed
from onecard.core.storage.rebuildable import META, Origin, Rebuildable, open_rebuildable
from onecard.core.watch.log import Log
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from onecard.ext.state.table import TABLES
from tests.storage.saving import SMALL, Bench, same
from tests.support.algorithms import chosen
from tests.support.many_rows import ManyRows


@pytest.fixture
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(tmp_path / "ledger", getattr(request, "param", 1))
    yield made
    made.close()


@pytest.mark.parametrize("bench", [1, 2, 3], indirect=True)
def test_a_kill_between_any_two_pages(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each transaction of four passes, with changes before every one of them."""
    monkeypatch.setattr(checkpoint_module, "PAGES_A_COMMIT", 1)
    bench.judge(8)
    random = np.random.default_rng(bench.many.seed)
    kills = 0
    for _ in range(4):
        assert bench.checkpoint.begin(bench.state)
        begun = bench.many.last
        while bench.checkpoint.running:
            bench.checkpoint.copy_some(bench.state, int(random.integers(1, 4)))
            if random.random() < 0.4:
                bench.judge()
            if not bench.checkpoint.write_next():
                continue
            kills += 1
            victim = tmp_path / "victim"
            shutil.copytree(bench.folder, victim)
            with Ledger.open(victim, SMALL, log=bench.log) as ledger:
                assert ledger.recovery.checkpoint == bench.checkpoint.sequence
                assert same(ledger, bench.replayed)
            shutil.rmtree(victim)
        assert bench.checkpoint.sequence == begun
        bench.judge(2)
    bench.commit()
    assert kills > 40
    assert "set_aside" not in bench.lines.getvalue()
    assert "not_used" not in bench.lines.getvalue()


def test_saved_and_opened_again_and_again(tmp_path: Path) -> None:
    """Pages saved in one life and not touched in the next still belong to the state."""
    origin = Ledger.create(tmp_path / "ledger", SMALL)
    random = np.random.default_rng(5)
    many = ManyRows(5)
    tip = Tip(epoch=1)
    replayed = State(SMALL.cards_max, SMALL.terminals_max)
    for life in range(8):
        ledger = Ledger.open(tmp_path / "ledger", SMALL)
        assert same(ledger, replayed)
        for _ in range(6):
            if random.random() < 0.2:
                ledger.checkpoint.begin(ledger.state)
            draft = many.next()
            tip = seal(draft, origin.ledger_id, 1, tip, chosen())
            apply(ledger.state, draft.value)
            ledger.checkpoint.copy_some(ledger.state, 3)
            ledger.journal.write([draft])
            apply(replayed, draft.value)
        saved = bool(life % 2)
        ledger.close(checkpoint=saved)
        if saved:
            with Ledger.open(tmp_path / "ledger", SMALL) as again:
                assert again.recovery.records == 0
                assert same(again, replayed)
    shutil.rmtree(tmp_path / "ledger" / "checkpoint")
    with Ledger.open(tmp_path / "ledger", SMALL) as ledger:
        assert ledger.recovery.checkpoint == 0
        assert same(ledger, replayed)


def test_a_page_waits_for_the_journal(bench: Bench) -> None:
    """Nothing of what the journal may still lose is saved, however long it takes."""
    asked = []

    def durable() -> int:
        asked.append(bench.many.last)
        if len(asked) == 3:
            bench.commit()
        return bench.journal.durable.last

    bench.judge(8)
    bench.checkpoint = bench.new_checkpoint(durable)
    bench.checkpoint.begin(bench.state)
    bench.checkpoint.copy_some(bench.state, 1)
    assert bench.checkpoint.write_next()
    assert len(asked) == 3
    bench.drain()


def test_a_stop_while_a_page_waits_saves_nothing(bench: Bench) -> None:
    bench.judge(8)
    bench.checkpoint = bench.new_checkpoint(lambda: 0)
    bench.checkpoint.start()
    bench.checkpoint.begin(bench.state)
    bench.checkpoint.copy_some(bench.state, 5)
    bench.checkpoint.stop()
    assert not any(bench.pages.as_of[name].any() for name in TABLES)


def test_copies_that_wait_are_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_module, "PAGES_WAITING_MAX", 4)
    bench.judge(8)
    bench.checkpoint.begin(bench.state)
    dirty = sum(int(bench.state.dirty(name).sum()) for name in TABLES)
    for _ in range(5):
        assert bench.checkpoint.copy_some(bench.state, 3)
    assert sum(int(bench.state.dirty(name).sum()) for name in TABLES) == dirty - 4
    bench.drain()


# ---- a save that cannot be used -------------------------------------------------------------


def environment(bench: Bench) -> Rebuildable:
    path = bench.folder / "checkpoint" / "state"
    opened = open_rebuildable(
        path, [PAGES], bench.origin.stamp(LAYOUT), SMALL.checkpoint_map_bytes, bench.log
    )
    assert opened is not None
    return opened


def change(bench: Bench, name: str, key: bytes, by: Callable[[bytes], bytes | None]) -> None:
    opened = environment(bench)
    with opened.write() as txn:
        database = opened.database(name)
        value = txn.get(key, db=database)
        assert value is not None
        new = by(bytes(value))
        if new is None:
            txn.delete(key, db=database)
        else:
            txn.put(key, new, db=database)
    opened.close()


def flip(at: int) -> Callable[[bytes], bytes]:
    def flipped(value: bytes) -> bytes:
        changed = bytearray(value)
        changed[at] ^= 1
        return bytes(changed)

    return flipped


ACCOUNT_PAGE = KEY.pack(TABLES.index("accounts"), 1)
OTHER_PAGE = KEY.pack(TABLES.index("accounts"), 0)


def swap(bench: Bench) -> None:
    pages: list[bytes] = []
    for key in (ACCOUNT_PAGE, OTHER_PAGE):
        change(bench, PAGES, key, lambda value: pages.append(value) or value)  # type: ignore[func-returns-value]
    change(bench, PAGES, ACCOUNT_PAGE, lambda _: pages[1])
    change(bench, PAGES, OTHER_PAGE, lambda _: pages[0])


def put_back(bench: Bench) -> None:
    """A page of the pass before, sound in itself."""
    old: list[bytes] = []
    change(bench, PAGES, ACCOUNT_PAGE, lambda value: old.append(value) or value)  # type: ignore[func-returns-value]
    reopened = SavedPages(environment(bench))
    state = State(SMALL.cards_max, SMALL.terminals_max)
    assert reopened.load(state) is not None
    again = Checkpoint(
        reopened,
        SMALL,
        SystemClock(),
        bench.log,
        lambda: bench.tip.last,
        lambda _: bench.tip.head,
    )
    again.begin(bench.state)
    while again.running:
        again.copy_some(bench.state, 1000)
        again.write_next()
    reopened.close()
    change(bench, PAGES, ACCOUNT_PAGE, lambda _: old[0])


def replace_bytes(bench: Bench, content: bytes | None) -> None:
    file = bench.folder / "checkpoint" / "state" / "data.mdb"
    file.write_bytes(file.read_bytes()[: 5 * 4096] if content is None else content)


def other_toml(bench: Bench) -> None:
    """As after a restore: the journal goes on under a higher epoch."""
    toml = read_ledger_toml(bench.folder)
    later = replace(toml, origin=replace(toml.origin, epoch=2))
    (bench.folder / "ledger.toml").write_text(later.text((0, 9, 0)))


DAMAGES: dict[str, Callable[[Bench], None]] = {
    "rows flipped": lambda b: change(b, PAGES, ACCOUNT_PAGE, flip(-1)),
    "sequence flipped": lambda b: change(b, PAGES, ACCOUNT_PAGE, flip(0)),
    "checksum flipped": lambda b: change(b, PAGES, ACCOUNT_PAGE, flip(8)),
    "page cut": lambda b: change(b, PAGES, ACCOUNT_PAGE, lambda value: value[:-64]),
    "page of no size": lambda b: change(b, PAGES, ACCOUNT_PAGE, lambda value: b""),
    "page missing": lambda b: change(b, PAGES, ACCOUNT_PAGE, lambda value: None),
    "pages swapped": swap,
    "page put back": put_back,
    "manifest flipped": lambda b: change(b, META, MANIFEST, flip(-1)),
    "manifest cut": lambda b: change(b, META, MANIFEST, lambda value: value[:6]),
    "stamp of another": lambda b: change(b, META, b"origin", flip(20)),
    "stamp that is no text": lambda b: change(b, META, b"origin", lambda value: b"\xff\n" * 9),
    "epoch raised": other_toml,
    "file cut": lambda b: replace_bytes(b, None),
    "file empty": lambda b: replace_bytes(b, b""),
    "file foreign": lambda b: replace_bytes(b, b"no such thing" * 1000),
}
for at in range(FRAME.size):  # the checksum, and how long the text is
    DAMAGES[f"manifest, byte {at}"] = partial(change, name=META, key=MANIFEST, by=flip(at))


@pytest.mark.parametrize("junk", [b"\x1b[2J\x00\xff\n\x07bell" * 9_000, b"\x00", None])
def test_word_of_a_doubt_is_shown_as_one_line(bench: Bench, junk: bytes | None) -> None:
    """Whatever stands in the file beside it; None: it is a pipe."""
    bench.close()
    word = bench.folder / "checkpoint" / "state.doubt"
    if junk is None:
        os.mkfifo(word)
    else:
        word.write_bytes(junk)
    before = len(bench.lines.getvalue())
    Ledger.open(bench.folder, SMALL, log=bench.log).close()
    said = bench.lines.getvalue()[before:]
    [line] = [line for line in said.split("\n") if "derived_set_aside" in line]
    assert line.isprintable() and len(line) < 700
    assert "\\x" not in line and "\\u" not in line
    assert not word.exists()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_save_that_is_damaged_or_foreign_is_set_aside(bench: Bench, damage: str) -> None:
    bench.judge(12)
    bench.checkpoint.begin(bench.state)
    bench.drain()
    bench.judge(6)
    bench.commit()
    bench.close()
    DAMAGES[damage](bench)
    before = len(bench.lines.getvalue().splitlines())
    with Ledger.open(bench.folder, SMALL, readonly=True, log=bench.log) as reading:
        assert reading.recovery.checkpoint == 0
        assert same(reading, bench.replayed)
    assert not (bench.folder / "checkpoint" / "state.aside").exists()
    with Ledger.open(bench.folder, SMALL, log=bench.log) as ledger:
        assert ledger.recovery.checkpoint == 0
        assert same(ledger, bench.replayed)
        ledger.close(checkpoint=True)
    lines = [line for line in bench.lines.getvalue().splitlines()[before:] if "warning" in line]
    events = [line.split(" event=")[1].split()[0] for line in lines]
    assert events == ["derived_not_used", "derived_set_aside"]
    assert (bench.folder / "checkpoint" / "state.aside").exists()
    with Ledger.open(bench.folder, SMALL) as ledger:
        assert ledger.recovery.records == 0
        assert same(ledger, bench.replayed)


def test_a_page_ahead_of_the_journal_is_refused(bench: Bench, tmp_path: Path) -> None:
    """The save is of before, but a page of the pass after it is of what the journal lost."""
    bench.judge(8)
    bench.checkpoint.begin(bench.state)
    bench.drain()
    bench.commit()
    old = tmp_path / "old"
    shutil.copytree(bench.folder / "journal", old)
    kept = bench.journal.durable.last
    bench.judge(2)
    bench.checkpoint.begin(bench.state)
    bench.checkpoint.copy_some(bench.state, 1)
    assert bench.checkpoint.write_next()
    bench.close()
    shutil.rmtree(bench.folder / "journal")
    shutil.copytree(old, bench.folder / "journal")
    with pytest.raises(LedgerFault, match="a tail is missing"):
        Ledger.open(bench.folder, SMALL, log=bench.log)
    shutil.rmtree(bench.folder / "checkpoint")  # as the message says
    with Ledger.open(bench.folder, SMALL, log=bench.log) as ledger:
        assert ledger.recovery.checkpoint == 0
        assert ledger.state.totals["last"][0] == kept


def test_a_save_ahead_of_the_journal_is_refused(bench: Bench, tmp_path: Path) -> None:
    """The journal lost its tail, say by an old copy put back; or goes on differently."""
    bench.judge(8)
    bench.commit()
    kept, held = bench.journal.durable.last, dict(bench.many.open_holds)
    lots, apart = deepcopy(bench.many.lots), dict(bench.many.apart)
    old = tmp_path / "old"
    shutil.copytree(bench.folder / "journal", old)
    bench.judge(2)
    bench.checkpoint.begin(bench.state)
    bench.drain()
    saved = bench.checkpoint.sequence
    bench.close()
    shutil.rmtree(bench.folder / "journal")
    shutil.copytree(old, bench.folder / "journal")
    shutil.copytree(bench.folder, tmp_path / "other")
    with pytest.raises(LedgerFault, match="a tail is missing"):
        Ledger.open(bench.folder, SMALL, log=bench.log)

    many = ManyRows(99, last=kept, accounts=10, terminals=10)
    many.open_holds, many.lots, many.apart = held, lots, apart
    many._first = iter(())
    other = (tmp_path / "other", bench.origin.ledger_id, 1, SMALL.segment_bytes, 0)
    with LocalJournal.open(*other, algorithms=chosen()) as j:
        while j.written.last < saved:
            draft = many.entries()
            many.last = draft.last
            j.write([draft])
    with Ledger.open(tmp_path / "other", SMALL, log=bench.log) as ledger:
        assert ledger.recovery.checkpoint == 0


def test_fewer_rows_than_the_ledger_has_is_refused_by_name(bench: Bench) -> None:
    bench.judge(8)
    bench.checkpoint.begin(bench.state)
    bench.drain()
    bench.close()
    with pytest.raises(BadInput, match=r"cards_max: expected at least \d+, so many \w+ are in use"):
        Ledger.open(bench.folder, replace(SMALL, cards_max=100))
    with Ledger.open(bench.folder, replace(SMALL, cards_max=300_000)) as ledger:
        assert same(ledger, bench.replayed)


# ---- trouble while saving -------------------------------------------------------------------


def test_want_of_space_gives_the_pass_up_and_tries_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_module, "PAGES_A_COMMIT", 2)
    bench.judge(8)
    for transaction in range(3):
        bench.checkpoint.begin(bench.state)
        for _ in range(transaction):
            bench.checkpoint.copy_some(bench.state, 3)
            assert bench.checkpoint.write_next()
        bench.checkpoint.copy_some(bench.state, 3)
        with monkeypatch.context() as patch:
            patch.setattr(Rebuildable, "_wants_space", lambda self: True)
            assert not bench.checkpoint.write_next()
        assert not bench.checkpoint.copy_some(bench.state, 3)
        assert not bench.checkpoint.running
        assert bench.checkpoint.given_up == transaction + 1
        assert bench.checkpoint.sequence == 0
    # Nothing changed meanwhile: only what was copied and lost makes these pages dirty.
    bench.checkpoint.begin(bench.state)
    bench.drain()
    bench.commit()
    bench.close()
    with Ledger.open(bench.folder, SMALL) as ledger:
        assert ledger.recovery.checkpoint > 0
        assert same(ledger, bench.replayed)


def test_want_of_space_for_the_manifest_loses_no_page(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.judge(8)
    bench.checkpoint.begin(bench.state)
    while bench.checkpoint.copy_some(bench.state, 10):
        bench.checkpoint.write_next()
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise MapFull("no room")

        patch.setattr(bench.pages, "seal", full)
        while bench.checkpoint.write_next():
            pass
    assert not bench.checkpoint.running
    bench.judge()
    bench.checkpoint.begin(bench.state)
    bench.drain()
    bench.commit()
    bench.close()
    with Ledger.open(bench.folder, SMALL) as ledger:
        assert ledger.recovery.checkpoint > 0
        assert same(ledger, bench.replayed)


def test_a_full_map_is_want_of_space(tmp_path: Path) -> None:
    Ledger.create(tmp_path / "ledger", SMALL)
    tight = replace(SMALL, checkpoint_map_bytes=MIB // 2)
    many = ManyRows(1)
    lines = io.StringIO()
    ledger = Ledger.open(tmp_path / "ledger", tight, log=Log(SystemClock(), out=lines))
    tip = Tip(epoch=1)
    for _ in range(8):
        draft = many.next()
        tip = seal(draft, ledger.id, 1, tip, chosen())
        apply(ledger.state, draft.value)
        ledger.journal.write([draft])
    assert not ledger.checkpoint.save(ledger.state)
    assert ledger.checkpoint.given_up > 0
    assert "checkpoint_given_up" in lines.getvalue()
    digest = ledger.state.digest()
    ledger.close()
    with Ledger.open(tmp_path / "ledger", SMALL) as ledger:
        assert ledger.state.digest() == digest
        assert ledger.checkpoint.save(ledger.state)


def test_any_other_fault_stops_the_engine_at_its_next_turn(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.judge(8)
    bench.checkpoint.begin(bench.state)
    bench.checkpoint.copy_some(bench.state, 3)

    def broken(*_: object) -> None:
        raise WriteFailed("a sync failed")

    monkeypatch.setattr(bench.pages, "put", broken)
    assert not bench.checkpoint.write_next()
    for turn in (
        lambda: bench.checkpoint.copy_some(bench.state, 3),
        lambda: bench.checkpoint.begin(bench.state),
        lambda: bench.checkpoint.save(bench.state),
    ):
        with pytest.raises(WriteFailed, match="a sync failed"):
            turn()


class Hand(SystemClock):
    """A clock moved by hand."""

    at_s = 100.0

    def monotonic(self) -> float:
        return self.at_s


DUE = [  # seconds since the pass before, entries since it -> begins?
    (0.0, 0, False),
    (59.9, 999, False),
    (60.0, 0, False),
    (60.0, 1, True),
    (0.0, 1000, True),
]


@pytest.mark.parametrize("seconds, entries, due", DUE)
def test_when_a_pass_is_due(bench: Bench, seconds: float, entries: int, due: bool) -> None:
    clock = Hand()
    settings = replace(SMALL, checkpoint_every_s=60, checkpoint_every_entries=1000)
    made = Checkpoint(
        bench.pages, settings, clock, bench.log, bench.commit, lambda _: bytes(32), 5000
    )
    clock.at_s += seconds
    assert made.due(5000 + entries) == due
    assert made.age_s() == pytest.approx(seconds)


def test_the_stamp_names_ledger_epoch_and_layout() -> None:
    origin = Origin(bytes(16), 3)
    stamps = {origin.stamp(1), origin.stamp(2), Origin(bytes(16), 4).stamp(1)}
    stamps.add(Origin(b"1" * 16, 3).stamp(1))
    assert len(stamps) == 4
