"""Reads what a batch needs from history, off the engine thread."""

import numpy as np
from numpy.typing import NDArray

from onecard.core.checkpoint.claims import claims_on
from onecard.core.checkpoint.identities import Identities
from onecard.core.checkpoint.recovery import bound_by
from onecard.core.errors import LedgerFault
from onecard.core.journal import Journal
from onecard.ext.identity.generations import IDENTITY
from onecard.ext.judge import lookback

NOT_ASKED = -1
ABSENT = -2
NOTHING_BOUND: NDArray[np.void] = np.empty(0, IDENTITY)


def recall(
    missing: NDArray[np.void],
    count: int,
    retirements: int,
    journal: Journal,
    identities: Identities,
) -> lookback.Recalled:
    """Everything `missing` (MISSING rows of a batch of `count` taps) asks for.

    `retirements` was read before: should identities leave memory meanwhile, the judge sees that an
    absence found here is stale and asks again. What is not durable yet is still in memory and left
    alone. LedgerFault where the index leads to no entry, or to another's.
    """
    missing = missing[missing["sequence"] <= journal.durable.last]
    sequences = missing["sequence"].copy()
    asks = sequences == 0
    keys = np.zeros(int(asks.sum()), IDENTITY)
    for column in ("terminal", "epoch", "terminal_seq"):
        keys[column] = missing[column][asks]
    sequences[asks] = identities.find(keys)
    found = np.flatnonzero(sequences)
    entries, legs = journal.entries_with_legs(sequences[found])
    there = entries["sequence"] != 0
    # What a tap names may be any number; what the index names must be an entry.
    sound = there | (missing["what"][found] == lookback.ABOUT)
    if not sound.all():
        raise _doubted(identities, f"expected an entry {sequences[found[~sound][0]]}, found none")
    of_keys = np.flatnonzero(asks[found])
    _check_bound(keys[sequences[asks] != 0], entries[of_keys], journal, identities)
    indexes = np.full(len(missing), ABSENT, np.int32)
    indexes[found[there]] = np.flatnonzero(there)
    own = np.full(count, NOT_ASKED, np.int32)
    about = np.full(count, NOT_ASKED, np.int32)
    mine = missing["what"] == lookback.OWN
    own[missing["row"][mine]] = indexes[mine]
    about[missing["row"][~mine]] = indexes[~mine]
    originals = sequences[found[there]]
    # What takes back of a later one is in memory, or this is stale.
    wanted = ~mine[found[there]] & (originals <= identities.retired)
    taken = np.full(count, NOT_ASKED, np.int32)
    distinct, index = np.unique(originals[wanted], return_inverse=True)
    taken[missing["row"][found[there]][wanted]] = index
    try:
        claims = claims_on(distinct, journal, identities)
    except ValueError as error:
        raise _doubted(identities, str(error)) from None
    # A view of no rows has no address to point to.
    entries = entries if len(entries) else np.zeros(1, entries.dtype)
    claims = claims if len(claims) else np.zeros(1, claims.dtype)
    return lookback.Recalled(own, about, taken, claims, entries, legs, retirements)


def _check_bound(
    keys: NDArray[np.void], entries: NDArray[np.void], journal: Journal, identities: Identities
) -> None:
    """LedgerFault unless each entry bears the identity that led to it, or is its tombstone."""
    differs = np.zeros(len(keys), np.bool_)
    for column in ("terminal", "epoch", "terminal_seq"):
        differs |= keys[column] != entries[column]
    targets = keys[differs]
    targets["sequence"] = entries["sequence"][differs]
    targets.sort(order="sequence")
    last, bound = 0, NOTHING_BOUND
    for target in targets:  # a batch may name many tombstones of one block
        if int(target["sequence"]) > last:
            block = journal.block_of(int(target["sequence"]))
            last = int(target["sequence"]) if block is None else block.last
            bound = NOTHING_BOUND if block is None else bound_by(block, 0)
        low, high = np.searchsorted(bound["sequence"], [target["sequence"], target["sequence"] + 1])
        if not (bound[low:high] == target).any():
            raise _doubted(
                identities,
                f"expected entry {target['sequence']} to bind sequence {target['terminal_seq']} of "
                f"epoch {target['epoch']} of terminal {target['terminal']}, found that it does not",
            )


def _doubted(identities: Identities, reason: str) -> LedgerFault:
    """What the index says is not so: this process stops, and the next start makes it anew."""
    identities.doubt(f"retired identities: {reason}")
    return LedgerFault(
        f"retired identities: {reason}; start again: they are made anew from the journal"
    )
