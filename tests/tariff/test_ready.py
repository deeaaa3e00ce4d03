"""The tariffs that come with onecard, and a few small ones, against rides worked out by hand."""

from collections import Counter
from functools import cache
from importlib.resources import files

import numpy as np
import pytest

from onecard.core.tariff.explain import explained
from onecard.core.tariff.language.folder import compile_folder
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.quote import shares_of
from onecard.core.tariff.source import Source
from onecard.ext.fare.rate import Ride, Status, new_rider
from tests.tariff.city_vectors import (
    BEIJING,
    BEIJING_CELLS,
    MARGINAL_MONTH,
    OTHERS,
    SHENZHEN,
    SMALL,
)
from tests.tariff.linhu_words import PARTS
from tests.tariff.riding import Ready, Vector, differs, expected, twin_amounts
from tests.tariff.vectors import LINHU
from tests.twin.fares_folder import Tariff, read_folder

CITIES = {"linhu": "linhu", "beijing": "beijing", "shenzhen-2018": "shenzhen_2018"}
NOON_US = 1_772_424_000_000_000  # 2026-03-02 12:00 in Beijing
VECTORS = [*LINHU, *BEIJING, *SHENZHEN, *OTHERS]


def packed(tariff: str) -> dict[str, bytes]:
    """The files of a tariff by name."""
    if tariff in SMALL:
        return {"tariff.toml": SMALL[tariff].encode()}
    folder = files("onecard.core.tariff.cities").joinpath(CITIES[tariff])
    return {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if file.name.endswith((".toml", ".csv"))
    }


def ready_from(name: str, found: dict[str, bytes]) -> Ready:
    notices = Notices()
    compiled = compile_folder(Source(name, None, found), notices)
    assert compiled is not None, [str(notice) for notice in notices.found]
    assert not notices.found, [str(notice) for notice in notices.found]
    return Ready.of(compiled)


@cache
def ready(tariff: str) -> Ready:
    return ready_from(tariff, packed(tariff))


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_a_ride_costs_what_was_worked_out_by_hand(vector: Vector) -> None:
    assert differs(vector, ready(vector.tariff)) is None


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tariff]:
    """The twin's reading of each tariff."""
    tariffs = {}
    for tariff in (*CITIES, *SMALL):
        folder = tmp_path_factory.mktemp(tariff)
        for name, content in packed(tariff).items():
            folder.joinpath(name).write_bytes(content)
        tariffs[tariff] = read_folder(folder)
    return tariffs


def test_the_twin_says_the_same(twins: dict[str, Tariff]) -> None:
    for vector in VECTORS:
        tariff = twins[vector.tariff]
        amounts = [ride.amount for ride in expected(vector, tariff["zone"])]
        assert twin_amounts(vector, tariff) == amounts, str(vector)


def test_a_month_of_beijing_parted_at_the_thresholds() -> None:
    found = packed("beijing")
    found["tariff.toml"] = found["tariff.toml"].replace(b'"next_trip"', b'"marginal"')
    assert differs(MARGINAL_MONTH, ready_from("a copy", found)) is None
    assert differs(MARGINAL_MONTH, ready("beijing")) is not None


def test_every_fare_of_beijing_as_counted_before() -> None:
    """The numbers sum to 403 * 403 = 162,409: a station to itself is among them."""
    beijing = ready("beijing")
    row = new_rider(beijing.classes["cash"])
    metro = beijing.networks["metro"]
    stations = [word["id"] for word in beijing.compiled.words["places"][:403]]
    assert stations == [str(number) for number in range(1, 404)]
    counts: Counter[int] = Counter()
    for begin in range(1, 404):
        for end in range(1, 404):
            rated = beijing.fares.rate(Ride(metro, NOON_US, NOON_US, begin, end), row)
            assert rated.status == Status.RATED
            counts[rated.amount] += 1
    assert sum(BEIJING_CELLS.values()) == 403 * 403
    assert dict(counts) == BEIJING_CELLS


def test_fares_of_beijing_are_the_same_both_ways() -> None:
    metres = ready("beijing").compiled.metres[1]
    assert np.array_equal(metres, metres.T)
    assert metres.shape == (403, 403)


@pytest.mark.parametrize(("network", "begin", "end", "amount", "shares"), PARTS)
def test_whom_the_money_belongs_to(
    network: str, begin: str, end: str, amount: int, shares: tuple[tuple[str, int], ...]
) -> None:
    assert parted(ready("linhu"), network, begin, end, amount) == list(shares)


def parted(linhu: Ready, network: str, begin: str, end: str, amount: int) -> list[tuple[str, int]]:
    """Who is paid what of a ride."""
    places = {"": 0} | linhu.places
    ride = Ride(linhu.networks[network], NOON_US, NOON_US, places[begin], places[end])
    return shares_of(linhu.compiled, ride, amount)


def test_parts_of_equal_remainders_go_to_the_first() -> None:
    """Three thirds of 200 are 66.66 each: two fen are left, for the first two."""
    found = packed("linhu")
    rows = ["hill,harbour,A,3333", "hill,harbour,B,3333", "hill,harbour,C,3334"]
    found["metro_parts.csv"] += "\n".join(rows).encode()
    linhu = ready_from("a copy", found)
    assert parted(linhu, "metro", "hill", "harbour", 200) == [("A", 67), ("B", 66), ("C", 67)]
    assert parted(linhu, "metro", "hill", "harbour", 0) == [("A", 0), ("B", 0), ("C", 0)]


def test_every_reason_has_words() -> None:
    """Of whatever size a number is: metres are no day, and a ride may have no exit."""
    far = Vector("linhu", "guest", "bus 2026-03-02 08:00-08:50 metres=900000000 = 22500105 bus")
    words = set()
    for vector in (*VECTORS, far):
        tariff = ready(vector.tariff)
        rider = tariff.rider(vector.rider)
        for said in expected(vector, tariff.compiled.words["zone"]):
            ride = tariff.ride(said)
            rated = tariff.fares.rate(ride, rider)
            rider = rated.rider
            words |= {reason.words for reason in explained(tariff.compiled, rated, ride)}
    assert all(words)
    assert "900,000,000 m: up to 10,000 m, then by each started 4,000 m" in words
    assert "1 h 00 min: up to 3,600 s" in words


def test_every_rule_says_where_it_is_from() -> None:
    for tariff in CITIES:
        for rule in ready(tariff).compiled.words["rules"]:
            assert rule["source"]["title"], rule
            assert rule["source"]["date"], rule
            assert rule["source"]["url"].startswith("http"), rule
