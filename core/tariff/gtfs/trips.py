"""Which stops the trips of a network call at, and in which order: stop_times.txt as an index.

A feed has many trips and few ways: trips of one route that call at the same stops in the same order
are one way. Of each stop and each way through it the first and the last call are kept, which is all
that is asked: does a trip call at one stop and later at the other.
"""

from __future__ import annotations

import csv
from array import array
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import quoted
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.gtfs.making import Making
from onecard.core.tariff.gtfs.places import Places
from onecard.core.tariff.gtfs.reading import Feed, seconds
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.source import Source
from onecard.core.tariff.table import text_of

STOP_TIMES = "stop_times.txt"
TRIPS = "trips.txt"
FAULTS_MAX = 5  # of one kind in a file that has millions of rows; the others are counted
SEQUENCE_DIGITS_MAX = 9
_REQUIRED = ("trip_id", "stop_id", "stop_sequence")
_TIMES = ("arrival_time", "departure_time")

Calls = tuple[int, ...]  # places in the order of a trip
Ways = dict[tuple[str, Calls], None]  # of a route


def read_ways(making: Making, places: Places) -> Ways:
    """The distinct ways of all trips, in the order of the file."""
    feed = making.feed
    route_of = {trip: route for _, (trip, route) in feed.each(TRIPS, "trip_id", "route_id")}
    if not feed.source.has(STOP_TIMES):
        return {}
    trips: dict[str, array[int]] = {}  # sequence and place of each call, in turns
    faults: Counter[str] = Counter()
    for line, trip, stop, sequence in _rows(feed.source, feed.notices):
        if not stop:  # a place on demand, which no fare rule names
            continue
        place = places.numbers.get(stop)
        if place is None or trip not in route_of:
            what = f"stop {quoted(stop)}" if place is None else f"trip {quoted(trip)}"
            _fault(feed, faults, "unknown_reference", line, f"found {what}, which is not defined")
            continue
        if (
            not sequence.isascii()
            or not sequence.isdecimal()
            or len(sequence) > SEQUENCE_DIGITS_MAX
        ):
            found = f"expected stop_sequence to be a whole number, found {quoted(sequence)}"
            _fault(feed, faults, "wrong_value", line, found)
            continue
        calls = trips.get(trip)
        if calls is None:
            calls = trips[trip] = array("q")
        calls.append(int(sequence))
        calls.append(place)
    for code, count in faults.items():
        if count > FAULTS_MAX:
            found = f"found {count - FAULTS_MAX} rows more of this kind"
            feed.notices.warning(code, STOP_TIMES, 0, found, "mend them as well")
    return _ways(feed, trips, route_of)


def _ways(feed: Feed, trips: dict[str, array[int]], route_of: dict[str, str]) -> Ways:
    ways: Ways = {}
    sound = {route for _, (route,) in feed.each("routes.txt", "route_id")}
    for trip, calls in trips.items():
        sequences = calls[0::2]
        places = tuple(calls[1::2])
        if any(before >= after for before, after in pairwise(sequences)):
            if len(set(sequences)) != len(sequences):
                found = f"expected each stop_sequence of trip {quoted(trip)} once, found one twice"
                feed.notices.warning("duplicate_id", STOP_TIMES, 0, found, "number its calls anew")
            order = sorted(range(len(places)), key=sequences.__getitem__)
            places = tuple(places[at] for at in order)
        if route_of[trip] in sound:
            ways[route_of[trip], places] = None
    return ways


def _fault(feed: Feed, faults: Counter[str], code: str, line: int, found: str) -> None:
    faults[code] += 1
    if faults[code] <= FAULTS_MAX:
        feed.notices.warning(code, STOP_TIMES, line, found, "mend it or remove the row")


