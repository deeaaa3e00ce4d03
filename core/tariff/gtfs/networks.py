"""Networks of routes, the routes as lines, and the agencies that run them."""

from __future__ import annotations

from dataclasses import dataclass

from onecard.core.errors import quoted
from onecard.core.tariff.gtfs.making import Making
from onecard.core.tariff.gtfs.reading import Feed
from onecard.core.tariff.notice import listed

ROUTES = "routes.txt"
NETWORKS_MAX = 65_534  # numbers have 16 bits, and one is of routes in no network
MODES = {
    "0": "tram",
    "1": "metro",
    "2": "rail",
    "3": "bus",
    "4": "ferry",
    "5": "cable tram",
    "6": "cable car",
    "7": "funicular",
    "11": "trolleybus",
    "12": "monorail",
}


@dataclass(frozen=True, slots=True)
class Networks:
    """`numbers` from 1, by id; `none` is the one of routes in no network, the last. `of_route` has
    a network for each route, `operators` a number of `words["operators"]` for each network."""

    numbers: dict[str, int]
    none: int
    of_route: dict[str, int]
    operators: dict[int, int]


def read_networks(making: Making) -> Networks | None:
    """Of Fares v2. None where there are more than a tariff can hold."""
    feed = making.feed
    names = feed.ids["network"]
    if len(names) > NETWORKS_MAX:
        found = f"expected at most {NETWORKS_MAX} networks, found {len(names)}"
        feed.notices.error("too_many", "networks.txt", 0, found, "put routes together")
        return None
    _check_one_way(feed)
    numbers = {name: at for at, name in enumerate(names, start=1)}
    of_route = {}
    for _, (route, network) in feed.each(ROUTES, "route_id", "network_id"):
        of_route[route] = numbers.get(network, 0)
    for _, (network, route) in feed.each("route_networks.txt", "network_id", "route_id"):
        if route in of_route and network in numbers:
            of_route[route] = of_route[route] or numbers[network]
    none = len(numbers) + 1
    of_route = {route: network or none for route, network in of_route.items()}
    bare = [name for name, at in numbers.items() if at not in of_route.values()]
    if bare:
        found = f"found {len(bare)} networks without a route: {quoted(listed(bare))}"
        feed.notices.warning("network_without_route", "networks.txt", 0, found, "add routes to it")
    said = {name: label for _, (name, label) in feed.each("networks.txt", *_NETWORK) if label}
    words = [{"id": name, "name": said.get(name, name)} for name in names]
    return describe(making, numbers, of_route, words)


_NETWORK = ("network_id", "network_name")


def describe(
    making: Making,
    numbers: dict[str, int],
    of_route: dict[str, int],
    words: list[dict[str, str]],
) -> Networks:
    """Modes, lines and operators of networks whose routes are known; `words` says them."""
    feed, building = making.feed, making.building
    agencies = [row for _, row in feed.each("agency.txt", "agency_id", "agency_name")]
    agency_at = {name: at for at, (name, _) in enumerate(agencies)}
    modes: dict[int, set[str]] = {}
    operators: dict[int, int] = {}
    lines = []
    columns = ("route_id", "route_short_name", "route_long_name", "route_type", "agency_id")
    for line, (route, short, long, kind, agency) in feed.each(ROUTES, *columns):
        network = of_route[route]
        modes.setdefault(network, set()).add(MODES.get(kind, ""))
        operators.setdefault(network, agency_at.get(agency, 0))
        lines.append({"id": route, "name": short or long or route, "network": network})
        if not agency and len(agencies) > 1:
            found = f"expected agency_id, since there are {len(agencies)} agencies, found nothing"
            feed.notices.error("value_missing", ROUTES, line, found, "name the agency")
    none = len(numbers) + 1
    building.words["operators"] = [name or at for at, name in agencies]
    building.words["lines"] = lines
    building.words["networks"] = [
        {**word, "mode": _mode(modes.get(number, set()))}
        for number, word in enumerate([*words, {"id": "", "name": ""}], start=1)
    ]
    return Networks(numbers, none, of_route, operators)


def _mode(modes: set[str]) -> str:
    return next(iter(modes)) if len(modes) == 1 else ""


def _check_one_way(feed: Feed) -> None:
    """Networks are said in routes.txt or in the two files, never both."""
    for file in ("networks.txt", "route_networks.txt"):
        if feed.has(file) and feed.has(ROUTES, "network_id"):
            found = "expected no such file, since routes.txt has a column network_id"
            feed.notices.error("forbidden_file", file, 0, found, "remove the file or the column")
