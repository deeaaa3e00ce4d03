"""The slow twin of fares: what a ride costs by a tariff's folder, from docs/tariffs.md alone.

One function a section of that page, in its order. Money is whole minor units, shares are fractions.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from math import ceil, floor
from typing import Any, NamedTuple

from tests.twin.fares_calendar import holds_there, local, period, service_day
from tests.twin.fares_folder import (
    Tariff,
    all_fares,
    day_of,
    fare_between,
    fare_by_steps,
    network_of,
    share,
)

SECOND_US = 1_000_000
Rule = dict[str, Any]


@dataclass(frozen=True)
class Ride:
    """From a tap to a tap; None is what nobody said."""

    network: str
    begin_us: int
    end_us: int
    begin: str | None = None  # stations, by id
    end: str | None = None
    line: int | None = None
    face: int | None = None
    metres: int | None = None
    media: str | None = None
    incomplete: bool = False

    @property
    def seconds(self) -> int:
        """How long it took, in whole seconds."""
        return (self.end_us - self.begin_us) // SECOND_US

    def is_longer(self, rule: dict[str, Any] | None) -> bool:
        """Returns True when there is such a rule and it took more than its `after_s`."""
        return rule is not None and self.end_us - self.begin_us > rule["after_s"] * SECOND_US


@dataclass(frozen=True)
class Rider:
    """Who rides, and all that earlier rides left."""

    who: str
    until: date | None = None  # the last day of proof
    city: int = 0  # of the card, 0 = this one
    last: Ride | None = None  # what one transfers from
    links: int = 0  # rides in a row, that one the last, that had the discount of a transfer
    paid: dict[tuple[str, object], int] = field(default_factory=dict)  # by tier or cap, and period
    used: dict[tuple[str, object], int] = field(default_factory=dict)  # by discount, and period


class Reason(NamedTuple):
    """A rule that spoke of the ride, and the amount before and after it."""

    rule: str
    before: int
    after: int


Answer = tuple[int | None, list[Reason], Rider]


def rate(tariff: Tariff, ride: Ride, rider: Rider) -> Answer:
    """What a ride costs, None where no fare is defined; the reasons; what is kept of the rider."""
    day = service_day(tariff, ride.begin_us)
    who = rider_class(tariff, rider, day)
    if who is None or not is_in_force(tariff, ride.begin_us):
        return None, [], rider
    network = network_of(tariff, ride.network)
    if ride.incomplete or ride.is_longer(network.get("overdue")):
        return without_an_end(tariff, network, rider)
    if is_free_at_its_station(network, ride):
        amount, reasons, kept = 0, [Reason(network["id"], 0, 0)], rider
    else:
        fare = base_fare(tariff, network, ride, who)
        if fare is None:
            return None, [], rider
        reasons = [Reason(network["id"], 0, fare)]
        amount, kept = with_all_rules(tariff, ride, rider, who, fare, reasons)
    if ride.is_longer(network.get("overtime")):
        amount = note(reasons, network, amount, amount + network["overtime"]["add"])
    return amount, reasons, kept


def with_all_rules(
    tariff: Tariff, ride: Ride, rider: Rider, who: str, fare: int, reasons: list[Reason]
) -> tuple[int, Rider]:
    """From the fare of the network to what is counted: 5. to 8. of the order of a ride."""
    day = service_day(tariff, ride.begin_us)
    transfer = transfer_of(tariff, ride, rider, who)
    amount, used = fare, dict(rider.used)
    if transfer and transfer["when"] == "before":
        amount = note(reasons, transfer, amount, min(amount, reduced(transfer, amount)))
    amount = discounted(tariff, ride, who, day, amount, used, reasons)
    if transfer and transfer["when"] == "after":
        amount = note(reasons, transfer, amount, min(amount, reduced(transfer, amount)))
    kept = replace(
        rider, last=ride, links=rider.links + 1 if transfer else 0, used=used, paid=dict(rider.paid)
    )
    amount = tiered(tariff, ride, who, day, amount, kept, reasons)
    amount = limited(tariff, ride, who, amount, reasons)
    amount = capped(tariff, ride, who, day, amount, kept, reasons)
    count(tariff, ride, who, day, amount, kept)
    return amount, kept


def note(reasons: list[Reason], rule: Rule, before: int, after: int) -> int:
    """Keeps the reason, and gives the amount after it."""
    reasons.append(Reason(rule["id"], before, after))
    return after


# ---- 1. who --------------------------------------------------------------------------------------


def is_in_force(tariff: Tariff, at_us: int) -> bool:
    """Returns True when the day of a time is one of the tariff's; its last day is one."""
    day = local(tariff["zone"], at_us).date()
    begins, ends = day_of(tariff["effective_from"]), day_of(tariff.get("effective_until"))
    return begins is not None and begins <= day and (ends is None or day <= ends)


