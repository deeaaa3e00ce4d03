"""Recorded names as numbers of a tariff: companies as networks, stations as places, lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from onecard.core.errors import quoted
from onecard.core.tariff.audit.columns import NOT_SAID, Kind
from onecard.core.tariff.audit.journeys import Charge
from onecard.core.tariff.audit.names import exact
from onecard.core.tariff.audit.recorded import Recorded
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.names import plain
from onecard.core.tariff.read_back import rows
from onecard.ext.fare.rate import Ride

UNKNOWN = 0


class Binding:
    """Numbers of the tariff by numbers of what was recorded; UNKNOWN where the tariff has no such.

    A row's network is the one of its id or name, where the file says one. Else it is that whose
    operator the company is, else the first of the company's mode, else the only one of the tariff.
    """

    def __init__(self, recorded: Recorded, compiled: Compiled) -> None:
        self._words = compiled.words
        self._companies = recorded.companies
        self._stations = recorded.stations.written
        self._operators = _operators(compiled)
        found = [self._network(*company) for company in recorded.companies]
        self.networks = [network for network, _ in found]
        self.own_rule = [own for _, own in found]  # its operator's, of several of the mode
        places = _by_name(self._words["places"])
        self.places = [
            (places.get(exact(name)) or places.get(plain(name), UNKNOWN)) if name else UNKNOWN
            for name in recorded.stations.written
        ]
        recorded.stations.join(self.places)
        self._lines = _lines(self._words["lines"])
        self._beyond = max(self._lines.values(), default=0)
        self._routes = recorded.routes.written
        self._line_at: dict[tuple[int, int], int] = {}

    def ride(self, charge: Charge) -> Ride:
        """A charge as it is rated, of network UNKNOWN where the tariff has none for it."""
        tap, entry = charge.tap, charge.entry
        network = self.networks[tap.company]
        begin = entry or tap
        is_exit = tap.kind == Kind.EXIT
        return Ride(
            network=network,
            begin_us=begin.at_us,
            end_us=max(tap.end_us, begin.at_us),
            from_place=self.places[begin.station] if entry or not is_exit else UNKNOWN,
            to_place=self.places[tap.station if is_exit else tap.to],
            line=self.line(network, tap.route),
            face=tap.face,
            metres=tap.metres if tap.metres != NOT_SAID else (entry.metres if entry else NOT_SAID),
        )

    def unknown(self, charge: Charge) -> str:
        """What a charge names that the tariff has not, in words; "" where it has all of it."""
        tap, entry = charge.tap, charge.entry
        network, company, mode = self._companies[tap.company]
        if self.networks[tap.company] == UNKNOWN:
            named = (
                f"network {quoted(network)}" if network else f"network for {_who(company, mode)}"
            )
            return f"the tariff has no {named}"
        for station in (entry.station if entry else 0, tap.station, tap.to):
            if station and self.places[station] == UNKNOWN:
                return f"the tariff has no station {quoted(self._stations[station])}, or several"
        return ""

    def line(self, network: int, route: int) -> int:
        """A line's number; one that the tariff does not name has a number beyond all of its own."""
        if route == 0:
            return UNKNOWN
        key = (network, route)
        known = self._line_at.get(key)
        if known is None:
            name = exact(self._routes[route])
            known = self._lines.get((network, name)) or self._lines.get((UNKNOWN, name))
            if known is None:
                self._beyond += 1
                known = self._beyond
            self._line_at[key] = known
        return known

    @property
    def no_line(self) -> int:
        """A number that no line has."""
        return (1 << 31) - 1

    def _network(self, network: str, company: str, mode: str) -> tuple[int, bool]:
        numbered = list(enumerate(self._words["networks"], start=1))
        if network:
            for key in ("id", "name"):
                for number, known in numbered:
                    if exact(known[key]) == exact(network):
                        return number, False
            return UNKNOWN, False
        modes = {number: known["mode"] for number, known in numbered}
        meant = [number for number in modes if not mode or modes[number] == mode]
        for number in meant:
            if self._operators.get(number) == exact(company) != "":
                first = next(other for other in modes if modes[other] == modes[number])
                return number, number != first
        if mode or len(meant) == 1:
            return (meant[0] if meant else UNKNOWN), False
        return UNKNOWN, False


def _who(company: str, mode: str) -> str:
    return quoted(company) or (f"a {quoted(mode)}" if mode else "a row that names none")


def _operators(compiled: Compiled) -> dict[int, str]:
    """The operator's name of each network that has one."""
    names = compiled.words["operators"]
    return {
        number: exact(names[network["operator"]])
        for number, network in enumerate(rows(compiled.arrays, "networks"), start=1)
        if 0 <= network["operator"] < len(names)
    }


def _lines(found: Iterable[dict[str, Any]]) -> dict[tuple[int, str], int]:
    """Numbers of lines by their network, UNKNOWN where it is not said, and their id or name."""
    return {
        (line.get("network", UNKNOWN), exact(str(line[key]))): line.get("number", at)
        for key in ("name", "id")
        for at, line in enumerate(found, start=1)
    }


def _by_name(places: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Places by id, name and alias, as written and as meant; a name that two have is none."""
    numbered = list(enumerate(places, start=1))
    found: dict[str, int] = {}
    for key in (exact, plain):
        for ways in (_ids, _names):
            met: dict[str, set[int]] = {}
            for number, place in numbered:
                for name in ways(place):
                    met.setdefault(key(name), set()).add(number)
            for name, numbers in met.items():
                found.setdefault(name, numbers.pop() if len(numbers) == 1 else UNKNOWN)
    return found


def _ids(place: dict[str, Any]) -> Iterable[str]:
    return (place["id"],)


def _names(place: dict[str, Any]) -> Iterable[str]:
    return (place["name"], *place["aliases"])
