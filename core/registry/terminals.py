"""The acts that are not taps: who takes part, and by which rules.

An act is a frozen value with `apply(state, sequence, booked_at_us)`: it reads the state, changes
nothing, and returns the drafts to journal (their rows numbered from `sequence` on) and its
answer. The engine applies the drafts to the state the way a replay would. A row that says what is
already so journals nothing.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from onecard.core.days import DAY_US
from onecard.core.errors import BadInput, Overloaded
from onecard.core.journal.block import Draft
from onecard.core.registry.cards import AMOUNT_MAX_FEN
from onecard.core.registry.name import find_name, name_bytes
from onecard.core.registry.role import check_change, check_operator
from onecard.core.registry.row_change import (
    Change,
    Put,
    difference,
    draft_of,
    full,
    in_row,
    refuse_move,
)
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Record, Role, Status
from onecard.ext.state.state import State
from onecard.ext.state.table import PARTICIPANTS_MAX

NAME_BYTES_MAX = dtypes.PARTICIPANT["name"].itemsize
NUMBER_BYTES_MAX = dtypes.TERMINAL["number"].itemsize
TARIFF_NAME_BYTES_MAX = 36
STATIONS_MAX = 1024  # what fits one message; a country's largest network has half of it
TERMINAL_COLUMNS = ("place", "operator", "mode", "status", "counterless")
OPERATOR = TERMINAL_COLUMNS.index("operator")
RULES = ("go_live_us", "age_max_us", "ahead_max_us", "amount_max_fen", "zone_offset_us")


@dataclass(frozen=True)
class PutParticipants:
    """Register participants by name; answers a Put with their ids. rows: (name, role)."""

    rows: list[tuple[str, int]]

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most."""
        return len(self.rows) * dtypes.PARTICIPANT_RECORD.itemsize

    def halves(self) -> list[Self]:
        """The same in two acts, one after the other."""
        middle = len(self.rows) // 2
        return [replace(self, rows=rows) for rows in (self.rows[:middle], self.rows[middle:])]

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], Put]:
        fresh: dict[bytes, int] = {}
        roles: dict[int, int] = {}
        kept: dict[int, bytes] = {}  # the name as it is kept, which may be another spelling
        ids: list[int] = []
        changed, changes = [], []
        what: dict[int, str] = {}
        for at, (name, role) in enumerate(self.rows):
            with in_row(at):
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
            before = roles.get(number)
            if before is not None and before != role:
                what[at] = difference(state, ["role"], [before], [role])
            changes.append(_change(before, role))
            if before != role:
                roles[number] = role
                text = kept.get(number, encoded)
                changed.append((0, number, role, Status.ACTIVE, len(text), text))
            ids.append(number)
        rows = np.array(changed, dtypes.PARTICIPANT_RECORD)
        drafts = draft_of(Record.PARTICIPANTS, rows, sequence, booked_at_us)
        return drafts, Put.of(changes, ids, what)


@dataclass(frozen=True)
class TerminalRow:
    """One terminal, by its printed number. None keeps what it has; a new one is at place 0, of
    mode 0, ACTIVE and not counterless."""

    number: str
    operator: int
    place: int | None = None
    mode: int | None = None
    status: int | None = None
    counterless: bool | None = None


