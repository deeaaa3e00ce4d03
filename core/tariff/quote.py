"""A quote: what a journey costs by a tariff, leg by leg, with the reason of each step.

A leg is rated by the function that rates a tap (ext/fare); what is here chooses the networks that a
leg may be in, and says what came of it in words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from onecard.core.errors import BadInput
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.explain import Explained, explained, status_words
from onecard.core.tariff.gtfs.trips import networks_between
from onecard.core.tariff.names import find_one, find_place
from onecard.core.tariff.notice import listed
from onecard.ext.fare.rate import FareSet, Rated, Ride, Status, new_rider
from onecard.ext.fare.shapes import NETWORK, NOWHERE, OFFER, TARIFF_HEADER, Basis


@dataclass(frozen=True, slots=True)
class LegAsked:
    """One leg as a person says it; times are microseconds since 1970 UTC, "" is not said."""

    begin_us: int
    end_us: int
    origin: str = ""
    destination: str = ""
    network: str = ""
    line: str = ""
    metres: int = -1
    face: int = -1
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class RiderAsked:
    """Who rides, "" is not said; `until_day` is the last day of proof, 0 where it is not said."""

    rider_class: str = ""
    until_day: int = 0
    city: int = 0


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another product of the same leg."""

    product: str
    amount: int
    currency: str
    medium: str  # its name, "" where any will do


@dataclass(frozen=True, slots=True)
class LegQuote:
    """`amount` is None where no fare is defined, and `why` says why in words; `ends` are the names
    of where one boards and alights, "" where that is not said. `product` and `medium` are those of
    the fare, "" where it is of none."""

    asked: LegAsked
    ends: tuple[str, str]
    network: str
    amount: int | None
    fare: int
    why: str
    reasons: list[Explained]
    alternatives: list[Alternative]
    shares: list[tuple[str, int]]
    product: str = ""
    medium: str = ""


@dataclass(slots=True)
class Quoted:
    """The whole journey, with the reasons that are of no leg alone; `rider` is the row after it."""

    amount: int | None
    legs: list[LegQuote] = field(default_factory=list)
    reasons: list[Explained] = field(default_factory=list)
    rider: bytes = b""


