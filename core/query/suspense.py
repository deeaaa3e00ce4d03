"""What is booked and still open: taps in suspense that nothing has reversed since.

An offline tap that could not be decided is booked between two suspense legs of its operator
(docs/ledger.md). Nobody is paid for it until it is mended: what is missing is put right, the tap
is reversed, and sent again under a new number of its terminal (docs/suspense.md).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from onecard.core.checkpoint.identities import Identities
from onecard.core.journal import Journal
from onecard.ext.identity import pages
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Image, Outcome, Record, Space

# Every reason an offline tap can have, and what mends it; docs/suspense.md says it at length.
MENDED_BY: dict[Outcome, str] = {
    Outcome.CARD_UNKNOWN: "register the card; then reverse the tap and send it again",
    Outcome.CARD_BLOCKED: "ask the issuer; if it pays, make the card active, reverse, send again",
    Outcome.TIME_TOO_OLD: "agree with the issuer, raise age_max_us; then reverse and send again",
    Outcome.TIME_IN_FUTURE: "set the terminal's clock; reverse, send again with the right time",
    Outcome.PLACE_UNKNOWN: "give the terminal its place; then reverse and send again",
    Outcome.TARIFF_UNKNOWN: "load its network a tariff of that day; then reverse and send again",
    Outcome.FARE_UNKNOWN: "load a tariff that has this pair; then reverse and send again",
    Outcome.NO_OPEN_JOURNEY: "find the entry tap (show gaps) and have it sent; reverse, send again",
    Outcome.EXIT_BEFORE_ENTRY: "set the gates' clocks; reverse, send again with the right time",
    Outcome.SCENE_UNKNOWN: "load the scene, or set the terminal right; reverse and send again",
    Outcome.SCENE_CLOSED: "if it was open, load the scene as active; then reverse and send again",
    Outcome.AMOUNT_ABOVE_SCENE: "agree on it, raise the most of the scene; reverse, send again",
}


def find_suspense(journal: Journal, index: Identities) -> Iterator[NDArray[np.void]]:
    """ENTRY rows that are in suspense and not reversed, oldest first; some a block, none empty.

    Walks the whole journal, in the memory of one block and of what was reversed of late. `index` is
    of the same journal. LedgerFault where a look-up in it cannot be proven.
    """
    retired = index.retired
    lately = _closed_after(journal, retired)
    for block in journal.blocks():
        if block.record != Record.ENTRIES:
            continue
        rows = block.rows[block.rows["outcome"] == int(Outcome.ACCEPTED_SUSPENSE)]
        rows = rows[~np.isin(rows["sequence"], lately)]
        cold = np.zeros(len(rows), np.bool_)
        early = rows["sequence"] <= retired
        if early.any():  # nothing takes back of what is in suspense but a reversal, which closes it
            keys = pages.in_space(Space.TAKEN_BACK, rows["sequence"][early])
            cold[early] = index.find(keys) != 0
        if not cold.all():
            yield np.array(rows[~cold], dtypes.ENTRY)


def _closed_after(journal: Journal, retired: int) -> NDArray[np.uint64]:
    """The originals that entries after a sequence closed."""
    parts = [np.empty(0, np.uint64)]
    for block in journal.blocks(retired + 1):
        if block.record == Record.ENTRIES:
            closed = block.images["what"] == int(Image.CLOSED_ORIGINAL)
            parts.append(block.images["key"][closed])
    return np.concatenate(parts)
