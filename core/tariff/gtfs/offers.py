"""Offers of legs: the prices of the rules that speak of each pair of sets, and the squares they
stand in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import quoted
from onecard.core.tariff.gtfs.cells import KEYS_MAX, Rectangle, Squares, lay_out
from onecard.core.tariff.gtfs.joins import Joins
from onecard.core.tariff.gtfs.making import Making
from onecard.core.tariff.gtfs.networks import Networks
from onecard.core.tariff.gtfs.products import Product
from onecard.core.tariff.gtfs.sets import Sets
from onecard.core.tariff.gtfs.transfers import Groups
from onecard.core.tariff.notice import listed
from onecard.ext.fare import shapes

OFFERS_MAX = 1 << 20
NO_BIT = -1  # of masks: a rule that names the network gives it one
UNDEFINED = -1


@dataclass(frozen=True, slots=True)
class LegRule:
    """A row, and the prices of its product in the currency that is counted."""

    line: int
    group: str
    network: str
    from_area: str
    to_area: str
    from_frame: int
    to_frame: int
    priority: int
    prices: tuple[Product, ...]
    number: int  # of the rule, from 1

    @property
    def always(self) -> bool:
        """Returns True when no timeframe bounds it."""
        return not self.from_frame and not self.to_frame


def add_offers(
    making: Making,
    file: str,
    rules: list[LegRule],
    rectangles: list[Rectangle],
    kinds: int,
    sets: Sets,
    groups: Groups,
) -> bool:
    """Cells, lists and offers: an offer for each price of each rule of each list; lists that come
    to the same are one. Returns True when all of them are within the limits."""
    squares = lay_out(rectangles, kinds, sets.count)
    if squares is None:
        said = f"more than {KEYS_MAX} pairs of {sets.count} sets of places with a fare"
        _too_many(making, file, said)
        return False
    building = making.building
    numbers: dict[tuple[int, ...], int] = {(): 0}
    of_list = np.zeros(len(squares.lists), np.uint32)
    for at, found in enumerate(squares.lists):
        of_list[at] = numbers.setdefault(_highest(found, rules), len(numbers))
    _say_idle(making, file, rules, numbers)
    if sum(len(rules[at].prices) for found in numbers for at in found) > OFFERS_MAX:
        _too_many(making, file, f"more than {OFFERS_MAX} offers in {len(numbers)} lists of rules")
        return False
    begins = [0, 0]  # list 0 is empty
    for found in list(numbers)[1:]:
        for at in found:
            _add_prices(making, rules[at], groups)
        begins.append(building.count("offers"))
    building.wide["list_offers"] = np.array(begins, np.uint32)
    building.wide["place_sets"] = sets.of_place.reshape(1, -1)
    _add_cells(making, squares, of_list)
    return True


def _highest(found: tuple[int, ...], rules: list[LegRule]) -> tuple[int, ...]:
    """Without those that a rule of a higher priority always hides, and those without a price that
    is counted, which are as if they were not there."""
    priced = [at for at in found if rules[at].prices]
    least = max((rules[at].priority for at in priced if rules[at].always), default=0)
    return tuple(at for at in priced if rules[at].priority >= least)


def _add_prices(making: Making, rule: LegRule, groups: Groups) -> None:
    leg_group, from_group, to_group = groups.numbers(rule.group)
    for price in rule.prices:
        making.building.add(
            "offers",
            rule=rule.number,
            priority=rule.priority,
            from_frame=rule.from_frame,
            to_frame=rule.to_frame,
            leg_group=leg_group,
            from_group=from_group,
            to_group=to_group,
            rider_class=price.rider_class,
            media=price.media,
            amount=price.amount,
            product=price.number,
        )


def _add_cells(making: Making, squares: Squares, of_list: NDArray[np.uint32]) -> None:
    """The cells themselves, or those that have a list by their keys; `of_list` renumbers lists."""
    wide = making.building.wide
    lists = of_list[squares.cells]
    if squares.keys is None:
        wide["cells"] = lists if len(lists) else np.zeros(1, np.uint32)
        wide["cell_keys"] = np.full(1, -1, np.int64)
        wide["cell_lists"] = np.zeros(1, np.uint32)
    else:
        wide["cells"] = np.zeros(1, np.uint32)
        wide["cell_keys"] = squares.keys[lists != 0]
        wide["cell_lists"] = lists[lists != 0]


def add_networks(
    making: Making, networks: Networks, kinds: dict[int, int], sets: Sets, joins: Joins
) -> None:
    """A row for each network, after the offers; those of one kind share a square."""
    dense = making.building.wide["cell_keys"][0] < 0
    for number, kind in kinds.items():
        bits, rule = joins.get(number, (0, 0))
        making.building.add(
            "networks",
            rule=rule,
            basis=shapes.Basis.CELL,
            bit=NO_BIT,
            square=kind * sets.count * sets.count if dense else -1,
            key=kind * sets.count,
            to_sets=sets.count,
            incomplete_amount=UNDEFINED,
            joins=bits,
            operator=networks.operators.get(number, 0),
        )


def _say_idle(
    making: Making, file: str, rules: list[LegRule], lists: dict[tuple[int, ...], int]
) -> None:
    """Rules that no pair of stops meets, or that others of a higher priority hide everywhere."""
    met = {at for found in lists for at in found}
    idle = [one.line for at, one in enumerate(rules) if at not in met and one.prices]
    if idle:
        found = f"found {len(idle)} rules of no effect, lines {listed(map(str, idle))}"
        do = "no stop is in their areas, or others go before them; mend or remove them"
        making.notices.warning("no_effect", file, idle[0], found, do)


def _too_many(making: Making, file: str, found: str) -> None:
    do = "put areas together, so that fewer differ"
    making.notices.error("too_many", file, 0, f"found {quoted(found, 200)}", do)
