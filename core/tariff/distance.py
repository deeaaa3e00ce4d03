"""A fare by the shortest distance: a network and its steps, compiled to origin and destination.

A folder holds `stations.csv` (station, name), `links.csv` (line, from, to, metres) and
`fares.toml`. Lines meet where they share a station: changing there costs no metres. A link of
zero metres joins two stations between which one changes through the street on the same fare.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput
from onecard.core.tariff import folder as reading
from onecard.core.tariff.folder import FARE_MAX_FEN, Steps

METRES_MAX = 1 << 29  # so that two of them still add up in 32 bits

BEIJING = files("onecard.core.tariff.cities.beijing")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A tariff as the ledger stores it, with the distances that explain it."""

    name: str
    effective_day: int  # days since 1970-01-01; it begins at midnight of the ledger's zone
    entry_min_fen: int
    stations: tuple[str, ...]  # station number s is at s - 1
    metres: NDArray[np.int32]  # stations x stations, shortest
    fares_fen: NDArray[np.int32]  # stations x stations, row = from


def compile_tariff(folder: Traversable) -> Compiled:
    """Read a folder and compute every fare. Raises BadInput, naming file and line."""
    rules = reading.read_rules(folder)
    stations = reading.read_stations(folder)
    metres = shortest(len(stations), reading.read_links(folder, stations))
    away = np.argwhere(metres >= METRES_MAX)
    if len(away):
        a, b = (stations[at] for at in away[0])
        raise BadInput(f"links.csv: expected one network, found no way from {a} to {b}")
    fares_fen = fares(metres, rules.steps)
    return Compiled(
        name=rules.name,
        effective_day=rules.effective_day,
        entry_min_fen=int(fares_fen.min()),
        stations=stations,
        metres=metres,
        fares_fen=fares_fen,
    )


def shortest(count: int, links: NDArray[np.int32]) -> NDArray[np.int32]:
    """Metres from every station to every station over links (from, to, metres), both ways.

    Floyd and Warshall, a row and a column at a time: count squared steps in numpy.
    """
    metres = np.full((count, count), METRES_MAX, dtype=np.int32)
    np.fill_diagonal(metres, 0)
    a, b, length = links.T
    np.minimum.at(metres, (a, b), length)
    np.minimum.at(metres, (b, a), length)
    for over in range(count):
        np.minimum(metres, metres[:, over, None] + metres[None, over, :], out=metres)
    return metres


def fares(metres: NDArray[np.int32], steps: Steps) -> NDArray[np.int32]:
    """Fen for each distance. BadInput where one is more than a tap may hold."""
    charged = np.maximum(metres.astype(np.int64) - steps.grace_metres, 0)
    limits = np.array([limit for limit, _ in steps.upto], dtype=np.int64)
    prices = np.array([price for _, price in steps.upto], dtype=np.int64)
    beyond = -((limits[-1] - charged) // steps.beyond_metres)  # started distances, rounded up
    long = prices[-1] + beyond * steps.beyond_fen  # below 2**31 + 2**29 * 2**31: 64 bits hold it
    short = prices[np.minimum(np.searchsorted(limits, charged), len(prices) - 1)]
    fares_fen = np.where(charged > limits[-1], long, short)
    if int(fares_fen.max()) > FARE_MAX_FEN:
        raise BadInput(
            f"fares.toml: beyond: expected no fare above {FARE_MAX_FEN} fen, found "
            f"{int(fares_fen.max())} for {int(metres.flat[fares_fen.argmax()])} metres"
        )
    return fares_fen.astype(np.int32)
