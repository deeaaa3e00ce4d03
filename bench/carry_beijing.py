"""Carries the figures of Beijing's rail over into core/tariff/cities/beijing. Run once, by hand.

    python bench/carry_beijing.py ../shared/data/beijing_subway core/tariff/cities/beijing

Each line's file lists its stations in order with the metres from the station before; on a loop
the first station has the metres from the last. Lines that share a station's name share the
station, and its number. The two airport lines and the two tram lines have fares of their own, so
that each is a network with files of its own. A virtual transfer between stations of two names
becomes a link of zero metres. The days off and the worked weekend days are those of the package
chinesecalendar, which carries the State Council's notices year by year. Needs json5 (a dev
dependency) and chinesecalendar, which is to be installed by hand. What the folder holds besides
(timetables, stairs) is not carried over.
"""

import csv
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import json5

OWN_FARES = {  # in the order in which their stations are numbered, after the main network's
    "首都机场线": "capital_airport",
    "大兴机场线": "daxing_airport",
    "西郊线": "xijiao",
    "亦庄T1线": "yizhuang_t1",
}
ONE_FARE = "capital_airport"  # its stations are one zone, so that it has no links
STREET = "换乘"  # the line name of a change through the street
FIRST_YEAR = 2015  # fares by distance began with its last days before
Line = dict[str, Any]


def main(source: Path, target: Path) -> None:
    lines = list(_lines(source))
    main_lines = sorted((line for line in lines if line["name"] not in OWN_FARES), key=_order)
    own_lines = {line["name"]: line for line in lines if line["name"] in OWN_FARES}
    networks = {"metro": main_lines} | {OWN_FARES[n]: [own_lines[n]] for n in OWN_FARES}
    ids = _ids([line for lines in networks.values() for line in lines])
    aliases = _aliases(lines, ids)
    for network, its_lines in networks.items():
        names = list(dict.fromkeys(one["name"] for line in its_lines for one in line["stations"]))
        links = [link for line in its_lines for link in _links(line)]
        if network == "metro":
            links += _street(source, set(names))
        rows = [(ids[name], name, "|".join(aliases[name])) for name in names]
        if network == ONE_FARE:
            zoned = [(*row, network) for row in rows]
            _write(target / f"{network}_stations.csv", ("id", "name", "aliases", "zone"), zoned)
        else:
            _write(target / f"{network}_stations.csv", ("id", "name", "aliases"), rows)
            named = [(line, ids[a], ids[b], metres) for line, a, b, metres in links]
            _write(target / f"{network}_links.csv", ("line", "from", "to", "metres"), named)
        print(f"{network}: {len(its_lines)} lines, {len(names)} stations, {len(links)} links")
    low_peak = _low_peak(source)
    _write(target / "low_peak.csv", ("id",), [(ids[name],) for name in low_peak])
    days = list(_days())
    _write(target / "holidays.csv", ("day", "kind"), days)
    print(f"{len(low_peak)} stations of low peak, {len(days)} days off or worked")


def _lines(source: Path) -> Iterator[Line]:
    for path in source.glob("*.json5"):
        # Behind the stations stand timetables: most of the text, and json5 is slow on them.
        head, cut, _ = path.read_text("utf-8").partition("\n    train_routes:")
        line = json5.loads(head + "}" if cut else head)
        if "stations" in line:
            yield line


def _order(line: Line) -> tuple[int, str]:
    number = re.match(r"\d+", line["name"])
    return (int(number.group()) if number else 1000, line["name"])


def _ids(lines: Iterable[Line]) -> dict[str, int]:
    """Station names by number, from 1 in the order in which they are met."""
    names = dict.fromkeys(one["name"] for line in lines for one in line["stations"])
    return {name: number for number, name in enumerate(names, 1)}


def _aliases(lines: Iterable[Line], ids: dict[str, int]) -> dict[str, list[str]]:
    """Other names of a station, none of which is the name of another."""
    aliases: dict[str, list[str]] = {name: [] for name in ids}
    for line in lines:
        for station in line["stations"]:
            mine = aliases[station["name"]]
            new = dict.fromkeys(station.get("aliases", []))
            mine += [alias for alias in new if alias not in ids and alias not in mine]
    return aliases


def _links(line: Line) -> Iterator[tuple[str, str, str, int]]:
    stations = line["stations"]
    for at, station in enumerate(stations):
        if at or line.get("loop"):
            yield line["name"], stations[at - 1]["name"], station["name"], station["dist"]


def _street(source: Path, names: set[str]) -> Iterator[tuple[str, str, str, int]]:
    metadata = json5.loads((source / "metadata.json5").read_text("utf-8"))
    for change in metadata["virtual_transfers"]:
        ends = change["from_station"], change["to_station"]
        if names.issuperset(ends):
            yield STREET, *ends, 0


def _low_peak(source: Path) -> list[str]:
    rules = json5.loads((source / "fare_rules.json5").read_text("utf-8"))["rule_groups"]
    return [name for rule in rules for name in rule.get("starting_stations", [])]


def _days() -> Iterator[tuple[str, str]]:
    constants = import_module("chinese_calendar.constants")  # no dependency of the project
    kinds = {day: "holiday" for day in constants.holidays} | {
        day: "workday" for day in constants.workdays
    }
    return ((day.isoformat(), kinds[day]) for day in sorted(kinds) if day.year >= FIRST_YEAR)


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[Any]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
