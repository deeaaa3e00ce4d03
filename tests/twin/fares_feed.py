"""The slow twin of fares: what a journey costs by a GTFS feed, from the rows of its files.

From the section "GTFS with Fares v2" of docs/tariffs.md. A leg is a tap to a tap; each is charged
when it ends, by what is known then. Money is minor units of the first leg rule's currency.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from tests.twin.fares_calendar import SECONDS_OF_A_DAY, WEEKDAYS, local, second_of_day, seconds
from tests.twin.fares_folder import Row, read_rows

DIGITS = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3}  # of ISO 4217; 2 of any other currency here
SECOND_US = 1_000_000
JOURNEY_GAP_S = 4 * 3600  # later than so after the last leg, another begins anew
Feed = dict[str, list[Row]]


@dataclass(frozen=True)
class Leg:
    """From where one boards to where one alights; a network of "" is that of routes in none."""

    network: str
    begin: str
    end: str
    begin_us: int
    end_us: int


class Offer(NamedTuple):
    """A leg rule's product at its price, in the order of the rows."""

    group: str
    amount: int
    product: str


@dataclass(frozen=True)
class Charged:
    """A leg as it was charged, and the journey of transfers that it ends."""

    leg: Leg
    group: str
    added: int  # for this leg
    transfers: int  # in the journey
    pair: tuple[str, str] | None  # of the run of transfers that it ends, as the rules list it
    run: int  # transfers in that run
    first: Leg  # of that run


Journey = tuple[Charged, ...]  # the last leg, after the one before it


def read_feed(folder: Path) -> Feed:
    """The rows of each file, by its name without the ending."""
    return {path.stem: read_rows(path) for path in sorted(folder.glob("*.txt"))}


def rate_journey(feed: Feed, legs: list[Leg], who: str | None, media: str | None) -> int | None:
    """What all legs cost together; None where one of them has no fare."""
    total = 0
    for charged in charges(feed, legs, who, media):
        if charged is None:
            return None
        total += charged
    return max(0, total)


def charges(feed: Feed, legs: list[Leg], who: str | None, media: str | None) -> list[int | None]:
    """What each leg adds, in the order of travel; a leg without a fare is None and leaves the
    journey as it was."""
    taps: list[int | None] = []
    journey: Journey = ()
    for leg in legs:
        added, journey = tap(feed, leg, journey, who, media)
        taps.append(added)
    return taps


def tap(
    feed: Feed, leg: Leg, journey: Journey, who: str | None, media: str | None
) -> tuple[int | None, Journey]:
    """What a leg adds to the journey so far, and the journey with it."""
    charged, earlier = 0, journey
    if journey and is_joined(feed, journey[-1].leg, leg):
        last = journey[-1]
        leg = replace(leg, begin=last.leg.begin, begin_us=last.leg.begin_us)
        charged, earlier = last.added, journey[:-1]
    ways = [
        charge(feed, leg, offer, earlier, who, media) for offer in offers(feed, leg, who, media)
    ]
    if not ways:
        return None, journey
    least = min(ways, key=lambda way: way.added)  # of equals the first row
    return least.added - charged, (*earlier[-1:], least)


def charge(
    feed: Feed, leg: Leg, offer: Offer, journey: Journey, who: str | None, media: str | None
) -> Charged:
    """A leg charged by one product, with the transfer to it if there is one."""
    alone = Charged(leg, offer.group, offer.amount, 0, None, 0, leg)
    if not journey:
        return alone
    last = journey[-1]
    found = transfer(feed, last, leg, offer, who, media)
    if found is None:
        return alone
    added, pair, run, first = found
    return Charged(leg, offer.group, added, last.transfers + 1, pair, run, first)


# ---- the rules of a leg --------------------------------------------------------------------------


def offers(feed: Feed, leg: Leg, who: str | None, media: str | None) -> list[Offer]:
    """The products that a leg may have: of the rules that match, those of the highest priority."""
    matching = [
        rule
        for rule in feed.get("fare_leg_rules", [])
        if matches(feed, rule, leg) and counts(feed, rule["fare_product_id"])
    ]
    highest = max((int(rule.get("rule_priority") or 0) for rule in matching), default=0)
    return [
        Offer(rule.get("leg_group_id", ""), amount, rule["fare_product_id"])
        for rule in matching
        if int(rule.get("rule_priority") or 0) == highest
        for amount in prices(feed, rule["fare_product_id"], who, media)
    ]


def prices(feed: Feed, product: str, who: str | None, media: str | None) -> list[int]:
    """The rows of a product for a rider and a medium, in the currency that counts."""
    currency = currency_of(feed)
    return [
        minor(row["amount"], currency)
        for row in feed["fare_products"]
        if row["fare_product_id"] == product
        and row["currency"] == currency
        and row.get("rider_category_id", "") in ("", who)
        and (media is None or row.get("fare_media_id", "") in ("", media))
    ]


def counts(feed: Feed, product: str) -> bool:
    """Returns True when a product can be bought in the currency that counts."""
    currency = currency_of(feed)
    return any(
        row["fare_product_id"] == product and row["currency"] == currency
        for row in feed["fare_products"]
    )


