"""Feeds of Fares v1 that nobody has, from a seed, and journeys by them."""

import random
from pathlib import Path

from tests.tariff.drawn_feeds import MINUTE_US, NOON_US, Row, write_rows
from tests.twin.fares_calendar import WEEKDAYS
from tests.twin.fares_feed import Feed
from tests.twin.fares_older import Leg

STOPS = [f"p{number}" for number in range(6)]
ROUTES = ["r0", "r1", "r2"]
ZONES = ["1", "2", "3"]


def draw(rng: random.Random) -> dict[str, list[Row]]:
    """The rows of each file."""
    agencies = ["a", "b"][: rng.randint(1, 2)]
    files: dict[str, list[Row]] = {
        "agency": [
            {"agency_id": one, "agency_name": one, "agency_url": "https://example.org"}
            | {"agency_timezone": "Europe/Berlin"}
            for one in agencies
        ],
        "stops": [
            {"stop_id": one, "stop_name": f"Stop {one}", "stop_lat": "0", "stop_lon": "0"}
            | {"zone_id": zone}
            for one, zone in zip(STOPS, [*ZONES, *rng.choices([*ZONES, ""], k=3)], strict=True)
        ],
        "routes": [
            {"route_id": one, "agency_id": rng.choice(agencies), "route_short_name": one}
            | {"route_type": "3"}
            for one in ROUTES
        ],
        "calendar": [
            {"service_id": "daily", "start_date": "20260101", "end_date": "20261231"}
            | dict.fromkeys(WEEKDAYS, "1")
        ],
        "trips": [{"route_id": one, "service_id": "daily", "trip_id": f"t{one}"} for one in ROUTES],
    }
    files["stop_times"] = [
        {"trip_id": f"t{route}", "stop_id": stop, "stop_sequence": str(at)}
        | {"arrival_time": f"{8 + at:02}:00:00", "departure_time": f"{8 + at:02}:00:00"}
        for route in ROUTES
        for at, stop in enumerate(rng.sample(STOPS, 4))
    ]
    files["fare_attributes"] = [
        {"fare_id": f"f{number}", "price": f"{price}.00", "currency_type": "EUR"}
        | {"payment_method": "0", "transfers": rng.choice(["", "0", "1", "2"])}
        | {"agency_id": rng.choice(agencies) if len(agencies) > 1 else ""}
        | {"transfer_duration": rng.choice(["", "3600", "5400"])}
        for number, price in enumerate(rng.sample(range(1, 20), rng.randint(1, 4)))
    ]
    files["fare_rules"] = rules(rng, [row["fare_id"] for row in files["fare_attributes"]])
    return files


def rules(rng: random.Random, fares: list[str]) -> list[Row]:
    """Rows of fare_rules.txt: some fares have none."""
    rows: list[Row] = []
    for _ in range(rng.randint(0, 6)):
        row = {"fare_id": rng.choice(fares), "route_id": rng.choice(["", "", *ROUTES])}
        row |= {"origin_id": rng.choice(["", "", *ZONES])}
        row |= {"destination_id": rng.choice(["", "", *ZONES])}
        zones = rng.sample(ZONES, rng.randint(1, 2)) if rng.random() < 0.3 else [""]
        rows += [{**row, "contains_id": zone} for zone in zones]
    return rows


def write_older(folder: Path, seed: int) -> None:
    """Draws the feed of a seed and writes it into an empty folder."""
    write_rows(folder, draw(random.Random(seed)))


def draw_older_legs(feed: Feed, rng: random.Random, legs: int) -> list[Leg]:
    """Legs along the trips of routes, one after the other."""
    at = NOON_US
    drawn = []
    for _ in range(legs):
        route = rng.choice(ROUTES)
        stops = [row["stop_id"] for row in feed["stop_times"] if row["trip_id"] == f"t{route}"]
        begin, end = sorted(rng.sample(range(4), 2))
        end_us = at + rng.choice([5, 10, 30]) * MINUTE_US
        drawn.append(Leg(route, stops[begin], stops[end], at, end_us))
        at = end_us + rng.choice([0, 5, 10, 30, 239, 241]) * MINUTE_US
    return drawn
