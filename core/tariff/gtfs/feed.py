"""A GTFS feed, folder or zip, to a compiled tariff; docs/tariffs.md has what each file comes to."""

from __future__ import annotations

import re
from pathlib import PurePath

import numpy as np

from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.currency import minor_digits
from onecard.core.tariff.gtfs.frames import add_frames
from onecard.core.tariff.gtfs.joins import add_joins
from onecard.core.tariff.gtfs.legs import LEGS, add_legs, read_legs
from onecard.core.tariff.gtfs.making import Making
from onecard.core.tariff.gtfs.networks import Networks, read_networks
from onecard.core.tariff.gtfs.older import FARES, add_older
from onecard.core.tariff.gtfs.places import Places, add_zones, read_places
from onecard.core.tariff.gtfs.products import (
    PRODUCTS,
    add_media,
    add_riders,
    main_currency,
    read_products,
)
from onecard.core.tariff.gtfs.reading import day, read_feed
from onecard.core.tariff.gtfs.standard import EVERY_FEED, TIMETABLE
from onecard.core.tariff.gtfs.transfers import (
    TRANSFERS,
    add_transfers,
    read_groups,
    read_transfers,
)
from onecard.core.tariff.gtfs.trips import add_calls, read_ways
from onecard.core.tariff.language.extension import extend
from onecard.core.tariff.notice import Notices, listed
from onecard.core.tariff.source import Source
from onecard.ext.fare import shapes

# A feed's dates are of its timetable: fares hold beyond them, until another feed says others. From
# 1970 to 9999.
ALWAYS = (0, 2_932_896)
ID_CHARACTERS_MAX = 36


def is_feed(source: Source) -> bool:
    """Returns True when the files are those of a feed, and not of a tariff's folder."""
    return source.has("stops.txt") or source.has("agency.txt")


def compile_feed(source: Source, notices: Notices) -> Compiled | None:
    """All of a feed's fares. What is wrong is in `notices`, and its rows are left out: who charges
    by it must refuse where there are errors. None where nothing can be compiled."""
    making = Making(read_feed(source, notices))
    _check_files(making)
    _describe(making)
    places = read_places(making)
    if not add_zones(making, places) or not places.numbers:
        return None
    ways = read_ways(making, places)
    networks = None
    if source.has(LEGS):
        networks = _add_newer(making, places)
    elif source.has(FARES):
        networks = add_older(making, places, ways)
    if networks is None:
        return None
    add_calls(making, places, ways, networks.of_route)
    return _finished(making, places)


def _check_files(making: Making) -> None:
    source, notices = making.feed.source, making.notices
    for file in EVERY_FEED:
        if not source.has(file):
            notices.error("file_missing", file, 0, "expected the file, found none", "add it")
    for file in TIMETABLE:
        if not source.has(file):
            do = "add it; without it a quote takes all networks, unless it is told one"
            notices.warning("file_missing", file, 0, "expected the file, found none", do)
    if source.has(LEGS) and not source.has(PRODUCTS):
        found = f"expected the file beside {LEGS}, found none"
        notices.error("file_missing", PRODUCTS, 0, found, "add it")
    if not source.has(LEGS) and not source.has(FARES):
        found = f"expected {LEGS} or {FARES}, found neither"
        notices.error("no_fares", LEGS, 0, found, "the feed says no fares; add them")


def _describe(making: Making) -> None:
    """What the feed is called, and the source that each of its numbers is from."""
    feed = making.feed
    agencies = [name for _, (name,) in feed.each("agency.txt", "agency_name") if name]
    columns = ("feed_publisher_name", "feed_version", "feed_start_date", "feed_publisher_url")
    said = next((row for _, row in feed.each("feed_info.txt", *columns)), ["", "", "", ""])
    publisher, version, start, url = said
    title = publisher or listed(agencies, 3) or feed.source.name
    begin = day(start)
    making.source.update(
        title=f"GTFS of {title}" + (f", version {version}" if version else ""),
        date=begin.isoformat() if begin else "",
        url=url,
    )
    words = making.building.words
    stem = PurePath(feed.source.name).stem.lower()
    words["id"] = (
        re.sub("[^a-z0-9]+", "-", stem).strip("-")[:ID_CHARACTERS_MAX].strip("-") or "gtfs"
    )
    words["name"] = listed(agencies, 3) or title


def _add_newer(making: Making, places: Places) -> Networks | None:
    """Fares v2. None where there is no price, or more than a tariff holds."""
    products = read_products(making, add_riders(making), add_media(making))
    first = next((name for _, (name,) in making.feed.each(LEGS, "fare_product_id")), "")
    currency = main_currency(making, products, first)
    networks = read_networks(making)
    if currency is None or networks is None:
        if currency is None and making.feed.has(PRODUCTS):
            found = "expected a leg rule and a product with a price, found none"
            making.notices.error("no_fares", LEGS, 0, found, "add them")
        return None
    making.building.words["currency"] = currency
    groups = read_groups(making)
    legs = read_legs(making, products, add_frames(making), currency)
    transfers = read_transfers(making, products, currency)
    joins = add_joins(making, networks, places)
    if not add_legs(making, legs, networks, places, groups, joins):
        return None
    add_transfers(making, TRANSFERS, transfers, groups)
    return networks


def _finished(making: Making, places: Places) -> Compiled:
    building = making.building
    words = building.words
    digits = minor_digits(words["currency"])
    assert digits is not None  # an amount of it was read
    effective_day, until_day = ALWAYS
    building.add(
        "header",
        layout=shapes.LAYOUT,
        minor_digits=digits,
        effective_day=effective_day,
        until_day=until_day,
        default_class=words.pop("default_class"),
        has_priority=int(making.feed.has(LEGS, "rule_priority")),
        groups_to=words.pop("groups_to"),
        groups_from=words.pop("groups_from"),
    )
    words["rules"] = making.rules
    words["bearers"] = []
    building.wide["place_lists"] = np.zeros((1, len(places) // 8 + 1), np.uint8)
    building.wide["share_keys"] = np.full(1, -1, np.int64)
    building.wide["share_rows"] = np.zeros(2, np.uint32)
    extend(building, making.rules, making.feed.source, making.notices)
    return Compiled(building.arrays(), words, {})
