"""Random ledgers, engine against slow twin: every answer, entry, leg and digest must agree.

A failure names its seed, or the blob of hypothesis: `python -m tests.rules.test_against_twin SEED`
and the line hypothesis prints play the same steps again.
"""

import random
import secrets
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onecard.ext.shape.numbers import Kind
from tests.support.engine import Both, quick_folder
from tests.support.journeys_met import journeys_met
from tests.support.random_steps import KINDS, NOW_US, RandomSteps
from tests.support.spells_met import SpellsMet

STEPS = 30  # some two hundred taps: several generations of identities at the size of the tests
SEEDS = range(80)
FOUND_AGAIN = range(100, 110)
TRAVELLING = range(200, 206)
CAMPAIGN = 4_000
JOURNEYS = (*(Kind.ENTRY,) * 5, *(Kind.EXIT,) * 4, *(Kind.REVERSAL,) * 2, Kind.TOP_UP)


def play(
    rng: random.Random, folder: Path, steps: int, kinds: tuple[Kind, ...] = KINDS
) -> Counter[str]:
    """Random steps from an empty ledger; restarts now and then, and twice at the end. How often
    taps met spells of their cards, and journeys of several modes."""
    both = Both(folder, NOW_US)
    try:
        drawn = RandomSteps(rng, both.twin_side.book, kinds=kinds)
        met = SpellsMet(drawn.book)
        both.step(drawn.registry(), drawn.now_us)
        for _ in range(steps):
            both.step(drawn.step(), drawn.now_us)
            met.look()
            if rng.random() < 0.04:
                both.restart(checkpoint=rng.random() < 0.5)
        both.compare(1)
        both.restart(checkpoint=True)
        both.restart(checkpoint=False)
    finally:
        both.engine_side.close()
    return met.count() + journeys_met(drawn.book)


def play_seed(seed: int, steps: int = STEPS, kinds: tuple[Kind, ...] = KINDS) -> Counter[str]:
    with quick_folder() as folder:
        try:
            return play(random.Random(seed), folder / "ledger", steps, kinds)
        except Exception as error:
            raise AssertionError(f"seed {seed}, {steps} steps: {error}") from error


@pytest.mark.parametrize("seed", SEEDS)
def test_seeds(seed: int) -> None:
    play_seed(seed)


def test_storms_meet_spells() -> None:
    """What the seeds above show is shown of cards that were lost and found again, too."""
    seen: Counter[str] = Counter()
    for seed in FOUND_AGAIN:
        seen += play_seed(seed, 2 * STEPS)
    assert seen["spells"] > 20 and min(seen["within"], seen["ends"], seen["outside"]) > 20, seen
    assert min(seen["offline"], seen["finishing"]) > 5, seen


def test_storms_meet_journeys_of_several_modes() -> None:
    seen: Counter[str] = Counter()
    for seed in TRAVELLING:
        seen += play_seed(seed, 2 * STEPS, JOURNEYS)
    assert min(seen["placed"], seen["apart"], seen["left"]) > 10, seen
    assert min(seen["alone"], seen["differs"], seen["agrees"]) > 5, seen


@settings(
    max_examples=80,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(rng=st.randoms(use_true_random=False), steps=st.integers(1, 4))
def test_shrinking(rng: random.Random, steps: int) -> None:
    """Short storms, drawn so that hypothesis makes a failing one smaller."""
    with quick_folder() as folder:
        play(rng, folder / "ledger", steps)


@pytest.mark.campaign
def test_campaign() -> None:
    first = secrets.randbits(32)
    for seed in range(first, first + CAMPAIGN):
        play_seed(seed, 20 + seed % 100)


if __name__ == "__main__":
    play_seed(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else STEPS)
