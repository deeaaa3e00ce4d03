"""kill -9 at every named point and at any moment: what was answered is there, once, for ever.

After each death the ledger is proved, its state is compared with the slow twin's, and whatever was
sent is sent again. A failure names the seed; `CrashClient(folder, seed)` draws the same steps from
it (how the threads of the process interleave is the machine's own), and pytest keeps the ledger.
"""

import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from onecard.core.audit.verify import verify
from onecard.core.exchange.files import write_files
from onecard.core.failpoint import POINTS as EVERY_POINT
from onecard.core.journal import Block
from onecard.core.ledger.opened import Ledger
from onecard.core.storage.environment import DATA_FILE, structure
from onecard.ext.shape.numbers import Flag, Kind, Outcome, OwnerKind, Purse, Record
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from tests.crash.client import CrashClient, Died
from tests.crash.test_migrate import STEPS

KILLED = -signal.SIGKILL
# How often a point is passed before the process dies there, at most.
NTH = {
    "after_decode": 30,
    "mid_judge": 60,
    "before_commit": 30,
    "after_commit": 30,
    "mid_answer": 60,
    "mid_checkpoint": 40,
    "before_manifest": 8,
    "mid_identities": 6,
    "new_segment": 1,
    "mid_file_export": 9,
}
POINTS = tuple(NTH)  # of a node
BURSTS_MAX = 60


@contextmanager
def crash_client(folder: Path, seed: int, old_steps: int = 0) -> Iterator[CrashClient]:
    """Leaves no process, and names the seed where something was found."""
    one = CrashClient(folder, seed, old_steps=old_steps)
    try:
        yield one
    except BaseException as error:
        error.add_note(f"seed {seed}, ledger {folder}")
        raise
    finally:
        one.close()


def test_every_point_is_killed_at() -> None:
    assert {*NTH, *STEPS} == set(EVERY_POINT) and not NTH.keys() & STEPS.keys()


@pytest.mark.parametrize("point", POINTS)
def test_kill_at_a_named_point(point: str, tmp_path: Path) -> None:
    for seed in range(POINTS.index(point), 20, len(POINTS)):
        kill_at_a_named_point(point, seed, tmp_path / f"ledger-{seed}")


def test_kill_at_any_moment(tmp_path: Path) -> None:
    for seed in range(100, 108):
        kill_at_any_moment(seed, tmp_path / f"ledger-{seed}")


def test_ten_deaths_of_one_ledger(tmp_path: Path) -> None:
    """At another point each time, with a history that grows."""
    with crash_client(tmp_path / "ledger", 200) as one:
        for number in range(10):
            point = POINTS[number % len(POINTS)]
            die_at(one, point, one.rng.randint(1, NTH[point]))
            prove(one)
        one.start()
        one.repeat(40)
        assert one.stop() == 0
        prove(one)


def test_death_during_recovery(tmp_path: Path) -> None:
    """Killed while it opens the ledger, again and again, and also while it closes identities."""
    with crash_client(tmp_path / "ledger", 300) as one:
        die_at(one, "before_commit", 60)
        for _ in range(6):
            one.open()
            assert one.process
            one.process.wait_for("opening")
            time.sleep(one.rng.uniform(0, 0.03))
            one.process.kill()
            assert one.died() == KILLED
        # Without its checkpoint a start closes all generations anew, and dies between two of them.
        shutil.rmtree(one.folder / "checkpoint")
        for nth in (1, 2, 1, 3):
            one.open(f"mid_identities:{nth}")
            with pytest.raises(Died):
                one.ready()
            assert one.died() == KILLED
        prove(one)
        one.start()
        one.repeat(40)
        one.load(3)
        assert one.stop() == 0
        prove(one)


@pytest.mark.campaign
def test_a_thousand_deaths(tmp_path: Path) -> None:
    for seed in range(1000, 2000):
        folder = tmp_path / f"ledger-{seed}"
        point = [*POINTS, None][seed % (len(POINTS) + 1)]
        if point is None:
            kill_at_any_moment(seed, folder)
        else:
            kill_at_a_named_point(point, seed, folder)
        shutil.rmtree(folder)


# ---- a round --------------------------------------------------------------------------------


