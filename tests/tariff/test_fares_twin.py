"""Fares against the slow twin: ready tariffs and drawn ones, rider by rider, ride by ride."""

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.quote import LegAsked, Quoter, RiderAsked
from onecard.core.tariff.ready import load
from onecard.ext.fare.rate import FareSet
from tests.tariff.drawn_extensions import differences as differences_of_feed
from tests.tariff.drawn_extensions import draw_rides as draw_rides_of_feed
from tests.tariff.drawn_extensions import write_extension
from tests.tariff.drawn_feeds import draw_journey, draw_quote, engine_charges, write_feed
from tests.tariff.drawn_older import draw_older_legs, write_older
from tests.tariff.drawn_rides import differences, draw_rides
from tests.tariff.drawn_tariffs import write_tariff
from tests.twin import fares_older
from tests.twin.fares_extended import read_extension
from tests.twin.fares_feed import alternatives, charges, quote, read_feed
from tests.twin.fares_folder import Tariff, read_folder

ROOT = Path(__file__).resolve().parent.parent.parent
READY = ["beijing", "shenzhen-2018", "linhu"]
RIDES = 8  # of a rider
RIDERS, RIDERS_OF_A_CAMPAIGN = 25, 2500  # 200 and 20,000 rides on each ready tariff
RIDERS_OF_A_DRAWN = 5
QUOTES_OF_A_DRAWN = 10
DRAWN, DRAWN_IN_A_CAMPAIGN = 40, 2000


@cache
def ready(name: str) -> tuple[Tariff, Compiled, FareSet]:
    folder = ROOT / "core/tariff/cities" / name.replace("-", "_")
    compiled = load(name)
    return read_folder(folder), compiled, FareSet(compiled.arrays)


def agree(name: str, first: int, riders: int) -> None:
    """AssertionError names the seed of the first rider of whom twin and engine differ."""
    tariff, compiled, fares = ready(name)
    for seed in range(first, first + riders):
        drawn = draw_rides(tariff, random.Random(seed), RIDES)
        found = list(differences(tariff, compiled, fares, drawn))
        assert not found, "\n".join([f"seed {seed} of {name}", *found])


@pytest.mark.parametrize("name", READY)
def test_rides_by_a_ready_tariff(name: str) -> None:
    agree(name, 0, RIDERS)


@pytest.mark.campaign
@pytest.mark.parametrize("name", READY)
def test_campaign_by_a_ready_tariff(name: str) -> None:
    agree(name, RIDERS, RIDERS_OF_A_CAMPAIGN)


# ---- tariffs and feeds that nobody has ----------------------------------------------------------


def one_drawn_tariff(folder: Path, seed: int) -> None:
    """AssertionError names the seed, and what twin and engine say."""
    folder.mkdir()
    write_tariff(folder, seed)
    tariff, compiled = read_folder(folder), load(str(folder))
    fares = FareSet(compiled.arrays)
    for rider in range(RIDERS_OF_A_DRAWN):
        drawn = draw_rides(tariff, random.Random(rider + seed * RIDERS_OF_A_DRAWN), RIDES)
        found = list(differences(tariff, compiled, fares, drawn))
        assert not found, "\n".join([f"drawn tariff {seed}, rider {rider}", *found])


def one_drawn_feed(folder: Path, seed: int) -> None:
    """AssertionError names the seed, and what twin and engine say."""
    folder.mkdir()
    write_feed(folder, seed)
    feed, compiled = read_feed(folder), load(str(folder))
    fares = FareSet(compiled.arrays)
    for rider in range(RIDERS_OF_A_DRAWN):
        rng = random.Random(rider + seed * RIDERS_OF_A_DRAWN)
        legs, who, media = draw_journey(feed, rng)
        twin = charges(feed, legs, who, media)
        engine = engine_charges(compiled, fares, legs, who, media)
        said = f"drawn feed {seed}, rider {rider}, {who} with {media}: {legs}"
        assert engine == twin, f"{said}\ntwin {twin}\nengine {engine}"


