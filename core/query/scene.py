"""What taps may be for."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from onecard.core.query.stored_text import text_of
from onecard.ext.state.state import State

NUMBERS = ("most_fen", "payee", "mcc", "rated_by", "status", "closed_us", "from_us", "record")


@dataclass(frozen=True)
class Scene:
    """`purses` a byte a Purse; `payee` 0 is the terminal's operator, `rated_by` 0 its
    network; `closed_us` 0: it is not."""

    code: int
    name: str
    purses: bytes
    most_fen: int
    payee: int
    mcc: int
    rated_by: int
    status: int
    closed_us: int
    from_us: int
    record: int


def scenes(state: State, after: int = 0, most: int | None = None) -> Iterator[Scene]:
    """Those of a code above `after`, in the order of their codes; at most so many."""
    rows = state.rows("scenes")
    codes = np.flatnonzero(rows["code"])
    for code in codes[codes > after][:most]:
        row = rows[code]
        yield Scene(
            int(row["code"]),
            text_of(row["name"]),
            bytes(row["purses"])[: int(row["purse_count"])],
            *(int(row[name]) for name in NUMBERS),
        )
