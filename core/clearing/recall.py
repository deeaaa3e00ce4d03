"""Reads what a batch needs from history, off the engine thread."""

import numpy as np
from numpy.typing import NDArray

from onecard.core.derived.identity import Identities
from onecard.core.errors import LedgerFault
from onecard.core.journal.chain import Journal
from onecard.ext import history
from onecard.ext.recent import IDENTITY

NOT_ASKED = -1
ABSENT = -2


def recall(
    lacks: NDArray[np.void], count: int, closings: int, journal: Journal, identities: Identities
) -> history.Recalled:
    """Everything `lacks` (LACK rows of a batch of `count` taps) asks for.

    `closings` was read before: should identities leave memory meanwhile, the judge sees that an
    absence found here is stale and asks again. What is not durable yet is still in memory and left
    alone. LedgerFault where an index leads to no entry.
    """
    lacks = lacks[lacks["sequence"] <= journal.last]
    sequences = lacks["sequence"].copy()
    asks = sequences == 0
    keys = np.zeros(int(asks.sum()), IDENTITY)
    for column in ("terminal", "epoch", "terminal_seq"):
        keys[column] = lacks[column][asks]
    sequences[asks] = identities.find(keys)
    found = np.flatnonzero(sequences)
    entries = journal.entries(sequences[found])
    there = entries["sequence"] != 0
    # What a tap names may be any number; what the index names must be an entry.
    if not there[lacks["what"][found] != history.ABOUT].all():
        row = found[~there & (lacks["what"][found] != history.ABOUT)][0]
        raise LedgerFault(f"identity index: expected an entry {sequences[row]}, found none")
    indexes = np.full(len(lacks), ABSENT, np.int32)
    indexes[found[there]] = np.flatnonzero(there)
    own = np.full(count, NOT_ASKED, np.int32)
    about = np.full(count, NOT_ASKED, np.int32)
    mine = lacks["what"] == history.OWN
    own[lacks["row"][mine]] = indexes[mine]
    about[lacks["row"][~mine]] = indexes[~mine]
    if len(entries) == 0:
        entries = np.zeros(1, entries.dtype)  # a view of no rows has no address to point to
    return history.Recalled(own, about, entries, closings)