def _rows(source: Source, notices: Notices) -> Iterator[tuple[int, str, str, str]]:
    """Line, trip, stop and sequence of each call. A row at a time: a country has millions of
    them."""
    text = text_of(source, STOP_TIMES, notices)
    if text is None:
        return
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    del text
    try:
        header = [name.strip() for name in next((row for row in reader if row), [])]
        missing = [name for name in _REQUIRED if name not in header]
        if missing:
            found = f"expected a column {missing[0]}, found {quoted(','.join(header))}"
            notices.error("column_missing", STOP_TIMES, 1, found, "add it")
            return
        trip, stop, sequence = (header.index(name) for name in _REQUIRED)
        times = [header.index(name) for name in _TIMES if name in header]
        right = {""}  # the times that were read: a day has 86,400, however many rows there are
        for row in reader:
            if len(row) != len(header):
                if any(value.strip() for value in row):
                    found = f"expected {len(header)} columns, found {len(row)}"
                    notices.warning("columns", STOP_TIMES, reader.line_num, found, "mend the row")
                continue
            for at in times:
                if row[at] not in right:
                    _check_time(notices, reader.line_num, row[at].strip())
                    right.add(row[at])
            yield reader.line_num, row[trip].strip(), row[stop].strip(), row[sequence].strip()
    except csv.Error as error:
        found = f"expected CSV, found otherwise: {quoted(error, 160)}"
        notices.error("csv", STOP_TIMES, reader.line_num + 1, found, "save it as CSV with commas")


def _check_time(notices: Notices, line: int, text: str) -> None:
    """Times past 24:00:00 are right here: they are of the service day that began the day before."""
    if text and seconds(text) is None:
        found = f"expected a time as 7:05:00, found {quoted(text)}"
        notices.warning("wrong_value", STOP_TIMES, line, found, "no fare depends on it; mend it")


# ---- the index ----------------------------------------------------------------------------------


def add_calls(making: Making, places: Places, ways: Ways, of_route: dict[str, int]) -> None:
    """The arrays `way_networks`, `call_rows`, `call_ways`, `call_first` and `call_last`.

    The calls of the station or stop p are the rows from call_rows[p] to call_rows[p + 1], by way:
    its first and its last call in it. A platform has none of its own, they are its station's.
    """
    unique = {(of_route[route], tuple(places.station[at] for at in calls)) for route, calls in ways}
    calls_of: list[tuple[int, int, int, int]] = []
    ordered = sorted(unique)
    for way, (_, calls) in enumerate(ordered):
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for at, place in enumerate(calls):
            first.setdefault(place, at)
            last[place] = at
        calls_of.extend((place, way, at, last[place]) for place, at in first.items())
    rows = np.array(sorted(calls_of), np.uint32).reshape(-1, 4)
    wide = making.building.wide
    wide["way_networks"] = np.array([network for network, _ in ordered] or [0], np.uint16)
    begins = np.searchsorted(rows[:, 0], np.arange(len(places) + 1))
    wide["call_rows"] = begins.astype(np.uint32)
    padded = rows if len(rows) else np.zeros((1, 4), np.uint32)
    for name, column in zip(("call_ways", "call_first", "call_last"), padded.T[1:], strict=True):
        wide[name] = np.ascontiguousarray(column)


def networks_between(compiled: Compiled, from_place: int, to_place: int) -> list[int]:
    """Networks of trips that call at the first place and later at the second, rising. A station
    stands for its platforms. [] where no trip does, or the places are one."""
    arrays = compiled.arrays
    if "call_rows" not in arrays:
        return []
    from_ways, from_at = _calls(compiled, from_place)
    to_ways, to_at = _calls(compiled, to_place)
    both, of_from, of_to = np.intersect1d(from_ways, to_ways, return_indices=True)
    first = arrays["call_first"][from_at][of_from]
    last = arrays["call_last"][to_at][of_to]
    networks = arrays["way_networks"][both[first < last]]
    return sorted({int(network) for network in networks}) if from_place != to_place else []


def _calls(compiled: Compiled, place: int) -> tuple[NDArray[np.integer], slice]:
    arrays = compiled.arrays
    outer = int(arrays["place_station"][place])
    begins = arrays["call_rows"]
    end = int(begins[outer + 1]) if outer + 1 < len(begins) else len(arrays["call_ways"])
    at = slice(int(begins[outer]), end)
    return arrays["call_ways"][at], at
