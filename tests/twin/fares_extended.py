"""The slow twin of fares: a feed whose onecard.toml adds what the standard lacks.

A leg of the feed (tests/twin/fares_feed.py) is a ride of a tariff (tests/twin/fares_ride.py): the
feed says its fare, the rules of onecard.toml what is paid of it. Legs that are one are rated as
one, from what was kept before them.
"""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.twin import fares_feed, fares_ride
from tests.twin.fares_feed import Charged, Feed, Journey, Leg
from tests.twin.fares_folder import Tariff, fare_by_steps, read_rows
from tests.twin.fares_ride import Reason, Ride, Rider

Rule = dict[str, Any]


@dataclass(frozen=True)
class State:
    """A rider between two legs."""

    rider: Rider
    earlier: Rider  # before the last leg, for a leg that goes on with it
    journey: Journey = ()


def read_extension(folder: Path, feed: Feed) -> Tariff:
    """The rules of onecard.toml, as those of a tariff; none where there is no such file."""
    path = folder / "onecard.toml"
    tariff: Tariff = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    tariff["tables"] = {path.name: read_rows(path) for path in sorted(folder.glob("*.csv"))}
    tariff["zone"] = feed["agency"][0]["agency_timezone"]
    return tariff


def rate(
    feed: Feed, tariff: Tariff, ride: Ride, state: State
) -> tuple[int | None, list[Reason], State]:
    """What a leg adds, None where no fare is defined; the reasons; what is kept."""
    found = [one for one in tariff.get("network", []) if one["id"] == ride.network]
    network = found[0] if found else {"id": ride.network}
    if ride.incomplete or ride.is_longer(network.get("overdue")):
        fare = network.get("incomplete", {}).get("fare")
        return fare, [], state
    amount, reasons, kept = along(feed, tariff, network, ride, state)
    if amount is not None and ride.is_longer(network.get("overtime")):
        amount += network["overtime"]["add"]
    return amount, reasons, kept


def along(
    feed: Feed, tariff: Tariff, network: Rule, ride: Ride, state: State
) -> tuple[int | None, list[Reason], State]:
    """A complete leg, or what it adds to the one that it goes on with."""
    journey, rider, charged = state.journey, state.rider, 0
    leg = Leg(ride.network, ride.begin or "", ride.end or "", ride.begin_us, ride.end_us)
    joined = bool(journey) and fares_feed.is_joined(feed, journey[-1].leg, leg)
    if joined:
        last = journey[-1]
        journey, rider, charged = journey[:-1], state.earlier, last.added
        leg = replace(leg, begin=last.leg.begin, begin_us=last.leg.begin_us)
        ride = replace(ride, begin=leg.begin, begin_us=leg.begin_us)
    elif is_at_its_station(feed, network, ride):
        if ride.seconds < network["same_station"].get("free_s", 0):
            return 0, [], state
    priced = price(feed, network, ride, rider.who, leg, journey, joined)
    if priced is None:
        return None, [], state
    reasons: list[Reason] = []
    amount, kept = fares_ride.with_all_rules(tariff, ride, rider, rider.who, priced.added, reasons)
    journey = (*journey[-1:], replace(priced, added=amount))
    return amount - charged, reasons, State(kept, rider, journey)


def is_at_its_station(feed: Feed, network: Rule, ride: Ride) -> bool:
    """Returns True when a leg ends at the station where it began, and there is a fare for that."""
    if "same_station" not in network or ride.begin is None or ride.end is None:
        return False
    return fares_feed.station_of(feed, ride.begin) == fares_feed.station_of(feed, ride.end)


def price(
    feed: Feed, network: Rule, ride: Ride, who: str, leg: Leg, journey: Journey, joined: bool
) -> Charged | None:
    """The fare of a leg before the rules of onecard.toml; None where none is defined."""
    fare: int | None = None
    if not joined and is_at_its_station(feed, network, ride):
        fare = network["same_station"]["fare"]
    elif network.get("basis") == "metres":
        if ride.metres is not None:
            fare = fare_by_steps(network, max(0, ride.metres - network.get("grace_metres", 0)))
    else:
        ways = [
            fares_feed.charge(feed, leg, offer, journey, who, ride.media)
            for offer in fares_feed.offers(feed, leg, who, ride.media)
        ]
        return min(ways, key=lambda way: way.added, default=None)
    return None if fare is None else Charged(leg, "", fare, 0, None, 0, leg)
