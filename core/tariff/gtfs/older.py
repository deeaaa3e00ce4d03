"""Fares v1: fare_attributes.txt and fare_rules.txt, for feeds without fare_leg_rules.txt.

A fare is a product and a group of legs of its own: a transfer within it is free, as many times and
as long as it says. A rule names a route, zones of origin and destination, or all zones that are
passed, which the trips say.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from onecard.core.tariff.gtfs.cells import Rectangle
from onecard.core.tariff.gtfs.making import Making
from onecard.core.tariff.gtfs.networks import ROUTES, Networks, describe
from onecard.core.tariff.gtfs.offers import LegRule, add_networks, add_offers
from onecard.core.tariff.gtfs.places import STATION, Places
from onecard.core.tariff.gtfs.products import (
    ANY,
    Product,
    add_media,
    add_riders,
    main_currency,
    read_amount,
)
from onecard.core.tariff.gtfs.sets import Sets
from onecard.core.tariff.gtfs.transfers import UNLIMITED, Groups, TransferRule, add_transfers
from onecard.core.tariff.gtfs.trips import Ways

FARES = "fare_attributes.txt"
RULES = "fare_rules.txt"
DEPARTURE_TO_DEPARTURE = 1  # transfer_duration counts from when the fare was first used


@dataclass(slots=True)
class Fare:
    """A row of fare_attributes.txt; `transfers` -1 is without limit, `duration_s` 0 too."""

    product: Product
    agency: str
    transfers: int
    duration_s: int


@dataclass(slots=True)
class FareRule:
    """Rows of fare_rules.txt that differ in contains_id alone. "" is any."""

    line: int
    fare: str
    route: str = ""
    origin: str = ""
    destination: str = ""
    contains: set[str] = field(default_factory=set)


def add_older(making: Making, places: Places, ways: Ways) -> Networks | None:
    """None where there is no price, or more than a tariff holds."""
    add_riders(making)
    add_media(making)
    fares = _read_fares(making)
    products = {name: [fare.product] for name, fare in fares.items()}
    currency = main_currency(making, products, next(iter(fares), ""))
    if currency is None:
        found = "expected a fare with a price, found none"
        making.notices.error("no_fares", FARES, 0, found, "add one")
        return None
    fares = {name: one for name, one in fares.items() if one.product.currency == currency}
    rules = _read_rules(making, fares)
    networks, agency_of = _networks(making, fares, rules)
    groups = _groups(fares)
    if not _add_rules(making, places, ways, fares, rules, networks, agency_of, groups):
        return None
    making.building.words |= {"currency": currency, "frames": [], "other_currency": {}}
    making.building.wide["frame_rows"] = np.zeros(2, np.uint32)
    transfers = [
        TransferRule(
            one.product.line,
            name,
            name,
            one.transfers,
            one.duration_s,
            DEPARTURE_TO_DEPARTURE if one.duration_s else 0,
            0,
            "",
            (),
        )
        for name, one in fares.items()
        if one.transfers
    ]
    add_transfers(making, FARES, transfers, groups)
    return networks


def _read_fares(making: Making) -> dict[str, Fare]:
    feed = making.feed
    fares: dict[str, Fare] = {}
    words = []
    agencies = len(feed.ids["agency"])
    columns = ("fare_id", "price", "currency_type", "transfers", "agency_id", "transfer_duration")
    for line, (name, price, currency, transfers, agency, duration) in feed.each(FARES, *columns):
        amount = read_amount(feed, FARES, line, price, currency)
        if amount is None:
            continue
        if amount < 0:
            found = f"expected a price of 0 or more, found {price}"
            feed.notices.error("negative_amount", FARES, line, found, "mend it")
            continue
        if not agency and agencies > 1:
            found = f"expected agency_id, since there are {agencies} agencies, found nothing"
            feed.notices.error("value_missing", FARES, line, found, "name the agency")
        product = Product(name, name, len(fares) + 1, line, ANY, ANY, amount, currency)
        count = int(transfers) if transfers else UNLIMITED
        fares[name] = Fare(product, agency, count, int(duration or 0))
        words.append({"id": name, "name": name, "class": "", "media": "", "line": line})
    making.building.words["products"] = words
    return fares


def _read_rules(making: Making, fares: dict[str, Fare]) -> list[FareRule]:
    """A fare without a rule holds everywhere."""
    rules: dict[tuple[str, str, str, str], FareRule] = {}
    columns = ("fare_id", "route_id", "origin_id", "destination_id", "contains_id")
    for line, (fare, route, origin, destination, contains) in making.feed.each(RULES, *columns):
        if fare not in fares:
            continue
        if contains:
            key = (fare, route, origin, destination)
            rules.setdefault(key, FareRule(line, *key)).contains.add(contains)
        else:
            key = (fare, route, origin, f"{destination}\n")  # apart from one that contains zones
            rules[key] = FareRule(line, fare, route, origin, destination)
    ruled = {one.fare for one in rules.values()}
    everywhere = [FareRule(0, name) for name in fares if name not in ruled]
    return [*rules.values(), *everywhere]


def _networks(
    making: Making, fares: dict[str, Fare], rules: list[FareRule]
) -> tuple[Networks, dict[int, str]]:
    """A network for each route that a rule names, one for the other routes of each agency where
    fares name agencies; and the agency of each network. Where a rule of any route is of the zones
    that are passed, each route has its own: they pass others."""
    named = dict.fromkeys(one.route for one in rules if one.route)
    if any(one.contains and not one.route for one in rules):
        named |= {route: None for _, (route,) in making.feed.each(ROUTES, "route_id")}
    by_agency = any(one.agency for one in fares.values()) and len(making.feed.ids["agency"]) > 1
    numbers: dict[str, int] = {name: at for at, name in enumerate(named, start=1)}
    words = [{"id": name, "name": name} for name in named]
    of_route: dict[str, int] = {}
    agency_of: dict[int, str] = {}
    for _, (route, agency) in making.feed.each(ROUTES, "route_id", "agency_id"):
        name = route if route in named else f"agency {agency}"
        if route not in named and not by_agency:
            of_route[route] = 0
            continue
        if name not in numbers:
            numbers[name] = len(numbers) + 1
            words.append({"id": name, "name": name})
        of_route[route] = numbers[name]
        agency_of[numbers[name]] = agency
    none = len(numbers) + 1
    of_route = {route: number or none for route, number in of_route.items()}
    return describe(making, numbers, of_route, words), agency_of


def _groups(fares: dict[str, Fare]) -> Groups:
    listed = {name: at for at, (name, one) in enumerate(fares.items(), start=1) if one.transfers}
    numbers = {name: at for at, name in enumerate(listed, start=1)}
    return Groups({name: at for at, name in enumerate(fares, start=1)}, numbers, numbers)


def _add_rules(
    making: Making,
    places: Places,
    ways: Ways,
    fares: dict[str, Fare],
    rules: list[FareRule],
    networks: Networks,
    agency_of: dict[int, str],
    groups: Groups,
) -> bool:
    """Returns True when all is within the limits. Networks are kinds, from 0."""
    zones = _zones(places)
    origins = {one.origin for one in rules} - {""}
    destinations = {one.destination for one in rules} - {""}
    passed = set().union(*(one.contains for one in rules))
    # Zones that no rule names are not alike where it matters which are passed.
    told = set().union(*zones) if passed else set()
    sets = Sets(zones, origins | told, destinations | told, True)
    passages = _passages(places, ways, networks, sets) if passed else {}
    made: list[LegRule] = []
    rectangles: list[Rectangle] = []
    kinds_of: dict[tuple[str, str], list[int]] = {}
    for one in rules:
        fare = fares[one.fare]
        said = f"{one.fare}: {f'route {one.route}, ' if one.route else ''}"
        said += f"from {one.origin or 'any zone'} to {one.destination or 'any zone'}"
        file, line = (RULES, one.line) if one.line else (FARES, fare.product.line)
        rule = making.rule("leg", said, file, line)
        made.append(LegRule(line, one.fare, one.route, "", "", 0, 0, 0, (fare.product,), rule))
        which = (one.route, fare.agency)
        if which not in kinds_of:
            kinds_of[which] = _kinds(networks, agency_of, *which)
        kinds = kinds_of[which]
        from_sets, to_sets = sets.matching(one.origin, 0), sets.matching(one.destination, 1)
        if not one.contains:
            rectangles.append(Rectangle(kinds, from_sets, to_sets, (len(made) - 1,)))
            continue
        for kind, before, after in passages.get(frozenset(one.contains), ()):
            if kind in kinds and before in from_sets and after in to_sets:
                cell = (np.array([before]), np.array([after]))
                rectangles.append(Rectangle([kind], *cell, (len(made) - 1,)))
    if not add_offers(making, RULES, made, rectangles, networks.none, sets, groups):
        return False
    every = {number: number - 1 for number in range(1, networks.none + 1)}
    add_networks(making, networks, every, sets, {})
    return True


def _kinds(networks: Networks, agency_of: dict[int, str], route: str, agency: str) -> list[int]:
    """Those of a route, or of all routes of an agency; "" is any."""
    every = range(1, networks.none + 1)
    return [
        number - 1
        for number in ([networks.numbers[route]] if route else every)
        if not agency or agency_of.get(number, agency) == agency
    ]


def _zones(places: Places) -> list[frozenset[str]]:
    """The zone of each stop; of a station those of its platforms: its own is ignored, as the
    standard has it."""
    of_platforms: list[set[str]] = [set() for _ in places.station]
    for at, outer in enumerate(places.station):
        if places.zone_ids[at] and places.kinds[at] != STATION:
            of_platforms[outer].add(places.zone_ids[at])
    zones = []
    for at in range(len(places)):
        own = places.zone_ids[at] if places.kinds[at] != STATION else ""
        zones.append(frozenset([own]) if own else frozenset(of_platforms[at]))
    return zones


def _passages(
    places: Places, ways: Ways, networks: Networks, sets: Sets
) -> dict[frozenset[str], set[tuple[int, int, int]]]:
    """Zones passed -> (kind of network, set boarded in, set alighted in) of the trips that pass
    them."""
    found: dict[frozenset[str], set[tuple[int, int, int]]] = {}
    of_place = sets.of_place.tolist()
    walks = {
        (networks.of_route[route] - 1, tuple(_walk(places, calls, of_place)))
        for route, calls in ways
    }
    for kind, walk in walks:
        for start, (_, before) in enumerate(walk):
            zones: set[str] = set()
            for zone, after in walk[start:]:
                zones |= {zone} - {""}
                found.setdefault(frozenset(zones), set()).add((kind, before, after))
    return found


def _walk(places: Places, calls: tuple[int, ...], of_place: list[int]) -> list[tuple[str, int]]:
    """Zones and sets in the order of a trip, each once until it is left."""
    walk: list[tuple[str, int]] = []
    for place in calls:
        step = (places.zone_ids[place], of_place[place])
        if not walk or walk[-1] != step:
            walk.append(step)
    return walk