def rider_class(tariff: Tariff, rider: Rider, day: date) -> str | None:
    """The class: of a card of another city as `foreign` says, then as long as its proof holds; None
    of a card that is not accepted."""
    who: str | None = rider.who
    if rider.city:
        who = foreign_class(tariff, rider.city, day)
        if who is None:
            return None
    (found,) = (one for one in tariff["class"] if one["id"] == who)
    if found.get("proof") and rider.until is not None and day > rider.until:
        return str(tariff.get("default_class", tariff["class"][0]["id"]))
    return who


def foreign_class(tariff: Tariff, city: int, day: date) -> str | None:
    """Whom the rider of a city's card is taken for: of the first rule with a row that holds."""
    for rule in tariff.get("foreign", []):
        for row in tariff["tables"]["regions.csv"]:
            if row["region"] != rule["regions"] or int(row["city"]) != city:
                continue
            begins, ends = day_of(row["from"]), day_of(row["until"])
            if (begins is None or begins <= day) and (ends is None or day <= ends):
                return str(rule["class"])
    return None


# ---- 2. to 4. the fare ---------------------------------------------------------------------------


def without_an_end(tariff: Tariff, network: Rule, rider: Rider) -> Answer:
    """Incomplete or overdue: the maximum fare, and nothing else; nothing is kept of it."""
    if "incomplete" not in network:
        return None, [], rider
    fare = network["incomplete"].get("fare", max(all_fares(tariff, network), default=None))
    if fare is None:
        return None, [], rider
    return fare, [Reason(network["id"], 0, fare)], rider


def is_at_its_station(network: Rule, ride: Ride) -> bool:
    """Returns True when the ride ended where it began and the network has a fare for that."""
    return "same_station" in network and ride.begin is not None and ride.begin == ride.end


def is_free_at_its_station(network: Rule, ride: Ride) -> bool:
    """Returns True when the ride ended where it began before the time that is free."""
    return is_at_its_station(network, ride) and (
        ride.seconds < network["same_station"].get("free_s", 0)
    )


def base_fare(tariff: Tariff, network: Rule, ride: Ride, who: str) -> int | None:
    """The fare before discounts, by the network's basis; at one station its own, or the least."""
    basis = network["basis"]
    if is_at_its_station(network, ride):
        least = min(all_fares(tariff, network), default=None)
        return network["same_station"].get("fare", least)
    if basis == "flat":
        return int(network["fare"])
    if basis == "face":
        return ride.face
    if basis == "metres":
        if ride.metres is None:
            return None
        return fare_by_steps(network, max(0, ride.metres - network.get("grace_metres", 0)))
    if basis == "seconds":
        return fare_by_steps(network, ride.seconds)
    return fare_between(tariff, network, ride.begin, ride.end, who)


# ---- 5. transfers and discounts ------------------------------------------------------------------


