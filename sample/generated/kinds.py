"""What is sent on a generated day, a kind at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onecard.core.tariff.square import Square
from onecard.ext.shape.numbers import Flag, Kind, Outcome
from onecard.sample.generated import figures as fig
from onecard.sample.generated.stream import Rows, Stream, taps

MINUTE_US = 60_000_000
NOON_US = 13 * 60 * MINUTE_US  # halves the day of figures.HALF_HOURS, all but a hundredth
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many taps of each kind; they add up to the day's."""

    journeys: int  # two taps each, even: there and back
    rides: int
    purchases: int
    top_ups: int
    holds: int  # two taps each
    checks: int
    refunds: int
    excess: int  # refunds above what was paid
    reversals: int  # two taps each: a ride and its reversal
    tombstones: int  # two taps each: a reversal, then what it voids
    no_money: int
    below_floor: int  # two taps each: the offline one, then one that is denied
    unknown: int  # two taps each: one online, one offline
    repeats: int
    conflicts: int

    @classmethod
    def of(cls, count: int) -> Counts:
        def part(thousandths: int) -> int:
            return count * thousandths // 1000

        fixed = {
            "purchases": part(fig.CANTEEN),
            "top_ups": part(fig.TOP_UP),
            "checks": part(fig.CHECK),
            "refunds": part(fig.REFUND),
            "excess": part(fig.TOO_MUCH),
            "no_money": part(fig.NO_MONEY),
            "repeats": part(fig.REPEAT),
            "conflicts": part(fig.CONFLICT),
        }
        paired = {
            "holds": part(fig.HOLD) // 2,
            "reversals": part(fig.REVERSAL) // 2,
            "tombstones": part(fig.TOMBSTONE) // 2,
            "below_floor": part(fig.BELOW_FLOOR) // 2,
            "unknown": part(fig.UNKNOWN) // 2,
        }
        transit = count - sum(fixed.values()) - 2 * sum(paired.values())
        journeys = transit * fig.METRO_TAPS // (fig.METRO_TAPS + fig.BUS_TAPS) // 4 * 2
        return cls(journeys=journeys, rides=transit - 2 * journeys, **fixed, **paired)


