"""Carries the figures of the Beijing metro over into core/tariff/cities/beijing. Run once, by hand.

    python bench/carry_beijing.py ../shared/data/beijing_subway core/tariff/cities/beijing

Each line's file lists its stations in order with the metres from the station before; on a loop
the first station has the metres from the last. Lines that share a station's name share the
station. Left out: lines with fares of their own (two airport lines, two trams). A virtual
transfer between stations of two names becomes a link of zero metres. Needs json5 (a dev
dependency). What the folder holds besides (timetables, stairs) is not carried over.
"""

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import json5

OWN_FARES = {"首都机场线", "大兴机场线", "西郊线", "亦庄T1线"}
STREET = "换乘"  # the line name of a change through the street


def main(source: Path, target: Path) -> None:
    lines = sorted(_lines(source), key=_order)
    names = list(dict.fromkeys(one["name"] for line in lines for one in line["stations"]))
    links = [link for line in lines for link in _links(line)] + list(_street(source, set(names)))
    _write(target / "stations.csv", ("station", "name"), enumerate(names, 1))
    _write(target / "links.csv", ("line", "from", "to", "metres"), links)
    print(f"{len(lines)} lines, {len(names)} stations, {len(links)} links")


def _lines(source: Path) -> Iterator[dict[str, Any]]:
    for path in source.glob("*.json5"):
        # Behind the stations stand timetables: most of the text, and json5 is slow on them.
        head, cut, _ = path.read_text("utf-8").partition("\n    train_routes:")
        line = json5.loads(head + "}" if cut else head)
        if "stations" in line and line["name"] not in OWN_FARES:
            yield line


def _order(line: dict[str, Any]) -> tuple[int, str]:
    number = re.match(r"\d+", line["name"])
    return (int(number.group()) if number else 1000, line["name"])


def _links(line: dict[str, Any]) -> Iterator[tuple[str, str, str, int]]:
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


def _write(path: Path, columns: tuple[str, ...], rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
