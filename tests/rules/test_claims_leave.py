"""What was taken back of an entry leaves memory, comes back, and counts for ever."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from onecard.core.audit.verify import verify
from onecard.core.authorize.engine import TapsIn
from onecard.core.checkpoint import identities as identities_module
from onecard.core.checkpoint import pages as pages_module
from onecard.core.checkpoint.claims import claims_on
from onecard.core.checkpoint.identities import Identities
from onecard.core.errors import LedgerFault
from onecard.core.query.suspense import find_suspense
from onecard.ext.shape.numbers import Outcome, Space
from onecard.v1.tap_pb2 import Decisions
from tests.rules.taptable import NOW_US, Play, groups
from tests.support.engine import SMALL, EngineSide, quick_folder
from tests.support.steps import Taps

RIDES = "M RIDE C 1 = ACCEPTED 1 0\n" + "& M RIDE C 1 = ACCEPTED 1 0\n" * 15
AWAY = RIDES * (4 * SMALL.recent_max // 16)  # entries that push all of the above out of memory


class World:
    """A table in a ledger whose memory is so small that it keeps nothing."""

    def __init__(self, side: EngineSide) -> None:
        self.side = side
        self.play = Play(side)
        self.turn = 0

    def run(self, table: str) -> None:
        self.play.run(table)

    def away(self) -> None:
        last = self.last
        self.run(AWAY)
        assert self.side.engine.recent.left >= last

    @property
    def last(self) -> int:
        return int(self.side.engine.state.totals["last"][0])

    def restart(self, checkpoint: bool, index: bool) -> None:
        """Start again; without the checkpoint, or without the index, which is then made anew."""
        self.side.ledger.close(checkpoint)
        if not index:
            shutil.rmtree(self.side.folder / "checkpoint" / "identities")
        self.side._open()

    def submission(self, line: str) -> TapsIn:
        [group] = groups(f"{line} = ?")
        return TapsIn(0, Taps(tuple(self.play._line(text).tap for text in group)).message())

    def sequence(self, label: str) -> int:
        return self.play.answers[label].sequence


@pytest.fixture
def world() -> Iterator[World]:
    with quick_folder() as folder:
        side = EngineSide(folder / "ledger", NOW_US, SMALL)
        yield World(side)
        side.close()


def stay(world: World) -> None:
    pass


def in_turn(world: World) -> None:
    """So that one half of a claim is on disk when the other is read back from the journal."""
    world.turn += 1
    if world.turn % 2:
        world.away()
    else:
        world.restart(checkpoint=world.turn % 4 == 0, index=True)


BETWEEN: dict[str, Callable[[World], None]] = {
    "in memory": stay,
    "away": World.away,
    "restarted": lambda world: world.restart(True, True),
    "away and restarted": lambda world: (world.away(), world.restart(False, True))[1],
    "away and restarted in turn": in_turn,
    "index made anew": lambda world: (world.away(), world.restart(True, False))[1],
}
STEPS = """
a: M RIDE C 300             = ACCEPTED 300 0
M REFUND C 100 about=a      = ACCEPTED 100 0
I ADJUST C -50 about=a      = ACCEPTED -50 0
M REFUND C 151 about=a      = AMOUNT_EXCEEDS_ORIGINAL 0 0
r: M REFUND C 50 about=a    = ACCEPTED 50 0
M REVERSAL C 0 voids=r      = NOT_REVERSIBLE 0 0
I ADJUST C -101 about=a     = AMOUNT_EXCEEDS_ORIGINAL 0 0
I ADJUST C 20 about=a       = ACCEPTED 20 0
M REFUND C 120 about=a      = ACCEPTED 120 0
M REFUND C 1 about=a        = AMOUNT_EXCEEDS_ORIGINAL 0 0
M REVERSAL C 0 voids=a      = ORIGINAL_CLOSED 0 0
b: M RIDE C 300             = ACCEPTED 300 0
I ADJUST C -50 about=b      = ACCEPTED -50 0
M REVERSAL C 0 voids=b      = ACCEPTED 250 0
M REFUND C 1 about=b        = ORIGINAL_CLOSED 0 0
I ADJUST C 1 about=b        = ORIGINAL_CLOSED 0 0
h: M HOLD P 100             = ACCEPTED 100 900
M CAPTURE P 40 about=h      = ACCEPTED 40 960
M RELEASE P 0 about=h       = ORIGINAL_CLOSED 0 960
"""


@pytest.mark.parametrize("between", BETWEEN)
def test_every_step_counts_after_it_left(world: World, between: str) -> None:
    """Partial refunds and adjustments of one original, with so much between any two of them."""
    for line in STEPS.strip().splitlines():
        world.run(line)
        BETWEEN[between](world)
    world.side.ledger.close(checkpoint=True)
    report = verify(world.side.folder)
    assert report.ok, report
    assert report.identities.startswith("ok") or "away" not in between, report
    world.side._open()


def test_what_an_older_layout_saved_is_made_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(identities_module, "LAYOUT", 2)
        older.setattr(pages_module, "LAYOUT", 4)
        world.restart(checkpoint=False, index=False)
        world.run("a: M RIDE C 9 = ACCEPTED 9 0\nM REFUND C 2 about=a = ACCEPTED 2 0")
        world.away()
        retired = world.side.ledger.identities.retired
        world.side.ledger.close(checkpoint=True)
    world.side._open()
    assert world.side.ledger.recovery.checkpoint == 0  # not begun with
    assert world.side.ledger.identities.retired >= retired - 3 * SMALL.recent_max
    world.run("M REFUND C 8 about=a = AMOUNT_EXCEEDS_ORIGINAL 0 0")
    world.run("M REFUND C 7 about=a = ACCEPTED 7 0")


def test_ten_times_what_memory_holds(world: World) -> None:
    """No refusal for room, and memory holds a generation's claims at most."""
    labels = [f"l{number}" for number in range(10 * SMALL.recent_max)]
    for label in labels:
        world.run(f"{label}: M RIDE C 5 = ACCEPTED 5 0\nM REFUND C 2 about={label} = ACCEPTED 2 0")
    recent, originals = world.side.engine.recent, [world.sequence(label) for label in labels]
    kept = [sequence for sequence in originals if recent.claimed(sequence) is not None]
    assert 0 < len(kept) <= 3 * SMALL.recent_max < len(originals) // 3
    for label in labels:
        world.run(f"M REFUND C 4 about={label} = AMOUNT_EXCEEDS_ORIGINAL 0 0")
    ledger = world.side.ledger
    index = ledger.identities
    asked = np.array([one for one in originals if one <= index.retired - 200], np.uint64)
    claims = claims_on(asked, ledger.journal, index)
    assert claims["used_fen"].tolist() == [2] * len(asked)


