"""The CSV beside the rules: stations, links, fares from place to place, lines, lists."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import quoted
from onecard.core.tariff.distance import METRES_MAX
from onecard.core.tariff.language.entry import AMOUNT_MAX
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.source import Source
from onecard.core.tariff.table import Table, read_table

STATIONS_MAX = 4096  # of a network: their square is 64 MiB
NUMBER = re.compile(r"\d{1,13}", re.ASCII)
LINE_MAX = (1 << 32) - 1


@dataclass(slots=True)
class Place:
    """A station by its id; `aliases` are further names people write."""

    id: str
    name: str
    aliases: list[str]


@dataclass(slots=True)
class Places:
    """Every place of a tariff, numbered from 1 in the order they are met."""

    known: list[Place] = field(default_factory=list)
    at: dict[str, int] = field(default_factory=dict)
    is_whole: bool = True  # where a file of stations was not read, no id is known to be wrong

    def number(self, id: str, name: str, aliases: list[str]) -> int:
        """The number of a place, a new one where its id is new; its names are kept together."""
        if id not in self.at:
            self.known.append(Place(id, name, aliases))
            self.at[id] = len(self.known)
            return self.at[id]
        place = self.known[self.at[id] - 1]
        if name != place.name and name not in place.aliases:
            place.aliases.append(name)
        place.aliases.extend(alias for alias in aliases if alias not in place.aliases)
        return self.at[id]


@dataclass(frozen=True, slots=True)
class Stations:
    """The stations of one network in their file's order: places, and zones where there are any."""

    file: str
    places: list[int]
    at: dict[str, int]  # id -> where it stands, from 0
    zones: list[str]
    is_read: bool  # of a file that could not be read nobody knows what is in it


def read_stations(
    source: Source, file: str, places: Places, notices: Notices, zoned: bool
) -> Stations:
    """A network's stations. What is wrong is noticed and left out."""
    required = ("id", "name", "zone") if zoned else ("id", "name")
    table = read_table(source, file, notices, required, ("aliases", "zone"))
    found = Stations(file, [], {}, [], table is not None)
    places.is_whole = places.is_whole and found.is_read
    named: dict[str, str] = {}  # name -> id of the first that has it
    for line, (id, name, aliases, zone) in (
        table.each("id", "name", "aliases", "zone") if table else ()
    ):
        if not id or not name or (zoned and not zone):
            said = f"expected an id, a name{' and a zone' if zoned else ''}, found a blank"
            notices.error("station", file, line, said, "fill it in")
        elif id in found.at:
            notices.error("twice", file, line, f"station {quoted(id)} stands twice", "remove one")
        else:
            if named.setdefault(name, id) != id:
                said = f"found stations {quoted(named[name])} and {quoted(id)}, both {quoted(name)}"
                notices.warning("same_name", file, line, said, "a quote takes them by id alone")
            found.at[id] = len(found.places)
            also = [alias.strip() for alias in aliases.split("|") if alias.strip()]
            found.places.append(places.number(id, name, also))
            found.zones.append(zone)
    if len(found.places) > STATIONS_MAX:
        said = f"expected at most {STATIONS_MAX} stations, found {len(found.places)}"
        notices.error("too_many", file, 0, said, "part the network")
    return found


def read_links(
    source: Source, file: str, stations: Stations, notices: Notices
) -> NDArray[np.int32]:
    """Rows of (from, to, metres), stations from 0."""
    table = read_table(source, file, notices, ("line", "from", "to", "metres"))
    links: list[tuple[int, int, int]] = []
    for line, (begin, end, metres) in table.each("from", "to", "metres") if table else ():
        if not NUMBER.fullmatch(metres) or int(metres) >= METRES_MAX:
            said = f"expected metres, 0 to {METRES_MAX - 1}, found {quoted(metres)}"
            notices.error("metres", file, line, said, "give whole metres, in digits alone")
        elif stations.is_read and _are_known(
            file, line, (begin, end), stations.at, stations.file, notices
        ):
            if begin == end:
                said = f"found a link from {quoted(begin)} to itself, which leads nowhere"
                notices.warning("link", file, line, said, "remove it, or mend an end")
            links.append((stations.at[begin], stations.at[end], int(metres)))
    return np.array(links, dtype=np.int32).reshape(-1, 3)


Fares = dict[tuple[str, str], dict[str, int]]  # (from, to) -> class, "" for all -> minor units


def read_fares(
    source: Source,
    file: str,
    known: dict[str, int],
    stations: Stations,
    classes: dict[str, int],
    notices: Notices,
) -> Fares:
    """Fares from place to place, or from zone to zone; each pair of a class once."""
    table = read_table(source, file, notices, ("from", "to", "fare"), ("class",))
    fares: Fares = {}
    for line, (begin, end, fare, rider) in (
        table.each("from", "to", "fare", "class") if table else ()
    ):
        if not stations.is_read or not _are_known(
            file, line, (begin, end), known, stations.file, notices
        ):
            continue
        if rider and rider not in classes:
            said = f"expected a class of the tariff, found {quoted(rider)}"
            notices.error("unknown", file, line, said, "add a [[class]] or mend the row")
        elif not NUMBER.fullmatch(fare) or int(fare) > AMOUNT_MAX:
            said = f"expected whole minor units, 0 to {AMOUNT_MAX}, found {quoted(fare)}"
            notices.error("amount", file, line, said, "give whole minor units, as 200 for 2.00")
        elif rider in fares.setdefault((begin, end), {}):
            said = f"{quoted(begin)} to {quoted(end)} stands twice"
            notices.error("twice", file, line, said, "remove one")
        else:
            fares[begin, end][rider] = int(fare)
    return fares


def read_lines(source: Source, file: str, notices: Notices) -> dict[int, str]:
    """Lines of a network: number -> name."""
    table = read_table(source, file, notices, ("line", "name"))
    lines: dict[int, str] = {}
    for line, (number, name) in table.each("line", "name") if table else ():
        if not NUMBER.fullmatch(number) or not 1 <= int(number) <= LINE_MAX or not name:
            said = f"expected a number from 1 and a name, found {quoted(number)} {quoted(name)}"
            notices.error("line", file, line, said, "mend it")
        elif int(number) in lines:
            notices.error("twice", file, line, f"line {number} stands twice", "remove one")
        else:
            lines[int(number)] = name
    return lines


def read_list(source: Source, file: str, places: Places, notices: Notices) -> list[int]:
    """Stations that a rule names, by id, each once."""
    table: Table | None = read_table(source, file, notices, ("id",), ("name",))
    found: list[int] = []
    for line, (id,) in table.each("id") if table else ():
        if id not in places.at and not places.is_whole:
            continue
        if not _are_known(file, line, (id,), places.at, "the tariff", notices):
            continue
        if places.at[id] in found:
            notices.error("twice", file, line, f"station {quoted(id)} stands twice", "remove one")
        found.append(places.at[id])
    return found


def _are_known(
    file: str,
    line: int,
    ids: tuple[str, ...],
    known: dict[str, int],
    where: str,
    notices: Notices,
) -> bool:
    """Returns True when all ids are known; the first that is not is noticed."""
    for id in ids:
        if id not in known:
            said = f"expected an id of {where}, found {quoted(id) or 'a blank'}"
            notices.error("unknown", file, line, said, "mend it, or add the id there")
            return False
    return True
