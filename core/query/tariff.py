"""The tariffs there are; of those of a network that have begun, the last one is used."""

from collections.abc import Iterator
from dataclasses import dataclass

from onecard.core.journal import Journal
from onecard.core.query.stored_text import text_of
from onecard.ext.shape.numbers import Policy
from onecard.ext.state.state import State


@dataclass(frozen=True)
class Tariff:
    """`record` is the sequence it is journalled under; `fares` is of pairs that have one."""

    version: int
    network: int
    name: str
    effective_from_us: int  # 0: always
    stations: int
    fares: int
    entry_min_fen: int
    record: int


def tariffs(state: State, journal: Journal) -> Iterator[Tariff]:
    """All of them, in order of version. Reads the record of each, so not on the event loop."""
    for number, row in enumerate(state.rows("policies")):
        if row["policy"] != Policy.OD_FARES:
            continue
        block = journal.block_of(int(row["record"]))
        yield Tariff(
            version=int(row["version"]),
            network=int(row["network"]),
            name=text_of(block.rows["name"][0]) if block is not None else "",
            effective_from_us=int(row["effective_from_us"]),
            stations=int(row["stations"]),
            fares=int((state.fares_of(number) >= 0).sum()),
            entry_min_fen=int(row["entry_min_fen"]),
            record=int(row["record"]),
        )
