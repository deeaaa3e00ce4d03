"""Which rule explains what a card was charged, and of which class its rider is over all files."""

from __future__ import annotations

from typing import NamedTuple

from onecard.core.tariff.audit.binding import UNKNOWN, Binding
from onecard.core.tariff.audit.columns import Mark
from onecard.core.tariff.audit.journeys import Charge, Stations
from onecard.core.tariff.audit.rating import Rating, has_transfer
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.read_back import rows
from onecard.ext.fare.rate import Code, Rated, Ride, Status, new_rider

# Reasons, as they are counted. That of a plain fare has its class behind it: base:adult.
BASE = "base"
TRANSFER = "transfer"
OPERATOR = "operator"
SAME_STATION = "same_station_free"
SAME_STATION_ALIAS = "same_station_alias"
FREE = "free"
INCOMPLETE = "incomplete"
OVERDUE = "overdue"
CAP = "cap"
TIER = "tier"
OF_CODE = {  # the first of these that a quote names is its reason
    Code.INCOMPLETE: INCOMPLETE,
    Code.OVERDUE: OVERDUE,
    Code.TRANSFER: TRANSFER,
    Code.GROUP_TRANSFER: TRANSFER,
    Code.CAP: CAP,
    Code.TIER: TIER,
}
NO_FARE = {
    Status.NO_FARE: "the tariff defines no fare for this ride",
    Status.NOT_ACCEPTED: "the tariff does not accept this card",
    Status.NOT_IN_FORCE: "the tariff was not in force then",
    Status.FACE_MISSING: "the fare is the terminal's, and the row has no face",
    Status.METRES_MISSING: "the fare is by metres, and the row has none",
    Status.TOO_LARGE: "the amount is too large to be rated",
    Status.UNKNOWN: "the tariff does not know this ride",
}


class Found(NamedTuple):
    """A charge and what came of it. `reason` is None where nothing explains it: then `right` is
    what its class pays, None where no fare is defined, and `why` a sentence about it."""

    charge: Charge
    reason: str | None
    right: int | None
    why: str
    by_class: dict[str, int]


class _Answer(NamedTuple):
    rated: Rated
    reason: str | None