@dataclass(frozen=True)
class PutTerminals:
    """Register terminals by printed number; answers a Put with their ids.

    Unless `may_move`, BadInput where one would go to another operator.
    """

    rows: list[TerminalRow]
    may_move: bool = True

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most."""
        return len(self.rows) * dtypes.TERMINAL_RECORD.itemsize

    def halves(self) -> list[Self]:
        """The same in two acts, one after the other."""
        middle = len(self.rows) // 2
        return [replace(self, rows=rows) for rows in (self.rows[:middle], self.rows[middle:])]

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], Put]:
        fresh: dict[bytes, int] = {}
        latest: dict[int, tuple[int, ...]] = {}
        kept: dict[int, bytes] = {}
        ids: list[int] = []
        changed, changes = [], []
        what: dict[int, str] = {}
        for at, row in enumerate(self.rows):
            with in_row(at):
                encoded = name_bytes(row.number, NUMBER_BYTES_MAX, "terminal number")
                _check_terminal(row, state)
            known = find_name(state.by_number, row.number) or fresh.get(encoded)
            if known is None:
                known = state.count("terminals") + len(fresh)
                if known > state.terminals_max:
                    raise full("terminals_max", state.terminals_max)
                fresh[encoded] = known
            elif known not in latest:
                latest[known] = _terminal_now(state, known)
                kept[known] = bytes(state.table("terminals")[known]["number"])
            before = latest.get(known)
            values = _terminal_values(row, before)
            moves = before is not None and before[OPERATOR] != row.operator
            with in_row(at):
                if before is not None and before != values:
                    what[at] = difference(state, TERMINAL_COLUMNS, before, values)
                if moves and not self.may_move:
                    refuse_move(f"terminal {row.number}", what[at])
                if before is None or moves:
                    check_operator(state, row.number, row.operator)
            changes.append(Change.MOVED if moves else _change(before, values))
            if before != values:
                latest[known] = values
                text = kept.get(known, encoded)
                changed.append((0, known, *values, len(text), text))
            ids.append(known)
        rows = np.array(changed, dtypes.TERMINAL_RECORD)
        drafts = draft_of(Record.TERMINALS, rows, sequence, booked_at_us)
        return drafts, Put.of(changes, ids, what)


@dataclass(frozen=True)
class PutTariff:
    """Store a tariff, immutable; answers its version. What is in force for its start already is
    the same version; one that another with the same start replaced becomes a new one.

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
        starts_us = state.rows("tariffs")["effective_from_us"]
        alike = np.flatnonzero(starts_us == self.effective_from_us)
        # Of several with one start the newest is in force: an older one said again is put back.
        if len(alike) and self._is(state, int(alike[-1]), fares):
            return [], int(state.table("tariffs")["version"][alike[-1]])
        if state.count("tariffs") >= len(state.table("tariffs")):
            raise Overloaded(f"a ledger holds at most {len(state.table('tariffs'))} tariffs")
        version = state.count("tariffs") + 1
        row = np.zeros(1, dtypes.TARIFF_RECORD)
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
            int(row["stations"]) == self.stations
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
        row = np.zeros(1, dtypes.CONFIG_RECORD)
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
        return len(self.rows) * dtypes.DECLARATION_RECORD.itemsize

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], int]:
        terminals = state.count("terminals")
        for at, row in enumerate(self.rows):
            try:
                _check_declared(row, terminals)
            except BadInput as error:
                error.row = at
                raise
        rows = np.zeros(len(self.rows), dtypes.DECLARATION_RECORD)
        for column, name in enumerate(("terminal", "day", "taps", "sum_fen")):
            rows[name] = [row[column] for row in self.rows]
        return draft_of(Record.DECLARATIONS, rows, sequence, booked_at_us), len(rows)


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


def _check_terminal(row: TerminalRow, state: State) -> None:
    if not 1 <= row.operator < state.count("participants"):
        raise BadInput(f"terminal operator: expected a participant id, found {row.operator}")
    if not 0 <= (row.place or 0) < 1 << 32 or not 0 <= (row.mode or 0) < 256:
        raise BadInput(f"terminal place or mode: out of range in {row.place}, {row.mode}")
    if row.status is not None and row.status not in list(Status):
        raise BadInput(f"terminal status: expected 1 to {max(Status)}, found {row.status}")


def _terminal_values(row: TerminalRow, before: tuple[int, ...] | None) -> tuple[int, ...]:
    """The fields of a TerminalRecord between its id and its number; those that a row does not
    say are as `before`."""
    said = (row.place, row.operator, row.mode, row.status, row.counterless)
    kept = before or (0, row.operator, 0, int(Status.ACTIVE), 0)
    return tuple(int(old if new is None else new) for new, old in zip(said, kept, strict=True))


def _change(before: object | None, after: object) -> Change:
    """Of a row that does not move."""
    if before is None:
        return Change.ADDED
    return Change.SAME if before == after else Change.CHANGED


def _terminal_now(state: State, terminal: int) -> tuple[int, ...]:
    row = state.table("terminals")[terminal]
    names = ("place", "operator_id", "mode", "status", "counterless")
    return tuple(int(row[name]) for name in names)
