"""Vectors: rides with what they cost, read, and rated by the product and by the twin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from onecard.core.days import day_number
from onecard.core.tariff.compiled import Compiled
from onecard.ext.fare import shapes
from onecard.ext.fare.rate import FareSet, Rated, Ride, Status, new_rider
from tests.twin import fares_ride
from tests.twin.fares_folder import Tariff as TwinTariff

LINE = re.compile(
    r"(?P<network>\S+) (?:(?P<begin>[^\s>]*)>(?P<end>\S*) )?(?P<day>\d{4}-\d\d-\d\d) "
    r"(?P<from>[\d:]+)(?:-(?P<to>[\d:]+))?(?P<rest>[^=]*(?:\w+=[^\s=]+[^=]*)*)"
    r" = (?P<amount>none|\d+)(?: (?P<rule>\S+))?(?: (?P<bearer>\S+))?"
)
DEFAULT_CLASS = (shapes.TARIFF_HEADER.names or ()).index("default_class")
EPOCH = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True)
class Vector:
    """`rider` is a class, a class with `until DAY`, `city NUMBER`, or nothing; `rides` as
    tests/tariff/vectors.py says."""

    tariff: str
    rider: str
    rides: str

    def lines(self) -> list[str]:
        """The rides, a line each, without blanks around."""
        return [line.strip() for line in self.rides.splitlines() if line.strip()]

    def __str__(self) -> str:
        last = self.lines()[-1]
        return f"{self.tariff}: {self.rider or 'anybody'}: {len(self.lines())}: {last}"


@dataclass(frozen=True, slots=True)
class Said:
    """What a line says of a ride, by name, and what it expects of it."""

    network: str
    begin: str
    end: str
    begin_us: int
    end_us: int
    line: int
    face: int
    metres: int
    media: str
    incomplete: bool
    amount: int | None
    rule: str
    bearer: str


@dataclass(frozen=True, slots=True)
class Charged:
    """What came out: None where no fare is defined; the last rule that speaks, and its bearer."""

    amount: int | None
    rule: str
    bearer: str


def said(line: str, zone: str) -> Said:
    """A line of a vector. AssertionError where it is none: it is our own."""
    found = LINE.fullmatch(line)
    assert found is not None, line
    begin_us = _us(found["day"], found["from"], zone)
    words = dict(word.split("=") for word in found["rest"].split() if "=" in word)
    return Said(
        network=found["network"],
        begin=found["begin"] or "",
        end=found["end"] or "",
        begin_us=begin_us,
        end_us=_us(found["day"], found["to"], zone) if found["to"] else begin_us,
        line=int(words.get("line", 0)),
        face=int(words.get("face", -1)),
        metres=int(words.get("metres", -1)),
        media=words.get("media", ""),
        incomplete="incomplete" in found["rest"].split(),
        amount=None if found["amount"] == "none" else int(found["amount"]),
        rule=found["rule"] or "",
        bearer=(found["bearer"] or "").replace("_", " ").replace("pro rata", "pro_rata"),
    )


def _us(day: str, clock: str, zone: str) -> int:
    """Microseconds since 1970 of a time on the wall; hours above 24 are of the days after."""
    hours, minutes, seconds = (int(part) for part in (clock + ":00").split(":")[:3])
    midnight = datetime.fromisoformat(day) + timedelta(
        hours=hours, minutes=minutes, seconds=seconds
    )
    return (midnight.replace(tzinfo=ZoneInfo(zone)) - EPOCH) // timedelta(microseconds=1)


def expected(vector: Vector, zone: str) -> list[Said]:
    return [said(line, zone) for line in vector.lines()]


# ---- by the product -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    """A compiled tariff with the numbers of its names. KeyError where it has no such name."""

    compiled: Compiled
    fares: FareSet
    networks: dict[str, int]
    places: dict[str, int]
    classes: dict[str, int]
    media: dict[str, int]
    lines: set[int]

    @classmethod
    def of(cls, compiled: Compiled) -> Ready:
        words = compiled.words
        return cls(
            compiled,
            FareSet(compiled.arrays),
            _numbers(words["networks"], 1),
            _numbers(words["places"], 1, names=True),
            _numbers(words["classes"], 0),
            _numbers(words["media"], 1),
            {int(line["number"]) for line in words["lines"]},
        )

    def charge(self, vector: Vector) -> Iterator[Charged]:
        """Each ride's outcome, in order."""
        rider = self.rider(vector.rider)
        for ride in expected(vector, self.compiled.words["zone"]):
            rated = self.fares.rate(self.ride(ride), rider)
            rider = rated.rider
            yield self.charged(rated)

    def rider(self, who: str) -> bytes:
        """The row of a rider who has not ridden yet."""
        name, _, rest = who.partition(" ")
        if name == "city":
            return new_rider(self.classes[self.default()], 0, int(rest))
        until = day_number(rest.removeprefix("until ")) if rest else 0
        return new_rider(self.classes[name or self.default()], until)

    def default(self) -> str:
        """The id of the class of whom nothing is said."""
        number = int(self.compiled.arrays["header"][0][DEFAULT_CLASS])
        return str(self.compiled.words["classes"][number]["id"])

    def ride(self, ride: Said) -> Ride:
        """A ride by numbers; media that no rule names have none."""
        if self.lines and ride.line and ride.line not in self.lines:
            raise KeyError(f"line {ride.line}")
        return Ride(
            network=self.networks[ride.network],
            begin_us=ride.begin_us,
            end_us=ride.end_us,
            from_place=self.places[ride.begin] if ride.begin else 0,
            to_place=self.places[ride.end] if ride.end else 0,
            line=ride.line,
            face=ride.face,
            metres=ride.metres,
            media=self.media.get(ride.media, 0),
            incomplete=int(ride.incomplete),
        )

    def charged(self, rated: Rated) -> Charged:
        if rated.status != Status.RATED:
            return Charged(None, "", "")
        if not rated.reasons:
            return Charged(rated.amount, "", "")
        last = rated.reasons[-1]
        rule = self.compiled.words["rules"][last.rule - 1]["id"] if last.rule else ""
        bearer = self.compiled.words["bearers"][last.bearer]
        return Charged(rated.amount, rule, bearer)


