"""Gates, buses, tills."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from onecard.core.query.stored_text import text_of
from onecard.core.registry.name import find_name
from onecard.ext.state.state import State


@dataclass(frozen=True)
class Terminal:
    """`taps` counts the identities bound; `epoch` and `seq` are the highest seen."""

    id: int
    number: str
    operator: int
    place: int
    network: int
    mode: int
    status: int
    counterless: bool
    taps: int
    epoch: int
    seq: int


def terminals(state: State, operator: int | None = None) -> Iterator[Terminal]:
    """All of them, or those of one participant, in the order they were registered."""
    rows = state.rows("terminals")[1:]
    return map(_terminal, rows if operator is None else rows[rows["operator_id"] == operator])


def terminal_of(state: State, terminal: int) -> Terminal:
    """One of them by an id that was issued."""
    return _terminal(state.table("terminals")[terminal])


def terminal_number(state: State, terminal: int) -> str:
    """The number printed on one, "" for 0."""
    return text_of(state.table("terminals")[terminal]["number"])


def find_terminal(state: State, number: str) -> int | None:
    """The id of a terminal by its printed number; None where there is none."""
    return find_name(state.by_number, number)


def operators_of(state: State, terminals: Sequence[int]) -> list[int]:
    """Whose each of some terminals is, 0 of one that is none."""
    operators = state.rows("terminals")["operator_id"]
    return [int(operators[one]) if one < len(operators) else 0 for one in terminals]


def _terminal(row: np.void) -> Terminal:
    return Terminal(
        id=int(row["terminal"]),
        number=text_of(row["number"]),
        operator=int(row["operator_id"]),
        place=int(row["place"]),
        network=int(row["network"]),
        mode=int(row["mode"]),
        status=int(row["status"]),
        counterless=bool(row["counterless"]),
        taps=int(row["taken"]),
        epoch=int(row["seen"]) >> 32,
        seq=int(row["seen"]) & 0xFFFF_FFFF,
    )
