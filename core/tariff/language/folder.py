"""The way of a tariff's folder: from its files to a compiled tariff."""

from __future__ import annotations

import numpy as np

from onecard.core.errors import quoted
from onecard.core.tariff.building import Arrays, Building
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.language.cities import REGIONS, Shares, read_foreign, read_regions
from onecard.core.tariff.language.frames import Frames
from onecard.core.tariff.language.head import RULES, Head, read_head
from onecard.core.tariff.language.names import Names
from onecard.core.tariff.language.networks import Networks
from onecard.core.tariff.language.rules import (
    read_cap,
    read_class,
    read_discount,
    read_limit,
    read_tier,
    read_transfer,
)
from onecard.core.tariff.notice import Notices, listed
from onecard.core.tariff.source import Source
from onecard.core.tariff.zone import offsets
from onecard.ext.fare.shapes import LAYOUT, NOWHERE, REASONS_MAX

RULES_MAX = REASONS_MAX - 8  # discounts, tiers, limits and caps: each may be a reason of one ride


def is_folder(source: Source) -> bool:
    """Returns True when there is a tariff.toml."""
    return source.has(RULES)


def compile_folder(source: Source, notices: Notices) -> Compiled | None:
    """A tariff of the files of a folder; None where something in them is at fault, all of which
    is noticed."""
    head = read_head(source, notices)
    if head is None:
        return None
    names = Names(Building(), head.sources)
    frames = Frames(names.building, head.holidays)
    networks = Networks(names, source)
    shares = Shares(names, source)
    for entry in head.entries["class"]:
        read_class(entry, names)
    for entry in head.entries["network"]:
        networks.read(entry)
    for entry in head.entries["discount"]:
        read_discount(entry, names, frames, source)
    for entry in head.entries["transfer"]:
        read_transfer(entry, names)
    for kind, read in (("tier", read_tier), ("limit", read_limit), ("cap", read_cap)):
        for entry in head.entries[kind]:
            read(entry, names)
    regions = read_regions(source, notices) if head.entries["foreign"] else {}
    for entry in head.entries["foreign"]:
        read_foreign(entry, names, regions)
    for entry in head.entries["share"]:
        shares.read(entry)
    check_whole(head, names, source, notices)
    if notices.errors:
        return None
    add_header(head, names)
    names.building.wide |= wide(networks, frames, shares)
    return Compiled(names.building.arrays(), words(head, names), dict(networks.metres))


def check_whole(head: Head, names: Names, source: Source, notices: Notices) -> None:
    """What no single table is at fault for."""
    if not names.classes:
        notices.error("class", RULES, 0, "expected a [[class]], found none", "add one")
    if not names.networks:
        notices.error("network", RULES, 0, "expected a [[network]], found none", "add one")
    if head.default_class != "?" and head.default_class not in names.classes:
        there = listed(names.classes) or "none"
        said = f"default_class: expected a class, found {quoted(head.default_class)}"
        notices.error("unknown", RULES, 0, said, f"there are {there}")
    count = sum(names.building.count(name) for name in ("discounts", "tiers", "limits", "caps"))
    if count > RULES_MAX:
        said = f"expected at most {RULES_MAX} discounts, tiers, limits and caps, found {count}"
        notices.error("too_many", RULES, 0, said, "put some together")
    used = {rule["source"]["title"] for rule in names.rules if rule["source"]}
    for name, source_of in head.sources.items():
        if source_of["title"] not in used:
            notices.warning("unused", RULES, 0, f"sources.{name}: no rule is from it", "remove it")
    known = {RULES, REGIONS} | {file for file in source.files() if not file.endswith(".csv")}
    if not head.entries["foreign"] and source.has(REGIONS):
        notices.warning("unused", REGIONS, 0, "no [[foreign]] reads it", "remove it")
    named = {head.holidays_file} | {
        value
        for entries in head.entries.values()
        for entry in entries
        for value in _texts(entry.found)
    }
    for file in source.files():
        if file not in known and file not in named:
            notices.warning("unused", file, 0, "no rule reads it", "remove it, or name it")


def _texts(found: object) -> list[str]:
    if isinstance(found, str):
        return [found]
    if isinstance(found, dict):
        return [text for value in found.values() for text in _texts(value)]
    return []


def add_header(head: Head, names: Names) -> None:
    default = names.classes.get(head.default_class, 0)
    names.building.add(
        "header",
        layout=LAYOUT,
        minor_digits=head.digits,
        effective_day=head.from_day,
        until_day=head.until_day,
        service_day_s=head.service_day_s,
        week_begins=head.week_begins,
        stacks=int(head.stacks),
        default_class=default,
        groups_to=1,
        groups_from=1,
    )
    for from_us, offset_s in offsets(head.zone):
        names.building.add("offsets", from_us=from_us, offset_s=offset_s)


def wide(networks: Networks, frames: Frames, shares: Shares) -> Arrays:
    """The arrays that are no tables of structs."""
    names = networks.names
    places = len(names.places.known) + 1
    sets = np.full((max(len(networks.sets), 1), places), NOWHERE, np.uint32)
    for row, found in enumerate(networks.sets):
        sets[row, list(found)] = list(found.values())
    share_keys, share_rows = shares.arrays()
    return {
        "cells": np.concatenate([*networks.cells, np.zeros(1, np.uint32)]),
        "cell_keys": np.array([-1], np.int64),
        "cell_lists": np.zeros(1, np.uint32),
        "list_offers": np.array(networks.list_ends, np.uint32),
        "place_sets": sets,
        "place_station": np.arange(places, dtype=np.uint32),
        "place_zone": np.zeros(places, np.uint16),
        "zone_offsets": np.array([0, names.building.count("offsets")], np.uint32),
        "frame_rows": np.array(frames.ends, np.uint32),
        "place_lists": bitmaps(names.place_lists, places),
        "group_keys": np.array([-1], np.int64),
        "group_rows": np.zeros(2, np.uint32),
        "share_keys": share_keys,
        "share_rows": share_rows,
    }


def bitmaps(lists: list[list[int]], places: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Bit p % 8 of byte p // 8 of row l: place p is in list l."""
    bits = np.zeros((len(lists), (places + 7) // 8 * 8), np.uint8)
    for at, found in enumerate(lists):
        bits[at, found] = 1
    return np.packbits(bits, axis=1, bitorder="little")


def words(head: Head, names: Names) -> dict[str, object]:
    """What numbers are called; core/tariff/compiled.py."""
    return {
        "id": head.id,
        "name": head.name,
        "currency": head.currency,
        "zone": head.zone,
        "places": [
            {"id": place.id, "name": place.name, "aliases": place.aliases}
            for place in names.places.known
        ],
        "networks": names.building.words.get("networks", []),
        "classes": names.building.words.get("classes", []),
        "media": [{"id": name, "name": name} for name in names.media],
        "products": [],
        "lines": [
            {"id": str(number), "number": number, "name": name}
            for number, name in names.lines.items()
        ],
        "operators": names.operators,
        "bearers": names.bearers,
        "rules": names.rules,
    }
