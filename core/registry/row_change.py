"""What an act of the registry makes of each of its rows, and in words where it is not plain."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput, Overloaded
from onecard.core.journal.block import Draft
from onecard.ext.shape.numbers import Funding, Role, Status
from onecard.ext.state.state import State

WORDS = {
    "role": Role,
    "status": Status,
    "bank_status": Status,
    "funding": Funding,
}  # columns whose values have names
PARTIES = ("operator", "issuer")  # columns that name a participant


class Change(IntEnum):
    """Of one row. The numbers are those of `Change` in registry.proto."""

    ADDED = 1
    CHANGED = 2
    MOVED = 3  # a terminal to another operator, a card to another issuer or account
    SAME = 4
    REFUSED = 5  # only where it was asked what would be; else the whole act is


@dataclass(frozen=True)
class Put:
    """An act's answer. change: uint8, a Change a row, in their order. ids: of participants or
    terminals, likewise. what: of some rows, by number from 0, from what to what, or why not."""

    change: NDArray[np.uint8]
    ids: list[int] = field(default_factory=list)
    what: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, change: Sequence[int], ids: list[int], what: dict[int, str]) -> "Put":
        return cls(np.array(change, np.uint8), ids, what)

    @classmethod
    def refused(cls, error: BadInput) -> "Put":
        """Of one row."""
        return cls.of([Change.REFUSED], [0], {0: str(error)})

    @classmethod
    def joined(cls, puts: Iterable["Put"]) -> "Put":
        """Of acts one after the other."""
        changes = [np.empty(0, np.uint8)]
        ids: list[int] = []
        what: dict[int, str] = {}
        at = 0
        for put in puts:
            changes.append(put.change)
            ids += put.ids
            what |= {at + row: text for row, text in put.what.items()}
            at += len(put.change)
        return cls(np.concatenate(changes), ids, what)

    def count(self, *changes: Change) -> int:
        """Rows of which one of these came."""
        return int(np.isin(self.change, changes).sum())

    @property
    def changed(self) -> int:
        """Rows that were journalled."""
        return self.count(Change.ADDED, Change.CHANGED, Change.MOVED)


def change_of(before: object | None, after: object) -> Change:
    """Of a row that does not move."""
    if before is None:
        return Change.ADDED
    return Change.SAME if before == after else Change.CHANGED


def difference(
    state: State, columns: Sequence[str], before: Sequence[int], after: Sequence[int]
) -> str:
    """From what to what: `operator Bus -> Metro, place 7 -> 9`."""
    return ", ".join(
        f"{name} {_value(state, name, old)} -> {_value(state, name, new)}"
        for name, old, new in zip(columns, before, after, strict=True)
        if old != new
    )


def refuse_move(row: str, what: str) -> None:
    """BadInput: it moves, and the caller said that nothing should."""
    raise BadInput(f"{row}: expected it to stay where it is, found a move ({what})")


def _value(state: State, column: str, value: int) -> str:
    if column in PARTIES:
        return bytes(state.table("participants")[value]["name"]).decode("utf-8", "replace")
    if column in WORDS:
        return str(WORDS[column](value).name.lower()) if value in list(WORDS[column]) else "none"
    return str(value)


@contextmanager
def in_row(at: int) -> Iterator[None]:
    """What is refused within is so because of this row."""
    try:
        yield
    except BadInput as error:
        error.row = at
        raise


def full(name: str, limit: int, what: str = "") -> Overloaded:
    """A named limit is reached, of `what` where its name does not say; says how to raise it."""
    room = f"{limit} {what}" if what else str(limit)
    return Overloaded(
        f"{name}: this ledger has room for {room}, and this would be more; serve it with --set "
        f"{name}=N"
    )


def draft_of(record: int, rows: NDArray[np.void], sequence: int, booked_at_us: int) -> list[Draft]:
    """A draft of rows of one record, numbered from `sequence` on; none of none."""
    if len(rows) == 0:
        return []
    rows["sequence"] = np.arange(sequence, sequence + len(rows), dtype=np.uint64)
    return [Draft.of(record, rows, booked_at_us)]
