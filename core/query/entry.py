"""One entry with its legs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onecard.core.journal import Journal
from onecard.ext.shape.numbers import Flag


@dataclass(frozen=True)
class Entry:
    """`row` is an ENTRY, `legs` are LEG rows; `block` is the first sequence of its block."""

    row: np.void
    legs: NDArray[np.void]
    block: int
    block_hash: bytes

    @property
    def parties(self) -> frozenset[int]:
        """The participants it is about."""
        legs = self.legs["party"].tolist()
        return frozenset((int(self.row["operator_id"]), int(self.row["issuer"]), *legs))


def find_entry(journal: Journal, sequence: int) -> Entry | None:
    """An entry out of the journal; None where the sequence is another record's or not durable.

    Reads the disk, so it is called off the event loop. LedgerFault.
    """
    found = journal.entry(sequence)
    return None if found is None else Entry(*found)


def is_offline(row: np.void) -> bool:
    """Returns True when the tap of an ENTRY row was taken while its terminal was offline."""
    return bool(int(row["flags"]) & int(Flag.OFFLINE))