class Quoter:
    """A tariff that is ready to quote."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.fares = FareSet(compiled.arrays)
        self._alike = compiled.arrays["place_station"].tolist()
        self._networks = compiled.arrays["networks"]

    def rider(self, asked: RiderAsked) -> bytes:
        """The row of a rider who has not ridden yet. BadInput where the class is none."""
        words = self.compiled.words
        header = self.compiled.arrays["header"]
        rider_class = int(header.reshape(-1).view(TARIFF_HEADER)["default_class"][0])
        if asked.rider_class:
            rider_class = find_one(words["classes"], asked.rider_class, "class")
        return new_rider(rider_class, asked.until_day, asked.city)

    def media(self, typed: str) -> int:
        """The number of a medium, 0 where none is said. BadInput where it is none."""
        return find_one(self.compiled.words["media"], typed, "medium") + 1 if typed else 0

    def journey(self, legs: list[LegAsked], rider: bytes, media: int) -> Quoted:
        """Each leg after the one before. Where one has no fare the journey has none; below 0 it
        costs 0."""
        quoted = Quoted(0, rider=rider)
        for leg in legs:
            answer, quoted.rider = self.leg(leg, quoted.rider, media)
            quoted.legs.append(answer)
            if answer.amount is None or quoted.amount is None:
                quoted.amount = None
            else:
                quoted.amount += answer.amount
        if quoted.amount is not None and quoted.amount < 0:
            words = "a journey costs no less than nothing"
            quoted.reasons.append(Explained("", words, quoted.amount, 0, "", "", None, "", 0))
            quoted.amount = 0
        return quoted

    def leg(self, asked: LegAsked, rider: bytes, media: int) -> tuple[LegQuote, bytes]:
        """The network in which it costs least, of equals the first. BadInput where what is asked
        names nothing of the tariff, or is in several networks that have another fare each."""
        origin, destination = (self._place(name) for name in (asked.origin, asked.destination))
        line, networks = self._candidates(asked, origin, destination)
        rides = [
            Ride(
                number, asked.begin_us, asked.end_us, origin, destination, line, asked.face,
                asked.metres, media, int(asked.incomplete),
            )
            for number in networks
        ]  # fmt: skip
        rated = [(ride, self.fares.rate(ride, rider)) for ride in rides]
        there = [(ride, found) for ride, found in rated if found.status == Status.RATED]
        if not there:
            ride, found = rated[0]
            why = status_words(self.compiled, found.status, ride) + self._elsewise(rides, rated)
            network = self._called(ride.network)
            return LegQuote(asked, self._ends(ride), network, None, 0, why, [], [], []), rider
        ride, found = self._one(there, asked)
        answer = LegQuote(
            asked,
            self._ends(ride),
            self._called(ride.network),
            found.amount,
            found.fare,
            "",
            explained(self.compiled, found, ride),
            self._alternatives(there, ride, found, rider),
            shares_of(self.compiled, ride, found.amount),
            *self._bought(found.offer),
        )
        return answer, found.rider

    # ---- what is asked --------------------------------------------------------------------------

    def _place(self, typed: str) -> int:
        return find_place(self.compiled.words["places"], typed, self._alike) if typed else 0

    def _candidates(self, asked: LegAsked, origin: int, destination: int) -> tuple[int, list[int]]:
        """The line's number, 0 where none is said, and the networks a leg may be in."""
        words = self.compiled.words
        numbers = list(range(1, len(words["networks"]) + 1))
        line = 0
        if asked.line:
            found = words["lines"][find_one(words["lines"], asked.line, "line")]
            line = int(found.get("number", words["lines"].index(found) + 1))
            if "network" in found and not asked.network:
                return line, [int(found["network"])]  # a route of a feed is of one
        if asked.network:
            return line, [find_one(words["networks"], asked.network, "network") + 1]
        called = networks_between(self.compiled, origin, destination)
        return line, called or self._fitting(asked, numbers)

    def _fitting(self, asked: LegAsked, numbers: list[int]) -> list[int]:
        """Of a tariff's folder: networks whose fare is of what was said. All where none is."""
        place = self._place(asked.origin or asked.destination)
        if asked.incomplete and len(here := self._with_place(place)) == 1:
            return here
        if asked.incomplete:
            raise BadInput(
                "expected the network of an incomplete journey, found none; name it with --network"
            )
        wanted = Basis.CELL if asked.origin and asked.destination else Basis.FLAT
        if asked.metres >= 0:
            wanted = Basis.METRES
        elif asked.face >= 0:
            wanted = Basis.FACE
        elif wanted == Basis.FLAT and asked.end_us > asked.begin_us:
            wanted = Basis.SECONDS
        basis = self._networks.reshape(-1).view(NETWORK)["basis"]
        return [number for number in numbers if basis[number - 1] == wanted] or numbers

    def _with_place(self, place: int) -> list[int]:
        """Networks whose table of fares has a place."""
        found = []
        for number, row in enumerate(self._networks.reshape(-1).view(NETWORK), start=1):
            sets = self.compiled.arrays["place_sets"][int(row["sets_row"])]
            if place and row["basis"] == Basis.CELL and sets[place] != NOWHERE:
                found.append(number)
        return found

    def _one(self, there: list[tuple[Ride, Rated]], asked: LegAsked) -> tuple[Ride, Rated]:
        """Of a feed the cheapest; of a folder they must agree: nothing says which is meant."""
        if "call_rows" not in self.compiled.arrays and len({r.amount for _, r in there}) > 1:
            names = ", ".join(self._called(ride.network) for ride, _ in there)
            raise BadInput(f"expected one network, found {names}; name it with --network")
        return min(there, key=lambda one: one[1].amount)

    def _ends(self, ride: Ride) -> tuple[str, str]:
        return self._named(ride.from_place), self._named(ride.to_place)

    def _named(self, place: int) -> str:
        return str(self.compiled.words["places"][place - 1]["name"]) if place else ""

    def _called(self, network: int) -> str:
        found = self.compiled.words["networks"][network - 1]
        return str(found["id"] or found["name"])

    def _elsewise(self, rides: list[Ride], rated: list[tuple[Ride, Rated]]) -> str:
        """Whether another medium or another class would have a fare, in words."""
        if any(found.status != Status.NO_FARE for _, found in rated):
            return ""
        words = self.compiled.words
        riders = [
            (one["name"] or one["id"], new_rider(at)) for at, one in enumerate(words["classes"])
        ]
        for medium in dict.fromkeys([rides[0].media, 0]):
            said = "without --media " if medium != rides[0].media else ""
            asked = [ride._replace(media=medium) for ride in rides]
            there = [
                name
                for name, rider in riders
                if any(self.fares.rate(ride, rider).status == Status.RATED for ride in asked)
            ]
            if there:
                return f"; {said}there is one for {listed(there)}"
        return ""

    # ---- what else there is ---------------------------------------------------------------------

    def _bought(self, offer: int) -> tuple[str, str]:
        """The product of an offer and the name of its medium."""
        words = self.compiled.words
        if offer < 0 or not words["products"]:
            return "", ""
        row = self.compiled.arrays["offers"].reshape(-1).view(OFFER)[offer]
        return _product(words, int(row["product"])), _medium(words, int(row["media"]))

    def _alternatives(
        self, there: list[tuple[Ride, Rated]], ride: Ride, found: Rated, rider: bytes
    ) -> list[Alternative]:
        """Other products that this leg may be ridden on, cheapest first."""
        words = self.compiled.words
        offers = self.compiled.arrays["offers"].reshape(-1).view(OFFER)
        if found.offer < 0 or not words["products"]:
            return []
        keys = ("product", "amount", "media")
        bought = tuple(int(offers[found.offer][key]) for key in keys[:2])
        other: dict[tuple[str, int, str, str], None] = {}
        for one, _ in there:
            for at in self.fares.offers(one, rider):
                product, amount, media = (int(offers[at][key]) for key in keys)
                if (product, amount) != bought:
                    one_of = _product(words, product), amount, words["currency"]
                    other[*one_of, _medium(words, media)] = None
        elsewhere = words.get("other_currency", {})
        for price in elsewhere.get(str(int(offers[found.offer]["rule"])), []):
            name = _product(words, price["product"])
            other[name, price["amount"], price["currency"], ""] = None
        return [Alternative(*one) for one in sorted(other, key=lambda one: one[1])]


