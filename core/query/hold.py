"""By what it is held in each network, and which holds that have an end are open."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from onecard.core.journal import Journal
from onecard.core.query.stored_text import text_of
from onecard.ext.shape.numbers import Funding, Policy
from onecard.ext.state.state import State


@dataclass(frozen=True)
class Terms:
    """`record` is the sequence it is journalled under."""

    version: int
    network: int
    name: str
    effective_from_us: int  # 0: always
    fundings: tuple[Funding, ...]
    partial: bool
    life_s: int  # 0: for ever
    record: int


@dataclass(frozen=True)
class OpenHold:
    """One that has an end; `amount_fen` as it was held, whatever was captured of it since."""

    sequence: int
    amount_fen: int
    expires_us: int


def hold_terms(state: State, journal: Journal) -> Iterator[Terms]:
    """All of them, in order of version. Reads the record of each, so not on the event loop."""
    for row in state.rows("policies"):
        if row["policy"] != Policy.HOLDS:
            continue
        block = journal.block_of(int(row["record"]))
        yield Terms(
            version=int(row["version"]),
            network=int(row["network"]),
            name=text_of(block.rows["name"][0]) if block is not None else "",
            effective_from_us=int(row["effective_from_us"]),
            fundings=tuple(one for one in Funding if int(row["fundings"]) >> one & 1),
            partial=bool(row["partial"]),
            life_s=int(row["life_s"]),
            record=int(row["record"]),
        )


def open_holds(state: State, token: int) -> list[OpenHold]:
    """Those of a card, the first to end first. Looks at all that are open."""
    rows = state.rows("open_holds")
    own = rows[np.flatnonzero(rows["token"] == np.uint64(token))]
    own = own[np.lexsort((own["sequence"], own["expires_us"]))]
    names = ("sequence", "amount_fen", "expires_us")
    return [OpenHold(*(int(row[name]) for name in names)) for row in own]
