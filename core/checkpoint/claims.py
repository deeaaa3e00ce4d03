"""What was taken back of entries, or corrected, as far as that has left memory; and what is over:
lots that are spent and journeys that ended.

The index leads from an original to the last entry that took something back of it, and to the last
that corrected it (`identities.py`); what stands then, the after-image of that entry says.
"""

import numpy as np
from numpy.typing import NDArray

from onecard.core.checkpoint.identities import Identities
from onecard.core.journal import Block, Journal
from onecard.ext.identity import pages
from onecard.ext.identity.generations import IDENTITY
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Effect, Image, Space

BOTH_KNOWN = 3  # ext/identity/claims
SAID_BY = {  # by which images each half of a claim is
    Space.TAKEN_BACK: (int(Image.CLAIMED), int(Image.CLOSED_ORIGINAL)),
    Space.CORRECTED: (int(Image.ADJUSTED),),
}
LED_TO_BY = {**SAID_BY, Space.SPENT_LOTS: (int(Image.LOT_SPENT),)}


def claims_on(
    originals: NDArray[np.uint64], journal: Journal, index: Identities
) -> NDArray[np.void]:
    """A CLAIM row for each original, of what entries up to `index.retired` or later did.

    LedgerFault where a look-up cannot be proven, ValueError where it leads to no entry that says
    so.
    """
    claims = np.zeros(len(originals), dtypes.CLAIM)
    claims["sequence"], claims["known"] = originals, BOTH_KNOWN
    for space, images in SAID_BY.items():
        by = index.find(pages.in_space(space, originals))
        at = np.flatnonzero(by)
        said = _said(originals[at], by[at], images, journal)
        if space == Space.CORRECTED:
            claims["corrected_by"][at] = by[at]
            claims["adjusted_fen"][at] = said["value"]
        else:
            claims["taken_by"][at] = by[at]
            claims["used_fen"][at] = said["value"]
            claims["closed"][at] = said["what"] == int(Image.CLOSED_ORIGINAL)
    return claims


def _said(
    originals: NDArray[np.uint64],
    by: NDArray[np.uint64],
    images: tuple[int, ...],
    journal: Journal,
) -> NDArray[np.void]:
    """The AFTER_IMAGE of each original in the entry it leads to."""
    found = journal.images(by)
    fits = (found["key"] == originals[:, None]) & np.isin(found["what"], images)
    wrong = np.flatnonzero(~fits.any(axis=1))
    if len(wrong):
        raise ValueError(
            f"expected entry {by[wrong[0]]} to take back of entry {originals[wrong[0]]} or to "
            "correct it, found that it does not"
        )
    return np.take_along_axis(found, fits.argmax(axis=1)[:, None], axis=1)[:, 0]


def taken_back_by(block: Block, after: int) -> NDArray[np.void]:
    """What the entries of a block above a sequence take back or correct, the lots that they spend,
    and the journeys that they end, as keys of the index (IDENTITY rows), in order."""
    journeys, by = ended_in(block)
    parts = [pages.in_space(Space.JOURNEYS, journeys)]
    parts[0]["sequence"] = by
    for space, whats in LED_TO_BY.items():
        images = block.images[np.isin(block.images["what"], whats)]
        keys = pages.in_space(space, images["key"])
        keys["sequence"] = np.uint64(block.first) + images["row"]
        parts.append(keys)
    found = np.concatenate([np.empty(0, IDENTITY), *parts])
    return found[found["sequence"] > after]


def ended_in(block: Block) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The journeys, by their ENTRY, that entries of a block ended, and of each the entry that did:
    the EXIT or ENTRY that names it, or the REVERSAL of its ENTRY."""
    rows = block.rows
    closes = rows["effects"] & int(Effect.JOURNEY_CLOSED) != 0
    ended = np.where((rows["journey"] == 0) & closes, rows["about"], rows["journey"])
    at = np.flatnonzero(ended)
    return ended[at], rows["sequence"][at]


def ended_by(journeys: NDArray[np.uint64], index: Identities) -> NDArray[np.uint64]:
    """What ended each journey, by its ENTRY, as far as that has left memory; 0: nothing did.
    LedgerFault where a look-up cannot be proven."""
    return index.find(pages.in_space(Space.JOURNEYS, journeys))
