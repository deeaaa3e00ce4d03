"""Terminals: gates, buses and tills, by their printed numbers."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from onecard.core.days import TIME_MIN_US, instant_text
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
TERMINAL_COLUMNS = ("place", "operator", "network", "status", "mode", "counterless")
OPERATOR, STATUS, COUNTERLESS = map(TERMINAL_COLUMNS.index, ("operator", "status", "counterless"))
TIMED = 5  # the first of them are true from a time on, and were otherwise before
NETWORK_MAX = (1 << 16) - 1  # 16 bits of a row
VIRTUAL = b"internal:"  # what the number of a virtual terminal begins with, and no other's


@dataclass(frozen=True)
class TerminalRow:
    """One terminal, by its printed number. None keeps what it has; a new one is at place 0, of
    mode 0 and network 0, ACTIVE and not counterless; one that is INTERNAL is counterless. Another
    operator, place, network or status is true from since_us on; 0 is the booking time."""

    number: str
    operator: int
    place: int | None = None
    mode: int | None = None
    status: int | None = None
    counterless: bool | None = None
    network: int | None = None
    since_us: int = 0


@dataclass(frozen=True)
class PutTerminals:
    """Register terminals by printed number; answers a Put with their ids.

    BadInput where one would become INTERNAL or stop being it; unless `may_move`, where one would go
    to another operator.
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
        latest: dict[int, _Terminal] = {}
        ids: list[int] = []
        changed, changes = [], []
        what: dict[int, str] = {}
        pasts = state.count("terminal_pasts")
        for at, row in enumerate(self.rows):
            with in_row(at):
                encoded = name_bytes(row.number, NUMBER_BYTES_MAX, "terminal number")
                _check_terminal(row, state, booked_at_us)
            known = find_name(state.by_number, row.number) or fresh.get(encoded)
            if known is None:
                known = state.count("terminals") + len(fresh)
                if known > state.terminals_max:
                    raise full("terminals_max", state.terminals_max)
                fresh[encoded] = known
            elif known not in latest:
                latest[known] = _terminal_now(state, known)
            before = latest.get(known)
            after = _after(row, before, encoded)
            with in_row(at):
                _check_virtual(row.number, before, after)
            moves = before is not None and before.values[OPERATOR] != row.operator
            with in_row(at):
                if before is not None and before != after:
                    what[at] = difference(state, TERMINAL_COLUMNS, before.values, after.values)
                if moves and not self.may_move:
                    refuse_move(f"terminal {row.number}", what[at])
                if before is None or moves:
                    check_operator(state, row.number, row.operator)
                if before is not None and after.values[:TIMED] != before.values[:TIMED]:
                    from_us = row.since_us or booked_at_us
                    _check_begins(state, row, before, from_us)
                    if pasts > state.terminals_max:
                        raise full("terminals_max", state.terminals_max, "changes of terminals")
                    after = replace(after, past=pasts, from_us=from_us)
                    pasts += 1
            changes.append(Change.MOVED if moves else change_of(before, after))
            if before != after:
                latest[known] = after
                changed.append(_record(known, before, after))
            ids.append(known)
        rows = np.array(changed, dtypes.TERMINAL_RECORD)
        drafts = draft_of(Record.TERMINALS, rows, sequence, booked_at_us)
        return drafts, Put.of(changes, ids, what)


@dataclass(frozen=True)
class _Terminal:
    """One terminal as it is: values as TERMINAL_COLUMNS, its number as it is kept, the row of its
    newest past, and since when it is what it is (0: always)."""

    values: tuple[int, ...]
    number: bytes
    past: int = 0
    from_us: int = 0


