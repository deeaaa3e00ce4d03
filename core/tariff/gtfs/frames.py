"""Timeframes as frames, and the sets of days they hold on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from onecard.core.days import EPOCH
from onecard.core.errors import quoted
from onecard.core.tariff.gtfs.making import Making
from onecard.core.tariff.gtfs.reading import DAY_S, Feed, day, seconds
from onecard.core.tariff.gtfs.standard import ONE_OF_DAYS

TIMEFRAMES = "timeframes.txt"
CALENDAR = "calendar.txt"
DATES = "calendar_dates.txt"
NO_DAYS = (0, -1, 0)  # from, until, weekdays of a service that only calendar_dates.txt has

Span = tuple[int, int, int]  # begin_s, end_s, line


def add_frames(making: Making) -> dict[str, int]:
    """The number of each timeframe group, from 1; frame 0 is always."""
    feed, building = making.feed, making.building
    spans: dict[str, dict[str, list[Span]]] = {}
    columns = ("timeframe_group_id", "start_time", "end_time", "service_id")
    for line, (group, start, end, service) in feed.each(TIMEFRAMES, *columns):
        of_group = spans.setdefault(group, {})
        span = _span(feed, line, start, end)
        if span is not None:
            of_group.setdefault(service, []).append(span)
    wanted = {service for of_group in spans.values() for service in of_group}
    services = _add_services(making, wanted)
    begins = [0, 0]
    for group, of_group in spans.items():
        for service, found in of_group.items():
            _check_apart(feed, group, found)
            for begin_s, end_s, _ in found:
                building.add("frames", service=services[service], begin_s=begin_s, end_s=end_s)
        begins.append(building.count("frames"))
    building.wide["frame_rows"] = np.array(begins, np.uint32)
    building.words["frames"] = list(spans)
    return {group: number for number, group in enumerate(spans, start=1)}


def _span(feed: Feed, line: int, start: str, end: str) -> Span | None:
    if bool(start) != bool(end):
        found = "expected start_time and end_time, or neither, found one"
        feed.notices.error("value_missing", TIMEFRAMES, line, found, "say both or neither")
        return None
    begin_s = seconds(start) if start else 0
    end_s = seconds(end) if end else DAY_S
    assert begin_s is not None and end_s is not None  # the field was read as a time
    if begin_s >= end_s:
        found = f"expected a start before the end, found {start} and {end}"
        do = "a span over midnight is two rows, to 24:00:00 and from 00:00:00"
        feed.notices.error("wrong_order", TIMEFRAMES, line, found, do)
        return None
    return begin_s, end_s, line


def _check_apart(feed: Feed, group: str, spans: list[Span]) -> None:
    for before, after in pairwise(sorted(spans)):
        if after[0] < before[1]:
            found = f"found a span of group {quoted(group)} that overlaps line {before[2]}"
            do = "let no two spans of a group and a service overlap"
            feed.notices.error("overlap", TIMEFRAMES, after[2], found, do)


def _add_services(making: Making, wanted: set[str]) -> dict[str, int]:
    """The rows of the services that timeframes name, with their exceptions by day."""
    feed, building = making.feed, making.building
    usual: dict[str, tuple[int, int, int]] = {}
    columns = ("service_id", "start_date", "end_date", *ONE_OF_DAYS)
    for line, (service, start, end, *flags) in feed.each(CALENDAR, *columns):
        from_day, until_day = _number(start), _number(end)
        if from_day > until_day:
            found = f"expected start_date before end_date, found {start} and {end}"
            feed.notices.error("wrong_order", CALENDAR, line, found, "exchange them")
        weekdays = sum(1 << at for at, flag in enumerate(flags) if flag == "1")
        usual[service] = (from_day, until_day, weekdays)
    others: dict[str, dict[int, int]] = {}
    for _, (service, date, kind) in feed.each(DATES, "service_id", "date", "exception_type"):
        if service in wanted:
            others.setdefault(service, {})[_number(date)] = kind == "1"
    numbers = {}
    for service in sorted(wanted):
        days = others.get(service, {})
        first = building.count("exceptions")
        for one in sorted(days):
            building.add("exceptions", day=one, added=int(days[one]))
        from_day, until_day, weekdays = usual.get(service, NO_DAYS)
        numbers[service] = building.add(
            "services",
            from_day=from_day,
            until_day=until_day,
            weekdays=weekdays,
            exception=first,
            exceptions=len(days),
        )
    return numbers


def _number(text: str) -> int:
    found = day(text)
    assert found is not None  # the field was read as a day
    return (found - EPOCH).days
