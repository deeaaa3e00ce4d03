"""What the slow twin keeps: dicts of plain objects, one a noun of docs/ledger.md."""

from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from typing import NamedTuple, TypeVar

from onecard.ext.shape.numbers import Kind, Outcome, OwnerKind, Purse, Status
from tests.twin.travel import Journey, Travel

LOTS_MAX = 1 << 8  # of the ledgers of these tests
LOTS_AN_ACCOUNT = 240
FEN_MIN, FEN_MAX = -(1 << 63), (1 << 63) - 1
Identity = tuple[int, int, int]  # terminal, epoch, terminal_seq
SumKey = tuple[str | int, ...]  # ("posted", account), ("balance", participant, owner kind), ...


@dataclass(frozen=True)
class Tap:
    """One row of a TapBatch as it was sent."""

    card: int
    terminal: int
    terminal_seq: int
    epoch: int
    tapped_at_us: int
    kind: int
    amount_fen: int
    flags: int
    place: int
    about: int
    about_epoch: int
    about_seq: int
    line: int = 0
    scene: int = 0
    rider_class: int = 0
    media: int = 0
    face_fen: int = 0
    chip_before_fen: int = 0
    chip_counter: int = 0
    chip_loads: int = 0
    caused_by: int = 0
    sponsor: int = 0
    programme: int = 0
    ends_us: int = 0

    @property
    def body(self) -> tuple[int, ...]:
        """What an identity binds: every column as sent, kind 0 being another way to say 1."""
        return (*astuple(self)[:5], self.kind or Kind.RIDE, *astuple(self)[6:])

    @property
    def identity(self) -> Identity:
        return self.terminal, self.epoch, self.terminal_seq

    @property
    def target(self) -> Identity:
        """Whom a REVERSAL voids."""
        return self.terminal, self.about_epoch, self.about_seq


class Leg(NamedTuple):
    owner: int
    party: int
    owner_kind: int
    purse: int
    amount_fen: int

    def changes(self) -> Iterator[tuple[SumKey, int]]:
        """Every sum this leg moves, and by how much, in the order they are checked."""
        if self.owner_kind == OwnerKind.ACCOUNT:
            yield ("posted", self.owner), self.amount_fen
            if self.purse == Purse.HELD:
                yield ("held", self.owner), self.amount_fen
        elif self.owner_kind == OwnerKind.LOT:
            yield ("left", self.owner), self.amount_fen
        yield ("balance", self.party, self.owner_kind), self.amount_fen
        if self.amount_fen > 0:
            yield ("window_in", self.party), self.amount_fen
        else:
            yield ("window_out", self.party), -self.amount_fen


class AfterImage(NamedTuple):
    what: int
    key: int
    value: int


@dataclass
class Entry:
    """A journalled tap, every field of it; those of `tap` as they were sent."""

    sequence: int
    tap: Tap
    booked_at_us: int
    kind: Kind
    outcome: Outcome
    reason: int
    amount_fen: int
    account: int
    issuer: int
    funding: int
    operator_id: int
    place: int
    window: int
    travel_day: int
    previous: int
    about: int
    journey: int
    tariff: int
    effects: int
    marks: int
    legs: tuple[Leg, ...]
    images: tuple[AfterImage, ...]
    balance_fen: int = 0


@dataclass
class Rules:
    go_live_us: int = 0
    age_max_us: int = 0
    ahead_max_us: int = 0
    amount_max_fen: int = 0
    zone_offset_us: int = 0


@dataclass
class Participant:
    name: str
    role: int
    status: int
    window_legs: int = 0


@dataclass
class Terminal:
    number: str
    operator: int
    place: int
    mode: int
    status: int
    counterless: bool
    network: int = 0
    seen: int = 0  # highest epoch << 32 | terminal_seq bound
    taken: int = 0
    past: int = 0


class TerminalPast(NamedTuple):
    """What a terminal was, of taps before `until_us`; `next` is the row of what was before that."""

    until_us: int
    next: int
    place: int
    operator: int
    network: int
    status: int
    mode: int


class CardPast(NamedTuple):
    """What a card drew on, of taps before `until_us`; or, with a status, a spell in which it was
    not ACTIVE, of taps after `from_us` and before `until_us`."""

    until_us: int
    account: int
    next: int
    issuer: int
    funding: int
    status: int = 0
    from_us: int = 0


Past = TypeVar("Past", CardPast, TerminalPast)


