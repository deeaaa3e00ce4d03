"""Rides of one rider, drawn from a seed for any tariff, as the twin and as the engine have them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.quote import shares_of
from onecard.ext.fare import rate
from tests.twin import fares_ride
from tests.twin.fares_calendar import EPOCH
from tests.twin.fares_folder import Tariff, day_of, network_of

DAY_EPOCH = date(1970, 1, 1)
# Nights when clocks are put on or back, ends of months, a holiday or two.
DAYS = ["2026-03-29", "2026-10-25", "2026-03-08", "2026-02-28", "2026-04-01", "2026-10-01"]
MEDIA = ["card", "phone", "paper", None]


@dataclass(frozen=True)
class Drawn:
    """A rider and the rides, in the order of travel."""

    rider: fares_ride.Rider
    rides: list[fares_ride.Ride]


def draw_rides(tariff: Tariff, rng: random.Random, rides: int) -> Drawn:
    """So many rides: some minutes after each other, some days."""
    names = [one["id"] for one in tariff["class"]]
    begins, ends = day_of(tariff["effective_from"]), day_of(tariff.get("effective_until"))
    assert begins is not None
    days = [date.fromisoformat(day) for day in DAYS]
    days = [day for day in days if begins <= day and (ends is None or day <= ends)] or [begins]
    start = datetime.combine(rng.choice(days), datetime.min.time(), ZoneInfo(tariff["zone"]))
    at = start.astimezone(UTC) + timedelta(seconds=rng.randrange(-40_000, 100_000))
    cities = sorted({int(row["city"]) for row in tariff["tables"].get("regions.csv", [])})
    rider = fares_ride.Rider(
        who=rng.choice(names),
        until=rng.choice([None, start.date() - timedelta(days=1), start.date()]),
        city=rng.choice(cities) if cities and rng.random() < 0.3 else 0,
    )
    drawn = []
    for _ in range(rides):
        ride = draw_ride(tariff, rng, at)
        drawn.append(ride)
        gap = rng.choice([0, 60, 1199, 1200, 1201, 5399, 5400, 5401, 20_000, 86_400, 400_000])
        at = EPOCH + timedelta(microseconds=ride.end_us, seconds=gap)
        at += timedelta(microseconds=rng.choice([0, 0, 0, 1]))
    return Drawn(rider, drawn)


def draw_ride(tariff: Tariff, rng: random.Random, at: datetime) -> fares_ride.Ride:
    """One ride of any network from a time on."""
    network = network_of(tariff, rng.choice(tariff["network"])["id"])
    begin, end = draw_stations(tariff, rng, network)
    begin_us = (at - EPOCH) // timedelta(microseconds=1)
    took = rng.choice([0, 1, 600, 1199, 1200, 1800, 7200, 7201, 10_800, 10_801, 14_400, 14_401])
    lines = [int(row["line"]) for row in tariff["tables"].get(network.get("lines", ""), [])]
    return fares_ride.Ride(
        network=network["id"],
        begin_us=begin_us,
        end_us=begin_us + took * fares_ride.SECOND_US,
        begin=begin,
        end=end,
        line=rng.choice([*lines, None]),
        face=draw_amount(rng, 1200) if network["basis"] == "face" else None,
        metres=draw_amount(rng, 30_000) if network["basis"] == "metres" else None,
        media=rng.choice(media_of(tariff)),
        incomplete=rng.random() < 0.05,
    )


def draw_stations(
    tariff: Tariff, rng: random.Random, network: dict[str, Any]
) -> tuple[str | None, str | None]:
    """Where a ride begins and ends, sometimes at one station, sometimes nobody knows."""
    tables = [one["stations"] for one in tariff["network"] if "stations" in one]
    mine = network.get("stations", rng.choice(tables) if tables else None)
    ids = [row["id"] for row in tariff["tables"][mine]] if mine else [None]
    begin, end = rng.choice(ids), rng.choice(ids)
    if rng.random() < 0.15:
        end = begin
    if rng.random() < 0.05:
        begin = None
    return begin, None if rng.random() < 0.05 else end


def draw_amount(rng: random.Random, most: int) -> int | None:
    """Of money or metres, around the ends of steps too; sometimes nobody says it."""
    if rng.random() < 0.03:
        return None
    return rng.choice([rng.randint(0, most), rng.randint(0, most // 250) * 250])


def media_of(tariff: Tariff) -> list[str | None]:
    """Those that a rule names, and none."""
    named = [name for rule in tariff.get("discount", []) for name in rule.get("media", [])]
    return [*sorted(set(named)), None]


# ---- as the engine has them ----------------------------------------------------------------------


class Numbers:
    """The numbers that a compiled tariff has for the twin's names."""

    def __init__(self, compiled: Compiled) -> None:
        words = compiled.words
        self.networks = {one["id"]: number for number, one in enumerate(words["networks"], 1)}
        self.places = {one["id"]: number for number, one in enumerate(words["places"], 1)}
        self.classes = {one["id"]: number for number, one in enumerate(words["classes"])}
        self.media = {one["id"]: number for number, one in enumerate(words["media"], 1)}
        self.rules = [one["id"] for one in words["rules"]]

    def ride(self, ride: fares_ride.Ride) -> rate.Ride:
        """A ride of the twin as the engine takes it."""
        return rate.Ride(
            network=self.networks[ride.network],
            begin_us=ride.begin_us,
            end_us=ride.end_us,
            from_place=self.places[ride.begin] if ride.begin else 0,
            to_place=self.places[ride.end] if ride.end else 0,
            line=ride.line or 0,
            face=-1 if ride.face is None else ride.face,
            metres=-1 if ride.metres is None else ride.metres,
            media=self.media[ride.media] if ride.media else 0,
            incomplete=ride.incomplete,
        )

    def rider(self, rider: fares_ride.Rider) -> bytes:
        """The row of a rider who has not ridden."""
        until = (rider.until - DAY_EPOCH).days if rider.until else 0
        return rate.new_rider(self.classes[rider.who], until, rider.city)

    def reasons(self, rated: rate.Rated) -> list[fares_ride.Reason]:
        """What changes the amount, as the twin says it."""
        return [
            fares_ride.Reason(self.rules[one.rule - 1], one.before, one.after)
            for one in rated.reasons
            if one.code not in OF_CLASSES and one.before != one.after
        ]