def kill_at_a_named_point(point: str, seed: int, folder: Path, old_steps: int = 0) -> None:
    with crash_client(folder, seed, old_steps) as one:
        die_at(one, point, one.rng.randint(1 + NTH[point] // 3, NTH[point]))
        prove(one)
        come_back(one)


def kill_at_any_moment(seed: int, folder: Path, old_steps: int = 0) -> None:
    with crash_client(folder, seed, old_steps) as one:
        one.start()
        one.load(2)
        assert one.process
        process = one.process
        if one.rng.random() < 0.5:
            process.kill_after = process.count + one.rng.randint(1, 300)
        else:
            threading.Timer(one.rng.uniform(0.0, 0.4), process.kill).start()
        with pytest.raises(Died):
            one.load(10 * BURSTS_MAX)
        assert one.died() == KILLED
        prove(one)
        come_back(one)


def die_at(one: CrashClient, point: str, nth: int) -> None:
    """Serve until the process passes that point for the nth time, be it while it opens."""
    with pytest.raises(Died):
        one.start(f"{point}:{nth}")
        one.load(10 * BURSTS_MAX)  # windows, say, are closed rarely by some seeds
    assert one.died() == KILLED


def come_back(one: CrashClient) -> None:
    """Start again, send everything again, go on, stop in order."""
    one.start()
    one.repeat(60)
    one.load(2)
    one.repeat(10)
    assert one.stop() == 0
    prove(one)
    assert one.repeats, "nothing that was acknowledged was asked for again"


# ---- the invariants -------------------------------------------------------------------------


def prove(one: CrashClient) -> None:
    """All of I in one: chain, books, pages, state; then against the twin and what was answered."""
    settings = one.settings
    report = verify(one.folder, settings=settings)
    assert report.ok, report.fault
    assert report.last == one.twin.book.last
    for data in one.folder.rglob(DATA_FILE):
        assert structure(data.parent) == [], data
    with Ledger.open(one.folder, settings, readonly=True) as ledger:
        recovered = ledger.state
        replayed = State(settings.cards_max, settings.terminals_max, settings.holds_max)
        books = Books()
        for block in ledger.journal.blocks():
            apply(replayed, block.value)
            books.take(block)
        wanted = one.twin.digest()
        assert replayed.digest() == wanted, "a replay from nothing is not what the twin has"
        assert recovered.digest() == wanted, "checkpoint and tail are not what a replay gives"
        books.agree(recovered)
        acknowledged(one, ledger, books)
        files_again(one, ledger)


class Books:
    """The journal added up once more, leg by leg, as simply as it can be."""

    def __init__(self) -> None:
        self.main: dict[int, int] = {}
        self.held: dict[int, int] = {}
        self.floors: dict[int, int] = {}
        self.sum_fen = 0
        self.outcomes: dict[tuple[int, int, int], tuple[int, int]] = {}

    def take(self, block: Block) -> None:
        for leg in block.legs.tolist():
            owner, _, owner_kind, purse, amount_fen = named(block.legs.dtype.names, leg)
            self.sum_fen += amount_fen
            if owner_kind == OwnerKind.ACCOUNT:
                purses = self.main if purse == Purse.MAIN else self.held
                purses[owner] = purses.get(owner, 0) + amount_fen
        if block.record == Record.CARDS:
            for row in block.rows:
                self.floors[int(row["account"])] = int(row["floor_fen"])
        if block.record == Record.ENTRIES:
            for row in block.rows:
                self._entry(row, block)

    def _entry(self, row: np.void, block: Block) -> None:
        identity = int(row["terminal"]), int(row["epoch"]), int(row["terminal_seq"])
        assert identity not in self.outcomes, f"{identity} is booked twice"
        self.outcomes[identity] = int(row["sequence"]), int(row["outcome"])
        legs = block.legs[int(row["legs_at"]) : int(row["legs_at"]) + int(row["legs"])]
        mine = (legs["owner_kind"] == OwnerKind.ACCOUNT) & (legs["purse"] == Purse.MAIN)
        # In all: what is reversed may have been corrected, which is taken back by a leg of its own.
        takes = int(legs["amount_fen"][mine].sum()) < 0
        below = int(row["balance_fen"]) < self.floors.get(int(row["account"]), 0)
        if takes and below:
            assert row["outcome"] == Outcome.ACCEPTED_BELOW_FLOOR, f"below the floor: {row}"
            # What corrects a charge is never declined for funds.
            assert row["flags"] & Flag.OFFLINE or row["kind"] == Kind.ADJUST

    def agree(self, state: State) -> None:
        assert self.sum_fen == 0, "debits and credits"
        for account, row in enumerate(state.rows("accounts")):
            held_fen = self.held.get(account, 0)
            assert int(row["held_fen"]) == held_fen
            assert int(row["posted_fen"]) == self.main.get(account, 0) + held_fen


def named(names: tuple[str, ...], leg: tuple[int, ...]) -> list[int]:
    values = dict(zip(names, leg, strict=True))
    return [values[name] for name in ("owner", "party", "owner_kind", "purse", "amount_fen")]


def acknowledged(one: CrashClient, ledger: Ledger, books: Books) -> None:
    """Every row that was answered is in the journal, once, with what was answered."""
    rows = one.acknowledged()
    sequences = np.array([told.sequence for _, told in rows], np.uint64)
    assert len(np.unique(sequences)) == len(sequences)
    for (tap, told), entry in zip(rows, ledger.journal.entries(sequences), strict=True):
        assert entry["sequence"] == told.sequence
        assert entry["token"] == tap.card
        assert books.outcomes[tap.identity] == (told.sequence, told.outcome)
        accepted = told.outcome < Outcome.CARD_UNKNOWN
        assert told.amount_fen == (int(entry["amount_fen"]) if accepted else 0)
        assert told.balance_fen == entry["balance_fen"]


def files_again(one: CrashClient, ledger: Ledger) -> None:
    """Files that were cut off are completed, and are those that any other run would write."""
    other = one.folder.with_name(one.folder.name + "-files")
    for row in ledger.state.rows("windows")[-3:]:
        window = int(row["window"])
        here = write_files(ledger.journal, one.folder, window)
        there = write_files(ledger.journal, one.folder, window, other)
        names = sorted(path.name for path in here.folder.iterdir())
        assert names == sorted(path.name for path in there.folder.iterdir())
        for name in names:
            assert (here.folder / name).read_bytes() == (there.folder / name).read_bytes()
    shutil.rmtree(other, ignore_errors=True)
