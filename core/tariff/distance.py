"""A fare by the shortest distance: a network and its steps, compiled to origin and destination.

A folder holds `stations.csv` (station, name), `links.csv` (line, from, to, metres) and
`fares.toml`. Lines meet where they share a station: changing there costs no metres. A link of
zero metres joins two stations between which one changes through the street on the same fare.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onecard.core.calendar import EPOCH
from onecard.core.errors import BadInput

BEIJING = files("onecard.core.tariff.beijing")
STATIONS_MAX = 2048  # 16 MiB of fares; the whole of China's largest network has below 500
METRES_MAX = 1 << 29  # so that two of them still add up in 32 bits


@dataclass(frozen=True, slots=True)
class Steps:
    """`upto[i] = (metres, fare_fen)`; above the last, `beyond_fen` per started `beyond_metres`."""

    upto: tuple[tuple[int, int], ...]
    beyond_metres: int
    beyond_fen: int
    grace_metres: int  # carried beyond each limit at no charge


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
    rules = _rules(folder)
    stations = _stations(folder)
    metres = shortest(len(stations), _links(folder, stations))
    away = np.argwhere(metres >= METRES_MAX)
    if len(away):
        a, b = (stations[at] for at in away[0])
        raise BadInput(f"links.csv: expected one network, found no way from {a} to {b}")
    steps = Steps(
        upto=tuple((int(step["metres"]), int(step["fare_fen"])) for step in rules["steps"]),
        beyond_metres=int(rules["beyond"]["metres"]),
        beyond_fen=int(rules["beyond"]["fare_fen"]),
        grace_metres=int(rules["grace_metres"]),
    )
    fares_fen = fares(metres, steps)
    return Compiled(
        name=rules["name"],
        effective_day=(rules["effective_from"] - EPOCH).days,
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
    """Fen for each distance."""
    charged = np.maximum(metres - steps.grace_metres, 0)
    limits = np.array([limit for limit, _ in steps.upto])
    prices = np.array([price for _, price in steps.upto], dtype=np.int32)
    beyond = -((limits[-1] - charged) // steps.beyond_metres)  # started distances, rounded up
    long = (prices[-1] + beyond * steps.beyond_fen).astype(np.int32)
    short = prices[np.minimum(np.searchsorted(limits, charged), len(prices) - 1)]
    return np.where(charged > limits[-1], long, short)


# ---- reading ------------------------------------------------------------------------------------


def _rules(folder: Traversable) -> dict[str, Any]:
    rules = tomllib.loads(folder.joinpath("fares.toml").read_text("utf-8"))
    limits = [step["metres"] for step in rules["steps"]]
    if not limits or any(a >= b for a, b in pairwise(limits)):
        raise BadInput(f"fares.toml: expected steps with rising metres, found {limits}")
    if "zone_hours" in rules:
        raise BadInput(
            "fares.toml: zone_hours: expected none, since a tariff begins at midnight of the "
            "ledger's zone; remove the line"
        )
    start = rules.get("effective_from")
    if type(start) is not date:  # a datetime is one as well, and its time would be dropped
        raise BadInput(f"fares.toml: effective_from: expected a day as 2026-01-31, found {start}")
    return rules


def _stations(folder: Traversable) -> tuple[str, ...]:
    names: list[str] = []
    for line, row in _rows(folder, "stations.csv", ("station", "name")):
        if row["station"] != str(len(names) + 1) or row["name"] in names:
            raise BadInput(
                f"stations.csv: line {line}: expected station {len(names) + 1} and a new name, "
                f"found {row['station']} {row['name']}"
            )
        names.append(row["name"])
    if not 1 < len(names) <= STATIONS_MAX:
        raise BadInput(f"stations.csv: expected 2 to {STATIONS_MAX} stations, found {len(names)}")
    return tuple(names)


def _links(folder: Traversable, stations: tuple[str, ...]) -> NDArray[np.int32]:
    at = {name: index for index, name in enumerate(stations)}
    links: list[tuple[int, int, int]] = []
    for line, row in _rows(folder, "links.csv", ("line", "from", "to", "metres")):
        for name in (row["from"], row["to"]):
            if name not in at:
                raise BadInput(f"links.csv: line {line}: expected a known station, found {name}")
        if not row["metres"].isdecimal() or not int(row["metres"]) < METRES_MAX:
            raise BadInput(f"links.csv: line {line}: expected metres, found {row['metres']}")
        links.append((at[row["from"]], at[row["to"]], int(row["metres"])))
    return np.array(links, dtype=np.int32).reshape(-1, 3)


def _rows(
    folder: Traversable, name: str, columns: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(folder.joinpath(name).read_text("utf-8").splitlines(), strict=True)
    if tuple(reader.fieldnames or ()) != columns:
        raise BadInput(f"{name}: expected columns {','.join(columns)}, found {reader.fieldnames}")
    for row in reader:
        if None in row or None in row.values():
            raise BadInput(f"{name}: line {reader.line_num}: expected {len(columns)} columns")
        yield reader.line_num, row
