"""A generated day of a one card: who takes part, what they send, and what must be answered.

Nothing in it happened. It is the same for the same seed and number of taps, and every outcome is
known beforehand: each row carries the answer the ledger must give.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput
from onecard.core.tariff.square import Square
from onecard.ext.shape.numbers import Kind, Outcome, Role
from onecard.sample.generated import figures as fig
from onecard.sample.generated.kinds import Counts, Crowd, Maker
from onecard.sample.generated.stream import Rows, Stream

TAPS_MIN = 4_000  # below, some of the rare cases would be none
TAPS_MAX = 1_500_000  # above, the cards of the table would have to be in two trains at once
METRO_MODE, BUS_MODE, SHOP_MODE = 1, 2, 3
ZONE = timezone(timedelta(hours=8))
CHARGES = (Kind.RIDE, Kind.EXIT, Kind.PURCHASE, Kind.CAPTURE)
GIVEN_BACK = (Kind.REFUND, Kind.REVERSAL, Kind.TOP_UP)
MOVES = (Outcome.ACCEPTED, Outcome.ACCEPTED_BELOW_FLOOR)


@dataclass(frozen=True, slots=True)
class Terminal:
    number: str
    operator: int  # index in Day.operators
    place: int  # station of the metro, 0 elsewhere
    mode: int


@dataclass(frozen=True, slots=True)
class Sent:
    """What one operator sends, in order of arrival."""

    operator: int
    late: bool  # a day late: after the day was closed
    rows: Rows  # stream.TAP

    def net_fen(self) -> int:
        """What the ledger must owe the operator for it."""
        rows = self.rows[(self.rows["repeated"] == 0) & np.isin(self.rows["outcome"], MOVES)]
        earned = rows["moved_fen"][np.isin(rows["kind"], CHARGES)]
        return int(earned.sum()) - int(rows["moved_fen"][np.isin(rows["kind"], GIVEN_BACK)].sum())


@dataclass(frozen=True, slots=True)
class Day:
    """A generated day, complete."""

    seed: int
    day: int  # days since 1970-01-01
    operators: tuple[tuple[str, Role], ...]
    issuers: tuple[str, ...]
    terminals: tuple[Terminal, ...]
    issuer_of: NDArray[np.uint8]  # a card: index in issuers; as many as are registered
    cards: int  # with those that are not
    opening: Sent  # opening balances, before the day; not among its taps
    streams: tuple[Sent, ...]

    @property
    def taps(self) -> int:
        return sum(len(sent.rows) for sent in self.streams)


def make(taps: int, seed: int, tariff: Square) -> Day:
    """The day of `taps` taps. Raises BadInput where there are too few or too many of them."""
    if not TAPS_MIN <= taps <= TAPS_MAX:
        raise BadInput(f"expected {TAPS_MIN:,} to {TAPS_MAX:,} taps, found {taps:,}")
    random = np.random.default_rng(seed)
    counts = Counts.of(taps)
    crowd = Crowd.of(random, counts)
    day = (fig.DAY - date(1970, 1, 1)).days
    maker = Maker(random, _midnight_us(), counts, crowd)
    operators, terminals = _register(len(tariff.stations))
    streams = [Stream(at, late=name == fig.BUSES[-1][0]) for at, (name, _) in enumerate(operators)]
    metro, east, west, hills, canteens, venues, agents, counters = streams
    own = _of_operator(terminals, len(operators))

    maker.metro(metro, own[0], tariff)
    for bus, rides, (_, _, fare_fen, _) in zip(
        (east, west, hills), _rides(counts.rides), fig.BUSES, strict=True
    ):
        maker.buses(bus, own[bus.operator], fare_fen, rides)
    maker.trouble(east, own[east.operator], fig.BUSES[0][2])
    maker.canteens(canteens, own[canteens.operator])
    maker.venues(venues, own[venues.operator])
    maker.agents(agents, own[agents.operator])

    repeats, conflicts = counts.repeats, counts.conflicts
    copies = {
        metro.operator: (repeats // 2, 0),
        east.operator: (repeats - repeats // 2 - repeats // 5, conflicts - conflicts // 2),
        canteens.operator: (repeats // 5, conflicts // 2),
    }
    sent = tuple(
        Sent(one.operator, one.late, one.arranged(*copies.get(one.operator, (0, 0)), random))
        for one in streams[:-1]
    )
    maker.opening(counters, own[counters.operator], [one.rows for one in sent])
    return Day(
        seed=seed,
        day=day,
        operators=operators,
        issuers=tuple(name for name, _ in fig.BANKS),
        terminals=terminals,
        issuer_of=crowd.issuer_of,
        cards=fig.CARDS + len(crowd.unknown),
        opening=Sent(counters.operator, False, counters.arranged(0, 0, random)),
        streams=sent,
    )


def card_number(index: int) -> str:
    """The printed number of a card: made up, in no issuer's range."""
    return f"LX{index:07d}"


def _register(stations: int) -> tuple[tuple[tuple[str, Role], ...], tuple[Terminal, ...]]:
    """Operators and terminals; the order of operators is the order of streams in `make`."""
    shops = (
        (fig.CANTEENS, Role.OPERATOR, fig.CANTEEN_TILLS, "C"),
        (fig.VENUES, Role.OPERATOR, fig.VENUE_TILLS, "V"),
        (fig.AGENTS, Role.AGENT, fig.AGENT_TILLS, "A"),
        (fig.COUNTERS, Role.AGENT, len(fig.BANKS), "K"),
    )
    operators: list[tuple[str, Role]] = [(fig.METRO, Role.OPERATOR)]
    terminals = [
        Terminal(f"GM{station:03d}-{gate}", 0, station, METRO_MODE)
        for station in range(1, stations + 1)
        for gate in range(1, fig.GATES + 1)
    ]
    for name, _, _, vehicles in fig.BUSES:
        at = len(operators)
        operators.append((name, Role.OPERATOR))
        terminals += [Terminal(f"GB{at}-{n:03d}", at, 0, BUS_MODE) for n in range(1, vehicles + 1)]
    for name, role, tills, letter in shops:
        at = len(operators)
        operators.append((name, role))
        terminals += [Terminal(f"G{letter}-{n:03d}", at, 0, SHOP_MODE) for n in range(1, tills + 1)]
    return tuple(operators), tuple(terminals)


def _of_operator(terminals: tuple[Terminal, ...], operators: int) -> list[NDArray[np.int64]]:
    owner = np.array([terminal.operator for terminal in terminals])
    return [np.flatnonzero(owner == operator) for operator in range(operators)]


def _rides(count: int) -> list[int]:
    """The rides of each bus company; the first takes what rounding leaves."""
    parts = [count * share // 100 for _, share, _, _ in fig.BUSES]
    return [parts[0] + count - sum(parts), *parts[1:]]


def _midnight_us() -> int:
    start = datetime(fig.DAY.year, fig.DAY.month, fig.DAY.day, tzinfo=ZONE)
    return (start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
