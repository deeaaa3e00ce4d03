"""GTFS feeds that nobody has: small ones with Fares v2 from a seed, and journeys by them."""

import random
from pathlib import Path
from typing import Any

from onecard.core.tariff.compiled import Compiled
from onecard.ext.fare import rate
from tests.twin.fares_feed import Feed, Leg

Row = dict[str, Any]
ZONES = ["Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]
DAY = "20260329"  # in Berlin a night when the clocks are put on
NOON_US = 1_774_782_000_000_000  # of that day, there at 13:00
LEGS = 6  # of a journey, at most
HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000


class Drawing:
    """One feed as it is drawn; `files` are its rows."""

    def __init__(self, seed: int, with_networks: bool = False) -> None:
        self.rng = random.Random(seed)
        self.seed = seed
        self.files: dict[str, list[Row]] = {}
        self.areas = [f"a{number}" for number in range(self.rng.randint(1, 4))]
        self.networks = [f"n{number}" for number in range(self.rng.randint(0, 3))]
        self.groups = [f"g{number}" for number in range(self.rng.randint(1, 3))]
        self.riders = ["adult", "child"] if self.maybe() else []
        self.media = ["card", "cash"] if self.maybe() else []
        self.times = ["peak", "night"] if self.maybe() else []
        self.with_networks = with_networks
        if with_networks:  # and with riders: what the rules of onecard.toml name
            self.networks, self.riders = ["n0", "n1"], ["adult", "child"]

    def maybe(self, chance: float = 0.5) -> bool:
        """Returns True when a coin that falls so often does."""
        return self.rng.random() < chance

    def or_blank(self, of: list[str], blank: float = 0.4) -> str:
        """One of them, or nothing."""
        return "" if not of or self.maybe(blank) else self.rng.choice(of)

    def unique(self, rows: list[Row], key: list[str]) -> list[Row]:
        """Of rows with one primary key the first."""
        kept: dict[tuple[str, ...], Row] = {}
        for row in rows:
            kept.setdefault(tuple(row[one] for one in key), row)
        return list(kept.values())

    def stops(self) -> None:
        rows: list[Row] = []
        for number in range(6):
            zone = self.or_blank(ZONES, 0.8)
            station = f"s{number // 2}" if number < 4 and self.maybe() else ""
            rows.append({"stop_id": f"p{number}", "stop_timezone": zone, "parent_station": station})
            rows[-1] |= {"location_type": "0"}
        for number in range(2):
            row = {"stop_id": f"s{number}", "stop_timezone": self.or_blank(ZONES, 0.6)}
            rows.append({**row, "parent_station": "", "location_type": "1"})
        self.files["stops"] = [
            {**row, "stop_name": f"Stop {row['stop_id']}", "stop_lat": "0", "stop_lon": "0"}
            for row in rows
        ]
        self.files["areas"] = [{"area_id": one, "area_name": one} for one in self.areas]
        pairs = [(area, row["stop_id"]) for area in self.areas for row in rows if self.maybe(0.3)]
        self.files["stop_areas"] = [{"area_id": area, "stop_id": stop} for area, stop in pairs]

    def routes(self) -> None:
        self.files["agency"] = [
            {"agency_id": "a", "agency_name": "Drawn", "agency_url": "https://example.org"}
            | {"agency_timezone": "Europe/Berlin"}
        ]
        rows = [{"route_id": f"r{one}", "network_id": one} for one in [*self.networks, ""]]
        rows = [{**row, "agency_id": "a", "route_short_name": "1"} for row in rows]
        self.files["routes"] = [{**row, "route_type": "3"} for row in rows]
        self.files["trips"] = [
            {"route_id": row["route_id"], "service_id": "daily", "trip_id": f"t-{row['route_id']}"}
            for row in rows
        ]
        self.files["stop_times"] = [
            {"trip_id": row["trip_id"], "stop_id": f"p{stop}", "stop_sequence": str(order)}
            | {"arrival_time": f"{8 + order:02}:00:00", "departure_time": f"{8 + order:02}:00:00"}
            for row in self.files["trips"]
            for order, stop in enumerate(self.rng.sample(range(6), 3))
        ]

    def days(self) -> None:
        week = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        rows = [
            {"service_id": name, "start_date": "20260101", "end_date": "20261231"}
            | {day: str(int(runs(number))) for number, day in enumerate(week)}
            for name, runs in (("daily", lambda _: True), ("weekend", lambda day: day > 4))
        ]
        self.files["calendar"] = rows
        self.files["calendar_dates"] = [
            {"service_id": "weekend", "date": DAY, "exception_type": "2"}
            if self.maybe(0.3)
            else {"service_id": "weekend", "date": "20260330", "exception_type": "1"}
        ]
        if self.times:
            spans = [("peak", "06:00:00", "13:00:00"), ("peak", "16:00:00", "20:00:00")]
            spans += [("night", "", ""), ("night", "22:00:00", "24:00:00")]
            self.files["timeframes"] = [
                {"timeframe_group_id": name, "start_time": begin, "end_time": end}
                | {"service_id": "weekend" if name == "night" and not begin else "daily"}
                for name, begin, end in spans
            ]

    def products(self) -> None:
        if self.riders:
            self.files["rider_categories"] = [
                {"rider_category_id": one, "rider_category_name": one}
                | {"is_default_fare_category": "1" if one == "adult" else ""}
                for one in self.riders
            ]
        if self.media:
            self.files["fare_media"] = [
                {"fare_media_id": one, "fare_media_name": one, "fare_media_type": "2"}
                for one in self.media
            ]
        rows: list[Row] = []
        for number in range(8):
            least = -2 if number > 4 else 0  # the last three are of transfers alone
            for at in range(self.rng.randint(1, 3)):
                amount = f"{self.rng.randint(least, 4)}.{self.rng.choice(['00', '50'])}"
                other = 0 < number < 5 and at > 0 and self.maybe(0.1)
                rows.append({"fare_product_id": f"f{number}", "fare_product_name": "Drawn"})
                rows[-1] |= {"rider_category_id": self.or_blank(self.riders)}
                rows[-1] |= {"fare_media_id": self.or_blank(self.media)}
                rows[-1] |= {"amount": amount, "currency": "USD" if other else "EUR"}
        anyones = {"rider_category_id": "", "fare_media_id": "", "amount": "3.00"}
        rows.append({**rows[0], **anyones, "currency": "EUR"})
        key = ["fare_product_id", "rider_category_id", "fare_media_id"]
        self.files["fare_products"] = self.unique(rows, key)

    def leg_rules(self) -> None:
        priority = self.maybe()
        rows: list[Row] = []
        for _ in range(self.rng.randint(2, 10)):
            row = {"leg_group_id": self.or_blank(self.groups, 0.1)}
            row |= {"network_id": self.or_blank(self.networks)}
            row |= {"from_area_id": self.or_blank(self.areas)}
            row |= {"to_area_id": self.or_blank(self.areas)}
            row |= {"from_timeframe_group_id": self.or_blank(self.times, 0.7)}
            row |= {"to_timeframe_group_id": self.or_blank(self.times, 0.8)}
            row |= {"fare_product_id": f"f{self.rng.randint(0, 4)}"}
            if priority:
                row["rule_priority"] = self.rng.choice(["", "0", "1", "2"])
            rows.append(row)
        if self.maybe(0.8):  # one for every leg, or for what nothing else is of
            rows.append({**dict.fromkeys(rows[0], ""), "fare_product_id": "f0"})
        names = ["network_id", "from_area_id", "to_area_id", "fare_product_id"]
        names += ["from_timeframe_group_id", "to_timeframe_group_id"]
        self.files["fare_leg_rules"] = self.unique(rows, names)

    def joins(self) -> None:
        if not self.with_networks and self.maybe():
            return
        rows = []
        meet = [("", "")] * (9 if self.with_networks else 1)  # at a station
        for name in [*self.networks, ""]:
            if self.maybe(0.5 if name else 0.1):
                begin, end = self.rng.choice([*meet, ("p1", "p2"), ("s0", "s1"), ("p3", "s0")])
                rows.append({"from_network_id": name, "to_network_id": name})
                rows[-1] |= {"from_stop_id": begin, "to_stop_id": end}
        self.files["fare_leg_join_rules"] = rows

    def transfer_rules(self) -> None:
        used = sorted({row["leg_group_id"] for row in self.files["fare_leg_rules"]} - {""})
        rows: list[Row] = []
        for _ in range(self.rng.randint(0, 8)):
            begin, end = self.or_blank(used, 0.2), self.or_blank(used, 0.2)
            if rows and self.maybe():  # several counts of one pair
                begin, end = rows[0]["from_leg_group_id"], rows[0]["to_leg_group_id"]
            count = self.rng.choice(["-1", "1", "2", "3"]) if begin == end else ""
            row = {"from_leg_group_id": begin, "to_leg_group_id": end, "transfer_count": count}
            limit = self.or_blank(["600", "3600", "5400", "90000"])
            row |= {"duration_limit": limit}
            row |= {"duration_limit_type": self.rng.choice("0123") if limit else ""}
            row |= {"fare_transfer_type": self.rng.choice("012")}
            row |= {"fare_product_id": self.or_blank(["f2", "f5", "f6", "f7"])}
            rows.append(row)
        names = ["from_leg_group_id", "to_leg_group_id", "fare_product_id", "transfer_count"]
        self.files["fare_transfer_rules"] = self.unique(rows, [*names, "duration_limit"])
        used = {row["fare_product_id"] for row in rows} | {f"f{number}" for number in range(5)}
        products = self.files["fare_products"]
        self.files["fare_products"] = [row for row in products if row["fare_product_id"] in used]

    def draw(self) -> dict[str, list[Row]]:
        for part in (self.stops, self.routes, self.days, self.products, self.leg_rules):
            part()
        self.joins()
        self.transfer_rules()
        return self.files


def write_feed(folder: Path, seed: int, with_networks: bool = False) -> None:
    """Draws the feed of a seed and writes it into an empty folder."""
    write_rows(folder, Drawing(seed, with_networks).draw())


def write_rows(folder: Path, files: dict[str, list[Row]]) -> None:
    """Writes each file that has a row."""
    for name, rows in files.items():
        if rows:
            lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
            (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def draw_legs(feed: Feed, rng: random.Random, legs: int) -> list[Leg]:
    """So many legs, one after the other; most go on from where the one before ended."""
    stops = [row["stop_id"] for row in feed["stops"]]
    networks = sorted({row["network_id"] for row in feed["routes"]})
    at, stop = NOON_US + rng.randint(-30, 30) * HOUR_US // 2, rng.choice(stops)
    drawn: list[Leg] = []
    for _ in range(legs):
        end_us = at + rng.choice([0, 5, 10, 30, 60]) * MINUTE_US
        network = rng.choice([*networks, *(leg.network for leg in drawn[-1:] for _ in networks)])
        drawn.append(Leg(network, stop, rng.choice(stops), at, end_us))
        at = end_us + rng.choice([0, 5, 10, 30, 600]) * MINUTE_US
        stop = drawn[-1].end if rng.random() < 0.7 else rng.choice(stops)
    return drawn


def draw_journey(feed: Feed, rng: random.Random) -> tuple[list[Leg], str | None, str | None]:
    """Legs, the rider's category and the medium; None where the feed has none of them."""
    riders = [row["rider_category_id"] for row in feed.get("rider_categories", [])]
    media = [row["fare_media_id"] for row in feed.get("fare_media", [])]
    who = rng.choice(riders) if riders else None
    return draw_legs(feed, rng, rng.randint(1, LEGS)), who, rng.choice([None, *media])


def draw_quote(feed: Feed, rng: random.Random) -> tuple[str, str, int]:
    """From, to, which may be stations, and when."""
    stops = [row["stop_id"] for row in feed["stops"]]
    begin, end = rng.sample(stops, 2)
    return begin, end, NOON_US + rng.randint(-30, 30) * HOUR_US // 2


def engine_charges(
    compiled: Compiled,
    fares: rate.FareSet,
    legs: list[Leg],
    who: str | None,
    media: str | None,
) -> list[int | None]:
    """What each leg adds as the engine has it, None where it has no fare."""
    words = compiled.words
    networks = {one["id"]: number for number, one in enumerate(words["networks"], 1)}
    places = {one["id"]: number for number, one in enumerate(words["places"], 1)}
    classes = {one["id"]: number for number, one in enumerate(words["classes"])}
    kinds = {one["id"]: number for number, one in enumerate(words["media"], 1)}
    row = rate.new_rider(classes[who] if who else 0)
    taps: list[int | None] = []
    for leg in legs:
        ride = rate.Ride(
            network=networks[leg.network],
            begin_us=leg.begin_us,
            end_us=leg.end_us,
            from_place=places[leg.begin],
            to_place=places[leg.end],
            media=kinds[media] if media else 0,
        )
        rated = fares.rate(ride, row)
        row = rated.rider
        taps.append(rated.amount if rated.status == rate.Status.RATED else None)
    return taps