@dataclass
class Account:
    issuer: int = 0  # its home
    floor_fen: int = 0
    last: int = 0
    entries: int = 0
    travel: int = 0
    purse: int = 0


@dataclass(frozen=True)
class Lot:
    """Money of a holder with a purpose and an end; what is left of it is a sum."""

    number: int
    account: int
    sponsor: int
    programme: int
    ends_us: int


@dataclass
class Credential:
    account: int = 0
    issuer: int = 0
    funding: int = 0
    status: int = 0
    since_us: int = 0
    bank_status: int = 0
    generation: int = 0
    expires_day: int = 0
    key_version: int = 1
    denied: bool = False
    deny_version: int = 0
    past: int = 0


@dataclass
class Claim:
    used_fen: int = 0
    adjusted_fen: int = 0
    closed: bool = False


@dataclass
class Position:
    in_fen: int
    out_fen: int
    legs: int


@dataclass
class Window:
    window: int
    first: int
    cut: int
    record: int
    closed_at_us: int
    business_day: int
    positions: dict[int, Position]


@dataclass
class Tariff:
    record: int
    name: str
    effective_from_us: int
    stations: int
    fares_fen: list[int]  # row = from, stations are numbered from 1
    entry_min_fen: int
    network: int = 0

    def fare_fen(self, origin: int, destination: int) -> int:
        return self.fares_fen[(origin - 1) * self.stations + destination - 1]


@dataclass
class HoldTerms:
    """By what it is held in a network."""

    record: int
    name: str
    effective_from_us: int
    fundings: tuple[int, ...]
    partial: bool
    life_s: int
    network: int = 0


class OpenHold(NamedTuple):
    """A hold that has an end and was not finished."""

    sequence: int
    expires_us: int
    token: int
    amount_fen: int


@dataclass
class Declaration:
    terminal: int
    day: int
    taps: int
    sum_fen: int


@dataclass
class Actor:
    record: int
    from_us: int
    name: str
    secret: bytes
    roles: int
    participant: int
    status: int


@dataclass
class Scene:
    record: int
    from_us: int
    name: str
    purses: tuple[int, ...] = (Purse.MAIN,)
    most_fen: int = 0
    payee: int = 0
    mcc: int = 0
    rated_by: int = 0
    status: int = Status.ACTIVE
    closed_us: int = 0


@dataclass
class CalendarDay:
    record: int
    day_class: int


@dataclass(frozen=True)
class Act:
    """Who did what, before it was done: the record that begins at `subject`."""

    sequence: int
    subject: int
    act: int
    actor: int
    checker: int
    participant: int
    reason: str