def _numbers(words: list[dict[str, Any]], first: int, names: bool = False) -> dict[str, int]:
    """Numbers by id, and by name where no id is so called."""
    found = {word["id"]: number for number, word in enumerate(words, first)}
    if names:
        for number, word in enumerate(words, first):
            found.setdefault(word["name"], number)
    return found


def differs(vector: Vector, ready: Ready) -> str | None:
    """What a vector says otherwise than the tariff, None where they agree."""
    try:
        outcomes = list(ready.charge(vector))
    except KeyError as error:
        return f"{vector}: the tariff has no {error}"
    for line, want, got in zip(
        vector.lines(), expected(vector, ready.compiled.words["zone"]), outcomes, strict=True
    ):
        if got.amount != want.amount:
            return f"{vector.rider}: {line}: found {got.amount}"
        if (want.rule and got.rule != want.rule) or (want.bearer and got.bearer != want.bearer):
            return f"{vector.rider}: {line}: found {got.rule} {got.bearer}"
    return None


# ---- by the twin --------------------------------------------------------------------------------


def twin_amounts(vector: Vector, tariff: TwinTariff) -> list[int | None]:
    """What the twin says that each ride costs."""
    name, _, rest = vector.rider.partition(" ")
    default = tariff.get("default_class", tariff["class"][0]["id"])
    rider = fares_ride.Rider(
        who=default if name in ("", "city") else name,
        until=date.fromisoformat(rest.removeprefix("until ")) if rest.startswith("until") else None,
        city=int(rest) if name == "city" else 0,
    )
    names = {
        row["name"]: row["id"]
        for rows in tariff["tables"].values()
        for row in rows
        if "id" in row and "name" in row
    }
    amounts: list[int | None] = []
    for ride in expected(vector, tariff["zone"]):
        amount, _, rider = fares_ride.rate(
            tariff,
            fares_ride.Ride(
                network=ride.network,
                begin_us=ride.begin_us,
                end_us=ride.end_us,
                begin=names.get(ride.begin, ride.begin) or None,
                end=names.get(ride.end, ride.end) or None,
                line=ride.line or None,
                face=ride.face if ride.face >= 0 else None,
                metres=ride.metres if ride.metres >= 0 else None,
                media=ride.media or None,
                incomplete=ride.incomplete,
            ),
            rider,
        )
        amounts.append(amount)
    return amounts