def is_of(rule: Rule, ride: Ride, who: str) -> bool:
    """Returns True when `networks` and `classes` of a rule hold; what is not said is any."""
    return ride.network in rule.get("networks", [ride.network]) and who in rule.get(
        "classes", [who]
    )


def transfer_of(tariff: Tariff, ride: Ride, rider: Rider, who: str) -> Rule | None:
    """The first transfer that holds between the last ride and this one."""
    last = rider.last
    if last is None:
        return None
    for rule in tariff.get("transfer", []):
        since = last.begin_us if rule.get("counted_from", "end") == "begin" else last.end_us
        if (
            last.network in rule.get("from", [last.network])
            and ride.network in rule.get("to", [ride.network])
            and who in rule.get("classes", [who])
            and 0 <= ride.begin_us - since <= rule["within_s"] * SECOND_US
            and ("line" not in rule or is_other_line(last, ride))
            and last.line in rule.get("from_lines", [last.line])
            and ride.line in rule.get("to_lines", [ride.line])
            and ("links" not in rule or rider.links < rule["links"])
        ):
            return dict(rule)
    return None


def is_other_line(last: Ride, ride: Ride) -> bool:
    """Returns True when it is another line: lines of two networks are two."""
    return (last.network, last.line) != (ride.network, ride.line)


def reduced(rule: Rule, amount: int) -> int:
    """What a discount or a transfer leaves of an amount."""
    if rule.get("free"):
        return 0
    if "off" in rule:
        return max(0, amount - int(rule["off"]))
    if "brackets" in rule:
        return rounded(rule, by_brackets(rule["brackets"], amount))
    return rounded(rule, amount * share(rule["pay_percent"]))


def by_brackets(brackets: list[Rule], amount: int) -> Fraction:
    """Each part of a fare by its own share, added up."""
    paid, done = Fraction(0), 0
    for bracket in brackets:
        part = min(amount, bracket.get("upto", amount)) - done
        if part > 0:
            paid += part * share(bracket["pay_percent"])
            done += part
    return paid


def rounded(rule: Rule, exact: Fraction) -> int:
    """As `rounding` and `unit` of the rule say: to whole units, down where nothing is said."""
    unit = rule.get("unit", 1)
    units = exact / unit
    way = rule.get("rounding", "floor")
    if way == "ceiling":
        return ceil(units) * int(unit)
    if way == "half_up":
        return floor(units + Fraction(1, 2)) * int(unit)
    if way == "half_even":
        return round(units) * int(unit)
    return floor(units) * int(unit)


def holds(tariff: Tariff, rule: Rule, ride: Ride, who: str) -> bool:
    """Returns True when all that is said of a discount holds, its quota apart."""
    return (
        is_of(rule, ride, who)
        and ("media" not in rule or ride.media in rule["media"])
        and ("entry" not in rule or holds_there(tariff, rule["entry"], ride.begin, ride.begin_us))
        and ("exit" not in rule or holds_there(tariff, rule["exit"], ride.end, ride.end_us))
    )


def discounted(
    tariff: Tariff,
    ride: Ride,
    who: str,
    day: date,
    amount: int,
    used: dict[tuple[str, object], int],
    reasons: list[Reason],
) -> int:
    """The best discount alone, or each one after another; quotas of what is applied are used. One
    that takes nothing off is not applied."""
    if amount <= 0:  # a difference that goes back is left as it is
        return amount
    there = []
    for rule in tariff.get("discount", []):
        if not holds(tariff, rule, ride, who):
            continue
        quota = rule.get("quota")
        key = (rule["id"], period(tariff, quota["per"], day)) if quota else None
        if key is None or used.get(key, 0) < quota["uses"]:
            there.append((rule, key))
    if tariff.get("combine", "best") == "best" and there:
        there = [min(there, key=lambda one: reduced(one[0], amount))]  # of equals the first
    for rule, key in there:
        if reduced(rule, amount) >= amount:
            continue
        amount = note(reasons, rule, amount, reduced(rule, amount))
        if key is not None:
            used[key] = used.get(key, 0) + 1
    return amount


