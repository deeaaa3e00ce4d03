"""`onecard.toml` in a feed: rules that GTFS has no word for, in the language of folders.

Classes are the feed's rider categories, networks its network ids, stations its stop ids.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from onecard.core.tariff.building import Building
from onecard.core.tariff.language.entry import SECONDS_MAX, Entry
from onecard.core.tariff.language.folder import RULES_MAX, bitmaps
from onecard.core.tariff.language.frames import Frames
from onecard.core.tariff.language.head import (
    WEEK,
    read_entries,
    read_holidays,
    read_sources,
    service_day,
)
from onecard.core.tariff.language.names import Names
from onecard.core.tariff.language.networks import Networks
from onecard.core.tariff.language.rules import (
    read_cap,
    read_discount,
    read_limit,
    read_tier,
    read_transfer,
)
from onecard.core.tariff.language.stations import Place, Places
from onecard.core.tariff.language.toml import read_document
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.source import Source
from onecard.ext.fare.shapes import NETWORK, TARIFF_HEADER, Basis

EXTENSION = "onecard.toml"
KINDS = ("network", "discount", "transfer", "tier", "limit", "cap")
JOURNEY_GAP_S = 4 * 3600  # longer than any feed's transfer that was looked at


def extend(
    building: Building, rules: list[dict[str, Any]], source: Source, notices: Notices
) -> None:
    """Add the rules of a feed's onecard.toml, where it has one. `building` has all of the feed's
    rows; `rules` and its words go on."""
    if not source.has(EXTENSION):
        set_header(building, {"journey_gap_s": JOURNEY_GAP_S})
        return
    read = read_document(source, EXTENSION, notices)
    if read is None:
        return
    document, lines = read
    top = Entry(EXTENSION, "", 0, document, lines, notices)
    entries = read_entries(top, KINDS)
    names = names_of(building, rules, read_sources(top))
    ends = building.wide["frame_rows"].tolist()
    frames = Frames(building, read_holidays(top, source), ends)
    set_header(building, _head(top))
    top.done()
    networks = Networks(names, source)
    for entry in entries["network"]:
        change_network(entry, networks)
    for entry in entries["discount"]:
        read_discount(entry, names, frames, source)
    for entry in entries["transfer"]:
        read_transfer(entry, names)
    for kind, read_rule in (("tier", read_tier), ("limit", read_limit), ("cap", read_cap)):
        for entry in entries[kind]:
            read_rule(entry, names)
    count = sum(building.count(name) for name in ("discounts", "tiers", "limits", "caps"))
    if count > RULES_MAX:
        found = f"expected at most {RULES_MAX} discounts, tiers, limits and caps, found {count}"
        notices.error("too_many", EXTENSION, 0, found, "put some together")
    for name, bit in names.bits.items():
        set_network(building, names.networks[name], {"bit": bit})
    places = len(names.places.known) + 1
    building.wide["frame_rows"] = np.array(frames.ends, np.uint32)
    building.wide["place_lists"] = bitmaps(names.place_lists, places)
    building.words["bearers"] = names.bearers
    known = len(building.words["media"])
    building.words["media"] += [{"id": id, "name": id} for id in list(names.media)[known:]]


def _head(top: Entry) -> dict[str, int]:
    return {
        "service_day_s": service_day(top),
        "week_begins": WEEK.index(top.one_of("week_starts", WEEK, "monday") or "monday"),
        "stacks": int(top.one_of("combine", ("best", "stack"), "best") == "stack"),
        "journey_gap_s": top.whole("journey_gap_s", 0, SECONDS_MAX, JOURNEY_GAP_S) or 0,
    }


def names_of(
    building: Building, rules: list[dict[str, Any]], sources: dict[str, dict[str, str]]
) -> Names:
    """What the rules may name, by the numbers the feed has for it."""
    words = building.words
    places = [Place(one["id"], one["name"], list(one["aliases"])) for one in words["places"]]
    at = {place.id: number for number, place in enumerate(places, start=1)}
    modes: dict[str, list[str]] = {}
    for one in words["networks"]:
        if one["id"] and one["mode"]:
            modes.setdefault(f"mode:{one['mode']}", []).append(one["id"])
    return Names(
        building,
        sources,
        networks={one["id"]: at for at, one in enumerate(words["networks"], start=1) if one["id"]},
        modes=modes,
        classes={one["id"]: at for at, one in enumerate(words["classes"])},
        media={one["id"]: at for at, one in enumerate(words["media"], start=1)},
        places=Places(places, at),
        lines={one["number"]: one["name"] for one in words.get("lines", []) if "number" in one},
        operators=words["operators"],
        rules=rules,
    )


def change_network(entry: Entry, networks: Networks) -> None:
    """A network of the feed that charges by metres, or something beside its fares."""
    names = networks.names
    id = str(entry.found.get("id", ""))
    if id not in names.networks:
        entry.wrong("id", "a network_id of the feed")
        return
    row: dict[str, int] = {}
    least = most = None
    if entry.one_of("basis", ("cells", "metres"), "cells") == "metres":
        row |= {"basis": Basis.METRES, "rule": names.rule(entry, f"network {id}")}
        least, most = networks.steps(entry, "metres", row)
    networks.beside(entry, row, least, most)
    names.source(entry)
    entry.done()
    set_network(names.building, names.networks[id], row)


def set_network(building: Building, number: int, fields: dict[str, int]) -> None:
    """Fields of the row of a network that was made already."""
    columns = NETWORK.names or ()
    row = dict(zip(columns, building.rows["networks"][number - 1], strict=True)) | fields
    building.rows["networks"][number - 1] = tuple(int(row[name]) for name in columns)


def set_header(building: Building, fields: dict[str, int]) -> None:
    columns = TARIFF_HEADER.names or ()
    row = dict(zip(columns, building.rows["header"][0], strict=True)) | fields
    building.rows["header"][0] = tuple(int(row[name]) for name in columns)