def test_a_recent_original_needs_no_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no generation has left, and where it has but is older than the original."""

    def never(self: Identities, keys: object) -> None:
        raise AssertionError("the index was read")

    for settings, before in ((replace(SMALL, recent_max=1 << 16), ""), (SMALL, AWAY)):
        with quick_folder() as folder:
            world = World(EngineSide(folder / "ledger", NOW_US, settings))
            world.run(before + "a: M RIDE C 9 = ACCEPTED 9 0\nM REFUND C 2 about=a = ACCEPTED 2 0")
            with monkeypatch.context() as patched:
                patched.setattr(Identities, "find", never)
                world.run("M REFUND C 2 about=a = ACCEPTED 2 0")
            world.side.close()


def test_what_was_recalled_is_stale_once_more_left(world: World) -> None:
    """Nothing taken back when it was recalled; then something is, and leaves memory too."""
    engine = world.side.engine
    for first, limit in (("", 9), ("M REFUND C 2 about=a = ACCEPTED 2 0", 7)):
        world.run(f"a: M RIDE C 9 = ACCEPTED 9 0\n{first}")
        world.away()
        late = world.submission(f"M REFUND C {limit} about=a")
        lacking = engine.prepare(late)
        assert lacking is not None
        late.recalled = engine.recall(late, lacking)
        assert engine.prepare(late) is None
        world.run("M REFUND C 3 about=a = ACCEPTED 3 0")
        world.away()
        assert engine.recent.claimed(world.sequence("a")) is None
        (answer,) = engine.step([late])
        assert isinstance(answer, bytes)
        assert Decisions.FromString(answer).outcome[0] == Outcome.AMOUNT_EXCEEDS_ORIGINAL


def test_an_entry_that_does_not_say_so_is_a_fault(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index leads to one that took nothing back: named, and made anew at the next start."""
    retire = Identities.retire

    def wrongly(self: Identities, keys: NDArray[np.void], up_to: int) -> None:
        keys["sequence"][keys["terminal"] >> 28 == Space.TAKEN_BACK] -= 1
        retire(self, keys, up_to)

    world.run("a: M RIDE C 9 = ACCEPTED 9 0\nM REFUND C 2 about=a = ACCEPTED 2 0")
    original = world.sequence("a")
    with monkeypatch.context() as patched:
        patched.setattr(Identities, "retire", wrongly)
        world.away()
    world.side.ledger.close()
    report = verify(world.side.folder)
    assert report.fault is not None
    assert f"retired identities, taken_back of entry {original}: expected entry" in report.fault
    world.side._open()
    engine = world.side.engine
    late = world.submission("M REFUND C 8 about=a")
    with pytest.raises(LedgerFault, match=f"take back of entry {original} or to correct it"):
        engine.step([late])
    world.side.ledger.close()
    world.side._open()
    world.run(
        "M REFUND C 8 about=a = AMOUNT_EXCEEDS_ORIGINAL 0 0\nM REFUND C 7 about=a = ACCEPTED 7 0"
    )


def test_suspense_that_was_closed_long_ago_is_not_listed(world: World) -> None:
    world.run(
        "! block Q\n"
        "s: M RIDE Q 5 offline = ACCEPTED_SUSPENSE 5 0\n"
        "o: M RIDE Q 5 offline = ACCEPTED_SUSPENSE 5 0\n"
        "! unblock Q\n"
        "M REVERSAL Q 0 voids=s = ACCEPTED 5 0"
    )
    for leave in (stay, World.away):
        leave(world)
        world.run(
            "! block Q\n"
            "t: M RIDE Q 5 offline = ACCEPTED_SUSPENSE 5 0\n"
            "! unblock Q\n"
            "M REVERSAL Q 0 voids=t = ACCEPTED 5 0"
        )
        ledger = world.side.ledger
        found = np.concatenate(list(find_suspense(ledger.journal, ledger.identities)))
        assert found["sequence"].tolist() == [world.sequence("o")]
