"""The acts that are not taps: who takes part, and by which rules.

An act is a frozen value with `apply(state, sequence, booked_at_us)`: it reads the state, changes
nothing, and returns the drafts to journal (their rows numbered from `sequence` on) and its
answer. The engine applies the drafts to the state the way a replay would. A row that says what is
already so journals nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onecard.core.calendar import instant_text
from onecard.core.errors import BadInput, Overloaded
from onecard.core.journal.block import Draft
from onecard.core.name import find_name, name_bytes
from onecard.core.role import check_change, check_issuer, check_operator
from onecard.ext import layout
from onecard.ext.outcome import Funding, Record, Role, Status
from onecard.ext.state import PARTICIPANTS_MAX, State

NAME_BYTES_MAX = layout.PARTICIPANT["name"].itemsize
NUMBER_BYTES_MAX = layout.TERMINAL["number"].itemsize
TARIFF_NAME_BYTES_MAX = 36
STATIONS_MAX = 1024  # what fits one message; a country's largest network has half of it
AMOUNT_MAX_FEN = 1 << 62  # above it a rule is a mistake; sums are checked tap by tap all the same
DAY_US = 86_400_000_000
TIME_MIN_US = 946_684_800_000_000  # 2000-01-01 UTC: no tap is older, so no loss need be
OPERATOR = 1  # where it stands in the values of a terminal
RULES = ("go_live_us", "age_max_us", "ahead_max_us", "amount_max_fen", "zone_offset_us")


@dataclass(frozen=True)
class PutParticipants:
    """Register participants by name; answers their ids, in order. rows: (name, role)."""

    rows: list[tuple[str, int]]

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most."""
        return len(self.rows) * layout.PARTICIPANT_RECORD.itemsize

    def apply(
        self, state: State, sequence: int, booked_at_us: int
    ) -> tuple[list[Draft], list[int]]:
        fresh: dict[bytes, int] = {}
        roles: dict[int, int] = {}
        kept: dict[int, bytes] = {}  # the name as it is kept, which may be another spelling
        ids, changed = [], []
        for at, (name, role) in enumerate(self.rows):
            with _in_row(at):
                encoded = _participant_name(name, role)
                number = find_name(state.by_name, name) or fresh.get(encoded)
                if number is not None and number not in roles:
                    known = state.table("participants")[number]
                    roles[number], kept[number] = int(known["kind"]), bytes(known["name"])
                    if role != roles[number]:
                        check_change(state, number, role)
            if number is None:
                number = fresh[encoded] = state.count("participants") + len(fresh)
                if number > PARTICIPANTS_MAX:
                    raise Overloaded(f"a ledger holds at most {PARTICIPANTS_MAX} participants")
            if roles.get(number) != role:
                roles[number] = role
                text = kept.get(number, encoded)
                changed.append((0, number, role, Status.ACTIVE, len(text), text))
            ids.append(number)
        rows = np.array(changed, layout.PARTICIPANT_RECORD)
        return _draft(Record.PARTICIPANTS, rows, sequence, booked_at_us), ids


@dataclass(frozen=True)
class TerminalRow:
    """One terminal, by its printed number."""

    number: str
    operator: int
    place: int = 0
    mode: int = 0
    status: int = Status.ACTIVE
    counterless: bool = False