def _check_terminal(row: TerminalRow, state: State, booked_at_us: int) -> None:
    if not 1 <= row.operator < state.count("participants"):
        raise BadInput(f"terminal operator: expected a participant id, found {row.operator}")
    if not 0 <= (row.place or 0) < 1 << 32 or not 0 <= (row.mode or 0) < 256:
        raise BadInput(f"terminal place or mode: out of range in {row.place}, {row.mode}")
    if not 0 <= (row.network or 0) <= NETWORK_MAX:
        raise BadInput(f"terminal network: expected 0 to {NETWORK_MAX}, found {row.network}")
    if row.status is not None and row.status not in list(Status):
        raise BadInput(f"terminal status: expected 1 to {max(Status)}, found {row.status}")
    if row.since_us and not TIME_MIN_US <= row.since_us <= booked_at_us:
        zone_us = int(state.totals["zone_offset_us"][0])
        now, found = (instant_text(us, zone_us) for us in (booked_at_us, row.since_us))
        raise BadInput(
            f"terminal since: expected a time from 2000-01-01 to now, {now}, found {found}"
        )


def _check_virtual(name: str, before: _Terminal | None, after: _Terminal) -> None:
    """BadInput unless it is virtual from its first row on or never, by its number too, and does
    not count where it is. What an older ledger calls so is a device, and stays one. So no past of
    a terminal says otherwise than the terminal itself whether it is INTERNAL."""
    is_virtual = after.values[STATUS] == Status.INTERNAL
    if before is None and is_virtual != after.number.startswith(VIRTUAL):
        found = "one of another number" if is_virtual else "one that is not"
        raise BadInput(
            f"terminal {name}: expected a number that begins with {VIRTUAL.decode()} where the "
            f"status is internal, and nowhere else, found {found}"
        )
    if before is not None and is_virtual != (before.values[STATUS] == Status.INTERNAL):
        found = "that it becomes it" if is_virtual else "another"
        raise BadInput(
            f"terminal {name}: expected a status that is internal from its first row on or never, "
            f"found {found}; register another terminal"
        )
    if is_virtual and not after.values[COUNTERLESS]:
        raise BadInput(f"terminal {name}: expected counterless, as every virtual one is, found not")


def _check_begins(state: State, row: TerminalRow, before: _Terminal, from_us: int) -> None:
    """BadInput where what a terminal is would end before it began."""
    if from_us < before.from_us:
        zone_us = int(state.totals["zone_offset_us"][0])
        began, found = (instant_text(us, zone_us) for us in (before.from_us, from_us))
        raise BadInput(
            f"terminal {row.number}: expected a since from {began} on, since when it is what it "
            f"is, found {found}"
        )


def _after(row: TerminalRow, before: _Terminal | None, number: bytes) -> _Terminal:
    """What a row makes of it; what it does not say is as before."""
    said = (row.place, row.operator, row.network, row.status, row.mode, row.counterless)
    is_virtual = int(row.status == Status.INTERNAL)
    kept = before or _Terminal((0, row.operator, 0, int(Status.ACTIVE), 0, is_virtual), number)
    pairs = zip(said, kept.values, strict=True)
    return replace(kept, values=tuple(int(old if new is None else new) for new, old in pairs))


def _record(terminal: int, before: _Terminal | None, after: _Terminal) -> tuple[int | bytes, ...]:
    """A TerminalRecord; its sequence is filled in later."""
    place, operator, network, status, mode, counterless = after.values
    was_place = was_operator = was_network = was_status = was_mode = 0
    from_us = was_past = 0
    if before is not None and before.past != after.past:
        was_place, was_operator, was_network, was_status, was_mode = before.values[:TIMED]
        from_us, was_past = after.from_us, before.past
    return (
        *(0, from_us, terminal, place, was_place, was_past),
        *(operator, network, was_operator, was_network, was_status),
        *(mode, status, counterless, len(after.number), after.number, was_mode),
    )


def _terminal_now(state: State, terminal: int) -> _Terminal:
    row = state.table("terminals")[terminal]
    names = ("place", "operator_id", "network", "status", "mode", "counterless")
    past = int(row["past"])
    from_us = int(state.table("terminal_pasts")[past]["until_us"])  # of row 0, which is none, 0
    return _Terminal(tuple(int(row[name]) for name in names), bytes(row["number"]), past, from_us)
