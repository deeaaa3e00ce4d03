"""Stops as places: their stations, time zones and areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onecard.core.errors import quoted
from onecard.core.tariff.gtfs.making import Making
from onecard.core.tariff.gtfs.reading import Feed
from onecard.core.tariff.notice import listed
from onecard.core.tariff.zone import offsets

STOP, STATION, BOARDING_AREA = "0", "1", "4"
NAMED_MAX = 5  # of many stops with one fault
STOPS = "stops.txt"
AGENCY = "agency.txt"


@dataclass(frozen=True, slots=True)
class Places:
    """Numbered from 1; at 0 of each list is the place that is not known.

    `station` is the place of the outermost parent, itself where there is none; `areas` are those of
    stop_areas.txt, of a station and a stop without any those of each other; `zone_ids` are for
    Fares v1.
    """

    numbers: dict[str, int]
    station: list[int]
    kinds: list[str]
    areas: list[frozenset[str]]
    zone_ids: list[str]

    def __len__(self) -> int:
        return len(self.station)


def read_places(making: Making) -> Places:
    """Every row of stops.txt; `words["places"]` and the arrays of stations are made."""
    feed = making.feed
    columns = ("stop_id", "stop_name", "location_type", "parent_station", "zone_id")
    rows = list(feed.each(STOPS, *columns))
    numbers = {row[0]: number for number, (_, row) in enumerate(rows, start=1)}
    kinds = ["", *(row[2] or STOP for _, row in rows)]
    parents = [0, *(numbers.get(row[3], 0) for _, row in rows)]
    for number, (line, row) in enumerate(rows, start=1):
        if not _is_parent_right(kinds[number], row[3], kinds[parents[number]]):
            found = f"found parent_station {quoted(row[3])} of a location of type {kinds[number]}"
            do = "name a station; of a boarding area its platform, of a station none"
            fares = kinds[number] in (STOP, STATION)  # of no other location a fare depends on it
            say = feed.notices.error if fares else feed.notices.warning
            say("wrong_parent", STOPS, line, found, do)
            parents[number] = 0
    # A boarding area has a platform, which has a station: two steps reach the outermost.
    station = [parents[parent] or parent or at for at, parent in enumerate(parents)]
    making.building.words["places"] = [
        {"id": row[0], "name": row[1] or row[0], "aliases": []} for _, row in rows
    ]
    making.building.wide["place_station"] = np.array(station, np.uint32)
    areas = _areas(feed, numbers, parents, station, kinds)
    return Places(numbers, station, kinds, areas, ["", *(row[4] for _, row in rows)])


def _is_parent_right(kind: str, named: str, parent: str) -> bool:
    """Returns True when a location of that kind may have that parent, or have none."""
    if kind == STATION:
        return not named
    if not named:
        return kind == STOP
    return parent == (STOP if kind == BOARDING_AREA else STATION)


def _areas(
    feed: Feed, numbers: dict[str, int], parents: list[int], station: list[int], kinds: list[str]
) -> list[frozenset[str]]:
    """Of each place: its own, else its parent's, else its station's; of a station its
    platforms'."""
    own: list[set[str]] = [set() for _ in station]
    for _, (area, stop) in feed.each("stop_areas.txt", "area_id", "stop_id"):
        if stop in numbers:
            own[numbers[stop]].add(area)
    of_platforms: list[set[str]] = [set() for _ in station]
    for at, outer in enumerate(station):
        of_platforms[outer] |= own[at]
    areas = [
        frozenset(
            own[at]
            or own[parents[at]]
            or own[outer]
            or (of_platforms[at] if kinds[at] == STATION else ())
        )
        for at, outer in enumerate(station)
    ]
    names = list(numbers)
    bare = [at for at, found in enumerate(areas) if not found and kinds[at] == STOP]
    if bare and feed.has("stop_areas.txt"):
        found = f"found {len(bare)} stops in no area: {_named(names, bare)}"
        do = "only rules without an area speak of them; add them to stop_areas.txt"
        feed.notices.warning("stop_in_no_area", STOPS, 0, found, do)
    empty = set(feed.ids["area"]).difference(*areas)
    if empty:
        found = f"found {len(empty)} areas without a stop: {listed(sorted(empty), NAMED_MAX)}"
        feed.notices.warning("area_without_stop", "areas.txt", 0, quoted(found, 200), "add stops")
    return areas


def _named(names: list[str], places: list[int]) -> str:
    """The first of many places, by id."""
    return quoted(listed((names[at - 1] for at in places), NAMED_MAX), 200)


def add_zones(making: Making, places: Places) -> bool:
    """The offsets of each zone. Returns True when the tariff's own zone is known."""
    feed, building = making.feed, making.building
    rows = list(feed.each(AGENCY, "agency_timezone", "agency_name"))
    if not rows:
        if feed.has(AGENCY):
            feed.notices.error("no_agency", AGENCY, 1, "found no agency", "add one with its zone")
        return False
    zones = {rows[0][1][0]: 0}
    for line, (zone, _) in rows:
        if zone not in zones:
            found = f"expected one zone for all agencies, {next(iter(zones))}, found {quoted(zone)}"
            feed.notices.error("zones_differ", AGENCY, line, found, "give all agencies one zone")
    said = ["", *(zone for _, (zone,) in feed.each(STOPS, "stop_timezone"))]
    numbers = []
    strays: list[int] = []
    for at, outer in enumerate(places.station):
        # A platform is where its station is, whatever it says itself, as the standard has it.
        zone = said[outer] or said[at]
        if zone != (said[at] or zone):
            strays.append(at)
        numbers.append(zones.setdefault(zone, len(zones)) if zone else 0)
    if strays:
        names = list(places.numbers)
        found = f"found another stop_timezone than its station's: {_named(names, strays)}"
        feed.notices.warning("zones_differ", STOPS, 0, found, "the station's is taken; mend them")
    begins = [0]
    for zone in zones:
        for from_us, offset_s in offsets(zone):
            building.add("offsets", from_us=from_us, offset_s=offset_s)
        begins.append(building.count("offsets"))
    building.wide["zone_offsets"] = np.array(begins, np.uint32)
    building.wide["place_zone"] = np.array(numbers, np.uint16)
    building.words["zone"] = rows[0][1][0]
    return True