@dataclass(frozen=True)
class PutTerminals:
    """Register terminals by printed number; answers their ids, in order."""

    rows: list[TerminalRow]

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most."""
        return len(self.rows) * layout.TERMINAL_RECORD.itemsize

    def apply(
        self, state: State, sequence: int, booked_at_us: int
    ) -> tuple[list[Draft], list[int]]:
        fresh: dict[bytes, int] = {}
        latest: dict[int, tuple[int, ...]] = {}
        kept: dict[int, bytes] = {}
        ids, changed = [], []
        for at, row in enumerate(self.rows):
            with _in_row(at):
                encoded = name_bytes(row.number, NUMBER_BYTES_MAX, "terminal number")
                values = _terminal_values(row, state)
            known = find_name(state.by_number, row.number) or fresh.get(encoded)
            if known is None:
                known = state.count("terminals") + len(fresh)
                if known > state.terminals_max:
                    raise _full("terminals_max", state.terminals_max)
                fresh[encoded] = known
            elif known not in latest:
                latest[known] = _terminal_now(state, known)
                kept[known] = bytes(state.table("terminals")[known]["number"])
            if latest.get(known) != values:
                if known not in latest or latest[known][OPERATOR] != row.operator:
                    with _in_row(at):
                        check_operator(state, row.number, row.operator)
                latest[known] = values
                text = kept.get(known, encoded)
                changed.append((0, known, *values, len(text), text))
            ids.append(known)
        rows = np.array(changed, layout.TERMINAL_RECORD)
        return _draft(Record.TERMINALS, rows, sequence, booked_at_us), ids


@dataclass(frozen=True)
class PutCards:
    """Register credentials by token, or change their status; answers how many rows changed.

    token: uint64, none 0. One issuer, funding, status, since and floor for all rows. account:
    uint32, 0 opens one (or keeps the card's), another card's shares that. since_us 0 is the
    booking time; of a card that left ACTIVE before, the earlier time is kept. floor_fen None keeps
    the account's, which is 0 of a new one.
    """

    token: NDArray[np.uint64]
    issuer: int
    funding: int
    status: int = Status.ACTIVE
    since_us: int = 0
    floor_fen: int | None = None
    account: NDArray[np.uint32] | None = field(default=None)

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most."""
        return len(self.token) * layout.CARD_RECORD.itemsize

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], int]:
        try:
            self._check(state, booked_at_us)
        except BadInput as error:
            error.row = error.row or 0  # what all rows have alike is wrong from the first on
            raise
        token, first = np.unique(np.asarray(self.token, np.uint64), return_index=True)
        order = np.argsort(first, kind="stable")
        token, first = token[order], first[order]
        rows = np.zeros(len(token), layout.CARD_RECORD)
        rows["token"] = token
        rows["issuer"] = self.issuer
        rows["funding"] = self.funding
        rows["status"] = self.status
        card = state.credentials_of(token)
        rows["since_us"] = self._since_us(state, card, booked_at_us)
        self._accounts(state, rows, card, first)
        floors = state.table("accounts")["floor_fen"][rows["account"]]
        rows["floor_fen"] = floors if self.floor_fen is None else self.floor_fen
        rows = rows[self._changed(state, rows, card)]
        if state.count("credentials") + int((card < 0).sum()) > state.cards_max:
            raise _full("cards_max", state.cards_max)
        return _draft(Record.CARDS, rows, sequence, booked_at_us), len(rows)

    def _since_us(
        self, state: State, card: NDArray[np.int64], booked_at_us: int
    ) -> NDArray[np.int64]:
        """When each status took effect; of a card that is not ACTIVE, when it left ACTIVE."""
        since_us = np.full(len(card), self.since_us or booked_at_us, np.int64)
        known = card >= 0
        credentials = state.table("credentials")[np.maximum(card, 0)]
        active = credentials["status"] == Status.ACTIVE
        if self.status == Status.ACTIVE:
            keeps = known & active & (self.since_us == 0)
        else:
            # Lost is lost: a card blocked and closed later was not good in between.
            keeps = known & ~active & (credentials["since_us"] < since_us)
        since_us[keeps] = credentials["since_us"][keeps]
        return since_us

    def _check(self, state: State, booked_at_us: int) -> None:
        zone_us = int(state.totals["zone_offset_us"][0])
        if self.since_us and not TIME_MIN_US <= self.since_us <= booked_at_us:
            now, found = (instant_text(us, zone_us) for us in (booked_at_us, self.since_us))
            raise BadInput(
                f"card since: expected a time from 2000-01-01 to now, {now}, found {found}"
            )
        if len(self.token) and not np.asarray(self.token).all():
            refusal = BadInput("card token: expected not 0, found 0")
            refusal.row = int(np.flatnonzero(np.asarray(self.token) == 0)[0])
            raise refusal
        if not 1 <= self.issuer < state.count("participants"):
            raise BadInput(f"card issuer: expected a participant id, found {self.issuer}")
        if self.funding not in list(Funding):
            raise BadInput(f"card funding: expected 1 to {max(Funding)}, found {self.funding}")
        if self.status not in list(Status):
            raise BadInput(f"card status: expected 1 to {max(Status)}, found {self.status}")
        if self.floor_fen is not None and abs(self.floor_fen) > AMOUNT_MAX_FEN:
            raise BadInput(f"card floor: expected at most {AMOUNT_MAX_FEN}, found {self.floor_fen}")

    def _accounts(
        self,
        state: State,
        rows: NDArray[np.void],
        card: NDArray[np.int64],
        first: NDArray[np.intp],
    ) -> None:
        """Fill rows["account"]: the one asked for, the card's own, or a new one."""
        wanted = np.zeros(len(rows), np.uint32)
        if self.account is not None:
            if len(self.account) != len(self.token):
                raise BadInput(
                    f"card accounts: expected {len(self.token)} rows, found {len(self.account)}"
                )
            wanted = np.asarray(self.account, np.uint32)[first]
        if len(wanted) and int(wanted.max()) >= state.count("accounts"):
            refusal = BadInput(
                f"card account: expected one that was issued, found {int(wanted.max())}"
            )
            refusal.row = int(first[np.argmax(wanted)])
            raise refusal
        credentials, accounts = state.table("credentials"), state.table("accounts")
        keeps = (wanted == 0) & (card >= 0)
        wanted[keeps] = credentials["account"][card[keeps]]
        opens = wanted == 0
        there = accounts[wanted[~opens]]
        moves = there["issuer"] != self.issuer
        at = np.concatenate([first[opens], first[~opens][moves]])
        if len(at):
            with _in_row(int(at.min())):
                check_issuer(state, self.issuer)
        other = moves | (there["funding"] != self.funding)
        used = (there["entries"] > 0) | (self.account is not None)
        if other.any():
            # Only now, since it looks at every card: does another one draw on the account too?
            sharing = np.bincount(
                state.rows("credentials")["account"], minlength=state.count("accounts")
            )
            used |= sharing[wanted[~opens]] > 1
        if (used & other).any():
            refusal = BadInput(
                "card issuer or funding: an account that has entries or is shared keeps its own; "
                "open a new account"
            )
            refusal.row = int(first[~opens][np.argmax(used & other)])
            raise refusal
        wanted[opens] = np.arange(int(opens.sum()), dtype=np.uint32) + state.count("accounts")
        if len(wanted) and int(wanted.max()) > state.cards_max:
            raise _full("cards_max", state.cards_max)
        rows["account"] = wanted

    def _changed(
        self, state: State, rows: NDArray[np.void], card: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which rows say something new."""
        known = np.flatnonzero(card >= 0)
        changed = np.ones(len(rows), np.bool_)
        credentials = state.table("credentials")[card[known]]
        accounts = state.table("accounts")[credentials["account"]]
        same = rows["account"][known] == credentials["account"]
        same &= rows["status"][known] == credentials["status"]
        same &= rows["since_us"][known] == credentials["since_us"]
        for column in ("floor_fen", "issuer", "funding"):
            same &= rows[column][known] == accounts[column]
        changed[known] = ~same
        return changed


@dataclass(frozen=True)
class PutTariff:
    """Store a tariff, immutable; answers its version. The same tariff again is the same version.

    fares_fen: stations * stations int32, row = from, station 1 first; -1 = no fare.
    """

    name: str
    effective_from_us: int
    stations: int
    fares_fen: NDArray[np.int32]
    entry_min_fen: int = 0

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most."""
        return 4 * len(self.fares_fen)

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], int]:
        name = name_bytes(self.name, TARIFF_NAME_BYTES_MAX, "tariff name")
        fares = np.ascontiguousarray(self.fares_fen, np.int32).reshape(-1)
        if not 1 <= self.stations <= STATIONS_MAX:
            raise BadInput(f"tariff stations: expected 1 to {STATIONS_MAX}, found {self.stations}")
        if len(fares) != self.stations**2:
            raise BadInput(f"tariff fares: expected {self.stations**2}, found {len(fares)}")
        if int(fares.min()) < -1 or self.entry_min_fen < 0:
            raise BadInput("tariff fares: expected 0 or more fen, or -1 for no fare")
        if not 0 <= self.effective_from_us < 1 << 62:
            raise BadInput(f"tariff start: expected a time, found {self.effective_from_us}")
        for known in range(state.count("tariffs")):
            if self._is(state, known, fares):
                return [], int(state.table("tariffs")["version"][known])
        if state.count("tariffs") >= len(state.table("tariffs")):
            raise Overloaded(f"a ledger holds at most {len(state.table('tariffs'))} tariffs")
        version = state.count("tariffs") + 1
        row = np.zeros(1, layout.TARIFF_RECORD)
        row["sequence"] = sequence
        row["effective_from_us"] = self.effective_from_us
        row["version"] = version
        row["stations"] = self.stations
        row["entry_min_fen"] = self.entry_min_fen
        row["name"] = name
        draft = Draft.of(Record.TARIFFS, row, booked_at_us, blob=fares.tobytes())
        return [draft], version

    def _is(self, state: State, known: int, fares: NDArray[np.int32]) -> bool:
        row = state.table("tariffs")[known]
        return (
            int(row["effective_from_us"]) == self.effective_from_us
            and int(row["stations"]) == self.stations
            and int(row["entry_min_fen"]) == self.entry_min_fen
            and bool(np.array_equal(state.fares_of(known), fares))
        )


