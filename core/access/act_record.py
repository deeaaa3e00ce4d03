"""The ACT row that stands before what was done, or instead of what was refused."""

from dataclasses import dataclass

import numpy as np

from onecard.core.access.caller import Caller
from onecard.core.journal.block import Draft
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import ActOutcome, Record
from onecard.ext.state.state import State

# What it takes in the journal, at most, beside what it explains: header, row, and a reason in which
# each character takes four bytes.
ACT_BYTES_MAX = dtypes.HEADER.itemsize + dtypes.ACT_RECORD.itemsize + 800


def done(
    caller: Caller, act: int, blocks: int, reason: str, sequence: int, booked_at_us: int
) -> Draft:
    """Of an act that writes so many blocks, which begin at the next sequence."""
    row = _row(caller, act, ActOutcome.DONE)
    row["subject"], row["blocks"] = sequence + 1, blocks
    return _draft(row, reason, sequence, booked_at_us)


@dataclass(frozen=True)
class Refuse:
    """Puts on record that somebody asked for what it may not; answers the sequence of that.

    `caller` is who was named, as far as that is known, and as reason why it was refused.
    """

    caller: Caller
    act: int

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most."""
        return ACT_BYTES_MAX

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], int]:
        row = _row(self.caller, self.act, ActOutcome.REFUSED)
        return [_draft(row, self.caller.reason, sequence, booked_at_us)], sequence


def _row(caller: Caller, act: int, outcome: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    row = np.zeros(1, dtypes.ACT_RECORD)
    row["actor"], row["checker"] = caller.actor, caller.checker
    row["participant"] = caller.participant
    row["act"], row["outcome"] = act, outcome
    return row


def _draft(
    row: np.ndarray[tuple[int], np.dtype[np.void]], reason: str, sequence: int, booked_at_us: int
) -> Draft:
    text = reason.encode()
    row["sequence"], row["reason_bytes"] = sequence, len(text)
    return Draft.of(Record.ACT, row, booked_at_us, blob=text)
