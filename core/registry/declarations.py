"""Declarations: what an operator says it sent, to be held against what is booked."""

from dataclasses import dataclass

import numpy as np

from onecard.core.errors import BadInput
from onecard.core.journal.block import Draft
from onecard.core.registry.row_change import draft_of
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Record, Status
from onecard.ext.state.state import State


@dataclass(frozen=True)
class Declare:
    """What an operator says it sent. rows: (terminal, day, taps, sum_fen); answers their number."""

    rows: list[tuple[int, int, int, int]]

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most."""
        return len(self.rows) * dtypes.DECLARATION_RECORD.itemsize

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], int]:
        for at, row in enumerate(self.rows):
            try:
                _check_declared(row, state)
            except BadInput as error:
                error.row = at
                raise
        rows = np.zeros(len(self.rows), dtypes.DECLARATION_RECORD)
        for column, name in enumerate(("terminal", "day", "taps", "sum_fen")):
            rows[name] = [row[column] for row in self.rows]
        return draft_of(Record.DECLARATIONS, rows, sequence, booked_at_us), len(rows)


def _check_declared(row: tuple[int, int, int, int], state: State) -> None:
    terminal, day, taps, sum_fen = row
    if not 1 <= terminal < state.count("terminals"):
        raise BadInput(f"declared terminal: expected an issued id, found {terminal}")
    if state.table("terminals")[terminal]["status"] == Status.INTERNAL:
        raise BadInput(f"declared terminal: expected a device, found {terminal}, a virtual one")
    if not 0 <= taps < 1 << 63 or not -(1 << 62) <= sum_fen <= 1 << 62:
        raise BadInput(f"declared count or sum of terminal {terminal}: out of range")
    if not 0 <= day < 1 << 20:
        raise BadInput(f"declared day: expected days since 1970-01-01, found {day}")
