"""Networks: each with its basis, its cells or steps, and what it charges beside the fare."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import quoted
from onecard.core.tariff.distance import METRES_MAX, shortest
from onecard.core.tariff.language.entry import AMOUNT_MAX, SECONDS_MAX, Entry
from onecard.core.tariff.language.names import Names
from onecard.core.tariff.language.stations import (
    Fares,
    Stations,
    read_fares,
    read_lines,
    read_links,
    read_stations,
)
from onecard.core.tariff.notice import listed
from onecard.core.tariff.source import Source
from onecard.ext.fare.shapes import MASK_BITS, Basis

BASES = {
    "flat": Basis.FLAT,
    "zones": Basis.CELL,
    "table": Basis.CELL,
    "distance": Basis.CELL,
    "metres": Basis.METRES,
    "seconds": Basis.SECONDS,
    "face": Basis.FACE,
}
NETWORKS_MAX = MASK_BITS
KEYS = ("fare", "stations", "fares", "links", "steps", "beyond", "grace_metres")  # of any basis
LIMIT_MAX = 1 << 40  # metres or seconds of a step: people write a very large one for "any"
STEPS_MAX = 1024

Cells = NDArray[np.uint32]


@dataclass(slots=True)
class Networks:
    """What is made of all networks: squares of cells one after another, lists of offers, and the
    set of each place in each network that has stations."""

    names: Names
    source: Source
    cells: list[Cells] = field(default_factory=list)
    cell_count: int = 0
    list_ends: list[int] = field(default_factory=lambda: [0, 0])
    sets: list[dict[int, int]] = field(default_factory=list)  # place -> set
    metres: dict[int, NDArray[np.int32]] = field(default_factory=dict)

    def read(self, entry: Entry) -> None:
        """Make a network of a table."""
        names = self.names
        name = entry.text("name") or ""
        mode = entry.text("mode") or ""
        before = entry.notices.errors
        basis = entry.one_of("basis", tuple(BASES))
        if len(names.networks) >= NETWORKS_MAX:
            entry.fault("", f"expected at most {NETWORKS_MAX} networks", "take one out", "many")
            return
        id = str(entry.found.get("id", ""))
        number = len(names.networks) + 1
        names.networks[id] = number
        names.modes.setdefault(f"mode:{mode}", []).append(id)
        names.bit(id)
        rule = names.rule(entry, name)
        row = {
            "rule": rule,
            "basis": BASES.get(basis or "flat", Basis.FLAT),
            "bit": number - 1,
            "operator": names.operator(entry.text("operator", "?") or "?"),
        }
        least, most = self._fares(entry, basis, number, row)
        self.beside(entry, row, least, most, entry.notices.errors > before)
        if entry.has("lines"):
            file = entry.text("lines")
            lines = read_lines(self.source, file, entry.notices) if file else {}
            names.lines.update({line: f"{said}" for line, said in lines.items()})
        entry.asked.add("lines")
        entry.done()
        names.building.add("networks", **{key: int(value) for key, value in row.items()})
        names.building.words.setdefault("networks", []).append(
            {"id": id, "name": name, "mode": mode, "basis": basis or ""}
        )

    # ---- fares by basis -------------------------------------------------------------------------

    def _fares(
        self, entry: Entry, basis: str | None, number: int, row: dict[str, int]
    ) -> tuple[int | None, int | None]:
        """The least and the highest fare, None where there is none to be known."""
        if basis == "flat":
            row["flat"] = entry.whole("fare", 0, AMOUNT_MAX) or 0
            return row["flat"], row["flat"]
        if basis in ("metres", "seconds"):
            return self.steps(entry, basis, row)
        if basis in ("zones", "table"):
            return self._table(entry, basis, row)
        if basis == "distance":
            return self._distance(entry, number, row)
        if basis is None:  # which keys it takes is not known, and its name was noticed
            entry.asked.update(KEYS)
            self.names.places.is_whole = False
        return None, None

    def steps(self, entry: Entry, basis: str, row: dict[str, int]) -> tuple[int | None, int | None]:
        steps, beyond = read_steps(entry)
        grace = 0
        if basis == "metres":
            grace = entry.whole("grace_metres", 0, LIMIT_MAX, 0) or 0
        row["step"] = self.names.building.count("steps")
        row["steps"] = len(steps)
        unit = "m" if basis == "metres" else "s"
        for at, (upto, fare) in enumerate(steps):
            last = at + 1 == len(steps)
            self.names.building.add(
                "steps",
                rule=self.names.rule(entry, f"up to {upto:,} {unit}", "steps"),
                upto=upto + grace,
                amount=fare,
                every=beyond[0] if last else 0,
                each=beyond[1] if last else 0,
            )
        if not steps:
            return None, None
        fares = [fare for _, fare in steps]
        return min(fares), None if beyond[0] else max(fares)

    def _table(
        self, entry: Entry, basis: str, row: dict[str, int]
    ) -> tuple[int | None, int | None]:
        """Zones, or stations: from and to of a file of fares."""
        stations = self._stations(entry, basis == "zones")
        file = entry.text("fares")
        if stations is None or file is None:
            return None, None
        if basis == "zones":
            zones = {zone: at for at, zone in enumerate(dict.fromkeys(stations.zones))}
            sets = [zones[zone] for zone in stations.zones]
        else:
            zones, sets = stations.at, list(range(len(stations.places)))
        fares = read_fares(self.source, file, zones, stations, self.names.classes, entry.notices)
        cells = np.zeros((max(len(zones), 1), max(len(zones), 1)), np.uint32)
        lists: dict[tuple[tuple[str, int], ...], int] = {}
        rule = self.names.rule(entry, f"the table {file}", "fares")
        for (begin, end), by_class in fares.items():
            key = tuple(sorted(by_class.items()))
            if key not in lists:
                lists[key] = self._offers(by_class, rule)
            cells[zones[begin], zones[end]] = lists[key]
        self._square(stations, sets, cells, row)
        return _ends(fares)

    def _distance(
        self, entry: Entry, number: int, row: dict[str, int]
    ) -> tuple[int | None, int | None]:
        """Fares by the shortest way, each step and each stretch beyond the last a list of one."""
        stations = self._stations(entry, False)
        file = entry.text("links")
        steps, beyond = read_steps(entry)
        grace = entry.whole("grace_metres", 0, METRES_MAX, 0) or 0
        if stations is None or file is None or not steps:
            return None, None
        links = read_links(self.source, file, stations, entry.notices)
        metres = shortest(len(stations.places), links)
        _notice_parts(entry, file, stations, metres)
        fares = fares_of(np.maximum(metres.astype(np.int64) - grace, 0), steps, beyond)
        fares[metres >= METRES_MAX] = -1
        made: dict[int, int] = {-1: 0}
        for fare in np.unique(fares).tolist():
            if fare >= 0:
                words = _step_words(fare, steps, beyond)
                made[fare] = self._offers({"": fare}, self.names.rule(entry, words, "steps"))
        order = np.unique(fares)
        lists = np.array([made[fare] for fare in order.tolist()], np.uint32)
        cells = lists[np.searchsorted(order, fares)]
        self.metres[number] = metres
        self._square(stations, list(range(len(stations.places))), cells, row)
        known = fares[fares >= 0]
        return (int(known.min()), int(known.max())) if known.size else (None, None)

    def _stations(self, entry: Entry, zoned: bool) -> Stations | None:
        file = entry.text("stations")
        if file is None:
            return None
        return read_stations(self.source, file, self.names.places, entry.notices, zoned)

    def _offers(self, by_class: dict[str, int], rule: int) -> int:
        """The list of the fares of a cell: of all, or one a class where a class has its own."""
        classes = self.names.classes
        if set(by_class) == {""}:
            fares = [(-1, by_class[""])]
        else:
            fares = [
                (number, by_class.get(name, by_class.get("", -1)))
                for name, number in classes.items()
            ]
        for rider, fare in fares:
            if fare >= 0:
                self.names.building.add(
                    "offers", rule=rule, rider_class=rider, media=-1, amount=fare
                )
        self.list_ends.append(self.names.building.count("offers"))
        return len(self.list_ends) - 2

    def _square(
        self, stations: Stations, sets: list[int], cells: Cells, row: dict[str, int]
    ) -> None:
        row["square"] = self.cell_count
        row["to_sets"] = cells.shape[1]
        row["sets_row"] = len(self.sets)
        self.sets.append(dict(zip(stations.places, sets, strict=True)))
        self.cells.append(cells.astype(np.uint32).reshape(-1))
        self.cell_count += cells.size

    # ---- what is beside the fare ----------------------------------------------------------------

    def beside(
        self,
        entry: Entry,
        row: dict[str, int],
        least: int | None,
        most: int | None,
        faulty: bool = False,
    ) -> None:
        """Same station, overtime, overdue, incomplete. Of fares that are `faulty` nobody asks which
        is the least: why they are was noticed."""
        if faulty:
            least, most = least or 0, most or 0
        incomplete = entry.table("incomplete")
        row["incomplete_amount"] = -1
        if incomplete is not None:
            row["incomplete_rule"] = self.names.rule(entry, "incomplete journey", "incomplete")
            row["incomplete_amount"] = _amount_or(incomplete, "fare", most, "highest")
            incomplete.done()
        overdue = entry.table("overdue")
        if overdue is not None:
            row["overdue_s"] = overdue.whole("after_s", 1, SECONDS_MAX) or 0
            row["overdue_rule"] = self.names.rule(entry, "overdue", "overdue")
            if incomplete is None:
                entry.fault("overdue", "expected `incomplete` beside it", "say what it costs")
            overdue.done()
        overtime = entry.table("overtime")
        if overtime is not None:
            row["overtime_s"] = overtime.whole("after_s", 1, SECONDS_MAX) or 0
            row["overtime_amount"] = overtime.whole("add", 0, AMOUNT_MAX) or 0
            row["overtime_rule"] = self.names.rule(entry, "overtime", "overtime")
            overtime.done()
        same = entry.table("same_station")
        if same is not None:
            row["same_station"] = 1
            row["same_station_free_s"] = same.whole("free_s", 0, SECONDS_MAX, 0) or 0
            row["same_station_rule"] = self.names.rule(entry, "same station", "same_station")
            row["same_station_amount"] = _amount_or(same, "fare", least, "least")
            same.done()


def _notice_parts(entry: Entry, file: str, stations: Stations, metres: NDArray[np.int32]) -> None:
    """A network in parts is right, and mostly a link that was forgotten."""
    if not len(metres) or entry.notices.errors:
        return  # after an error links may be missing because of it
    apart = np.flatnonzero(metres[0] >= METRES_MAX).tolist()
    if not apart:
        return
    ids = list(stations.at)
    found = (
        f"found no way from {quoted(ids[0])} to {len(apart)} of {len(ids)} stations "
        f"({listed(quoted(ids[at]) for at in apart)}): they have no fare"
    )
    entry.notices.warning("no_way", file, 0, found, "add the link, if one is missing")


def _amount_or(entry: Entry, key: str, known: int | None, which: str) -> int:
    """The amount of a key, or the one that is known of the network."""
    if entry.has(key):
        return entry.whole(key, 0, AMOUNT_MAX) or 0
    entry.asked.add(key)
    if known is None:
        entry.fault(key, f"expected a network with a {which} fare", f"write {{ {key} = 200 }}")
        return 0
    return known


def read_steps(entry: Entry) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """(upto, fare) of each step, rising, and (every, add) beyond the last, (0, 0) for none."""
    steps: list[tuple[int, int]] = []
    found = entry.tables("steps")
    for one in found[:STEPS_MAX]:
        upto = one.whole("upto", 0, LIMIT_MAX)
        fare = one.whole("fare", 0, AMOUNT_MAX)
        one.done()
        if upto is None or fare is None:
            continue
        if steps and upto <= steps[-1][0]:
            one.fault("upto", f"expected more than {steps[-1][0]}, found {upto}", "let steps rise")
        steps.append((upto, fare))
    if len(found) > STEPS_MAX:
        entry.fault("steps", f"expected at most {STEPS_MAX}, found {len(found)}", "take some out")
    beyond = entry.table("beyond")
    if beyond is None:
        return steps, (0, 0)
    every = beyond.whole("every", 1, LIMIT_MAX)
    add = beyond.whole("add", 0, AMOUNT_MAX)
    beyond.done()
    return steps, (every or 0, add or 0)


def fares_of(
    metres: NDArray[np.int64], steps: list[tuple[int, int]], beyond: tuple[int, int]
) -> NDArray[np.int64]:
    """Minor units for each distance, -1 where the steps end before it."""
    limits = np.array([upto for upto, _ in steps], np.int64)
    prices = np.array([fare for _, fare in steps], np.int64)
    short = prices[np.minimum(np.searchsorted(limits, metres), len(prices) - 1)]
    if not beyond[0]:
        return np.where(metres > limits[-1], -1, short)
    stretches = -((limits[-1] - metres) // beyond[0])  # started ones, rounded up
    return np.where(metres > limits[-1], prices[-1] + stretches * beyond[1], short)


def _step_words(fare: int, steps: list[tuple[int, int]], beyond: tuple[int, int]) -> str:
    upto = [upto for upto, price in steps if price == fare]
    if upto:
        return f"up to {upto[-1]:,} m"
    stretches = (fare - steps[-1][1]) // beyond[1] if beyond[1] else 1
    return f"up to {steps[-1][0] + stretches * beyond[0]:,} m"


def _ends(fares: Fares) -> tuple[int | None, int | None]:
    every = [fare for by_class in fares.values() for fare in by_class.values()]
    return (min(every), max(every)) if every else (None, None)
