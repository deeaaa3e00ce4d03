"""Participants: who operates terminals, who issues cards, who takes money for top-ups."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from onecard.core.errors import BadInput, Overloaded
from onecard.core.journal.block import Draft
from onecard.core.registry.name import find_name, name_bytes
from onecard.core.registry.role import check_change
from onecard.core.registry.row_change import Put, change_of, difference, draft_of, in_row
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Record, Role, Status
from onecard.ext.state.state import State
from onecard.ext.state.table import PARTICIPANTS_MAX

NAME_BYTES_MAX = dtypes.PARTICIPANT["name"].itemsize


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
                if number is not None and number < state.count("participants"):
                    known = state.table("participants")[number]
                    roles.setdefault(number, int(known["kind"]))
                    kept[number] = bytes(known["name"])
                    if role != roles[number]:
                        check_change(state, number, role)
            if number is None:
                number = fresh[encoded] = state.count("participants") + len(fresh)
                if number > PARTICIPANTS_MAX:
                    raise Overloaded(f"a ledger holds at most {PARTICIPANTS_MAX} participants")
            before = roles.get(number)
            if before is not None and before != role:
                what[at] = difference(state, ["role"], [before], [role])
            changes.append(change_of(before, role))
            if before != role:
                roles[number] = role
                text = kept.get(number, encoded)
                changed.append((0, number, role, Status.ACTIVE, len(text), text))
            ids.append(number)
        rows = np.array(changed, dtypes.PARTICIPANT_RECORD)
        drafts = draft_of(Record.PARTICIPANTS, rows, sequence, booked_at_us)
        return drafts, Put.of(changes, ids, what)


def _participant_name(name: str, role: int) -> bytes:
    """The name as it is stored; BadInput where it or the role is none."""
    encoded = name_bytes(name, NAME_BYTES_MAX, "participant name")
    if name.strip().isdecimal():
        raise BadInput("participant name: expected one that cannot be read as an id")
    if role not in list(Role):
        raise BadInput(f"participant role: expected 1 to {max(Role)}, found {role}")
    return encoded