def shares_of(compiled: Compiled, ride: Ride, amount: int) -> list[tuple[str, int]]:
    """清分: the amount by operator, by largest remainder; all of it to the network's where no share
    is said, and [] where no operator is."""
    arrays, words = compiled.arrays, compiled.words
    places = arrays["place_sets"].shape[1]
    key = (ride.network * places + ride.from_place) * places + ride.to_place
    at = int(arrays["share_keys"].searchsorted(key))
    if at < len(arrays["share_keys"]) and int(arrays["share_keys"][at]) == key:
        begin, end = int(arrays["share_rows"][at]), int(arrays["share_rows"][at + 1])
        rows = arrays["shares"][begin:end].tolist()
        parts = parted(amount, [points for _, points in rows])
        return [(words["operators"][row[0]], part) for row, part in zip(rows, parts, strict=True)]
    operator = int(arrays["networks"].reshape(-1).view(NETWORK)["operator"][ride.network - 1])
    name = words["operators"][operator] if operator < len(words["operators"]) else ""
    return [(name, amount)] if name else []


def parted(amount: int, points: list[int]) -> list[int]:
    """Parts of an amount by basis points, which sum to it: what is left over goes to the largest
    remainders, of equal ones to the first. Of an amount below 0 the parts are those of its size."""
    if amount < 0:
        return [-part for part in parted(-amount, points)]
    whole = sum(points)
    parts = [amount * one // whole for one in points]
    order = sorted(range(len(points)), key=lambda at: (-(amount * points[at] % whole), at))
    for at in order[: amount - sum(parts)]:
        parts[at] += 1
    return parts


def _medium(words: dict[str, Any], number: int) -> str:
    found = words["media"][number - 1] if 1 <= number <= len(words["media"]) else None
    return str(found["name"] or found["id"]) if found else ""


def _product(words: dict[str, Any], number: int) -> str:
    found = words["products"][number - 1] if 1 <= number <= len(words["products"]) else None
    return str(found["id"]) if found else ""
