"""Taps of a file as columns, and the roll of operators, terminals and cards they name."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

TAP = np.dtype(
    [
        ("at_us", "<i8"),  # tap time, microseconds since 1970 UTC
        ("amount_fen", "<i8"),
        ("digest", "<u8", (2,)),  # of all columns of the row: equal rows, equal digest
        ("day", "<i4"),  # settlement date, days since 1970-01-01
        ("terminal", "<u4"),  # index in Roll.terminals
        ("card", "<u4"),  # index in Roll.cards
        ("epoch", "<u4"),  # epoch and terminal_seq: the derived identity
        ("terminal_seq", "<u4"),
    ]
)


@dataclass(frozen=True, slots=True)
class Device:
    """A terminal as the file names it."""

    number: str
    operator: int  # index in Roll.operators
    mode: int


@dataclass(slots=True)
class Roll:
    """Who was met, in order of first appearance; rows of `TAP` point into it."""

    operators: list[str] = field(default_factory=list)
    terminals: list[Device] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)  # printed numbers: never logged, never stored
    _operator_at: dict[str, int] = field(default_factory=dict)
    _terminal_at: dict[tuple[str, str], int] = field(default_factory=dict)
    _card_at: dict[str, int] = field(default_factory=dict)

    def operator(self, name: str) -> int:
        at = self._operator_at.get(name)
        if at is None:
            at = self._operator_at[name] = len(self.operators)
            self.operators.append(name)
        return at

    def terminal(self, number: str, operator: str, mode: int) -> int:
        at = self._terminal_at.get((number, operator))
        if at is None:
            at = self._terminal_at[(number, operator)] = len(self.terminals)
            self.terminals.append(Device(number, self.operator(operator), mode))
        return at

    def card(self, number: str) -> int:
        at = self._card_at.get(number)
        if at is None:
            at = self._card_at[number] = len(self.cards)
            self.cards.append(number)
        return at

    def terminal_operators(self) -> NDArray[np.uint32]:
        """Index of the operator of every terminal, in the order of `terminals`."""
        return np.array([device.operator for device in self.terminals], dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that is not what its file says; one line for people."""

    file: str
    unit: str  # "line" of a CSV, "record" of a JSON
    at: int  # counted from 1
    column: str
    expected: str
    found: str

    def __str__(self) -> str:
        return (
            f"{self.file}: {self.unit} {self.at}, column {self.column}: "
            f"expected {self.expected}, found {self.found}; this row is left out"
        )
