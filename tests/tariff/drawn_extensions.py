"""Rules of onecard.toml for drawn feeds, from a seed, and rides by both."""

import random
from collections.abc import Iterator
from pathlib import Path

from onecard.core.tariff.compiled import Compiled
from onecard.ext.fare import rate
from tests.tariff.drawn_feeds import draw_legs
from tests.tariff.drawn_rides import Numbers
from tests.tariff.drawn_tariffs import SOURCE, Drawing, Table, as_toml
from tests.twin import fares_extended, fares_feed
from tests.twin.fares_folder import Tariff
from tests.twin.fares_ride import Ride, Rider

KINDS = (("discount", 3), ("transfer", 2), ("tier", 1), ("limit", 1), ("cap", 2))


def network(drawing: Drawing, name: str, joins: bool) -> Table:
    """What a network of a feed may have beside its fares. Of legs that are one nobody says how long
    or far they were together."""
    said: Table = {"id": name, "source": SOURCE}
    if not joins and drawing.maybe(0.3):
        said |= {"basis": "metres", **drawing.steps(250)}
    if drawing.maybe():
        said["same_station"] = {"fare": drawing.fare()}
        if drawing.maybe():
            said["same_station"]["free_s"] = 1200
    if not joins and drawing.maybe():
        said["overtime"] = {"after_s": 1800, "add": 300}
        said["incomplete"] = {"fare": 900}
        if drawing.maybe():
            said["overdue"] = {"after_s": 3500}
    return said


def write_extension(folder: Path, seed: int) -> None:
    """Draws the rules of a seed for the feed in a folder, which has networks and riders."""
    feed = fares_feed.read_feed(folder)
    drawing = Drawing(seed)
    drawing.networks = sorted({row["network_id"] for row in feed["routes"]} - {""})
    drawing.classes = [row["rider_category_id"] for row in feed.get("rider_categories", [])]
    drawing.known = [row["stop_id"] for row in feed["stops"]]
    joined = {row["from_network_id"] for row in feed.get("fare_leg_join_rules", [])}
    head = drawing.head()
    keys = ("service_day_starts", "week_starts", "holidays", "combine")
    said: Table = {key: head[key] for key in keys if key in head}
    said["sources"] = {SOURCE: {"title": "Drawn by a test", "date": head["effective_from"]}}
    said["network"] = [network(drawing, one, bool(joined & {one, ""})) for one in drawing.networks]
    for kind, most in KINDS:
        drawn = []
        for number in range(drawing.rng.randint(0, most)):
            if kind not in ("tier", "cap") or drawing.has_room():
                drawn.append(getattr(drawing, kind)(f"{kind}-{number}"))
        if drawn:
            said[kind] = drawn
    (folder / "onecard.toml").write_text(as_toml(said), encoding="utf-8")
    drawing.write_tables(folder)


def draw_rides(feed: fares_feed.Feed, tariff: Tariff, rng: random.Random, rides: int) -> list[Ride]:
    """Legs of the feed as rides: with metres where nobody needs them too, a few incomplete."""
    named = [name for rule in tariff.get("discount", []) for name in rule.get("media", [])]
    media = [row["fare_media_id"] for row in feed.get("fare_media", [])]
    how = rng.choice([None, *sorted({*named, *media})])
    return [
        Ride(
            network=leg.network,
            begin_us=leg.begin_us,
            end_us=leg.end_us,
            begin=leg.begin,
            end=leg.end,
            metres=rng.choice([None, rng.randint(0, 12_000)]),
            media=how,
            incomplete=rng.random() < 0.05,
        )
        for leg in draw_legs(feed, rng, rides)
    ]


def differences(
    feed: fares_feed.Feed,
    tariff: Tariff,
    compiled: Compiled,
    fares: rate.FareSet,
    rides: list[Ride],
    who: str,
) -> Iterator[str]:
    """Where engine and twin part: the first ride that they answer otherwise."""
    numbers = Numbers(compiled)
    rider = Rider(who)
    state, row = fares_extended.State(rider, rider), numbers.rider(rider)
    for number, ride in enumerate(rides, 1):
        amount, reasons, state = fares_extended.rate(feed, tariff, ride, state)
        rated = fares.rate(numbers.ride(ride), row)
        row = rated.rider
        found = rated.amount if rated.status == rate.Status.RATED else None
        if found != amount:
            yield f"ride {number} of {who}, {ride}"
            yield f"twin {amount} {reasons}"
            yield f"engine {rated.status!r} {found} {numbers.reasons(rated)}"
            return
