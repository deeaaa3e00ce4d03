"""fare_leg_join_rules.txt: which legs, one after another, are one leg."""

from __future__ import annotations

from onecard.core.errors import quoted
from onecard.core.tariff.gtfs.making import Making
from onecard.core.tariff.gtfs.networks import Networks
from onecard.core.tariff.gtfs.places import STATION, STOP, Places

JOINS = "fare_leg_join_rules.txt"
MEETING, NAMED = 1, 2  # bits of a network's `joins`
Joins = dict[int, tuple[int, int]]  # of a network: those bits, and the first rule that says so


def add_joins(making: Making, networks: Networks, places: Places) -> Joins:
    """A row of `joins` for each network and pair of stops. Answers how legs of each network are
    joined."""
    feed, building = making.feed, making.building
    how: Joins = {}
    columns = ("from_network_id", "to_network_id", "from_stop_id", "to_stop_id")
    for line, (from_network, to_network, from_stop, to_stop) in feed.each(JOINS, *columns):
        if from_network != to_network:
            found = f"found networks {quoted(from_network)} and {quoted(to_network)}"
            do = "name one network in both: legs of two networks are no leg"
            feed.notices.error("networks_differ", JOINS, line, found, do)
            continue
        if bool(from_stop) != bool(to_stop):
            found = "expected from_stop_id and to_stop_id, or neither, found one"
            feed.notices.error("value_missing", JOINS, line, found, "name both stops or neither")
            continue
        numbers = [places.numbers.get(stop, 0) for stop in (from_stop, to_stop) if stop]
        wrong = [at for at in numbers if places.kinds[at] not in (STOP, STATION)]
        if wrong:
            found = "found an entrance, a node or a boarding area as a stop of a join"
            feed.notices.error("wrong_value", JOINS, line, found, "name a stop or a station")
            continue
        # An empty network is any, but the legs of one that are joined are of the same one.
        every = range(1, networks.none + 1)
        of = [networks.numbers[from_network]] if from_network else every
        where = f"{from_stop} and {to_stop}" if numbers else "a station"
        rule = making.rule("join", f"legs that meet at {where} are one leg", JOINS, line)
        for network in of:
            bits, first = how.get(network, (0, rule))
            how[network] = (bits | (NAMED if numbers else MEETING), first)
        for network in of if numbers else ():
            building.add(
                "joins", network=network, from_place=numbers[0], to_place=numbers[1], rule=rule
            )
    return how
