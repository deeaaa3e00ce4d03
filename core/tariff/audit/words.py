"""An audit in words that people read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath

from onecard.core.tariff.audit.explain import BASE
from onecard.core.tariff.audit.journeys import Stations
from onecard.core.tariff.audit.same_station import SameStation, time_words

WORDS = {
    "transfer": "transfer",
    "operator": "the operator's own rule",
    "same_station_free": "free exit at the station of entry",
    "same_station_alias": "the same, by another name of it",
    "free": "class that pays nothing",
    "incomplete": "entry or exit missing",
    "overdue": "too long in the system",
    "cap": "cap",
    "tier": "tier",
}


def reason_words(reason: str) -> str:
    """A reason for people."""
    kind, _, name = reason.partition(":")
    return f"fare of class {name}" if kind == BASE else WORDS.get(kind, kind)


def file_names(files: Iterable[str]) -> dict[str, str]:
    """What people call each file: its name without the folder, where no other has that name."""
    known = dict.fromkeys(files)
    names = Counter(PurePath(file).name for file in known)
    return {file: n if names[n := PurePath(file).name] == 1 else file for file in known}


def station_lines(same: SameStation) -> list[str]:
    """What is known of exits at the station of entry, in sentences."""
    free, paid = same.free, same.paid
    blank = free[Stations.BLANK] + free[Stations.BOTH_BLANK]
    paid_there = paid[Stations.SAME] + paid[Stations.ALIAS]
    lines = []
    if free:
        lines.append(
            f"Of {free.total():,} free exits {free[Stations.SAME]:,} are at the station of entry, "
            f"{free[Stations.ALIAS]:,} there by another name of it; {blank:,} have a blank station "
            f"on a side, {free[Stations.NO_ENTRY]:,} no entry in the files, "
            f"{free[Stations.OTHER]:,} another station."
        )
    if free or paid_there:
        lines.append(f"{paid_there:,} exits at the station of entry were paid.")
    said = time_words(same)
    return [*lines, f"{said[0].upper()}{said[1:]}."] if said else lines