@dataclass
class Book:
    """The whole state. Ids are the keys and count from 1."""

    rules: Rules = field(default_factory=Rules)
    participants: dict[int, Participant] = field(default_factory=dict)
    terminals: dict[int, Terminal] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    credentials: dict[int, Credential] = field(default_factory=dict)
    claims: dict[int, Claim] = field(default_factory=dict)
    windows: list[Window] = field(default_factory=list)
    policies: dict[int, Tariff | HoldTerms] = field(default_factory=dict)  # by version
    open_holds: dict[int, OpenHold] = field(default_factory=dict)  # by row
    open_holds_highest: int = 0  # row that was ever used
    holds_max: int = 1 << 20
    card_pasts: dict[int, CardPast] = field(default_factory=dict)
    terminal_pasts: dict[int, TerminalPast] = field(default_factory=dict)
    declarations: dict[int, Declaration] = field(default_factory=dict)
    actors: dict[int, Actor] = field(default_factory=dict)
    four_eyes: bool = False
    four_eyes_record: tuple[int, int] = (0, 0)  # its sequence, and since when it is so
    scenes: dict[int, Scene] = field(default_factory=dict)
    calendar_days: dict[int, CalendarDay] = field(default_factory=dict)  # by days since 1970
    purses: dict[int, int] = field(default_factory=dict)  # to the account of each
    lots: dict[int, Lot] = field(default_factory=dict)  # by the row that each has
    lot_rows: int = 0  # the highest row that was ever used
    granted: int = 0  # lots that there ever were
    lots_max: int = LOTS_MAX
    travels: dict[int, Travel] = field(default_factory=dict)
    journeys: dict[int, Journey] = field(default_factory=dict)  # those that stand apart, by row
    journeys_used: int = 0  # the highest row that there ever was
    journeys_max: int = 1 << 20  # of which there are as many as cards
    acts: list[Act] = field(default_factory=list)
    entries: dict[int, Entry] = field(default_factory=dict)
    bound: dict[Identity, Entry] = field(default_factory=dict)
    voided: dict[Identity, int] = field(default_factory=dict)
    sums: dict[SumKey, int] = field(default_factory=dict)
    last: int = 0
    booked_at_us: int = 0
    window: int = 1
    window_first: int = 1

    def next_sequence(self, booked_at_us: int) -> int:
        self.last += 1
        self.booked_at_us = booked_at_us
        return self.last

    def terminal_at(self, number: int, t: int) -> Terminal | TerminalPast:
        """What a terminal was at a time: the first past that had not ended, else its present."""
        known = self.terminals[number]
        pasts = reversed(list(chain(self.terminal_pasts, known.past)))
        return next((past for past in pasts if t < past.until_us), known)

    def card_at(self, token: int, t: int) -> Credential | CardPast:
        """What a card that is registered drew on at a time."""
        known = self.credentials[token]
        pasts = reversed([past for past in chain(self.card_pasts, known.past) if not past.status])
        return next((past for past in pasts if t < past.until_us), known)

    def spells(self, token: int) -> list[CardPast]:
        """When a card that is registered was not ACTIVE and is again, newest first."""
        pasts = chain(self.card_pasts, self.credentials[token].past)
        return [past for past in pasts if past.status]

    @property
    def tariffs(self) -> dict[int, Tariff]:
        return {n: one for n, one in self.policies.items() if isinstance(one, Tariff)}

    @property
    def hold_terms(self) -> dict[int, HoldTerms]:
        return {n: one for n, one in self.policies.items() if isinstance(one, HoldTerms)}

    def free_hold(self) -> int:
        """The lowest row of open holds that is free, 0 where all are taken."""
        rows = range(1, self.holds_max + 1)
        return next((row for row in rows if row not in self.open_holds), 0)

    def open_journeys(self, account: int) -> dict[int, Journey]:
        """Of an account, by row; row 0 is that of its travel."""
        number = self.accounts[account].travel if account in self.accounts else 0
        own = self.travels[number].journey if number else None
        apart = {row: one for row, one in self.journeys.items() if one.account == account}
        return ({0: own} if own else {}) | apart

    def journey_row(self, account: int, mode: int) -> int:
        """Where the journey stands that an account begins in a mode, -1 where no row is left."""
        found = self.open_journeys(account)
        for row, journey in found.items():
            if journey.mode == mode:
                return row
        if 0 not in found:
            return 0
        rows = range(1, self.journeys_max + 1)
        return next((row for row in rows if row not in self.journeys), -1)

    def claim(self, sequence: int) -> Claim:
        """The claim on an entry, opened where there is none."""
        return self.claims.setdefault(sequence, Claim())

    def sum(self, *key: str | int) -> int:
        return self.sums.get(key, 0)

    def lots_of(self, account: int) -> list[int]:
        """The rows of an account's lots: what ends first comes first, what has no end last."""
        ends = {
            row: (not lot.ends_us, lot.ends_us, lot.number)
            for row, lot in self.lots.items()
            if lot.account == account
        }
        return sorted(ends, key=lambda row: ends[row])

    def free_lot(self) -> int:
        """The lowest row that no lot has, 0 where there is none."""
        return next((row for row in range(1, self.lots_max + 1) if row not in self.lots), 0)

    def available_fen(self, account: int) -> int:
        return self.sum("posted", account) - self.sum("held", account)

    def post(self, leg: Leg) -> None:
        for key, change_fen in leg.changes():
            self.sums[key] = self.sums.get(key, 0) + change_fen
        self.participants[leg.party].window_legs += 1

    def position(self, participant: int) -> Position:
        return Position(
            self.sum("window_in", participant),
            self.sum("window_out", participant),
            self.participants[participant].window_legs,
        )

    def trial_balance(self) -> dict[int, int]:
        """Owner kind to the sum of all its legs; the values sum to zero."""
        return {
            int(kind): sum(
                fen for key, fen in self.sums.items() if key[0] == "balance" and key[2:] == (kind,)
            )
            for kind in OwnerKind
        }


def chain(pasts: dict[int, Past], newest: int) -> Iterator[Past]:
    """From the newest to the oldest."""
    while newest:
        yield pasts[newest]
        newest = pasts[newest].next


def fits(fen: int) -> bool:
    return FEN_MIN <= fen <= FEN_MAX
