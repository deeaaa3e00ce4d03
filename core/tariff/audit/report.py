"""The answer of an audit: what was explained and by what, and each charge that was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from onecard.core.tariff.audit import journeys, recorded, same_station
from onecard.core.tariff.audit.binding import Binding
from onecard.core.tariff.audit.explain import OPERATOR, Explainer, Found
from onecard.core.tariff.audit.recorded import Recorded
from onecard.core.tariff.audit.same_station import SameStation
from onecard.core.tariff.compiled import Compiled

LISTED_MAX = 100_000  # of each list: a tariff that is not the one of the files lists every row


@dataclass(slots=True)
class Listed:
    """A charge that is listed. Amounts are minor units; `card` numbers cards as they were met."""

    file: str
    line: int
    card: int
    charged: int
    right: int | None
    by_class: dict[str, int]
    why: str


@dataclass(slots=True)
class Report:
    """`reasons` counts the explained; `operators` those of OPERATOR by name; `refused` rows that
    were left out. `currency` and `digits` say what an amount is."""

    tariff: str
    currency: str
    rows: int
    refused: int
    charges: int = 0
    explained: int = 0
    unexplained: list[Listed] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    operators: Counter[str] = field(default_factory=Counter)
    same_station: SameStation = field(default_factory=SameStation)

    @property
    def is_clean(self) -> bool:
        """Returns True when every charge is explained and every row was read."""
        return self.explained == self.charges and not self.refused


def audit(paths: Sequence[Path], compiled: Compiled, say: Callable[[str], None]) -> Report:
    """Hold files against a tariff. A row that cannot be read is a line to `say`. BadInput where a
    whole file cannot."""
    found = recorded.read(paths, ZoneInfo(compiled.words["zone"]), say)
    binding = Binding(found, compiled)
    explainer = Explainer(compiled, binding)
    report = Report(
        tariff=compiled.words["id"],
        currency=compiled.words["currency"],
        rows=len(found.rows),
        refused=found.refused,
    )
    for charges in journeys.cards(found):
        for one in explainer.explain(charges):
            _count(report, found, one)
    _in_order(report, found)
    return report


def _count(report: Report, found: Recorded, one: Found) -> None:
    report.charges += 1
    same_station.count(report.same_station, found, one.charge)
    tap = one.charge.tap
    if one.reason is None:
        if len(report.unexplained) < LISTED_MAX:
            report.unexplained.append(
                Listed(
                    file=found.files[tap.file],
                    line=tap.line,
                    card=tap.card,
                    charged=tap.charged,
                    right=one.right,
                    by_class=one.by_class,
                    why=one.why,
                )
            )
        return
    report.explained += 1
    report.reasons[one.reason] += 1
    if one.reason == OPERATOR:
        network, company, _ = found.companies[tap.company]
        report.operators[company or network] += 1


def _in_order(report: Report, found: Recorded) -> None:
    """Lists in the order of the files, not of cards."""
    place = {file: at for at, file in enumerate(found.files)}
    report.unexplained.sort(key=lambda one: (place[one.file], one.line))
    for listed in (report.same_station.alias, report.same_station.listed):
        listed.sort(key=lambda row: (place[row["file"]], row["line"]))


# ---- as it is told ------------------------------------------------------------------------------


def as_json(report: Report) -> dict[str, Any]:
    """What --json prints; no number of a card is in it."""
    return {
        "tariff": report.tariff,
        "currency": report.currency,
        "rows": report.rows + report.refused,
        "refused": report.refused,
        "charges": report.charges,
        "explained": report.explained,
        "unexplained": [
            {
                "file": one.file,
                "line": one.line,
                "card": one.card,
                "charged": one.charged,
                "right": [] if one.right is None else [one.right],
                "by_class": one.by_class,
                "why": one.why,
            }
            for one in report.unexplained
        ],
        "reasons": dict(report.reasons.most_common()),
        "operators": dict(report.operators.most_common()),
        "same_station": same_station.as_json(report.same_station),
    }
