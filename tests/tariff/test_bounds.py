"""Arrays and rows that lie: a tariff may come from a file, and a row from another tariff."""

import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from onecard.core.tariff.building import Arrays
from onecard.core.tariff.ready import load
from onecard.ext.fare import bounds, rate, shapes
from tests.tariff.drawn_extensions import write_extension
from tests.tariff.drawn_feeds import write_feed
from tests.tariff.drawn_tariffs import write_tariff

FIELDS = [
    (table, field, value)
    for table, fields in bounds.RANGES.items()
    for field, (least, most) in fields.items()
    for value in (least - 1, most + 1)
]
LIES = [-1, 0, 1, 2, 99, 1 << 31, 1 << 40, 1 << 62, -(1 << 63), (1 << 63) - 1]
HOUR_US = 3_600_000_000


@cache
def linhu() -> Arrays:
    return load("linhu").arrays


def with_one_row(table: str) -> Arrays:
    """The tables of Linhu; where it has none of this, the row of zeros that stands there counts."""
    arrays = {name: array.copy() for name, array in linhu().items()}
    at = list(shapes.TABLES).index(table)
    arrays["counts"][at] = max(arrays["counts"][at], 1)
    return arrays


@pytest.mark.parametrize("table, field, value", FIELDS)
def test_a_number_out_of_its_range_is_refused(table: str, field: str, value: int) -> None:
    arrays = with_one_row(table)
    arrays[table][0, (shapes.TABLES[table].names or ()).index(field)] = value
    with pytest.raises(ValueError, match=rf"array {table}\.{field}: expected numbers from"):
        rate.FareSet(arrays)


def lie(folder: Path, seed: int, lies: int) -> int:
    """Changes numbers in the arrays of a drawn tariff or feed, rates by what is taken all the same,
    and answers how often it was. Whatever comes of it, the process goes on."""
    folder.mkdir()
    rng = random.Random(seed)
    if seed % 2:
        write_tariff(folder, seed)
    else:
        write_feed(folder, seed, with_networks=True)
        write_extension(folder, seed)
    compiled = load(str(folder))
    taken = 0
    for _ in range(lies):
        arrays = {name: array.copy() for name, array in compiled.arrays.items()}
        array = arrays[rng.choice(sorted(arrays))]
        within = np.iinfo(array.dtype)
        at = rng.randrange(array.size)
        value = rng.choice([*LIES, int(array.flat[at]) + 1, int(array.flat[at]) - 1])
        array.flat[at] = min(max(value, within.min), within.max)
        try:
            fares = rate.FareSet(arrays)
        except ValueError:
            continue
        taken += 1
        networks, places = len(compiled.words["networks"]), len(compiled.words["places"])
        ride_about(fares, rng, networks, places)
    return taken


def ride_about(fares: rate.FareSet, rng: random.Random, networks: int, places: int) -> None:
    """Rides of a new rider, and one of a rider whose row is noise."""
    row, at = rate.new_rider(rng.randrange(4)), 1_774_782_000_000_000
    for _ in range(6):
        took = rng.choice([0, HOUR_US // 6, HOUR_US, 4 * HOUR_US])
        ride = rate.Ride(
            network=rng.randint(1, networks),
            begin_us=at,
            end_us=at + took,
            from_place=rng.randint(0, places),
            to_place=rng.randint(0, places),
            face=rng.choice([-1, 500]),
            metres=rng.choice([-1, 5000]),
            media=rng.choice([0, 1, 255]),
        )
        row = fares.rate(ride, row).rider
        at += took + HOUR_US // 6
    assert len(fares.rate(ride, rng.randbytes(rate.RIDER_BYTES)).rider) == rate.RIDER_BYTES


def test_arrays_that_lie_are_refused_or_harmless(tmp_path: Path) -> None:
    taken = sum(lie(tmp_path / str(seed), seed, 20) for seed in range(30))
    assert 100 < taken < 500  # of 600: both happen


@pytest.mark.campaign
def test_campaign_of_arrays_that_lie(tmp_path: Path) -> None:
    for seed in range(30, 1000):
        lie(tmp_path / str(seed), seed, 60)


def test_a_row_of_another_tariff_is_rated() -> None:
    """What one was before in a network that is not there is nothing to transfer from."""
    fares = rate.FareSet(linhu())
    ride = rate.Ride(network=1, begin_us=1_774_782_000_000_000, end_us=1_774_782_000_000_000)
    rng = random.Random(1)
    for _ in range(200):
        fares.rate(ride, rng.randbytes(rate.RIDER_BYTES))
