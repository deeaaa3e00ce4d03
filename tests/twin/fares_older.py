"""The slow twin of fares: a feed of Fares v1, fare_attributes.txt and fare_rules.txt.

A leg is a route from stop to stop. A fare without rules is for every leg; one with rules for a leg
that one of them is of. Who has a fare already rides on with it as often and as long as it says.
"""

from dataclasses import dataclass

from tests.twin.fares_feed import JOURNEY_GAP_S, SECOND_US, Feed, minor, stop_row
from tests.twin.fares_folder import Row


@dataclass(frozen=True)
class Leg:
    """From stop to stop by a route."""

    route: str
    begin: str
    end: str
    begin_us: int
    end_us: int


@dataclass(frozen=True)
class Held:
    """The fare of the last leg: since when, how many transfers it was used for."""

    fare: str
    since_us: int
    transfers: int
    last_end_us: int


def charges(feed: Feed, legs: list[Leg]) -> list[int | None]:
    """What each leg adds, None where no fare is for it."""
    taps: list[int | None] = []
    held: Held | None = None
    for leg in legs:
        ways = [way(fare, held, leg) for fare in feed["fare_attributes"] if is_for(feed, fare, leg)]
        if not ways:
            taps.append(None)
            continue
        added, held = min(ways, key=lambda one: one[0])  # of equals the first row
        taps.append(added)
    return taps


def way(fare: Row, held: Held | None, leg: Leg) -> tuple[int, Held]:
    """What a leg adds by a fare: nothing where it is held and goes on."""
    if held is not None and held.fare == fare["fare_id"] and goes_on(fare, held, leg):
        return 0, Held(held.fare, held.since_us, held.transfers + 1, leg.end_us)
    price = minor(fare["price"], fare["currency_type"])
    return price, Held(fare["fare_id"], leg.begin_us, 0, leg.end_us)


def goes_on(fare: Row, held: Held, leg: Leg) -> bool:
    """Returns True when a fare that is held is enough for another leg."""
    if fare["transfers"] and held.transfers >= int(fare["transfers"]):
        return False
    if fare.get("transfer_duration"):
        return leg.begin_us - held.since_us <= int(fare["transfer_duration"]) * SECOND_US
    return leg.begin_us - held.last_end_us <= JOURNEY_GAP_S * SECOND_US


def is_for(feed: Feed, fare: Row, leg: Leg) -> bool:
    """Returns True when a fare may be paid for a leg."""
    (route,) = (row for row in feed["routes"] if row["route_id"] == leg.route)
    if fare.get("agency_id", "") not in ("", route.get("agency_id", "")):
        return False
    rules = [row for row in feed.get("fare_rules", []) if row["fare_id"] == fare["fare_id"]]
    return not rules or any(is_of(feed, rule, rules, leg) for rule in rules)


def is_of(feed: Feed, rule: Row, rules: list[Row], leg: Leg) -> bool:
    """Returns True when a leg is that of a rule, with the zones of all rows that are like it."""
    ends = ("route_id", "origin_id", "destination_id")
    zones = (stop_row(feed, leg.begin)["zone_id"], stop_row(feed, leg.end)["zone_id"])
    for column, found in zip(ends, (leg.route, *zones), strict=True):
        if rule.get(column) and rule[column] != found:
            return False
    if not rule.get("contains_id"):
        return True
    alike = [row for row in rules if all(row.get(one) == rule.get(one) for one in ends)]
    contains = {row["contains_id"] for row in alike} - {""}
    return contains in passed(feed, leg.route, *zones)


def passed(feed: Feed, route: str, begin: str, end: str) -> list[set[str]]:
    """The zones that trips of a route pass from a stop in one zone to a stop in another."""
    found = []
    for trip in feed["trips"]:
        rows = [row for row in feed["stop_times"] if row["trip_id"] == trip["trip_id"]]
        rows.sort(key=lambda row: int(row["stop_sequence"]))
        zones = [stop_row(feed, row["stop_id"])["zone_id"] for row in rows]
        for first in range(len(zones)):
            for last in range(first, len(zones)):
                if trip["route_id"] == route and (zones[first], zones[last]) == (begin, end):
                    found.append(set(zones[first : last + 1]) - {""})
    return found