def one_extended_feed(folder: Path, seed: int) -> None:
    """A drawn feed with rules of onecard.toml. AssertionError names the seed."""
    folder.mkdir()
    write_feed(folder, seed, with_networks=True)
    write_extension(folder, seed)
    feed, compiled = read_feed(folder), load(str(folder))
    tariff, fares = read_extension(folder, feed), FareSet(compiled.arrays)
    for rider in range(RIDERS_OF_A_DRAWN):
        rng = random.Random(rider + seed * RIDERS_OF_A_DRAWN)
        who = rng.choice([row["rider_category_id"] for row in feed["rider_categories"]])
        rides = draw_rides_of_feed(feed, tariff, rng, RIDES)
        found = list(differences_of_feed(feed, tariff, compiled, fares, rides, who))
        assert not found, "\n".join([f"drawn feed {seed} with rules, rider {rider}", *found])


def one_older_feed(folder: Path, seed: int) -> None:
    """A drawn feed of Fares v1. AssertionError names the seed."""
    folder.mkdir()
    write_older(folder, seed)
    feed, quoter = read_feed(folder), Quoter(load(str(folder)))
    for rider in range(RIDERS_OF_A_DRAWN):
        rng = random.Random(rider + seed * RIDERS_OF_A_DRAWN)
        legs, row = draw_older_legs(feed, rng, rng.randint(1, RIDES)), quoter.rider(RiderAsked())
        engine: list[int | None] = []
        for leg in legs:
            asked = LegAsked(leg.begin_us, leg.end_us, leg.begin, leg.end, line=leg.route)
            answer, row = quoter.leg(asked, row, 0)
            engine.append(answer.amount)
        twin = fares_older.charges(feed, legs)
        said = f"drawn feed of v1 {seed}, rider {rider}: {legs}"
        assert engine == twin, f"{said}\ntwin {twin}\nengine {engine}"


def quotes_of_a_drawn_feed(folder: Path, seed: int) -> None:
    """Single legs of which no network is said. AssertionError names the seed."""
    folder.mkdir()
    write_feed(folder, seed)
    feed, quoter = read_feed(folder), Quoter(load(str(folder)))
    rng = random.Random(seed)
    row = quoter.rider(RiderAsked())
    for _ in range(QUOTES_OF_A_DRAWN):
        begin, end, at_us = draw_quote(feed, rng)
        answer, _ = quoter.leg(LegAsked(at_us, at_us, begin, end), row, 0)
        twin = quote(feed, begin, end, at_us)
        said = f"drawn feed {seed}: {begin} to {end} at {at_us}: twin {twin}, {answer}"
        assert answer.amount == twin, said
        others = {(one.product, one.amount) for one in answer.alternatives if one.currency == "EUR"}
        others = {one for one in others if one[1] != twin}
        assert others == alternatives(feed, begin, end, at_us), said


def test_rides_by_extended_feeds(tmp_path: Path) -> None:
    for seed in range(2 * DRAWN):  # legs that are one under a cap or a quota are rare
        one_extended_feed(tmp_path / str(seed), seed)


def test_journeys_by_drawn_feeds_of_v1(tmp_path: Path) -> None:
    for seed in range(DRAWN):
        one_older_feed(tmp_path / str(seed), seed)


def test_quotes_by_drawn_feeds(tmp_path: Path) -> None:
    for seed in range(DRAWN):
        quotes_of_a_drawn_feed(tmp_path / str(seed), seed)


def test_rides_by_drawn_tariffs(tmp_path: Path) -> None:
    for seed in range(DRAWN):
        one_drawn_tariff(tmp_path / str(seed), seed)


def test_journeys_by_drawn_feeds(tmp_path: Path) -> None:
    for seed in range(DRAWN):
        one_drawn_feed(tmp_path / str(seed), seed)


@pytest.mark.campaign
@pytest.mark.parametrize(
    "one",
    [one_drawn_tariff, one_drawn_feed, one_extended_feed, one_older_feed, quotes_of_a_drawn_feed],
)
def test_campaign_of_drawn_ones(tmp_path: Path, one: Callable[[Path, int], None]) -> None:
    for seed in range(DRAWN, DRAWN + DRAWN_IN_A_CAMPAIGN):
        one(tmp_path / str(seed), seed)
