"""Exits at the station of their entry: which were free, which were paid, and whether time tells."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from onecard.core.tariff.audit.journeys import Charge, Stations
from onecard.core.tariff.audit.recorded import Recorded

SECOND_US = 1_000_000
LISTED_MAX = 100_000  # of each list: in a large file all exits may be such


@dataclass(slots=True)
class SameStation:
    """Exits at the station of their entry. `free` and `paid` count exits by Stations, `seconds` are
    the least and the most between entry and exit, by whether it was free."""

    free: Counter[Stations] = field(default_factory=Counter)
    paid: Counter[Stations] = field(default_factory=Counter)
    seconds: dict[tuple[bool, Stations], tuple[int, int]] = field(default_factory=dict)
    alias: list[dict[str, Any]] = field(default_factory=list)
    listed: list[dict[str, Any]] = field(default_factory=list)  # those that were paid


def count(same: SameStation, found: Recorded, charge: Charge) -> None:
    """Take one more charge into account; what is none of an exit is left out."""
    if charge.stations == Stations.NO_EXIT:
        return
    tap, entry = charge.tap, charge.entry
    free = tap.charged == 0
    (same.free if free else same.paid)[charge.stations] += 1
    if entry is None:
        return
    key = (free, charge.stations)
    seconds = (tap.at_us - entry.at_us) // SECOND_US
    least, most = same.seconds.get(key, (seconds, seconds))
    same.seconds[key] = (min(least, seconds), max(most, seconds))
    row = {"file": found.files[tap.file], "line": tap.line, "charged": tap.charged}
    names = {
        "entry_line": entry.line,
        "seconds": seconds,
        "station": found.stations.written[tap.station],
        "entry_station": found.stations.written[entry.station],
    }
    if charge.stations == Stations.ALIAS and len(same.alias) < LISTED_MAX:
        same.alias.append({**row, **names})
    paid = not free and charge.stations in (Stations.SAME, Stations.ALIAS)
    if paid and len(same.listed) < LISTED_MAX:
        same.listed.append({**row, "seconds": seconds, "station": names["station"]})


def time_words(same: SameStation) -> str:
    """Whether the time between entry and exit tells a free exit at the same station from a paid
    one: said rather than a grace made up."""
    free = same.seconds.get((True, Stations.SAME))
    paid = same.seconds.get((False, Stations.SAME))
    if free is None or paid is None:
        return ""
    spans = f"free after {free[0]:,}-{free[1]:,} s, paid after {paid[0]:,}-{paid[1]:,} s"
    blank = same.seconds.get((False, Stations.BOTH_BLANK))
    if blank is not None:
        spans += f" ({blank[0]:,}-{blank[1]:,} s where both stations are blank)"
    if free[1] < paid[0]:
        return f"{spans}: a grace of {free[1] + 1:,} to {paid[0]:,} s would explain it"
    if paid[1] < free[0]:
        return f"{spans}: the short ones are paid"
    return f"time explains nothing: {spans}"


def as_json(same: SameStation) -> dict[str, Any]:
    """What --json prints of it."""

    def seconds(free: bool, stations: Stations) -> list[int] | None:
        return list(same.seconds[free, stations]) if (free, stations) in same.seconds else None

    return {
        "free_exits": same.free.total(),
        "free": same.free[Stations.SAME],
        "free_by_alias": same.free[Stations.ALIAS],
        "blank": same.free[Stations.BLANK] + same.free[Stations.BOTH_BLANK],
        "no_entry": same.free[Stations.NO_ENTRY],
        "other_station": same.free[Stations.OTHER],
        "paid": same.paid[Stations.SAME] + same.paid[Stations.ALIAS],
        "free_seconds": seconds(True, Stations.SAME),
        "paid_seconds": seconds(False, Stations.SAME),
        "paid_both_blank_seconds": seconds(False, Stations.BOTH_BLANK),
        "alias_exits": same.alias,
        "paid_exits": same.listed,
        "time": time_words(same),
    }
