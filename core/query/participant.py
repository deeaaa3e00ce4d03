"""Who takes part."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from onecard.core.query.stored_text import text_of
from onecard.core.registry.name import find_name
from onecard.ext.state.state import State

ID_DIGITS_MAX = 5  # participants are numbered in 16 bits


@dataclass(frozen=True)
class Participant:
    """`role` is a Role; `accounts` are those of the cards it issued."""

    id: int
    name: str
    role: int
    terminals: int
    accounts: int
    window_net_fen: int  # of the open window


def participants(state: State) -> Iterator[Participant]:
    """All of them, in the order they were registered; counts every terminal and account."""
    rows = state.rows("participants")[1:]
    many = len(rows) + 1
    terminals = np.bincount(state.rows("terminals")["operator_id"], minlength=many)
    accounts = np.bincount(state.rows("accounts")["issuer"][1:], minlength=many)
    for row in rows:
        number = int(row["participant"])
        yield Participant(
            id=number,
            name=text_of(row["name"]),
            role=int(row["kind"]),
            terminals=int(terminals[number]),
            accounts=int(accounts[number]),
            window_net_fen=int(row["window_in_fen"]) - int(row["window_out_fen"]),
        )


def participant_name(state: State, participant: int) -> str:
    """The name of an id, "" for 0."""
    return text_of(state.table("participants")[participant]["name"])


def find_participant(state: State, text: str) -> int | None:
    """The id of a participant given by name, or by id where none has it as its name."""
    found = find_name(state.by_name, text)
    if found is None and text.isascii() and text.isdigit() and len(text) <= ID_DIGITS_MAX:
        found = int(text) if 1 <= int(text) < state.count("participants") else None
    return found