@dataclass(frozen=True, slots=True)
class Crowd:
    """The cards by what becomes of them: indices; no card is in two of them."""

    issuer_of: NDArray[np.uint8]  # of the registered ones, bank by bank
    funded: Ints  # they have money enough all day
    poor: Ints
    below: Ints  # they ride offline without money
    unknown: Ints  # not registered

    @classmethod
    def of(cls, random: np.random.Generator, counts: Counts) -> Crowd:
        banks = [cards for _, cards in fig.BANKS]
        mixed = random.permutation(fig.CARDS)
        poor = -(-counts.no_money // 2)
        below = counts.below_floor
        return cls(
            issuer_of=np.repeat(np.arange(len(banks), dtype=np.uint8), banks),
            poor=mixed[:poor],
            below=mixed[poor : poor + below],
            funded=mixed[poor + below :],
            unknown=fig.CARDS + np.arange(counts.unknown),
        )


@dataclass(frozen=True, slots=True)
class Maker:
    """Draws the day; every method adds to one operator's stream. Times are µs since 1970 UTC."""

    random: np.random.Generator
    midnight_us: int  # of the day, in its zone
    counts: Counts
    crowd: Crowd

    # ---- transit ----

    def metro(self, stream: Stream, gates: Ints, tariff: Square) -> None:
        """There in the first half of the day and back in the second; rated by the engine."""
        pairs = self.counts.journeys // 2
        card = self.random.permutation(self.crowd.funded)[:pairs]
        start, end = self._trips(pairs, tariff)
        fare = tariff.fares_fen[start, end].astype(np.int64)
        took = self._took(tariff.metres[start, end])
        out_us = self._times(pairs, 0, NOON_US)
        back_us = np.maximum(self._times(pairs, NOON_US, None), out_us + took + 15 * MINUTE_US)
        for entry_us, a, b in ((out_us, start, end), (back_us, end, start)):
            took = self._took(tariff.metres[a, b])
            stream.add(taps(Kind.ENTRY, entry_us, card, self._gate(gates, a)))
            stream.add(taps(Kind.EXIT, entry_us + took, card, self._gate(gates, b), moved_fen=fare))

    def buses(self, stream: Stream, vehicles: Ints, fare_fen: int, rides: int) -> None:
        """Flat fares. A late company's taps were all accepted offline, others' some."""
        offline = rides if stream.late else rides * fig.OFFLINE // 1000
        for count, flags in ((offline, int(Flag.OFFLINE)), (rides - offline, 0)):
            stream.add(
                taps(
                    Kind.RIDE,
                    self._times(count),
                    self._cards(count),
                    self.random.choice(vehicles, count),
                    fare_fen,
                    flags=flags,
                )
            )

    def trouble(self, stream: Stream, vehicles: Ints, fare_fen: int) -> None:
        """Taken back by the gate, without money, on the deny list, unknown: all on one company."""
        self._reversed(stream, vehicles, fare_fen, self.counts.reversals, early=False)
        self._reversed(stream, vehicles, fare_fen, self.counts.tombstones, early=True)

        def ride(card: Ints, at_us: Ints, answer: Outcome, offline: bool) -> None:
            vehicle = self.random.choice(vehicles, len(card))
            flags = int(Flag.OFFLINE) if offline else 0
            stream.add(taps(Kind.RIDE, at_us, card, vehicle, fare_fen, None, answer, flags))

        poor = np.resize(self.crowd.poor, self.counts.no_money)
        ride(poor, self._times(len(poor)), Outcome.FUNDS, False)
        at_us = self._times(len(self.crowd.below))
        ride(self.crowd.below, at_us, Outcome.ACCEPTED_BELOW_FLOOR, True)
        ride(self.crowd.below, at_us + 20 * MINUTE_US, Outcome.CARD_DENIED, False)
        at_us = self._times(len(self.crowd.unknown))
        ride(self.crowd.unknown, at_us, Outcome.CARD_UNKNOWN, False)
        ride(self.crowd.unknown, at_us + 20 * MINUTE_US, Outcome.ACCEPTED_SUSPENSE, True)

    def _reversed(
        self, stream: Stream, vehicles: Ints, fare_fen: int, count: int, early: bool
    ) -> None:
        """Rides and, a second later by the vehicle's clock, their reversals.

        An early reversal comes before its ride, which was held up for two minutes, and voids it.
        """
        at_us, card = self._times(count), self._cards(count)
        vehicle = self.random.choice(vehicles, count)
        ride = taps(
            Kind.RIDE,
            at_us,
            card,
            vehicle,
            fare_fen,
            answer=Outcome.VOIDED if early else Outcome.ACCEPTED,
        )
        back = taps(
            Kind.REVERSAL,
            at_us + 1_000_000,
            card,
            vehicle,
            moved_fen=0 if early else fare_fen,
            answer=Outcome.TOMBSTONED if early else Outcome.ACCEPTED,
        )
        if early:
            ride["arrives_us"] += 2 * MINUTE_US
            ride["repeated"] = 1
        stream.reverse(back, stream.add(ride))

    # ---- shops ----

    def canteens(self, stream: Stream, tills: Ints) -> None:
        """Meals of a given amount, the zero-value taps of their doors, refunds."""
        count = self.counts.purchases
        at_us, card = self._meals(count), self._cards(count)
        till = self.random.choice(tills, count)
        amount = self.random.integers(6, 60, count) * 50
        meals = stream.add(taps(Kind.PURCHASE, at_us, card, till, amount))
        checks = self.counts.checks
        stream.add(
            taps(
                Kind.CHECK,
                self._meals(checks),
                self._cards(checks),
                self.random.choice(tills, checks),
            )
        )
        chosen = self.random.permutation(count)[: self.counts.refunds + self.counts.excess]
        good, excess = np.split(chosen, [self.counts.refunds])
        half = self.random.random(len(good)) < 0.5
        given = np.where(half, amount[good] // 2, amount[good])
        for at, back, answer in (
            (good, given, Outcome.ACCEPTED),
            (excess, amount[excess] + 100, Outcome.AMOUNT_EXCEEDS_ORIGINAL),
        ):
            later = at_us[at] + self.random.integers(5, 40, len(at)) * MINUTE_US
            stream.about(
                taps(Kind.REFUND, later, card[at], till[at], back, answer=answer), meals[at]
            )

    def venues(self, stream: Stream, tills: Ints) -> None:
        """A hold on arrival; what is used is captured, or it is released."""
        count = self.counts.holds
        at_us, card = self._times(count, 4 * 60 * MINUTE_US, NOON_US), self._cards(count)
        till = self.random.choice(tills, count)
        held = self.random.integers(2, 11, count) * 1000
        holds = stream.add(taps(Kind.HOLD, at_us, card, till, held))
        later = at_us + self.random.integers(30, 240, count) * MINUTE_US
        used = self.random.random(count) < 0.7
        taken = held - self.random.integers(0, 10, count) * 100
        for kind, at, amount, moved in (
            (Kind.CAPTURE, np.flatnonzero(used), taken, taken),
            (Kind.RELEASE, np.flatnonzero(~used), np.zeros_like(held), held),
        ):
            stream.about(
                taps(kind, later[at], card[at], till[at], amount[at], moved[at]), holds[at]
            )

    def agents(self, stream: Stream, tills: Ints) -> None:
        count = self.counts.top_ups
        amount = self.random.choice([2_000, 5_000, 10_000], count)
        till = self.random.choice(tills, count)
        stream.add(taps(Kind.TOP_UP, self._times(count), self._cards(count), till, amount))

    def opening(self, stream: Stream, counters: Ints, day: list[Rows]) -> None:
        """What cards of the day have in the morning: all they spend and 50 yuan, in whole tens."""
        spent = np.zeros(fig.CARDS + len(self.crowd.unknown), dtype=np.int64)
        for rows in day:
            out = rows["repeated"] == 0
            out &= np.isin(rows["kind"], (Kind.RIDE, Kind.PURCHASE, Kind.HOLD, Kind.EXIT))
            np.add.at(spent, rows["card"][out], rows["moved_fen"][out])
        seen = np.unique(np.concatenate([rows["card"] for rows in day]))
        card = np.intersect1d(seen, self.crowd.funded)
        at_us = self.midnight_us + 4 * 60 * MINUTE_US + np.arange(len(card)) * 10_000
        amount = 5_000 + -(-spent[card] // 1_000) * 1_000
        stream.add(taps(Kind.TOP_UP, at_us, card, counters[self.crowd.issuer_of[card]], amount))

    # ---- draws ----

    def _cards(self, count: int) -> Ints:
        return self.random.choice(self.crowd.funded, count)

    def _times(self, count: int, after_us: int = 0, before_us: int | None = None) -> Ints:
        """Times of day by the half-hour profile, within a part of the day."""
        starts = fig.FIRST_HALF_HOUR_US + np.arange(len(fig.HALF_HOURS)) * fig.HALF_HOUR_US
        weights = np.where(starts >= after_us, fig.HALF_HOURS, 0)
        if before_us is not None:
            weights[starts >= before_us] = 0
        at = self.random.choice(starts, count, p=weights / weights.sum())
        return self.midnight_us + at + self.random.integers(0, fig.HALF_HOUR_US, count)

    def _meals(self, count: int) -> Ints:
        start, length, weight = np.array(fig.MEALS).T
        meal = self.random.choice(len(weight), count, p=weight / weight.sum())
        minute = start[meal] + self.random.triangular(0, 0.4, 1, count) * length[meal]
        at: Ints = (minute * MINUTE_US).astype(np.int64)
        return self.midnight_us + at

    def _trips(self, count: int, tariff: Square) -> tuple[Ints, Ints]:
        """Origins by how busy a station is, destinations by that and how near they are."""
        stations = len(tariff.stations)
        busy = self.random.pareto(1.5, stations) + 0.2
        start = self.random.choice(stations, count, p=busy / busy.sum())
        pull = busy[None, :] * np.exp(-tariff.metres / 12_000)
        np.fill_diagonal(pull, 0)
        sums = np.cumsum(pull, axis=1)
        mark = self.random.random(count) * sums[start, -1]
        end = np.empty(count, dtype=np.int64)
        for station in range(stations):
            here = start == station
            end[here] = np.searchsorted(sums[station], mark[here], side="right")
        return start.astype(np.int64), np.minimum(end, stations - 1)

    def _took(self, metres: NDArray[np.int32]) -> Ints:
        seconds = 180 + metres / fig.METRES_A_SECOND + self.random.random(len(metres)) * 240
        return (seconds * 1_000_000).astype(np.int64)

    def _gate(self, gates: Ints, station: Ints) -> Ints:
        gate: Ints = gates[station * fig.GATES + self.random.integers(0, fig.GATES, len(station))]
        return gate
