"""Two tariffs compared: which fares of which classes change, by how much, and which rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput
from onecard.core.tariff import facts, matrix
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.currency import format_amount
from onecard.core.tariff.facts import Item
from onecard.core.tariff.matrix import NO_FARE
from onecard.core.tariff.read_back import Row, rows
from onecard.ext.fare.shapes import Basis

WORST_MAX = 1000  # changes that are kept of each class and network, and listed in all
SECOND_US = 1_000_000
FACES = range(100, 1100, 100)  # of what a terminal says: no more is known of it
BEYOND_STEPS = 3
VANISHES = 1 << 62  # a fare that is defined in one of them alone is worse than any change of one
GOES_ON = 1 << 60


@dataclass(frozen=True, slots=True)
class Change:
    """One fare. Amounts are minor units, None where no fare is defined."""

    rider_class: str
    network: str
    ride: str
    before: int | None
    after: int | None

    @property
    def by(self) -> int | None:
        """How much it rises, None where one of them is not defined."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Compared:
    """The fares of a class in a network; `by_most` is the largest change, of either sign."""

    rider_class: str
    network: str
    rides: int
    changed: int
    dearer: int
    cheaper: int
    by_most: int


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A field of a rule that both have; `before` and `after` are "" where it is not said."""

    kind: str
    id: str
    what: str
    before: str
    after: str


@dataclass(slots=True)
class Diff:
    """`stations` are added and removed ones by network, by name; `left_out` counts those that
    another stands for, since no rule of either tariff tells them apart. `rules` are those of both
    tariffs that differ; classes and networks are rules too."""

    before: str
    after: str
    currency: str
    digits: int
    compared: list[Compared] = field(default_factory=list)
    worst: list[Change] = field(default_factory=list)
    stations: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    added: list[Item] = field(default_factory=list)
    removed: list[Item] = field(default_factory=list)
    rules: list[RuleChange] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """How many fares change."""
        return sum(one.changed for one in self.compared)

    @property
    def is_same(self) -> bool:
        """Returns True when nothing was found that differs."""
        rules = self.added or self.removed or self.rules
        return not (self.changed or rules or any(map(any, self.stations.values())))


def diff(before: Compiled, after: Compiled, rider_class: str | None = None) -> Diff:
    """What changes from one tariff to another, for one class or all. Fares are those of a rider
    without a past at noon of a Wednesday; what differs at other times is among the rules. BadInput
    where the tariffs have two currencies, or the class is in neither."""
    currencies = before.words["currency"], after.words["currency"]
    if currencies[0] != currencies[1]:
        raise BadInput(
            f"expected two tariffs of one currency, found {' and '.join(currencies)}; amounts of "
            "two currencies cannot be compared"
        )
    (header,) = rows(before.arrays, "header")
    found = Diff(before.words["id"], after.words["id"], currencies[0], int(header["minor_digits"]))
    _rules(found, before, after)
    classes = _common(before, after, "classes", rider_class)
    if rider_class is not None and not classes:
        known = [one["id"] for one in before.words["classes"]]
        raise BadInput(
            f"--class: expected a class of both tariffs, found {rider_class}; there are "
            f"{', '.join(known)}"
        )
    for network, numbers in _common(before, after, "networks").items():
        number = numbers[0] + 1, numbers[1] + 1
        sides = _Sides(before, after, number)
        found.stations[network] = sides.stations()
        if sides.left_out:
            found.left_out[network] = sides.left_out
        for name, riders in classes.items():
            _fares(found, sides, name, riders, network)
    found.worst.sort(key=_badness, reverse=True)
    del found.worst[WORST_MAX:]
    return found


# ---- fares --------------------------------------------------------------------------------------


class _Sides:
    """A network in both tariffs, and rides in it that can be told in both."""

    def __init__(self, before: Compiled, after: Compiled, numbers: tuple[int, int]) -> None:
        self.tariffs = before, after
        self.numbers = numbers
        self.rows = tuple(
            rows(tariff.arrays, "networks")[number - 1]
            for tariff, number in zip(self.tariffs, numbers, strict=True)
        )
        self._moments = tuple(matrix.moment(tariff)[1] for tariff in self.tariffs)
        self._places = [self._by_id(side) for side in (0, 1)]
        self.left_out = 0
        self.rides, self.words = self._rides()

    def stations(self) -> tuple[list[str], list[str]]:
        """Added and removed ones, by name."""
        old, new = self._places
        return (
            [self._name(1, new[key]) for key in new if key not in old],
            [self._name(0, old[key]) for key in old if key not in new],
        )

    def amounts(self, riders: tuple[int, int]) -> list[NDArray[np.int64]]:
        """What each ride costs in each tariff, NO_FARE where none is defined."""
        pairs = zip(self.tariffs, self.rides, riders, strict=True)
        return [matrix.priced(tariff, rides, rider) for tariff, rides, rider in pairs]

    def _by_id(self, side: int) -> dict[str, int]:
        if self.rows[side]["basis"] != Basis.CELL:
            return {}
        words = self.tariffs[side].words["places"]
        found = matrix.stations(self.tariffs[side], self.numbers[side])
        return {str(words[place - 1]["id"]): place for place in found}

    def _name(self, side: int, place: int) -> str:
        words = self.tariffs[side].words["places"][place - 1]
        return str(words["name"] or words["id"])

    def _rides(self) -> tuple[list[NDArray[np.void]], _Words]:
        if all(row["basis"] == Basis.CELL for row in self.rows):
            return self._between_stations()
        field_name, values, words = self._measured()
        made = []
        for number, at_us in zip(self.numbers, self._moments, strict=True):
            rides = matrix.rides_of(len(values), number, at_us)
            if field_name == "end_us":
                rides["end_us"] += np.array(values, np.int64) * SECOND_US
            elif field_name:
                rides[field_name] = values
            made.append(rides)
        return made, _Words(words, [])

    def _between_stations(self) -> tuple[list[NDArray[np.void]], _Words]:
        old, new = self._places
        common = [key for key in old if key in new]
        if len(common) > matrix.STATIONS_MAX:
            stand = self._one_a_set(common)
            self.left_out = len(common) - len(stand)
            common = stand
        side = len(common)
        made = []
        for places, number, at_us in zip(self._places, self.numbers, self._moments, strict=True):
            numbers = np.array([places[key] for key in common], np.uint32)
            rides = matrix.rides_of(side * side, number, at_us)
            rides["from_place"] = np.repeat(numbers, side)
            rides["to_place"] = np.tile(numbers, side)
            made.append(rides)
        return made, _Words([], [self._name(1, new[key]) for key in common])

    def _one_a_set(self, common: list[str]) -> list[str]:
        """One station of each that both tariffs take for the same."""
        sets = [
            tariff.arrays["place_sets"][row["sets_row"]]
            for tariff, row in zip(self.tariffs, self.rows, strict=True)
        ]
        first: dict[tuple[int, int], str] = {}
        for key in common:
            old, new = (int(of[places[key]]) for of, places in zip(sets, self._places, strict=True))
            first.setdefault((old, new), key)
        return list(first.values())[: matrix.STATIONS_MAX]

    def _measured(self) -> tuple[str, list[int], list[str]]:
        """Rides not between stations: the field that tells them apart, its values, words."""
        bases = {row["basis"] for row in self.rows}
        if Basis.FACE in bases:
            digits = int(rows(self.tariffs[0].arrays, "header")[0]["minor_digits"])
            words = [f"face {format_amount(face, digits)}" for face in FACES]
            return "face", list(FACES), words
        for basis, field_name, unit in (
            (Basis.METRES, "metres", "m"),
            (Basis.SECONDS, "end_us", "s"),
        ):
            if basis in bases:
                values = self._ends_of_steps()
                return field_name, values, [f"{value:,} {unit}" for value in values]
        return "", [0], ["any ride"]

    def _ends_of_steps(self) -> list[int]:
        """Where a step of either tariff ends, and one beyond."""
        ends: set[int] = {0}
        for tariff, row in zip(self.tariffs, self.rows, strict=True):
            steps: list[Row] = rows(tariff.arrays, "steps")[row["step"] :][: row["steps"]]
            ends |= {step["upto"] for step in steps if step["upto"] < GOES_ON}
            for step in steps[-1:]:
                ends |= {step["upto"] + step["every"] * n for n in range(1, BEYOND_STEPS + 1)}
        return sorted({end + more for end in ends for more in (0, 1)})


@dataclass(frozen=True, slots=True)
class _Words:
    """What a ride is called: by its own words, or from station to station."""

    rides: list[str]
    stations: list[str]

    def of(self, at: int) -> str:
        if not self.stations:
            return self.rides[at]
        begin, end = divmod(at, len(self.stations))
        return f"{self.stations[begin]} → {self.stations[end]}"


def _fares(found: Diff, sides: _Sides, name: str, riders: tuple[int, int], network: str) -> None:
    before, after = sides.amounts(riders)
    change = after - before
    odd = (before == NO_FARE) != (after == NO_FARE)
    weight = np.where(odd, VANISHES, np.abs(change))
    changed = np.flatnonzero(weight)
    both = change[changed][~odd[changed]]
    found.compared.append(
        Compared(
            rider_class=name,
            network=network,
            rides=len(before),
            changed=len(changed),
            dearer=int((both > 0).sum()),
            cheaper=int((both < 0).sum()),
            by_most=int(both[np.argmax(np.abs(both))]) if len(both) else 0,
        )
    )
    worst = changed[np.argsort(-weight[changed], kind="stable")][:WORST_MAX]
    for at in worst.tolist():
        old, new = int(before[at]), int(after[at])
        found.worst.append(
            Change(
                name,
                network,
                sides.words.of(at),
                None if old == NO_FARE else old,
                None if new == NO_FARE else new,
            )
        )


def _badness(change: Change) -> int:
    return VANISHES if change.by is None else abs(change.by)


def _common(
    before: Compiled, after: Compiled, what: str, only: str | None = None
) -> dict[str, tuple[int, int]]:
    """Numbers from 0 of what both have by id."""
    old = {str(one["id"]): at for at, one in enumerate(before.words[what])}
    new = {str(one["id"]): at for at, one in enumerate(after.words[what])}
    return {
        name: (at, new[name])
        for name, at in old.items()
        if name in new and (only is None or name == only)
    }


# ---- rules --------------------------------------------------------------------------------------


def _rules(found: Diff, before: Compiled, after: Compiled) -> None:
    for what, old, new in _fields(facts.head(before), facts.head(after)):
        found.rules.append(RuleChange("tariff", found.after, what, old, new))
    sides = [_by_key(facts.items(side)) for side in (before, after)]
    found.added = [one for key, one in sides[1].items() if key not in sides[0]]
    found.removed = [one for key, one in sides[0].items() if key not in sides[1]]
    sources: Counter[tuple[str, str]] = Counter()
    for key, old_item in sides[0].items():
        new_item = sides[1].get(key)
        if new_item is None:
            continue
        said = [{**one.facts, "name": one.name} for one in (old_item, new_item)]
        for what, old, new in _fields(*said):
            found.rules.append(RuleChange(new_item.kind, new_item.id, what, old, new))
        if old_item.from_where != new_item.from_where:
            sources[old_item.from_where, new_item.from_where] += 1
    # One source is that of many rules: how many is said, not each.
    for (old, new), count in sources.items():
        found.rules.append(RuleChange("source", f"of {count} rules", "source", old, new))


def _by_key(found: list[Item]) -> dict[tuple[str, str, int], Item]:
    """Rules by what they are in both: an id that people gave, or what a row of a feed says, whose
    id is a line that moves when a row is put before it."""
    keyed: dict[tuple[str, str, int], Item] = {}
    for one in found:
        name = one.name if one.kind in facts.OF_FEEDS else one.id
        nth = 0
        while (one.kind, name, nth) in keyed:
            nth += 1
        keyed[one.kind, name, nth] = one
    return keyed


def _fields(old: dict[str, str], new: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    for what in dict.fromkeys([*old, *new]):
        if old.get(what, "") != new.get(what, ""):
            yield what, old.get(what, ""), new.get(what, "")


# ---- as it is told ------------------------------------------------------------------------------


def as_json(found: Diff) -> dict[str, Any]:
    """What --json prints."""
    return {
        "before": found.before,
        "after": found.after,
        "same": found.is_same,
        "currency": found.currency,
        "changed": found.changed,
        "compared": [
            {
                "class": one.rider_class,
                "network": one.network,
                "rides": one.rides,
                "changed": one.changed,
                "dearer": one.dearer,
                "cheaper": one.cheaper,
                "by_most": one.by_most,
            }
            for one in found.compared
        ],
        "fares": [
            {
                "class": one.rider_class,
                "network": one.network,
                "ride": one.ride,
                "before": one.before,
                "after": one.after,
                "by": one.by,
            }
            for one in found.worst
        ],
        "stations": {
            network: {"added": added, "removed": removed}
            for network, (added, removed) in found.stations.items()
            if added or removed
        },
        "stations_left_out": found.left_out,
        "rules": {
            "added": [{"kind": one.kind, "id": one.id} for one in found.added],
            "removed": [{"kind": one.kind, "id": one.id} for one in found.removed],
            "changed": [
                {
                    "kind": one.kind,
                    "id": one.id,
                    "what": one.what,
                    "before": one.before,
                    "after": one.after,
                }
                for one in found.rules
            ],
        },
    }
