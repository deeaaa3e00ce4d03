"""Cards of other cities, and shares of the money between operators."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import quoted
from onecard.core.tariff.language.entry import WHOLE, Entry
from onecard.core.tariff.language.head import LAST_DAY, day_of
from onecard.core.tariff.language.names import Names
from onecard.core.tariff.notice import Notices, listed
from onecard.core.tariff.source import Source
from onecard.core.tariff.table import read_table

REGIONS = "regions.csv"
CITY = re.compile(r"[1-9]\d{5}", re.ASCII)
POINTS = re.compile(r"\d{1,5}", re.ASCII)
Member = tuple[int, int, int]  # city, first day, last day


def read_regions(source: Source, notices: Notices) -> dict[str, list[Member]]:
    """Groups of cities, each city of one from a day until a day."""
    table = read_table(source, REGIONS, notices, ("region", "city", "from", "until"), ("name",))
    regions: dict[str, list[Member]] = {}
    spans: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for line, (region, city, begin, end) in (
        table.each("region", "city", "from", "until") if table else ()
    ):
        first = day_of(begin) if begin else -LAST_DAY
        last = day_of(end) if end else LAST_DAY
        if not region or not CITY.fullmatch(city):
            said = (
                f"expected a region and a city of six digits, found {quoted(region)} {quoted(city)}"
            )
            notices.error("region", REGIONS, line, said, "mend it")
        elif first is None or last is None or last < first:
            said = f"expected days as 2026-01-31, rising, found {quoted(begin)} {quoted(end)}"
            notices.error("region", REGIONS, line, said, "mend them, or leave them blank")
        elif any(
            first <= until and since <= last for since, until in spans.get((region, city), ())
        ):
            said = f"city {city} is in {quoted(region)} twice on one day"
            notices.error("twice", REGIONS, line, said, "mend the days")
        else:
            spans.setdefault((region, city), []).append((first, last))
            regions.setdefault(region, []).append((int(city), first, last))
    return regions


def read_foreign(entry: Entry, names: Names, regions: dict[str, list[Member]]) -> None:
    """`[[foreign]]`: whom the rider of another city's card is taken for."""
    region = entry.text("regions")
    rider = entry.known("class", names.classes, "a class")
    rule = names.rule(entry, entry.text("name", "") or "foreign card")
    entry.done()
    if region is not None and region not in regions:
        there = listed(regions) or "none"
        entry.fault("regions", f"expected a region of {REGIONS}, found {quoted(region)}", there)
    if region is None or rider is None:
        return
    for city, first, last in regions.get(region, ()):
        names.building.add(
            "foreign",
            rule=rule,
            city=city,
            from_day=first,
            until_day=last,
            rider_class=names.classes[rider],
        )


class Shares:
    """Shares of the money of a ride by network and pair of places."""

    def __init__(self, names: Names, source: Source) -> None:
        self._names = names
        self._source = source
        self._found: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        self._lines: dict[tuple[int, int, int], int] = {}

    def read(self, entry: Entry) -> None:
        """`[[share]]`: a network and its table."""
        network = entry.known("network", self._names.networks, "a network")
        file = entry.text("table")
        self._names.rule(entry, "shares")
        entry.done()
        if network is None or file is None:
            return
        columns = ("from", "to", "operator", "basis_points")
        table = read_table(self._source, file, entry.notices, columns)
        for line, values in table.each(*columns) if table else ():
            self._take(self._names.networks[network], file, line, values, entry.notices)
        for key, shares in self._found.items():
            if key[0] == self._names.networks[network] and sum(s for _, s in shares) != WHOLE:
                said = f"expected shares that sum to {WHOLE}, found {sum(s for _, s in shares)}"
                entry.notices.error("share", file, self._lines[key], said, "mend the pair")

    def _take(
        self, network: int, file: str, line: int, values: list[str], notices: Notices
    ) -> None:
        begin, end, operator, points = values
        places = self._names.places.at
        if begin not in places or end not in places:
            if not self._names.places.is_whole:
                return
            unknown = begin if begin not in places else end
            said = f"expected an id of the tariff's stations, found {quoted(unknown)}"
            notices.error("unknown", file, line, said, "mend it")
        elif not operator or not POINTS.fullmatch(points) or int(points) > WHOLE:
            said = (
                f"expected an operator and 0 to {WHOLE}, found {quoted(operator)} {quoted(points)}"
            )
            notices.error("share", file, line, said, "mend it")
        else:
            key = network, places[begin], places[end]
            self._lines.setdefault(key, line)
            number = self._names.operator(operator)
            self._found.setdefault(key, []).append((number, int(points)))

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Keys, rising, and where the shares of each begin; the shares are added."""
        count = len(self._names.places.known) + 1
        ends = [0]
        keys = []
        for network, begin, end in sorted(self._found):
            for operator, points in self._found[network, begin, end]:
                self._names.building.add("shares", operator=operator, basis_points=points)
            ends.append(self._names.building.count("shares"))
            keys.append((network * count + begin) * count + end)
        if not keys:
            return np.array([-1], np.int64), np.zeros(2, np.uint32)
        return np.array(keys, np.int64), np.array(ends, np.uint32)
