"""Kills whoever writes the index between two pages of it, and goes on as if that had never been.

Once while taps go on, and once while all of it is made anew from the journal; what is written then
is a page a transaction, of identities, of what was taken back, corrected, spent or ended. As a
script (`python -m tests.storage.index_killed FOLDER WORK PARTS`) it says where, a line a kill.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from onecard.core.authorize.engine import TapsIn
from onecard.core.checkpoint import identities
from tests.rules.taptable import NOW_US
from tests.storage.at_rest import Files, Made, build, files_of, opened, write
from tests.storage.damage import apart
from tests.support.engine import HandClock

BATCHES = 27
EARLIER = 2 * BATCHES // 3  # of them were taken when the files of earlier[1] were copied
INDEX = "checkpoint/identities"
Work = Callable[[Path, Made], None]
At = tuple[Path, Files, Made]


def go_on(folder: Path, made: Made) -> None:
    """What came last is sent as it was then; AssertionError where that gives another ledger."""
    clock = HandClock(NOW_US + EARLIER * 1_000_000)
    ledger, engine = opened(folder, clock)
    for number, (message, _) in enumerate(made.sent[2 * EARLIER :]):
        clock.us = NOW_US + (EARLIER + number // 2 + 1) * 1_000_000
        (answer,) = engine.step([TapsIn(0, message)])
        assert isinstance(answer, bytes), answer
    assert (ledger.journal.durable.last, ledger.state.digest()) == (made.last, made.digest)
    ledger.close(checkpoint=True)


def make_anew(folder: Path, made: Made) -> None:
    """A start without the index."""
    ledger, _ = opened(folder, HandClock(made.now_us))
    assert ledger.state.digest() == made.digest
    ledger.close(checkpoint=True)


def work_in_a_child(work: Work, folder: Path, made: Made, kill_at: int) -> tuple[int, int]:
    """How it ended, and how many transactions it came to; 0: it is not killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        passed = 0

        def here(name: str) -> None:
            nonlocal passed
            passed += name == "mid_identities"
            if passed == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        identities.PAGES_A_COMMIT, identities.here = 1, here
        try:
            work(folder, made)
            os.write(writing, b"%d" % passed)
            os._exit(0)
        except BaseException as error:
            os.write(2, f"{error}\n".encode())
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        passed_text = told.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), int(passed_text or b"0")


def lay_out(at: At, work: Work) -> Path:
    folder, files, made = at
    write(folder, made.earlier[1] if work is go_on else files)
    if work is make_anew:
        shutil.rmtree(folder / INDEX)
    return folder


def main(kept: Path, name: str, parts: int) -> None:
    """Killed at some places that are far from each other, or (0) at all. AssertionError where what
    is there then is another ledger."""
    work = WORKS[name]
    made = build(kept / "ledger", BATCHES)
    at = kept / "copy", files_of(kept / "ledger"), made
    ended, places = work_in_a_child(work, lay_out(at, work), made, 0)
    assert ended == 0 and places > 60, (ended, places)
    for place in range(1, places + 1, max(1, places // parts) if parts else 1):
        folder = lay_out(at, work)
        assert work_in_a_child(work, folder, made, place) == (-signal.SIGKILL, 0), place
        assert work_in_a_child(work, folder, made, 0)[0] == 0, place
        assert apart(folder, made) == "right", place
        print(place, "of", places, flush=True)


WORKS: dict[str, Work] = {"go on": go_on, "make anew": make_anew}

if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
