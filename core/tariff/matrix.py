"""What a network charges from each of its stations to each: to be looked at, and compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onecard.core.days import DAY_US
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.read_back import Row, rows
from onecard.ext.fare.rate import FareSet, Status, new_rider
from onecard.ext.fare.shapes import NOWHERE, RIDE, Basis

STATIONS_MAX = 1000  # a million rides: a second, and as much as a screen has room for
WEDNESDAY = 2
NOON_S = 12 * 3600
UNDATED_DAY = 20_454  # 2026-01-01, for a feed in which no day is named
NO_FARE = -1


@dataclass(frozen=True, slots=True)
class Matrix:
    """`fares[i, j]` is what a ride from place i to place j costs, in minor units, NO_FARE where
    none is defined; `metres` the way between them, None where it is not known. `places` are numbers
    of the tariff, in its order; where a network has more than STATIONS_MAX it is one of each set
    that its rules tell apart, and `left_out` counts the others."""

    network: int
    rider_class: int
    at_us: int
    places: list[int]
    fares: NDArray[np.int64]
    metres: NDArray[np.int64] | None
    left_out: int


def networks(compiled: Compiled) -> list[int]:
    """Those with fares from somewhere to somewhere, by number."""
    found = enumerate(rows(compiled.arrays, "networks"), start=1)
    return [number for number, row in found if row["basis"] == Basis.CELL]


def stations(compiled: Compiled, network: int) -> list[int]:
    """The places of a network, one a station, in the tariff's order."""
    row = rows(compiled.arrays, "networks")[network - 1]
    sets = compiled.arrays["place_sets"][row["sets_row"]]
    found: dict[int, int] = {}
    for place in np.flatnonzero(sets != NOWHERE).tolist():
        if place:
            station = int(compiled.arrays["place_station"][place])
            found[station] = station if sets[station] != NOWHERE else found.get(station, place)
    return list(found.values())


def matrix(compiled: Compiled, network: int, rider_class: int, at_us: int) -> Matrix:
    """Every ride within a network that begins and ends at one moment, of a rider without a past."""
    row = rows(compiled.arrays, "networks")[network - 1]
    places = stations(compiled, network)
    shown = places if len(places) <= STATIONS_MAX else _one_a_set(compiled, row, places)
    fares = rates(compiled, network, rider_class, at_us, shown)
    metres = compiled.metres.get(network)
    sets = compiled.arrays["place_sets"][row["sets_row"]][shown].astype(np.int64)
    return Matrix(
        network=network,
        rider_class=rider_class,
        at_us=at_us,
        places=shown,
        fares=fares,
        metres=None if metres is None else np.asarray(metres, np.int64)[np.ix_(sets, sets)],
        left_out=len(places) - len(shown),
    )


def rates(
    compiled: Compiled, network: int, rider_class: int, at_us: int, places: list[int]
) -> NDArray[np.int64]:
    """Amounts in minor units from each of some places to each, NO_FARE where none is defined."""
    numbers = np.array(places, np.uint32)
    side = len(numbers)
    rides = rides_of(side * side, network, at_us)
    rides["from_place"] = np.repeat(numbers, side)
    rides["to_place"] = np.tile(numbers, side)
    return priced(compiled, rides, rider_class).reshape(side, side)


def rides_of(count: int, network: int, at_us: int) -> NDArray[np.void]:
    """Rides of a network at one moment, of which nothing more is said."""
    rides = np.zeros(count, RIDE)
    rides["network"] = network
    rides["begin_us"] = rides["end_us"] = at_us
    rides["face"] = rides["metres"] = -1
    return rides


def priced(compiled: Compiled, rides: NDArray[np.void], rider_class: int) -> NDArray[np.int64]:
    """What each ride costs a rider without a past, NO_FARE where none is defined."""
    amounts, statuses = FareSet(compiled.arrays).rate_each(rides, new_rider(rider_class))
    priced: NDArray[np.int64] = np.where(statuses == Status.RATED, amounts, NO_FARE)
    return priced


def moment(compiled: Compiled) -> tuple[int, int]:
    """The first Wednesday of the tariff, and of what its days name, and its noon: no low peak, no
    weekend. A day since 1970-01-01, and microseconds since 1970 UTC."""
    (header,) = rows(compiled.arrays, "header")
    begins = [row["from_day"] for row in rows(compiled.arrays, "services") if row["from_day"] > 0]
    first = max(header["effective_day"], min(begins, default=0), 0) or UNDATED_DAY
    day = first + (WEDNESDAY - (first + 3)) % 7  # 1970-01-01 was a Thursday, 3
    at_us = day * DAY_US + NOON_S * 1_000_000
    offset_s = 0
    begin, end = compiled.arrays["zone_offsets"][:2].tolist()
    for offset in rows(compiled.arrays, "offsets")[begin:end]:
        if offset["from_us"] <= at_us - offset["offset_s"] * 1_000_000:
            offset_s = offset["offset_s"]
    return day, at_us - offset_s * 1_000_000


def counts(found: Matrix) -> list[tuple[int, int]]:
    """(fare, cells) by rising fare; NO_FARE first where there is such."""
    fares, cells = np.unique(found.fares, return_counts=True)
    return list(zip(fares.tolist(), cells.tolist(), strict=True))


def names(compiled: Compiled, found: Matrix) -> list[str]:
    """What the places of a matrix are called."""
    words: list[dict[str, Any]] = compiled.words["places"]
    return [str(words[place - 1]["name"] or words[place - 1]["id"]) for place in found.places]


def _one_a_set(compiled: Compiled, row: Row, places: list[int]) -> list[int]:
    sets = compiled.arrays["place_sets"][row["sets_row"]]
    first: dict[int, int] = {}
    for place in places:
        first.setdefault(int(sets[place]), place)
    return list(first.values())[:STATIONS_MAX]