class Explainer:
    """Holds the charges of a card against each class of a tariff."""

    def __init__(self, compiled: Compiled, binding: Binding) -> None:
        self._binding = binding
        self._rating = Rating(compiled.arrays, binding.no_line)
        self._classes = [str(one["id"]) for one in compiled.words["classes"]]
        self._rules = [str(rule["id"]) for rule in compiled.words["rules"]]
        default = rows(compiled.arrays, "header")[0]["default_class"]
        # The default first: of classes that explain as much, a card is of the first.
        others = [number for number in range(len(self._classes)) if number != default]
        self._order = [default, *others]

    def explain(self, charges: list[Charge]) -> list[Found]:
        """The charges of one card, in order of time. Its class is the one that explains most of
        them; of equals the one with fewer that are free only because that class pays nothing."""
        rides = [self._binding.ride(charge) for charge in charges]
        answers = {number: self._answers(charges, rides, number) for number in self._order}
        best = max(self._order, key=lambda number: _explained(answers[number]))
        return [
            self._found(charge, ride, best, {n: answers[n][at] for n in self._order})
            for at, (charge, ride) in enumerate(zip(charges, rides, strict=True))
        ]

    # ---- a class --------------------------------------------------------------------------------

    def _answers(self, charges: list[Charge], rides: list[Ride], number: int) -> list[_Answer]:
        """What the tariff says of each, a rider's ride after the other."""
        rider = new_rider(number)
        found: list[_Answer] = []
        for charge, ride in zip(charges, rides, strict=True):
            rated = self._rated(charge, ride, rider)
            reason = self._reason(charge, ride, rated, number)
            found.append(_Answer(rated, reason))
            if reason not in (SAME_STATION, SAME_STATION_ALIAS):
                rider = rated.rider
        return found

    def _rated(self, charge: Charge, ride: Ride, rider: bytes) -> Rated:
        mark, charged = charge.tap.mark, charge.tap.charged
        if charge.stations == Stations.NO_ENTRY and self._rating.needs_places(ride.network):
            ride = ride._replace(incomplete=1)
        return self._rating.rated(ride, rider, mark, charged)

    def _reason(self, charge: Charge, ride: Ride, rated: Rated, number: int) -> str | None:
        """Why a charge is what it is for this class, None where it should be another."""
        if ride.network == UNKNOWN:
            return None
        charged = charge.tap.charged
        codes = [reason.code for reason in rated.reasons]
        alias = charge.stations == Stations.ALIAS
        if charged == 0 and (alias or charge.stations == Stations.SAME):
            left_to_terminal = not self._rating.has_same_station(ride.network)
            if left_to_terminal or Code.SAME_STATION_FREE in codes:
                return SAME_STATION_ALIAS if alias else SAME_STATION
        if rated.status != Status.RATED or rated.amount != charged:
            return None
        if charge.tap.mark == Mark.YES and not has_transfer(rated):
            return None
        for code, reason in OF_CODE.items():
            if code in codes:
                return reason
        if charged == 0 and Code.DISCOUNT in codes:
            return FREE
        own_rule = self._binding.own_rule[charge.tap.company] and self._rating.is_face(ride.network)
        if own_rule and Code.DISCOUNT not in codes:
            return OPERATOR
        return f"{BASE}:{self._classes[number]}"

    # ---- what is not explained ------------------------------------------------------------------

    def _found(self, charge: Charge, ride: Ride, best: int, answers: dict[int, _Answer]) -> Found:
        rated, reason = answers[best]
        if reason is not None:
            return Found(charge, reason, charge.tap.charged, "", {})
        by_class = {
            self._classes[number]: answer.rated.amount
            for number, answer in answers.items()
            if answer.rated.status == Status.RATED
        }
        right = rated.amount if rated.status == Status.RATED else None
        return Found(charge, None, right, self._why(charge, ride, best, answers), by_class)

    def _why(self, charge: Charge, ride: Ride, best: int, answers: dict[int, _Answer]) -> str:
        rated = answers[best].rated
        if ride.network == UNKNOWN:
            return self._binding.unknown(charge)
        if rated.status != Status.RATED:
            missing = charge.stations == Stations.NO_ENTRY
            said = self._binding.unknown(charge) if rated.status == Status.NO_FARE else ""
            return (
                f"{said or NO_FARE[rated.status]}{'; no entry is in the files' if missing else ''}"
            )
        name = self._classes[best]
        mark, charged = charge.tap.mark, charge.tap.charged
        if mark == Mark.YES and not has_transfer(rated):
            return f"marked as a transfer, and the tariff has none for {name} here"
        if mark == Mark.NO:
            others = self._rating.transferred(ride, new_rider(best))
            rules = dict.fromkeys(self._rule(one) for one in others if one.amount == charged)
            if rules:
                said = " or ".join(rules)
                return f"the fare of {name} less transfer {said}, and the mark says none"
        for number, answer in answers.items():
            if answer.reason is not None:
                return f"right for {self._classes[number]}; the card's others are {name}'s"
        return f"no rule gives it; {self._because(rated, name)}"

    def _because(self, rated: Rated, name: str) -> str:
        """The rules of what would be right, in their order."""
        rules = list(dict.fromkeys(self._rule_of(one.rule) for one in rated.reasons if one.rule))
        return f"{name} by {', '.join(rules)}" if rules else name

    def _rule(self, rated: Rated) -> str:
        transfers = (Code.TRANSFER, Code.GROUP_TRANSFER)
        return next(self._rule_of(one.rule) for one in rated.reasons if one.code in transfers)

    def _rule_of(self, rule: int) -> str:
        return self._rules[rule - 1]


def _explained(answers: list[_Answer]) -> tuple[int, int]:
    """How many a class explains, and, to be as few as can be, how many only by paying nothing."""
    reasons = [answer.reason for answer in answers if answer.reason is not None]
    return len(reasons), -reasons.count(FREE)
