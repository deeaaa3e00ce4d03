"""The files and fields of GTFS that a fare depends on, as the standard has them.

The reference of google/transit as revised on 3 March 2026, its commit
87ff45cef97a79188b3c1c335c6f754b3cb5d1e3; the revision of 27 April 2026 changed nothing of fares.
What is in no table here is ignored, as the standard says of files and columns that a reader does
not know.
"""

from __future__ import annotations

from dataclasses import dataclass

TEXT, NUMBER, DAY, CLOCK, ZONE = "text", "number", "day", "clock", "zone"


@dataclass(frozen=True, slots=True)
class Field:
    """`of` names what an id refers to: a key of REFERENCES. `values` are those of an enumeration,
    "" among them where it may be empty. `advised`: the standard requires it and no fare needs
    it."""

    name: str
    required: bool = False
    kind: str = TEXT
    of: str = ""
    values: tuple[str, ...] = ()
    advised: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """`key` are the columns that must not repeat; `whole` when all of a row is the key. What is
    wrong in a row of a file that is `timetable` is a warning: no amount depends on it."""

    key: tuple[str, ...]
    fields: tuple[Field, ...]
    whole: bool = False
    timetable: bool = False


REFERENCES = {  # what is referred to -> where it is defined
    "agency": (("agency.txt", "agency_id"),),
    "stop": (("stops.txt", "stop_id"),),
    "zone": (("stops.txt", "zone_id"),),
    "route": (("routes.txt", "route_id"),),
    "service": (("calendar.txt", "service_id"), ("calendar_dates.txt", "service_id")),
    "area": (("areas.txt", "area_id"),),
    "network": (("networks.txt", "network_id"), ("routes.txt", "network_id")),
    "listed network": (("networks.txt", "network_id"),),
    "timeframe group": (("timeframes.txt", "timeframe_group_id"),),
    "rider category": (("rider_categories.txt", "rider_category_id"),),
    "fare medium": (("fare_media.txt", "fare_media_id"),),
    "fare product": (("fare_products.txt", "fare_product_id"),),
    "leg group": (("fare_leg_rules.txt", "leg_group_id"),),
    "fare": (("fare_attributes.txt", "fare_id"),),
    # What is named by a row that is at fault otherwise is still named.
    "product of legs": (("fare_leg_rules.txt", "fare_product_id"),),
    "product of transfers": (("fare_transfer_rules.txt", "fare_product_id"),),
}


def _must(name: str, of: str = "", kind: str = TEXT, values: tuple[str, ...] = ()) -> Field:
    return Field(name, True, kind, of, values)


def _may(name: str, of: str = "", kind: str = TEXT, values: tuple[str, ...] = ()) -> Field:
    return Field(name, False, kind, of, values)


def _advised(name: str) -> Field:
    return Field(name, advised=True)


NETWORKS = ("networks.txt", "route_networks.txt")
ONE_OF_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NO_LIMIT = "-1"  # of transfer_count