# ---- 6. to 8. tiers, limits, caps ----------------------------------------------------------------


def tiered(
    tariff: Tariff, ride: Ride, who: str, day: date, amount: int, kept: Rider, reasons: list[Reason]
) -> int:
    """The share that what was paid in the period gives, for each tier in its order."""
    for rule in tariff.get("tier", []):
        if amount > 0 and is_of(rule, ride, who):
            paid = kept.paid.get((rule["id"], period(tariff, rule["per"], day)), 0)
            parted = marginal if rule["mode"] == "marginal" else next_trip
            amount = note(reasons, rule, amount, parted(rule, paid, amount))
    return amount


def next_trip(rule: Rule, paid: int, amount: int) -> int:
    """All of a ride by the share of its beginning."""
    step = next(step for step in rule["steps"] if "below" not in step or paid < step["below"])
    return rounded(rule, amount * share(step["pay_percent"]))


def marginal(rule: Rule, paid: int, amount: int) -> int:
    """A ride is parted where what is paid reaches a threshold."""
    pays = 0
    for step in rule["steps"]:
        part = share(step["pay_percent"])
        if "below" in step and part > 0:  # a share of nothing reaches none
            room = step["below"] - paid - pays
            if room <= 0:
                continue
            if ceil(room / part) <= amount:
                pays += room
                amount -= ceil(room / part)
                continue
        elif "below" in step and paid + pays >= step["below"]:
            continue
        return pays + rounded(rule, amount * part)
    raise ValueError("expected a last step without `below`")


def limited(tariff: Tariff, ride: Ride, who: str, amount: int, reasons: list[Reason]) -> int:
    """No less than `least`, which lifts nothing that is free, and no more than `most`."""
    for rule in tariff.get("limit", []):
        if is_of(rule, ride, who):
            after = max(amount, rule.get("least", 0)) if amount > 0 else amount
            after = min(after, rule.get("most", after))
            amount = note(reasons, rule, amount, after)
    return amount


def capped(
    tariff: Tariff, ride: Ride, who: str, day: date, amount: int, kept: Rider, reasons: list[Reason]
) -> int:
    """What is left below each cap, in their order."""
    for rule in tariff.get("cap", []):
        if is_of(rule, ride, who):
            charged = kept.paid.get((rule["id"], period(tariff, rule["per"], day)), 0)
            after = min(amount, max(0, rule["most"] - charged))
            amount = note(reasons, rule, amount, after)
    return amount


def count(tariff: Tariff, ride: Ride, who: str, day: date, amount: int, kept: Rider) -> None:
    """What the ride costs in the end, for every tier and cap that it is under."""
    for rule in [*tariff.get("tier", []), *tariff.get("cap", [])]:
        if is_of(rule, ride, who):
            key = (rule["id"], period(tariff, rule["per"], day))
            kept.paid[key] = kept.paid.get(key, 0) + amount


# ---- shares -------------------------------------------------------------------------------------


def parted(tariff: Tariff, ride: Ride, amount: int) -> list[tuple[str, int]]:
    """Whose the money of a ride is: operators and parts, by largest remainder."""
    for rule in tariff.get("share", []):
        rows = [
            row
            for row in tariff["tables"][rule["table"]]
            if rule["network"] == ride.network
            and (row["from"], row["to"]) == (ride.begin, ride.end)
        ]
        if rows:
            exact = [Fraction(amount * int(row["basis_points"]), 10_000) for row in rows]
            parts = [floor(one) for one in exact]
            for at in sorted(range(len(rows)), key=lambda at: parts[at] - exact[at]):
                parts[at] += sum(parts) < amount
            return [(row["operator"], part) for row, part in zip(rows, parts, strict=True)]
    return [(network_of(tariff, ride.network)["operator"], amount)]