@dataclass(frozen=True)
class PutRules:
    """The ledger's own rules from now on; answers whether they changed."""

    go_live_us: int = 946_684_800_000_000  # 2000-01-01
    age_max_us: int = 60 * DAY_US
    ahead_max_us: int = DAY_US // 24
    amount_max_fen: int = 1_000_000
    zone_offset_us: int = DAY_US // 3  # Asia/Shanghai

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], bool]:
        row = np.zeros(1, layout.CONFIG_RECORD)
        row["sequence"] = sequence
        for name, low, high in (
            ("go_live_us", 0, 1 << 62),
            ("age_max_us", 0, 1 << 62),
            ("ahead_max_us", 0, 1 << 62),
            ("amount_max_fen", 1, AMOUNT_MAX_FEN),
            ("zone_offset_us", -DAY_US, DAY_US),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadInput(f"rule {name}: expected {low} to {high}, found {value}")
            row[name] = value
        same = all(row[name][0] == state.totals[name][0] for name in RULES)
        if same and int(state.totals["last"][0]) > 0:
            return [], False
        return [Draft.of(Record.CONFIGS, row, booked_at_us)], True


@dataclass(frozen=True)
class Declare:
    """What an operator says it sent. rows: (terminal, day, taps, sum_fen); answers their number."""

    rows: list[tuple[int, int, int, int]]

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most."""
        return len(self.rows) * layout.DECLARATION_RECORD.itemsize

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], int]:
        terminals = state.count("terminals")
        for at, row in enumerate(self.rows):
            try:
                _check_declared(row, terminals)
            except BadInput as error:
                error.row = at
                raise
        rows = np.zeros(len(self.rows), layout.DECLARATION_RECORD)
        for column, name in enumerate(("terminal", "day", "taps", "sum_fen")):
            rows[name] = [row[column] for row in self.rows]
        return _draft(Record.DECLARATIONS, rows, sequence, booked_at_us), len(rows)


@contextmanager
def _in_row(at: int) -> Iterator[None]:
    """What is refused within is so because of this row."""
    try:
        yield
    except BadInput as error:
        error.row = at
        raise


def _participant_name(name: str, role: int) -> bytes:
    """The name as it is stored; BadInput where it or the role is none."""
    encoded = name_bytes(name, NAME_BYTES_MAX, "participant name")
    if name.strip().isdecimal():
        raise BadInput("participant name: expected one that cannot be read as an id")
    if role not in list(Role):
        raise BadInput(f"participant role: expected 1 to {max(Role)}, found {role}")
    return encoded


def _check_declared(row: tuple[int, int, int, int], terminals: int) -> None:
    terminal, day, taps, sum_fen = row
    if not 1 <= terminal < terminals:
        raise BadInput(f"declared terminal: expected an issued id, found {terminal}")
    if not 0 <= taps < 1 << 63 or not -(1 << 62) <= sum_fen <= 1 << 62:
        raise BadInput(f"declared count or sum of terminal {terminal}: out of range")
    if not 0 <= day < 1 << 20:
        raise BadInput(f"declared day: expected days since 1970-01-01, found {day}")


def _terminal_values(row: TerminalRow, state: State) -> tuple[int, ...]:
    """The fields of a TerminalRecord between its id and its number, checked."""
    if not 1 <= row.operator < state.count("participants"):
        raise BadInput(f"terminal operator: expected a participant id, found {row.operator}")
    if not 0 <= row.place < 1 << 32 or not 0 <= row.mode < 256:
        raise BadInput(f"terminal place or mode: out of range in {row.place}, {row.mode}")
    if row.status not in list(Status):
        raise BadInput(f"terminal status: expected 1 to {max(Status)}, found {row.status}")
    return row.place, row.operator, row.mode, int(row.status), int(row.counterless)


def _terminal_now(state: State, terminal: int) -> tuple[int, ...]:
    row = state.table("terminals")[terminal]
    names = ("place", "operator_id", "mode", "status", "counterless")
    return tuple(int(row[name]) for name in names)


def _full(name: str, limit: int) -> Overloaded:
    return Overloaded(
        f"{name}: this ledger has room for {limit}, and this would be more; serve it with --set "
        f"{name}=N"
    )


def _draft(record: int, rows: NDArray[np.void], sequence: int, booked_at_us: int) -> list[Draft]:
    if len(rows) == 0:
        return []
    rows["sequence"] = np.arange(sequence, sequence + len(rows), dtype=np.uint64)
    return [Draft.of(record, rows, booked_at_us)]
