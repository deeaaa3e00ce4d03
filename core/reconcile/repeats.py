"""The lines of one reference that can only repeat another: kept on disk until it is known whose.

A file may say one reference six million times. Few of the lines decide: the first of each amount
that is a leg's or the entry's sum, and the least ones. The others are repeated whatever follows.
"""

import os
import tempfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput
from onecard.core.reconcile.sorted_lines import LINE, OURS, THEIRS

LEGS_MAX = 255  # of an entry: they are counted in a byte
# Each leg may take one line of its own amount, and one of what is left in order of amount.
KEPT = 2 * LEGS_MAX
READ_ROWS = 1 << 18  # 9 MB


class Repeats:
    """LINE rows of theirs of one reference, in order of amount and number."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()
        self.rows = 0

    def close(self) -> None:
        self._file.close()

    def take(self, rows: NDArray[np.void]) -> NDArray[np.void]:
        """Put aside what only repeats; the rest. `rows`: sorted LINE of one reference.

        What is kept of one call is given again in front of the next. BadInput where ours has more
        lines than an entry has legs.
        """
        ours, theirs = rows[rows["side"] == OURS], rows[rows["side"] == THEIRS]
        if len(ours) > LEGS_MAX:
            raise BadInput(
                f"line {int(ours['line'][LEGS_MAX])} of our own file: expected at most {LEGS_MAX} "
                "lines of one entry, found more; move it away and run onecard settle again"
            )
        amount_fen = theirs["amount_fen"]
        at = np.arange(len(theirs))
        new = np.ones(len(theirs), bool)
        new[1:] = amount_fen[1:] != amount_fen[:-1]
        of_amount = at - np.maximum.accumulate(np.where(new, at, 0))
        telling = [*ours["amount_fen"], ours["amount_fen"].sum()]
        keep = (at < KEPT) | (np.isin(amount_fen, telling) & (of_amount < KEPT))
        beyond = theirs[~keep]
        self._file.write(beyond.view(np.uint8).data)
        self.rows += len(beyond)
        return np.concatenate([ours, theirs[keep]])

    def read(self) -> Iterator[NDArray[np.void]]:
        """All of them in order; afterwards it is empty, for the next reference."""
        self._file.flush()
        for at in range(0, self.rows, READ_ROWS):
            size = min(READ_ROWS, self.rows - at) * LINE.itemsize
            yield np.frombuffer(os.pread(self._file.fileno(), size, at * LINE.itemsize), LINE)
        self._file.seek(0)
        self._file.truncate()
        self.rows = 0
