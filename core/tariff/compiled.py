"""A compiled tariff: arrays for the rating function, and the words that explain them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from onecard.core.tariff.building import Arrays


@dataclass(frozen=True, slots=True)
class Compiled:
    """`arrays` by name, as docs/tariffs.md and ext/fare/tables.pxd have them:

        the tables of building.TABLES, and `counts`, the rows meant of each
        cells         u4  from set x to set of each square; a list of offers, 0 = no fare
        cell_keys     i8  of squares too large: (network.key + from) * to_sets + to, rising
        cell_lists    u4  beside cell_keys
        list_offers   u4  the offers of list l are those from [l] to [l + 1]; list 0 is empty
        place_sets    u4  [row][place]: the set of a place in networks of that row; NOWHERE
        place_station u4  [place]: the place that is its station; itself where there is none
        place_zone    u2  [place]: 0 = the tariff's zone
        zone_offsets  u4  offsets of zone z are those from [z] to [z + 1], by time
        frame_rows    u4  spans of frame f are those from [f] to [f + 1]; frame 0 is always
        place_lists   u1  [list][place // 8]: bit place % 8; list 0 is none
        group_keys    i8  from_group * groups_to + to_group, rising; 0 stands for all not listed
        group_rows    u4  group_transfers of key k are those from [k] to [k + 1]
        share_keys    i8  (network * places + from) * places + to, rising; places counts place 0
        share_rows    u4  shares of key k are those from [k] to [k + 1]

    and of a feed, which the rating function does not read: way_networks, call_rows, call_ways,
    call_first, call_last (gtfs/trips.py).

    Places, networks, lines and media are numbered from 1, classes from 0. `words` has, in the
    order of their numbers: id, name, currency, zone; places (id, name, aliases), networks (id,
    name, mode), classes, media (id, name), products (id, name), lines (id, name, network),
    operators, bearers, rules (id, kind, words, file, line, source with title, date, url), where
    rule r is at r - 1. `metres[network]` are the shortest ways from set to set of a network by
    distance.
    """

    arrays: Arrays
    words: dict[str, Any]
    metres: dict[int, Any]
