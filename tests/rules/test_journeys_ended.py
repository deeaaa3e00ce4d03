"""What ended a journey the index says for ever: an exit, an entry in its place, a reversal."""

from collections.abc import Iterator

import numpy as np
import pytest

from onecard.core.audit.verify import verify
from onecard.core.checkpoint.claims import ended_by
from tests.rules.taptable import NOW_US
from tests.rules.test_claims_leave import World
from tests.support.engine import SMALL, EngineSide, quick_folder

STEPS = """
a: M ENTRY P 0 place=1      = ACCEPTED 0 1000
b: M ENTRY P 0 place=2      = ACCEPTED 0 1000      -- in place of a's
c: X ENTRY P 0 place=1      = ACCEPTED 0 1000      -- of another mode, apart
d: A ENTRY P 0 place=3      = ACCEPTED 0 1000      -- and one more, still open at the end
m: M EXIT P 0 place=9       = FARE_UNKNOWN 0 1000  -- ends none
x: M EXIT P 0 place=1       = ACCEPTED 300 700
k: X REVERSAL P 0 voids=c   = ACCEPTED 0 700
l: X REVERSAL P 0 voids=x   = TOMBSTONED 0 700     -- another terminal's, so of no entry
n: M REVERSAL P 0 voids=b   = ACCEPTED 0 700       -- over before: it stays the exit's
y: M REVERSAL P 0 voids=x   = ACCEPTED 300 1000    -- the journey stays over
"""
ENDED = {"a": "b", "b": "x", "c": "k"}


@pytest.fixture
def world() -> Iterator[World]:
    with quick_folder() as folder:
        side = EngineSide(folder / "ledger", NOW_US, SMALL)
        yield World(side)
        side.close()


def test_said_in_memory_and_on_disk(world: World) -> None:
    world.run(STEPS)
    side = world.side
    entries = [world.sequence(label) for label in "abcdmxkny"]
    ended = [world.sequence(ENDED[label]) if label in ENDED else 0 for label in "abcdmxkny"]
    assert [side.engine.recent.ended_by(entry) for entry in entries] == ended
    assert world.play.record("b")["journey"] == world.sequence("a")
    assert world.play.record("c")["journey"] == 0
    world.restart(checkpoint=True, index=True)
    assert [side.engine.recent.ended_by(entry) for entry in entries] == ended
    world.away()
    assert [side.engine.recent.ended_by(entry) for entry in entries] == [0] * len(entries)
    asked = np.array(entries, np.uint64)
    assert ended_by(asked, side.ledger.identities).tolist() == ended
    for index in (True, False):  # as it was kept, and made anew from the journal
        world.restart(checkpoint=False, index=index)
        assert ended_by(asked, side.ledger.identities).tolist() == ended
    side.ledger.close(checkpoint=True)
    report = verify(side.folder)
    assert report.ok and "ok" in report.identities, report
    side._open()