def currency_of(feed: Feed) -> str:
    """That of the first leg rule's product."""
    product = feed["fare_leg_rules"][0]["fare_product_id"]
    rows = [row for row in feed["fare_products"] if row["fare_product_id"] == product]
    return rows[0]["currency"]


def minor(amount: str, currency: str) -> int:
    """`"4.00"` of PLN is 400."""
    return int(Decimal(amount).scaleb(DIGITS.get(currency, 2)))


def matches(feed: Feed, rule: Row, leg: Leg) -> bool:
    """Returns True when a leg rule holds of a leg."""
    return (
        is_there(feed, "network_id", rule, {leg.network} - {""})
        and is_there(feed, "from_area_id", rule, areas(feed, leg.begin))
        and is_there(feed, "to_area_id", rule, areas(feed, leg.end))
        and is_in_time(feed, rule.get("from_timeframe_group_id", ""), leg.begin, leg.begin_us)
        and is_in_time(feed, rule.get("to_timeframe_group_id", ""), leg.end, leg.end_us)
    )


def is_there(feed: Feed, column: str, rule: Row, found: set[str]) -> bool:
    """Returns True when one of `found` is what the rule has in a column; blank as the page says."""
    if rule.get(column):
        return rule[column] in found
    rules = feed["fare_leg_rules"]
    if "rule_priority" in rules[0]:
        return True
    listed = {one.get(column, "") for one in rules}
    return not found or bool(found - listed)


def stop_row(feed: Feed, stop: str) -> Row:
    """The row of stops.txt."""
    (row,) = (row for row in feed["stops"] if row["stop_id"] == stop)
    return row


def areas(feed: Feed, stop: str) -> set[str]:
    """Those of a stop; of a platform without any, those of its station; of a station without any,
    those that its platforms have of their own."""
    own = areas_of(feed, {stop}) or areas_of(feed, {station_of(feed, stop)})
    return own or areas_of(feed, platforms(feed, stop))


def areas_of(feed: Feed, stops: set[str]) -> set[str]:
    """The areas that stop_areas.txt has of stops."""
    return {row["area_id"] for row in feed.get("stop_areas", []) if row["stop_id"] in stops}


def platforms(feed: Feed, station: str) -> set[str]:
    """The stops of which a station is the parent."""
    return {row["stop_id"] for row in feed["stops"] if row.get("parent_station") == station}


def zone_of(feed: Feed, stop: str) -> str:
    """The time zone of a stop's station, else its own, else the agency's."""
    for place in (station_of(feed, stop), stop):
        if stop_row(feed, place).get("stop_timezone"):
            return stop_row(feed, place)["stop_timezone"]
    return feed["agency"][0]["agency_timezone"]


def is_in_time(feed: Feed, group: str, stop: str, at_us: int) -> bool:
    """Returns True when a time at a stop is in a timeframe of the group; blank is any time."""
    if not group:
        return True
    at = local(zone_of(feed, stop), at_us)
    for row in feed.get("timeframes", []):
        begin = seconds(row["start_time"]) if row.get("start_time") else 0
        end = seconds(row["end_time"]) if row.get("end_time") else SECONDS_OF_A_DAY
        if (
            row["timeframe_group_id"] == group
            and begin <= second_of_day(at) < end
            and runs(feed, row["service_id"], f"{at.date():%Y%m%d}", WEEKDAYS[at.weekday()])
        ):
            return True
    return False


def runs(feed: Feed, service: str, day: str, weekday: str) -> bool:
    """Returns True when a service runs on a day, which is written as the feed writes it."""
    for row in feed.get("calendar_dates", []):
        if row["service_id"] == service and row["date"] == day:
            return row["exception_type"] == "1"
    return any(
        row["service_id"] == service
        and row["start_date"] <= day <= row["end_date"]
        and row[weekday] == "1"
        for row in feed.get("calendar", [])
    )


# ---- from leg to leg -----------------------------------------------------------------------------


def is_joined(feed: Feed, last: Leg, leg: Leg) -> bool:
    """Returns True when a join rule makes two legs one."""
    if is_anew(last, leg):
        return False
    for rule in feed.get("fare_leg_join_rules", []):
        if last.network != leg.network or rule["from_network_id"] not in ("", leg.network):
            continue
        if rule.get("from_stop_id"):
            met = rule["from_stop_id"] in (last.end, station_of(feed, last.end)) and rule[
                "to_stop_id"
            ] in (leg.begin, station_of(feed, leg.begin))
        else:
            met = station_of(feed, last.end) == station_of(feed, leg.begin)
        if met:
            return True
    return False


def station_of(feed: Feed, stop: str) -> str:
    """The station of a platform; any other stop is its own."""
    return stop_row(feed, stop).get("parent_station") or stop


