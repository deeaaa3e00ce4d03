"""Reasons in words: which rule, what it found, an amount before and after it, and its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from onecard.core.days import EPOCH
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.currency import format_amount
from onecard.core.tariff.facts import NEVER_DAY
from onecard.ext.fare.rate import Code, Rated, Reason, Ride, Status
from onecard.ext.fare.shapes import NETWORK, OFFER, STEP, TARIFF_HEADER, TRANSFER

TRANSFER_WAYS = ("A + AB", "A + AB + B", "AB")
HOLDERS = (Code.CLASS_FOREIGN, Code.CLASS_EXPIRED, Code.CLASS_BELIEVED)  # `after` is a class
STATUS_WORDS = {
    Status.NO_FARE: "no fare defined{places}",
    Status.NOT_ACCEPTED: "no fare defined: cards of that city are not accepted",
    Status.NOT_IN_FORCE: "no fare defined: the tariff is in force from {begin} {end}",
    Status.FACE_MISSING: "no fare defined: the network charges what the terminal says (--face)",
    Status.METRES_MISSING: "no fare defined: the network charges by distance (--metres)",
    Status.TOO_LARGE: "no fare defined: an amount beyond 10,000,000,000.00",
    Status.UNKNOWN: "no fare defined: the ride ends before it begins",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """One reason. `before` and `after` are minor units, both None where it is about the rider."""

    rule: str
    words: str
    before: int | None
    after: int | None
    cell: str
    bearer: str
    source: dict[str, str] | None
    file: str
    line: int


def explained(compiled: Compiled, rated: Rated, ride: Ride) -> list[Explained]:
    """Each reason of a quote, in the order they were applied."""
    return [_one(compiled, reason, ride) for reason in rated.reasons]


def _one(compiled: Compiled, reason: Reason, ride: Ride) -> Explained:
    words = compiled.words
    rule = words["rules"][reason.rule - 1] if reason.rule else {}
    bearers = words["bearers"]
    taken = reason.code in (Code.DISCOUNT, Code.TRANSFER, Code.TIER, Code.CAP)
    about = reason.code not in HOLDERS
    return Explained(
        rule=str(rule.get("id", "")),
        words=_words(compiled, reason, rule, ride),
        before=reason.before if about else None,
        after=reason.after if about else None,
        cell=_cell(compiled, reason, ride),
        bearer=bearers[reason.bearer] if taken and reason.bearer < len(bearers) else "",
        source=rule.get("source"),
        file=str(rule.get("file", "")),
        line=int(rule.get("line", 0)),
    )


def _words(compiled: Compiled, reason: Reason, rule: dict[str, Any], ride: Ride) -> str:
    """What a reason says; the detail is that of its code (ext/fare/tables.pxd)."""
    said = str(rule.get("words", ""))
    detail = reason.detail
    by_code: dict[Code, Callable[[], str]] = {  # each for its own code: metres are no day
        Code.CLASS_FOREIGN: lambda: f"a card of city {detail}: as {_class(compiled, reason.after)}",
        Code.CLASS_EXPIRED: lambda: (
            f"proof ended on {_day(detail)}: as {_class(compiled, reason.after)}"
        ),
        Code.CLASS_BELIEVED: lambda: f"{said}: no last day of proof was said, it is believed",
        Code.INCOMPLETE: lambda: "entry or exit is missing: the maximum fare",
        Code.OVERDUE: lambda: f"{_duration(detail)} in the system, overdue: the maximum fare",
        Code.SAME_STATION_FREE: lambda: f"{_same_station(detail)}: free",
        Code.SAME_STATION: lambda: f"{_same_station(detail)}: the least fare",
        Code.CELL: lambda: _cell_words(compiled, said, ride),
        Code.METRES: lambda: f"{detail:,} m: {_step_words(compiled, said, reason, 'm')}",
        Code.SECONDS: lambda: f"{_duration(detail)}: {_step_words(compiled, said, reason, 's')}",
        Code.FACE: lambda: f"{said}: what the terminal said",
        Code.FLAT: lambda: f"{said}: flat fare",
        Code.TRANSFER: lambda: f"{said}, {_duration(detail)} after {_counted(compiled, reason)}",
        Code.DISCOUNT: lambda: said + (f", ride {detail} of its quota" if detail else ""),
        Code.TIER: lambda: f"{said}: {_money(compiled, detail)} paid so far",
        Code.LIMIT: lambda: said,
        Code.CAP: lambda: f"{said}: {_money(compiled, detail)} charged so far",
        Code.OVERTIME: lambda: f"{_duration(detail)} in the system: overtime",
        Code.JOINED: lambda: (
            f"goes on with the leg before, of which {_money(compiled, detail)} was charged"
        ),
        Code.GROUP_TRANSFER: lambda: f"transfer, {TRANSFER_WAYS[min(detail, 2)]}: {said}",
    }
    return by_code[reason.code]()


def _same_station(seconds: int) -> str:
    """A ride that ends as it begins is one of which nobody said when it ends."""
    if not seconds:
        return "the same station, taken to end at once, for no end was said"
    return f"the same station after {_duration(seconds)}"


def _counted(compiled: Compiled, reason: Reason) -> str:
    """What of the ride before the time of a transfer is counted from."""
    transfers = compiled.arrays["transfers"].reshape(-1).view(TRANSFER)
    (from_end,) = set(transfers["from_end"][transfers["rule"] == reason.rule].tolist()) or (1,)
    return "the ride before" if from_end else "the ride before began"


def _cell_words(compiled: Compiled, said: str, ride: Ride) -> str:
    metres = compiled.metres.get(ride.network)
    if metres is None:
        return said
    sets = _sets(compiled, ride)
    return f"{int(metres[sets]):,} m: {said}"


def _step_words(compiled: Compiled, said: str, reason: Reason, unit: str) -> str:
    """As far as a step goes, and what adds up beyond the last one."""
    steps = compiled.arrays["steps"].reshape(-1).view(STEP)
    for step in steps[steps["rule"] == reason.rule]:
        if reason.detail > step["upto"]:
            return f"{said}, then by each started {int(step['every']):,} {unit}"
    return said


def _cell(compiled: Compiled, reason: Reason, ride: Ride) -> str:
    """From where to where, of a fare out of a table."""
    if reason.code != Code.CELL or not ride.from_place or not ride.to_place:
        return ""
    places = compiled.words["places"]
    return f"{places[ride.from_place - 1]['name']} → {places[ride.to_place - 1]['name']}"


def _sets(compiled: Compiled, ride: Ride) -> tuple[int, int]:
    row = compiled.arrays["networks"].reshape(-1).view(NETWORK)[ride.network - 1]
    sets = compiled.arrays["place_sets"][int(row["sets_row"])]
    return int(sets[ride.from_place]), int(sets[ride.to_place])


def status_words(compiled: Compiled, status: Status, ride: Ride) -> str:
    """Why there is no fare."""
    header = compiled.arrays["header"].reshape(-1).view(TARIFF_HEADER)[0]
    places = compiled.words["places"]
    between = ""
    if ride.from_place and ride.to_place:
        begin, end = places[ride.from_place - 1]["name"], places[ride.to_place - 1]["name"]
        between = f" from {begin} to {end}"
    until = int(header["until_day"])
    return STATUS_WORDS[status].format(
        places=between,
        begin=_day(int(header["effective_day"])),
        end="on" if until == NEVER_DAY else f"to {_day(until)}",
    )


def _class(compiled: Compiled, number: int) -> str:
    classes = compiled.words["classes"]
    return str(classes[number]["name"]) if number < len(classes) else "the default class"


def _money(compiled: Compiled, amount: int) -> str:
    digits = int(compiled.arrays["header"].reshape(-1).view(TARIFF_HEADER)["minor_digits"][0])
    return f"{format_amount(amount, digits)} {compiled.words['currency']}"


def _day(day: int) -> str:
    return date.fromordinal(EPOCH.toordinal() + day).isoformat()


def _duration(seconds: int) -> str:
    """As 45 s, 12 min, 1 h 05 min."""
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    rest = f" {seconds % 60} s" if seconds % 60 else ""
    if minutes < 60:
        return f"{minutes} min{rest}"
    return f"{minutes // 60} h {minutes % 60:02d} min{rest}"


def product_of(compiled: Compiled, offer: int) -> dict[str, Any] | None:
    """The product of an offer, None where it has none."""
    if offer < 0:
        return None
    row = compiled.arrays["offers"].reshape(-1).view(OFFER)[offer]
    products: list[dict[str, Any]] = compiled.words["products"]
    number = int(row["product"])
    return products[number - 1] if 1 <= number <= len(products) else None
