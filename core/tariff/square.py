"""The fares of one network as a ledger takes them: from every station to every station.

What a ledger of today looks up at an exit is the fare before all else; discounts, transfers, tiers
and caps of a tariff are what a quote says and a ledger does not know yet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput, quoted
from onecard.core.registry.tariffs import STATIONS_MAX
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.notice import listed
from onecard.ext.fare.shapes import NETWORK, NOWHERE, OFFER, TARIFF_HEADER, Basis

FARE_MAX_FEN = (1 << 31) - 1  # a ledger stores fares in 32 bits


@dataclass(frozen=True, slots=True)
class Square:
    """Station s is at s - 1, in the order of its network's file. Fares are of the default rider,
    -1 where none is defined; `metres` is there where the network charges by distance."""

    name: str
    effective_day: int  # days since 1970-01-01; it begins at midnight of the ledger's zone
    entry_min_fen: int  # the lowest fare: what a card must hold to enter
    stations: tuple[str, ...]
    metres: NDArray[np.int32]
    fares_fen: NDArray[np.int32]


def square_of(compiled: Compiled, network: str = "") -> Square:
    """The fares of a network, by id; of the only one that has stations where none is named.
    BadInput where there is none, or its fares are more than a ledger holds."""
    rows = compiled.arrays["networks"].reshape(-1).view(NETWORK)
    row = rows[_number(compiled, network)]
    places = _places(compiled, int(row["sets_row"]))
    if len(places) > STATIONS_MAX:
        raise BadInput(f"{network}: expected at most {STATIONS_MAX} stations, found {len(places)}")
    header = compiled.arrays["header"].reshape(-1).view(TARIFF_HEADER)[0]
    fares = _fares(compiled, row, places, int(header["default_class"]))
    known = fares[fares >= 0]
    if known.size == 0:
        raise BadInput(f"{network}: expected fares, found none")
    if int(fares.max()) > FARE_MAX_FEN:
        raise BadInput(f"{network}: expected no fare above {FARE_MAX_FEN}, found {fares.max()}")
    words = compiled.words
    number = _number(compiled, network) + 1
    metres = compiled.metres.get(number, np.zeros(fares.shape, np.int32))
    return Square(
        name=f"{words['id']}-{words['networks'][number - 1]['id']}",
        effective_day=int(header["effective_day"]),
        entry_min_fen=int(known.min()),
        stations=tuple(words["places"][place - 1]["name"] for place in places.tolist()),
        metres=metres,
        fares_fen=fares.astype(np.int32),
    )


def _number(compiled: Compiled, network: str) -> int:
    """Where a network stands, from 0."""
    ids = [one["id"] for one in compiled.words["networks"]]
    basis = compiled.arrays["networks"].reshape(-1).view(NETWORK)["basis"].tolist()
    able = [at for at in range(len(ids)) if basis[at] == Basis.CELL]
    if network:
        if network not in ids or ids.index(network) not in able:
            there = listed(ids[at] for at in able) or "none"
            raise BadInput(
                f"expected a network with fares by station, found {quoted(network)}; there are "
                f"{there}"
            )
        return ids.index(network)
    if len(able) != 1:
        there = listed(ids[at] for at in able) or "none"
        raise BadInput(f"expected one network with fares by station, found {there}; name one")
    return able[0]


def _places(compiled: Compiled, sets_row: int) -> NDArray[np.int64]:
    """The places of a network by their sets, which rise in the order of its file."""
    sets = compiled.arrays["place_sets"][sets_row]
    places = np.flatnonzero(sets != NOWHERE)
    places = places[places > 0]
    return places[np.argsort(sets[places], kind="stable")]


def _fares(
    compiled: Compiled, row: np.void, places: NDArray[np.int64], rider_class: int
) -> NDArray[np.int64]:
    arrays = compiled.arrays
    if int(row["square"]) < 0:
        raise BadInput("expected a network that fits a square of fares, found a larger one")
    sets = arrays["place_sets"][int(row["sets_row"])][places].astype(np.int64)
    lists = arrays["cells"][int(row["square"]) + sets[:, None] * int(row["to_sets"]) + sets[None]]
    fare_of = np.full(len(arrays["list_offers"]) - 1, -1, np.int64)
    offers = arrays["offers"].reshape(-1).view(OFFER)
    begins = arrays["list_offers"]
    for at in np.unique(lists).tolist():
        for offer in offers[int(begins[at]) : int(begins[at + 1])] if at else ():
            if int(offer["rider_class"]) in (-1, rider_class) and not offer["from_frame"]:
                fare_of[at] = int(offer["amount"])
                break
    fares: NDArray[np.int64] = fare_of[lists]
    return fares
