"""What was decided on an identity: a terminal's epoch and sequence, bound once and for ever."""

from typing import NamedTuple

import numpy as np

from onecard.core.checkpoint.identities import Identities
from onecard.ext.identity.generations import IDENTITY, Generations


class Identity(NamedTuple):
    """What a terminal says of a tap, and no other tap ever."""

    terminal: int
    epoch: int
    terminal_seq: int


# In memory is asked first, then on disk: what leaves memory is on disk before, so between the two
# nothing can be missed.


def in_memory(recent: Generations, identity: Identity) -> int:
    """The sequence of the entry that bound it, 0 where none in memory did. Engine thread only."""
    return int(recent.sequence_of(*identity))


def on_disk(identities: Identities, identity: Identity) -> int:
    """The sequence of the entry that bound it, 0 where none that left memory did.

    Off the event loop. LedgerFault where an absence cannot be proven.
    """
    wanted = np.zeros(1, IDENTITY)
    for column, value in identity._asdict().items():
        wanted[column] = value
    return int(identities.find(wanted)[0])
