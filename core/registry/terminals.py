"""Terminals: gates, buses and tills, by their printed numbers."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from onecard.core.errors import BadInput
from onecard.core.journal.block import Draft
from onecard.core.registry.name import find_name, name_bytes
from onecard.core.registry.role import check_operator
from onecard.core.registry.row_change import (
    Change,
    Put,
    change_of,
    difference,
    draft_of,
    full,
    in_row,
    refuse_move,
)
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Record, Status
from onecard.ext.state.state import State

NUMBER_BYTES_MAX = dtypes.TERMINAL["number"].itemsize
TERMINAL_COLUMNS = ("place", "operator", "mode", "status", "counterless")
OPERATOR = TERMINAL_COLUMNS.index("operator")


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
            changes.append(Change.MOVED if moves else change_of(before, values))
            if before != values:
                latest[known] = values
                text = kept.get(known, encoded)
                changed.append((0, known, *values, len(text), text))
            ids.append(known)
        rows = np.array(changed, dtypes.TERMINAL_RECORD)
        drafts = draft_of(Record.TERMINALS, rows, sequence, booked_at_us)
        return drafts, Put.of(changes, ids, what)


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


def _terminal_now(state: State, terminal: int) -> tuple[int, ...]:
    row = state.table("terminals")[terminal]
    names = ("place", "operator_id", "mode", "status", "counterless")
    return tuple(int(row[name]) for name in names)
