"""That a batch lacks nothing is found once: what was found must not outlast what it rests on."""

from collections import Counter
from dataclasses import replace
from random import Random

from onecard.core.authorize.engine import TapsIn
from onecard.ext.judge.lookback import missing
from onecard.ext.shape.numbers import Kind
from tests.rules.taptable import NOW_US, Play
from tests.support.engine import SMALL, EngineSide, quick_folder
from tests.support.steps import Taps
from tests.twin.state import Tap

STEPS = 200
TAPS = 8  # of a message


def test_what_was_found_holds_no_longer_than_it_is_so() -> None:
    """Batches wait while others are booked; some wait until what they refer to left memory, by the
    ring or with its generation."""
    random = Random(5)
    told: Counter[tuple[bool, bool]] = Counter()
    for recent_max in (32, 512):  # identities leave before the ring turns, and long after
        with quick_folder() as folder:
            side = EngineSide(folder / "ledger", NOW_US, replace(SMALL, recent_max=recent_max))
            play, engine = Play(side), side.engine
            ride = Tap(play.tokens["P"], 1, 1, 0, 0, Kind.RIDE, 1, 0, 0, 0, 0, 0)
            booked = 0
            waiting: list[TapsIn] = []
            for _ in range(STEPS):
                for _ in range(4):
                    waiting.append(TapsIn(0, some(random, ride, booked)))
                    if engine.prepare(waiting[-1]) is not None:
                        waiting.pop()
                new = [replace(ride, terminal_seq=1 + booked + at) for at in range(TAPS)]
                side.step([Taps(tuple(new))], NOW_US)
                booked += TAPS
                for one in list(waiting):
                    taps = engine.read(one)
                    memory = engine.state, engine.recent, engine.ring
                    holds = one.in_memory.holds(*memory, taps)
                    lacks = missing(*memory, taps, one.recalled) is not None
                    told[holds, lacks] += 1
                    if lacks or random.random() < 0.1:
                        waiting.remove(one)
            side.close()
    assert told[True, True] == 0
    assert told[True, False] > STEPS
    assert told[False, True] > STEPS


def some(random: Random, ride: Tap, booked: int) -> bytes:
    """Taps that came before, that come for the first time, and that are about others."""
    taps = []
    for _ in range(random.randint(1, 3)):
        seq = max(1, 1 + booked + TAPS - random.choice((1, 3, 9, 30, 60, 70, 200)))
        refund = replace(ride, terminal_seq=seq + 500, kind=Kind.REFUND)
        reversal = replace(ride, terminal_seq=seq + 600, kind=Kind.REVERSAL, amount_fen=0)
        made = (
            replace(ride, terminal_seq=seq),
            replace(refund, about=max(1, booked - random.randrange(70))),
            replace(reversal, about_seq=seq),
        )
        taps.append(random.choice(made))
    return Taps(tuple(taps)).message()