FILES = {
    "agency.txt": File(
        ("agency_id",),
        (_may("agency_id"), _advised("agency_name"), _must("agency_timezone", kind=ZONE)),
    ),
    "stops.txt": File(
        ("stop_id",),
        (
            _must("stop_id"),
            _may("stop_name"),
            _may("zone_id"),
            _may("location_type", values=("", "0", "1", "2", "3", "4")),
            _may("parent_station", "stop"),
            _may("stop_timezone", kind=ZONE),
        ),
    ),
    "routes.txt": File(
        ("route_id",),
        (
            _must("route_id"),
            _may("agency_id", "agency"),
            _may("route_short_name"),
            _may("route_long_name"),
            _may("route_type"),
            _may("network_id"),
        ),
    ),
    "trips.txt": File(("trip_id",), (_must("trip_id"), _must("route_id", "route")), timetable=True),
    "calendar.txt": File(
        ("service_id",),
        (
            _must("service_id"),
            *(_must(day, values=("0", "1")) for day in ONE_OF_DAYS),
            _must("start_date", kind=DAY),
            _must("end_date", kind=DAY),
        ),
    ),
    "calendar_dates.txt": File(
        ("service_id", "date"),
        (
            _must("service_id"),
            _must("date", kind=DAY),
            _must("exception_type", values=("1", "2")),
        ),
    ),
    "areas.txt": File(("area_id",), (_must("area_id"), _may("area_name"))),
    "stop_areas.txt": File(
        ("area_id", "stop_id"), (_must("area_id", "area"), _must("stop_id", "stop")), whole=True
    ),
    "networks.txt": File(("network_id",), (_must("network_id"), _may("network_name"))),
    "route_networks.txt": File(
        ("route_id",), (_must("network_id", "listed network"), _must("route_id", "route"))
    ),
    "timeframes.txt": File(
        ("timeframe_group_id", "start_time", "end_time", "service_id"),
        (
            _must("timeframe_group_id"),
            _may("start_time", kind=CLOCK),
            _may("end_time", kind=CLOCK),
            _must("service_id", "service"),
        ),
        whole=True,
    ),
    "rider_categories.txt": File(
        ("rider_category_id",),
        (
            _must("rider_category_id"),
            _advised("rider_category_name"),
            _may("is_default_fare_category", values=("", "0", "1")),
        ),
    ),
    "fare_media.txt": File(
        ("fare_media_id",),
        (
            _must("fare_media_id"),
            _may("fare_media_name"),
            _must("fare_media_type", values=("0", "1", "2", "3", "4")),
        ),
    ),
    "fare_products.txt": File(
        ("fare_product_id", "rider_category_id", "fare_media_id"),
        (
            _must("fare_product_id"),
            _may("fare_product_name"),
            _may("rider_category_id", "rider category"),
            _may("fare_media_id", "fare medium"),
            _must("amount"),
            _must("currency"),
        ),
    ),
    "fare_leg_rules.txt": File(
        (
            "network_id",
            "from_area_id",
            "to_area_id",
            "from_timeframe_group_id",
            "to_timeframe_group_id",
            "fare_product_id",
        ),
        (
            _may("leg_group_id"),
            _may("network_id", "network"),
            _may("from_area_id", "area"),
            _may("to_area_id", "area"),
            _may("from_timeframe_group_id", "timeframe group"),
            _may("to_timeframe_group_id", "timeframe group"),
            _must("fare_product_id", "fare product"),
            _may("rule_priority", kind=NUMBER),
        ),
    ),
    "fare_leg_join_rules.txt": File(
        ("from_network_id", "to_network_id", "from_stop_id", "to_stop_id"),
        (
            _may("from_network_id", "network"),
            _may("to_network_id", "network"),
            _may("from_stop_id", "stop"),
            _may("to_stop_id", "stop"),
        ),
    ),
    "fare_transfer_rules.txt": File(
        (
            "from_leg_group_id",
            "to_leg_group_id",
            "fare_product_id",
            "transfer_count",
            "duration_limit",
        ),
        (
            _may("from_leg_group_id", "leg group"),
            _may("to_leg_group_id", "leg group"),
            _may("transfer_count"),
            _may("duration_limit", kind=NUMBER),
            _may("duration_limit_type", values=("", "0", "1", "2", "3")),
            _must("fare_transfer_type", values=("0", "1", "2")),
            _may("fare_product_id", "fare product"),
        ),
    ),
    "feed_info.txt": File(
        (),
        (
            _advised("feed_publisher_name"),
            _may("feed_publisher_url"),
            _may("feed_version"),
            _may("feed_start_date", kind=DAY),
            _may("feed_end_date", kind=DAY),
        ),
    ),
    "fare_attributes.txt": File(
        ("fare_id",),
        (
            _must("fare_id"),
            _must("price"),
            _must("currency_type"),
            _must("payment_method", values=("0", "1")),
            _may("transfers", values=("", "0", "1", "2")),
            _may("agency_id", "agency"),
            _may("transfer_duration", kind=NUMBER),
        ),
    ),
    "fare_rules.txt": File(
        ("fare_id", "route_id", "origin_id", "destination_id", "contains_id"),
        (
            _must("fare_id", "fare"),
            _may("route_id", "route"),
            _may("origin_id", "zone"),
            _may("destination_id", "zone"),
            _may("contains_id", "zone"),
        ),
        whole=True,
    ),
}
FARES_V2 = (
    "areas.txt",
    "stop_areas.txt",
    *NETWORKS,
    "timeframes.txt",
    "rider_categories.txt",
    "fare_media.txt",
    "fare_products.txt",
    "fare_leg_rules.txt",
    "fare_leg_join_rules.txt",
    "fare_transfer_rules.txt",
)
FARES_V1 = ("fare_attributes.txt", "fare_rules.txt")
EVERY_FEED = ("agency.txt", "stops.txt", "routes.txt")
TIMETABLE = ("trips.txt", "stop_times.txt")  # they say which networks lead from stop to stop
