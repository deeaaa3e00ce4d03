"""fare_transfer_rules.txt: groups of legs by number, and what it costs to go on from one to
another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onecard.core.errors import quoted
from onecard.core.tariff.gtfs.making import Making
from onecard.core.tariff.gtfs.products import Product, Products
from onecard.core.tariff.gtfs.standard import NO_LIMIT
from onecard.core.tariff.notice import listed

TRANSFERS = "fare_transfer_rules.txt"
COUNT_MAX = 65_535
UNLIMITED = -1
PAYS_TO_LEG = (
    "1"  # of fare_transfer_type: A + AB + B; by the others the second leg costs nothing itself
)


@dataclass(frozen=True, slots=True)
class Groups:
    """`of_leg` numbers the groups of legs from 1. `listed_from` and `listed_to` number those that a
    column of transfers lists, from 1; 0 is all others."""

    of_leg: dict[str, int]
    listed_from: dict[str, int]
    listed_to: dict[str, int]

    def numbers(self, group: str) -> tuple[int, int, int]:
        """(leg_group, from_group, to_group) of an offer."""
        # Nothing is transferred from a leg in no group, nor to it: an empty group of a rule is
        # every group that the column does not list, and no leg besides.
        if not group:
            return 0, 0, 0
        return self.of_leg[group], self.listed_from.get(group, 0), self.listed_to.get(group, 0)


@dataclass(frozen=True, slots=True)
class TransferRule:
    """A row that is right. `free` where it takes nothing for the second leg."""

    line: int
    from_group: str
    to_group: str
    count: int
    limit_s: int
    limit_type: int
    way: int
    product: str
    costs: tuple[Product, ...]

    @property
    def free(self) -> bool:
        """Returns True when the second leg costs nothing."""
        nothing = all(one.amount <= 0 for one in self.costs)
        return str(self.way) != PAYS_TO_LEG and nothing


def read_groups(making: Making) -> Groups:
    feed = making.feed
    listed_from: dict[str, int] = {}
    listed_to: dict[str, int] = {}
    for _, (before, after) in feed.each(TRANSFERS, "from_leg_group_id", "to_leg_group_id"):
        if before:
            listed_from.setdefault(before, len(listed_from) + 1)
        if after:
            listed_to.setdefault(after, len(listed_to) + 1)
    of_leg = {name: at for at, name in enumerate(feed.ids["leg group"], start=1)}
    return Groups(of_leg, listed_from, listed_to)


def read_transfers(making: Making, products: Products, currency: str) -> list[TransferRule]:
    """Each row that is right, in the order of the file."""
    feed = making.feed
    rules = []
    columns = ("from_leg_group_id", "to_leg_group_id", "transfer_count", "duration_limit")
    others = ("duration_limit_type", "fare_transfer_type", "fare_product_id")
    for line, row in feed.each(TRANSFERS, *columns, *others):
        before, after, said_count, limit, limit_type, way, product = row
        count = _count(making, line, before, after, said_count)
        timed = _is_limit_right(making, line, limit, limit_type)
        costs = [one for one in products.get(product, ()) if one.currency == currency]
        if product and not costs:
            found = f"expected a price of product {quoted(product)} in {currency}, found none"
            feed.notices.error("no_price", TRANSFERS, line, found, "add one to fare_products.txt")
        if count is None or not timed or (product and not costs):
            continue
        rules.append(
            TransferRule(
                line,
                before,
                after,
                count,
                int(limit or 0),
                int(limit_type or 0),
                int(way),
                product,
                tuple(costs),
            )
        )
    _check_cycles(making, rules)
    return rules


def _count(making: Making, line: int, before: str, after: str, said: str) -> int | None:
    """How many transfers in a row; None where the field is at fault."""
    notices = making.notices
    if before != after:
        if said:
            found = f"expected no transfer_count between two groups, found {quoted(said)}"
            notices.error("forbidden_value", TRANSFERS, line, found, "leave it empty")
            return None
        return UNLIMITED
    if not said:
        found = "expected transfer_count of transfers within a group, found nothing"
        if before:
            notices.error("value_missing", TRANSFERS, line, found, "say -1 or how many")
            return None
        notices.warning("value_missing", TRANSFERS, line, found, "taken for -1; say -1 or how many")
        return UNLIMITED
    right = said.isascii() and said.isdecimal() and 0 < int(said[:6]) <= COUNT_MAX
    if said != NO_LIMIT and not right:
        found = f"expected transfer_count to be -1 or 1 to {COUNT_MAX}, found {quoted(said)}"
        notices.error("wrong_value", TRANSFERS, line, found, "say -1 or how many")
        return None
    return UNLIMITED if said == NO_LIMIT else int(said)


def _is_limit_right(making: Making, line: int, limit: str, limit_type: str) -> bool:
    """Returns True when duration_limit and its type are both there, or neither."""
    if limit and int(limit) == 0:
        found = "expected duration_limit to be 1 or more seconds, found 0"
        making.notices.error("wrong_value", TRANSFERS, line, found, "leave it empty for no limit")
        return False
    if bool(limit) == bool(limit_type):
        return True
    if limit:
        found = "expected duration_limit_type beside duration_limit, found nothing"
        making.notices.error("value_missing", TRANSFERS, line, found, "say 0, 1, 2 or 3")
    else:
        found = f"expected no duration_limit_type without duration_limit, found {limit_type}"
        making.notices.error(
            "forbidden_value", TRANSFERS, line, found, "leave it empty, or say both"
        )
    return False


def _check_cycles(making: Making, rules: list[TransferRule]) -> None:
    """Free transfers without limit that lead back to where they began: nobody would pay again."""
    edges = {
        (one.from_group, one.to_group): one.line
        for one in rules
        if one.free and one.count == UNLIMITED and not one.limit_s
    }
    while True:  # whoever leads on but is never reached, or the other way round, is on no cycle
        sources = {before for before, _ in edges}
        targets = {after for _, after in edges}
        dead = (sources | targets) - (sources & targets)
        if not dead:
            break
        edges = {pair: at for pair, at in edges.items() if not dead & set(pair)}
    if edges:
        lines = listed(str(line) for line in sorted(edges.values()))
        found = f"found free transfers without limit that lead in a circle, lines {lines}"
        do = "give one of them a duration_limit or a transfer_count, unless a day's travel is meant"
        making.notices.warning("cyclic_transfers", TRANSFERS, min(edges.values()), found, do)


def add_transfers(making: Making, file: str, rules: list[TransferRule], groups: Groups) -> None:
    """`group_transfers` and what they cost, by pair of groups; of one pair the least count
    first."""
    building = making.building
    stride = len(groups.listed_to) + 1
    building.words["groups_to"] = stride
    building.words["groups_from"] = len(groups.listed_from) + 1
    by_key: dict[int, list[TransferRule]] = {}
    for one in rules:
        before = groups.listed_from.get(one.from_group, 0)
        after = groups.listed_to.get(one.to_group, 0)
        by_key.setdefault(before * stride + after, []).append(one)
    begins = [0]
    for key in sorted(by_key):
        for one in sorted(by_key[key], key=lambda one: one.count % (COUNT_MAX + 2)):
            _add_transfer(making, file, one)
        begins.append(building.count("group_transfers"))
    building.wide["group_keys"] = np.array(sorted(by_key) or [-1], np.int64)
    building.wide["group_rows"] = np.array(begins if by_key else [0, 0], np.uint32)


def _add_transfer(making: Making, file: str, one: TransferRule) -> None:
    building = making.building
    said = f"from {one.from_group or 'any other group'} to {one.to_group or 'any other group'}"
    rule = making.rule("transfer", said, file, one.line)
    first = building.count("offers")
    for cost in one.costs:
        building.add(
            "offers",
            rule=rule,
            rider_class=cost.rider_class,
            media=cost.media,
            amount=cost.amount,
            product=cost.number,
        )
    building.add(
        "group_transfers",
        rule=rule,
        count=one.count,
        limit_s=one.limit_s,
        limit_type=one.limit_type,
        way=one.way,
        same_group=int(one.from_group == one.to_group),
        offer=first,
        offers=len(one.costs),
    )