def transfer(
    feed: Feed, last: Charged, leg: Leg, offer: Offer, who: str | None, media: str | None
) -> tuple[int, tuple[str, str], int, Leg] | None:
    """What a leg adds to the leg before by the rule for their groups: that, the pair of groups as
    the rules list them, the transfers in its run and the first leg of that; None without one."""
    if not last.group or not offer.group:
        return None
    rules = feed.get("fare_transfer_rules", [])
    pair = (
        listed_as(rules, "from_leg_group_id", last.group),
        listed_as(rules, "to_leg_group_id", offer.group),
    )
    in_run = pair[0] == pair[1] == (last.pair or ("", ""))[0] and last.pair == pair
    run, first = (last.run + 1, last.first) if in_run else (1, last.leg)
    found: list[tuple[int, int]] = []  # the count that a rule goes to, and what it adds
    for rule in rules:
        if (rule.get("from_leg_group_id", ""), rule.get("to_leg_group_id", "")) != pair:
            continue
        goes_to = count_of(rule)
        if goes_to < run or not is_quick(rule, first, last.leg, leg):
            continue
        costs = [0]
        if rule.get("fare_product_id"):
            costs = prices(feed, rule["fare_product_id"], who, media)
        for cost in costs:
            found.append((goes_to, adds(rule["fare_transfer_type"], last, offer.amount, cost)))
    if not found:
        return None
    added = min(found)[1]  # of the least count that is enough, what adds least
    return added, pair, run, first


def listed_as(rules: list[Row], column: str, group: str) -> str:
    """The group where the column lists it, else blank, which is all that it does not list."""
    return group if any(rule.get(column, "") == group for rule in rules) else ""


def count_of(rule: Row) -> int:
    """The transfers that a rule may span; without a limit more than there can be."""
    count = int(rule.get("transfer_count") or -1)
    return 1_000_000 if count == -1 else count


def is_anew(last: Leg, leg: Leg) -> bool:
    """Returns True when a leg begins too late to go on with the last one."""
    return leg.begin_us - last.end_us > JOURNEY_GAP_S * SECOND_US


def is_quick(rule: Row, first: Leg, last: Leg, leg: Leg) -> bool:
    """Returns True when a run of legs is within the rule's time, its last second included; without
    a time of its own within that of a journey."""
    if not rule.get("duration_limit"):
        return not is_anew(last, leg)
    begin = first.begin_us if rule["duration_limit_type"] in "01" else first.end_us
    end = leg.begin_us if rule["duration_limit_type"] in "12" else leg.end_us
    return end - begin <= int(rule["duration_limit"]) * SECOND_US


def adds(kind: str, last: Charged, fare: int, cost: int) -> int:
    """What a transfer and its leg add to what was charged, by the row `cost` of the page."""
    if kind == "0":
        return cost
    if kind == "1":
        return cost + fare
    return cost if last.transfers else cost - last.added


# ---- a quote -------------------------------------------------------------------------------------


def quote(feed: Feed, begin: str, end: str, at_us: int, who: str | None = None) -> int | None:
    """The fare of one leg of which no network is said, at any medium: the least of its networks."""
    who = who if who is not None else default_rider(feed)
    legs = [Leg(network, begin, end, at_us, at_us) for network in networks(feed, begin, end)]
    fares = [rate_journey(feed, [leg], who, None) for leg in legs]
    return min((fare for fare in fares if fare is not None), default=None)


def alternatives(
    feed: Feed, begin: str, end: str, at_us: int, who: str | None = None
) -> set[tuple[str, int]]:
    """What else a leg of which no network is said may be ridden on: products at their prices, but
    for those of the quote's amount."""
    who = who if who is not None else default_rider(feed)
    legs = [Leg(network, begin, end, at_us, at_us) for network in networks(feed, begin, end)]
    found = [offer for leg in legs for offer in offers(feed, leg, who, None)]
    return {(one.product, one.amount) for one in found} - {
        (one.product, quote(feed, begin, end, at_us, who) or 0) for one in found
    }


def default_rider(feed: Feed) -> str | None:
    """The default category, if one is said."""
    for row in feed.get("rider_categories", []):
        if row.get("is_default_fare_category") == "1":
            return row["rider_category_id"]
    return None


def networks(feed: Feed, begin: str, end: str) -> list[str]:
    """Those of trips that call at both in this order, else all."""
    of_route = {row["route_id"]: row.get("network_id", "") for row in feed["routes"]}
    of_route |= {row["route_id"]: row["network_id"] for row in feed.get("route_networks", [])}
    found = {
        of_route[row["route_id"]] for row in feed.get("trips", []) if _calls(feed, row, begin, end)
    }
    return sorted(found or {*of_route.values(), ""})


def _calls(feed: Feed, trip: Row, begin: str, end: str) -> bool:
    """Returns True when a trip calls at one and later at the other, at any platform of them."""
    rows = [row for row in feed.get("stop_times", []) if row["trip_id"] == trip["trip_id"]]
    calls = [(int(row["stop_sequence"]), station_of(feed, row["stop_id"])) for row in rows]
    begins = [at for at, station in calls if station == station_of(feed, begin)]
    ends = [at for at, station in calls if station == station_of(feed, end)]
    return bool(begins and ends) and min(begins) < max(ends)
