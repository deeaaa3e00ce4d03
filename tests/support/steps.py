"""Two sides that are fed the same: the slow twin, and the engine on a real ledger, without threads.

A step is a group of messages and acts, as the engine is given it. Both sides answer a list:
for taps the decisions row by row, for an act what it returns, or MALFORMED.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onecard.ext.wire.batch import TAP_COLUMNS
from onecard.v1.tap_pb2 import TapBatch
from tests.twin import acts, calendar, scenes, twin
from tests.twin import digest as twin_digest
from tests.twin.acts import ActorRow, CardRow, TerminalRow
from tests.twin.hold_terms import put_hold_terms
from tests.twin.scenes import SceneRow
from tests.twin.state import Book, Declaration, Rules, Tap, Terminal
from tests.twin.twin import Decision

MALFORMED = "malformed"
HOLDS_MAX = 3  # of both sides: so few that a hold finds no row now and then
CARDS_MAX = 1 << 10  # of both sides, and so many journeys that stand apart
HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
START_RULES = Rules(946_684_800_000_000, 60 * DAY_US, HOUR_US, 1_000_000, 8 * HOUR_US)


@dataclass(frozen=True)
class Taps:
    """One message of one stream; principal 0 may carry any terminal."""

    taps: tuple[Tap, ...]
    principal: int = 0
    request_id: int = 7

    def message(self) -> bytes:
        batch = TapBatch(request_id=self.request_id)
        for name in Tap.__dataclass_fields__:
            column = [getattr(tap, name) for tap in self.taps]
            if TAP_COLUMNS[name] == "u1":  # bytes, to the proto
                setattr(batch, name, bytes(column))
            elif name in ("card", "terminal", "terminal_seq", "amount_fen") or any(column):
                getattr(batch, name).extend(column)
        return batch.SerializeToString()


@dataclass(frozen=True)
class Message:
    """A message as it is, well formed or not."""

    raw: bytes
    principal: int = 0

    def message(self) -> bytes:
        return self.raw


@dataclass(frozen=True)
class Participants:
    rows: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Terminals:
    rows: tuple[Terminal | TerminalRow, ...]


@dataclass(frozen=True)
class Cards:
    """Tokens of one issuer, funding, status and floor; accounts only where they share one."""

    tokens: tuple[int, ...]
    issuer: int
    funding: int
    status: int | None = 1  # None keeps it
    since_us: int = 0
    floor_fen: int = 0
    accounts: tuple[int, ...] | None = None
    recorded: tuple[tuple[str, int], ...] = ()  # columns by which nothing is decided


@dataclass(frozen=True)
class NewTariff:
    name: str
    effective_from_us: int
    stations: int
    fares_fen: tuple[int, ...]
    entry_min_fen: int
    network: int = 0


@dataclass(frozen=True)
class NewHoldTerms:
    effective_from_us: int
    fundings: tuple[int, ...] = (1,)
    partial: bool = False
    life_s: int = 0
    network: int = 0


@dataclass(frozen=True)
class NewRules:
    rules: Rules


@dataclass(frozen=True)
class Declare:
    rows: tuple[Declaration, ...]


@dataclass(frozen=True)
class Close:
    business_day: int
    force: bool = False


@dataclass(frozen=True)
class Actors:
    rows: tuple[ActorRow, ...]
    four_eyes: bool | None = None


@dataclass(frozen=True)
class Scenes:
    rows: tuple[SceneRow, ...]


@dataclass(frozen=True)
class Calendar:
    first_day: int
    classes: bytes


Item = (
    Taps
    | Message
    | Participants
    | Terminals
    | Cards
    | NewTariff
    | NewHoldTerms
    | NewRules
    | Declare
    | Close
    | Actors
    | Scenes
    | Calendar
)


class TwinSide:
    """The slow twin behind the same two methods as the engine."""

    def __init__(self, now_us: int, holds_max: int = HOLDS_MAX, cards_max: int = CARDS_MAX) -> None:
        self.book = Book(holds_max=holds_max, journeys_max=cards_max)
        acts.put_rules(self.book, START_RULES, now_us)

    def step(
        self, items: Sequence[Item], now_us: int, booked_at_us: Sequence[int] = ()
    ) -> list[Any]:
        """Taps that follow one another are one block; each is booked after the block before.

        Where the times of booking are given, item by item, they are taken for the taps; 0 is not
        known, of one that books nothing.
        """
        answers: list[Any] = []
        together = False
        at_us = now_us
        for number, item in enumerate(items):
            if not (together and isinstance(item, Taps | Message)):
                at_us = max(now_us, self.book.booked_at_us + 1)
            together = isinstance(item, Taps | Message)
            if isinstance(item, Taps | Message):
                booked_us = booked_at_us[number] if booked_at_us else 0
                answers.append(self._taps(item, booked_us or at_us))
            else:
                try:
                    answers.append(self._act(item, at_us))
                except acts.Refused:
                    answers.append(MALFORMED)
        return answers

    def record(self, sequence: int) -> dict[str, Any]:
        """An entry with its legs and images, as the journal must have it."""
        entry = self.book.entries[sequence]
        return {
            **twin_digest.entry_record(entry),
            "legs": twin_digest.leg_records(entry),
            "images": twin_digest.image_records(entry),
        }

    def digest(self) -> bytes:
        return twin_digest.digest(self.book)

    def tables(self) -> dict[str, twin_digest.Rows]:
        return {name: table(self.book) for name, table in twin_digest.TABLES.items()}

    def totals(self) -> twin_digest.Rows:
        return twin_digest.totals(self.book)

    def restart(self) -> None:
        """Nothing is kept but the state, so nothing changes."""

    def close(self) -> None:
        """There is nothing to close."""

    def _taps(self, item: Taps | Message, at_us: int) -> list[Decision] | str:
        try:
            _, rows = twin.taps(item.message())
        except twin.MalformedBatch:
            return MALFORMED
        return [twin.judge(self.book, item.principal, tap, at_us) for tap in rows]

    def _act(self, item: Item, at_us: int) -> Any:
        book = self.book
        match item:
            case Participants(rows):
                return acts.put_participants(book, rows, at_us)
            case Terminals(rows):
                return acts.put_terminals(book, rows, at_us)
            case Cards(tokens, issuer, funding, status, since_us, floor_fen, accounts, recorded):
                shared = accounts or (0,) * len(tokens)
                alike = issuer, funding, status, since_us, floor_fen
                cards = [
                    CardRow(token, *alike, account, **dict(recorded))
                    for token, account in zip(tokens, shared, strict=True)
                ]
                return acts.put_cards(book, cards, at_us)
            case NewTariff(name, effective_from_us, stations, fares_fen, entry_min_fen, network):
                said = name, effective_from_us, stations, fares_fen, entry_min_fen, network
                return acts.put_tariff(book, *said, at_us)
            case NewHoldTerms(effective_from_us, fundings, partial, life_s, network):
                return put_hold_terms(
                    book, effective_from_us, fundings, partial, life_s, network, at_us
                )
            case NewRules(rules):
                return acts.put_rules(book, rules, at_us)
            case Declare(rows):
                return acts.declare(book, rows, at_us)
            case Actors(rows, four_eyes):
                return acts.put_actors(book, rows, four_eyes, at_us) or 0
            case Scenes(rows):
                return scenes.put_scenes(book, rows, at_us)
            case Calendar(first_day, classes):
                return calendar.put_calendar(book, first_day, classes, at_us)
            case Close(business_day, force):
                try:
                    closed = acts.close_window(book, business_day, at_us, force)
                except acts.Refused:
                    return MALFORMED
                return closed.window, closed.first, closed.cut, closed.record
        raise TypeError(item)
