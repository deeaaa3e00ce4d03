"""fare_leg_rules.txt: from which set of places to which, in which networks, which products."""

from __future__ import annotations

from typing import Any

from onecard.core.tariff.gtfs.cells import Rectangle
from onecard.core.tariff.gtfs.joins import Joins
from onecard.core.tariff.gtfs.making import Making
from onecard.core.tariff.gtfs.networks import Networks
from onecard.core.tariff.gtfs.offers import LegRule, add_networks, add_offers
from onecard.core.tariff.gtfs.places import Places
from onecard.core.tariff.gtfs.products import Products
from onecard.core.tariff.gtfs.sets import Sets
from onecard.core.tariff.gtfs.transfers import Groups

LEGS = "fare_leg_rules.txt"


def read_legs(
    making: Making, products: Products, frames: dict[str, int], currency: str
) -> list[LegRule]:
    """Each row that is right. A price in another currency is in `words["other_currency"]`, by
    rule."""
    rules: list[LegRule] = []
    others: dict[str, list[dict[str, Any]]] = {}
    columns = ("leg_group_id", "network_id", "from_area_id", "to_area_id")
    frame_columns = ("from_timeframe_group_id", "to_timeframe_group_id")
    for line, row in making.feed.each(
        LEGS, *columns, *frame_columns, "fare_product_id", "rule_priority"
    ):
        group, network, from_area, to_area, from_frame, to_frame, product, priority = row
        if any(frame and frame not in frames for frame in (from_frame, to_frame)):
            continue  # a timeframe group whose rows are all at fault, which is said there
        said = f"{product}: from {from_area or 'any area'} to {to_area or 'any area'}"
        said += f", network {network}" if network else ""
        rule = making.rule("leg", said, LEGS, line)
        prices = products.get(product, [])
        rules.append(
            LegRule(
                line,
                group,
                network,
                from_area,
                to_area,
                frames.get(from_frame, 0),
                frames.get(to_frame, 0),
                int(priority or 0),
                tuple(one for one in prices if one.currency == currency),
                rule,
            )
        )
        other = [one for one in prices if one.currency != currency]
        if other:
            others[str(rule)] = [
                {"product": one.number, "amount": one.amount, "currency": one.currency}
                for one in other
            ]
    making.building.words["other_currency"] = others
    return rules


def add_legs(
    making: Making,
    rules: list[LegRule],
    networks: Networks,
    places: Places,
    groups: Groups,
    joins: Joins,
) -> bool:
    """Squares, lists and offers of all legs. Returns True when they are within the limits."""
    has_priority = making.feed.has(LEGS, "rule_priority")
    sets = Sets(
        places.areas,
        {one.from_area for one in rules} - {""},
        {one.to_area for one in rules} - {""},
        has_priority,
    )
    named = sorted(networks.numbers[name] for name in {one.network for one in rules} - {""})
    kind_of = {number: kind for kind, number in enumerate(named)}
    others = len(named)  # networks that no rule lists are of one kind, the last
    empty = list(range(others + 1)) if has_priority else [others]
    rectangles: dict[tuple[str, str, str], list[int]] = {}
    for at, one in enumerate(rules):
        rectangles.setdefault((one.network, one.from_area, one.to_area), []).append(at)
    laid = [
        Rectangle(
            [kind_of[networks.numbers[network]]] if network else empty,
            sets.matching(from_area, 0),
            sets.matching(to_area, 1),
            tuple(of),
        )
        for (network, from_area, to_area), of in rectangles.items()
    ]
    if not add_offers(making, LEGS, rules, laid, others + 1, sets, groups):
        return False
    kinds = {number: kind_of.get(number, others) for number in range(1, networks.none + 1)}
    add_networks(making, networks, kinds, sets, joins)
    return True