OF_CLASSES = {rate.Code.CLASS_FOREIGN, rate.Code.CLASS_EXPIRED, rate.Code.CLASS_BELIEVED}


def differences(
    tariff: Tariff, compiled: Compiled, fares: rate.FareSet, drawn: Drawn
) -> Iterator[str]:
    """Where engine and twin part: the first ride of the rider that they answer otherwise."""
    numbers = Numbers(compiled)
    rider, row = drawn.rider, numbers.rider(drawn.rider)
    for number, ride in enumerate(drawn.rides, 1):
        amount, reasons, rider = fares_ride.rate(tariff, ride, rider)
        reasons = [one for one in reasons if one.before != one.after]
        rated = fares.rate(numbers.ride(ride), row)
        row = rated.rider
        found = rated.amount if rated.status == rate.Status.RATED else None
        if amount is not None:
            whose = shares_of(compiled, numbers.ride(ride), amount)
            twins = fares_ride.parted(tariff, ride, amount)
            if whose != twins:
                yield f"ride {number}, {ride}: the twin parts {twins}, the tariff {whose}"
                return
        if (found, numbers.reasons(rated)) != (amount, reasons):
            yield f"ride {number}, {ride} of {drawn.rider}"
            yield f"twin {amount} {reasons}"
            yield f"engine {rated.status!r} {found} {numbers.reasons(rated)}"
            return
