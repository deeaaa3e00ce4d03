"""A tariff's folder for the slow twin: its TOML and its CSV as they stand, in plain dicts.

Nothing is checked here: docs/tariffs.md says what a folder holds.
"""

import csv
import heapq
import io
import tomllib
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

Row = dict[str, str]
Tariff = dict[str, Any]


def read_folder(folder: Path) -> Tariff:
    """The tariff of a folder: the keys of tariff.toml, and `tables`, the rows of each CSV by its
    file's name. Fares of every pair that is asked for are kept in `known`, for speed alone."""
    tariff: Tariff = tomllib.loads((folder / "tariff.toml").read_text("utf-8-sig"))
    tariff["tables"] = {path.name: read_rows(path) for path in sorted(folder.glob("*.csv"))}
    tariff["known"] = {}
    for kind in ("discount", "transfer", "tier", "limit", "cap"):
        for rule in tariff.get(kind, []):
            for key in ("networks", "from", "to"):
                if key in rule:
                    rule[key] = networks_of(tariff, rule[key])
    return tariff


def networks_of(tariff: Tariff, names: list[str]) -> list[str]:
    """Networks by id: of `mode:bus` all whose mode is bus."""
    return [
        one["id"]
        for one in tariff["network"]
        if one["id"] in names or f"mode:{one['mode']}" in names
    ]


def read_rows(path: Path) -> list[Row]:
    """The rows of a CSV by their columns; blank lines are none."""
    text = io.StringIO(path.read_text("utf-8-sig"), newline=None)
    rows = csv.DictReader(text, skipinitialspace=True)
    return [
        {str(key).strip(): (value or "").strip() for key, value in row.items() if key is not None}
        for row in rows
        if any(row.values())
    ]


def network_of(tariff: Tariff, name: str) -> dict[str, Any]:
    """The table [[network]] of that id."""
    (found,) = (one for one in tariff["network"] if one["id"] == name)
    return dict(found)


def day_of(text: Any) -> date | None:
    """A day of TOML or of a CSV; None where it is blank."""
    if isinstance(text, date):
        return text
    return date.fromisoformat(text) if text else None


def share(percent: Any) -> Fraction:
    """What is paid of a fare, as `pay_percent` says it: a number, or a text with two places."""
    return Fraction(str(percent)) / 100


# ---- the fare of a network, before everything else -----------------------------------------------


def fare_by_steps(network: dict[str, Any], amount: int) -> int | None:
    """The fare of so many metres or seconds; None beyond the last step without `beyond`."""
    for step in network["steps"]:
        if amount <= step["upto"]:
            return int(step["fare"])
    last, beyond = network["steps"][-1], network.get("beyond")
    if beyond is None:
        return None
    started = -((last["upto"] - amount) // beyond["every"])  # rounded up
    return int(last["fare"] + started * beyond["add"])


def shortest_ways(tariff: Tariff, network: dict[str, Any], begin: str) -> dict[str, int]:
    """The metres from a station to each that there is a way to."""
    key = ("ways", network["id"], begin)
    if key not in tariff["known"]:
        streets: dict[str, list[tuple[str, int]]] = tariff["known"].setdefault(
            ("streets", network["id"]), {}
        )
        if not streets:
            for row in tariff["tables"][network["links"]]:
                streets.setdefault(row["from"], []).append((row["to"], int(row["metres"])))
                streets.setdefault(row["to"], []).append((row["from"], int(row["metres"])))
        ways: dict[str, int] = {}
        front = [(0, begin)]
        while front:
            metres, station = heapq.heappop(front)
            if station not in ways:
                ways[station] = metres
                for other, more in streets.get(station, ()):
                    heapq.heappush(front, (metres + more, other))
        tariff["known"][key] = ways
    known: dict[str, int] = tariff["known"][key]
    return known


def stations_of(tariff: Tariff, network: dict[str, Any]) -> dict[str, Row]:
    """The stations of a network by id; none where it has no stations."""
    key = ("stations", network["id"])
    if key not in tariff["known"]:
        rows = tariff["tables"][network["stations"]] if "stations" in network else []
        tariff["known"][key] = {row["id"]: row for row in rows}
    known: dict[str, Row] = tariff["known"][key]
    return known


def fares_listed(tariff: Tariff, network: dict[str, Any]) -> dict[tuple[str, str, str], int]:
    """The rows of `fares` by from, to and class, "" for the row that is for all."""
    key = ("fares", network["id"])
    if key not in tariff["known"]:
        tariff["known"][key] = {
            (row["from"], row["to"], row.get("class", "")): int(row["fare"])
            for row in tariff["tables"][network["fares"]]
        }
    known: dict[tuple[str, str, str], int] = tariff["known"][key]
    return known


def fare_between(
    tariff: Tariff, network: dict[str, Any], begin: str | None, end: str | None, who: str
) -> int | None:
    """The fare from station to station, by `zones`, `table` or `distance`; None without one."""
    stations = stations_of(tariff, network)
    if begin is None or end is None or begin not in stations or end not in stations:
        return None
    if network["basis"] == "distance":
        metres = shortest_ways(tariff, network, begin).get(end)
        if metres is None:
            return None
        return fare_by_steps(network, max(0, metres - network.get("grace_metres", 0)))
    if network["basis"] == "zones":
        begin, end = stations[begin]["zone"], stations[end]["zone"]
    listed = fares_listed(tariff, network)
    return listed.get((begin, end, who), listed.get((begin, end, "")))


def all_fares(tariff: Tariff, network: dict[str, Any]) -> list[int]:
    """Every fare that a network has, for the least and the highest of them."""
    key = ("all", network["id"])
    if key not in tariff["known"]:
        tariff["known"][key] = sorted(set(_all_fares(tariff, network)))
    known: list[int] = tariff["known"][key]
    return known


def _all_fares(tariff: Tariff, network: dict[str, Any]) -> list[int]:
    basis = network["basis"]
    if basis == "flat":
        return [network["fare"]]
    if basis in ("zones", "table"):
        return list(fares_listed(tariff, network).values())
    if basis == "distance":
        stations = stations_of(tariff, network)
        found = [fare_between(tariff, network, a, b, "") for a in stations for b in stations]
        return [fare for fare in found if fare is not None]
    if basis in ("metres", "seconds"):
        return [step["fare"] for step in network["steps"]]
    return []
