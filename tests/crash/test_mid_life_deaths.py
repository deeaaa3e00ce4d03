"""A ledger that version 1 began, migrated and served: processes that are killed, power that is cut.

So recovery, what is recalled, identities, what was taken back and verify meet blocks of both. What
holds after each death is said in test_crash.py; of a cut, in test_storage_faults.py and here.
"""

import os
import random
import shutil
from io import StringIO
from pathlib import Path

import pytest

from onecard.core.audit.verify import verify
from onecard.core.authorize.engine import ActIn, Engine, TapsIn
from onecard.core.ledger.opened import Ledger
from onecard.core.watch.log import Log
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from tests.crash import powercut
from tests.crash.client import HOLDS_MAX, TINY
from tests.crash.test_crash import (
    POINTS,
    crash_client,
    die_at,
    kill_at_a_named_point,
    kill_at_any_moment,
    prove,
)
from tests.support.engine import HandClock, act_of
from tests.support.old_life import OldLife
from tests.support.random_steps import NOW_US
from tests.support.steps import Message, Taps

OLD_STEPS = 15  # some hundred entries of version 1, more than are kept in memory
SHORT = ("before_commit", "mid_identities", "before_manifest")
SECOND_LIFE = """
import sys
from pathlib import Path
from tests.crash.test_mid_life_deaths import go_on
go_on(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
"""


def kill(seed: int, folder: Path) -> None:
    point = [*POINTS, None][seed % (len(POINTS) + 1)]
    if point is None:
        kill_at_any_moment(seed, folder, OLD_STEPS)
    else:
        kill_at_a_named_point(point, seed, folder, OLD_STEPS)


def test_what_begins_in_version_1_is_of_both_and_repeated(tmp_path: Path) -> None:
    with crash_client(tmp_path / "ledger", 5, OLD_STEPS) as one:
        prove(one)  # as version 1 left it, and nobody has served it
        one.start()
        one.repeat(60)
        one.load(3)
        assert one.repeats and one.stop() == 0
        prove(one)
        with one.journal() as journal:
            versions = [int(block.header["version"]) for block in journal.blocks()]
        assert {1, 2} == set(versions) and versions == sorted(versions)


@pytest.mark.parametrize("point", SHORT)
def test_killed_in_the_second_life(point: str, tmp_path: Path) -> None:
    with crash_client(tmp_path / "ledger", 7000 + SHORT.index(point), OLD_STEPS) as one:
        die_at(one, point, 2)
        prove(one)
        one.start()
        one.repeat(20)
        one.load(1)
        assert one.stop() == 0
        prove(one)


@pytest.mark.campaign
@pytest.mark.parametrize("part", range(10))
def test_a_thousand_deaths(part: int, tmp_path: Path) -> None:
    for seed in range(8000 + 100 * part, 8100 + 100 * part):
        folder = tmp_path / f"ledger-{seed}"
        kill(seed, folder)
        shutil.rmtree(folder)


# ---- power cuts -----------------------------------------------------------------------------


def first_life(seed: int) -> OldLife:
    return OldLife(random.Random(seed), lambda terminal: 1, OLD_STEPS, HOLDS_MAX)


def go_on(folder: Path, seed: int, steps: int) -> None:
    """In a process that is watched: the twin of the same first life draws, the engine answers."""
    life = first_life(seed)
    drawn, clock = life.steps, HandClock(NOW_US)
    acks = os.open(folder / powercut.ACKS, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with Ledger.open(folder, TINY, clock=clock, log=Log(clock, out=StringIO())) as ledger:
        engine = Engine(ledger, clock)
        for items in (life.later, *(drawn.step() for _ in range(steps))):
            clock.us = drawn.now_us
            for item in items:
                window = int(engine.state.totals["window"][0])
                is_taps = isinstance(item, Taps | Message)
                given = TapsIn(item.principal, item.message()) if is_taps else None
                engine.step([given or ActIn(act_of(item, window))])
                os.write(acks, f"{int(engine.state.totals['last'][0])}\n".encode())


def found_after(folder: Path, acked: int, journal: list[bytes]) -> int:
    """What is in a folder after a cut: all that was answered, in a ledger that is whole."""
    report = verify(folder, settings=TINY)
    assert report.ok, report.fault
    with Ledger.open(folder, TINY, readonly=True) as ledger:
        replayed = State(TINY.cards_max, TINY.terminals_max)
        blocks = [block.value for block in ledger.journal.blocks()]
        for value in blocks:
            apply(replayed, value)
        assert ledger.state.digest() == replayed.digest()
        assert blocks == journal[: len(blocks)], "other blocks than were written"
        last = int(replayed.totals["last"][0])
        assert last >= acked, f"{acked} was answered, {last} is the last there is"
    with Ledger.open(folder, TINY) as ledger:  # and it goes on
        assert ledger.state.digest() == replayed.digest()
    return last


def cut(shim: Path, tmp_path: Path, seed: int, steps: int, every: int) -> int:
    """Cut the power before each sync of a second life, or some of them; how many cuts it was."""
    folder, log, found = tmp_path / "ledger", tmp_path / "log", tmp_path / "found"
    first_life(seed).write(folder, TINY)
    disk = powercut.Disk(folder)
    run = powercut.run(shim, folder, log, SECOND_LIFE, str(seed), str(steps))
    assert run.returncode == 0, run.stderr
    with Ledger.open(folder, TINY, readonly=True) as ledger:
        journal = [block.value for block in ledger.journal.blocks()]
    cuts = syncs = 0
    for number, event in enumerate([*powercut.events(log), None]):
        if event is None or event.kind in (powercut.SYNCED, powercut.WRITTEN_SYNCED):
            syncs += 1
            for chance in (None, random.Random(number)) if syncs % every == 0 else ():
                disk.lay_out(found, chance)
                found_after(found, int(disk.acks[-1]) if disk.acks else 0, journal)
                shutil.rmtree(found)
                cuts += 1
        if event is not None:
            disk.take(event)
    return cuts


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return powercut.build(tmp_path_factory.mktemp("shim"))


def test_power_is_cut_in_the_second_life(shim: Path, tmp_path: Path) -> None:
    assert cut(shim, tmp_path, 9000, 3, 5) > 5


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(9100, 9110))
def test_campaign_of_power_cuts(shim: Path, tmp_path: Path, seed: int) -> None:
    assert cut(shim, tmp_path, seed, 12, 1) > 50
