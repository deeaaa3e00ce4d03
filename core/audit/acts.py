"""Who did it is on record, before everything that was done and is no tap."""

from typing import NoReturn

import numpy as np

from onecard.core.errors import LedgerFault
from onecard.core.journal.block import Block
from onecard.ext.shape.numbers import ActOutcome, Record

# From this version of blocks on, all have it; what is older, after the first that has.
SINCE_VERSION = 2
NOBODY = 0  # whoever runs the ledger, not named


class Acts:
    """Takes the blocks of a ledger in order; LedgerFault at the first that nobody answers for."""

    def __init__(self) -> None:
        self.acts = 0
        self.refusals = 0
        self._actors = {NOBODY}
        self._begun = False  # a record of who did it was met
        self._due = 0  # blocks that the last one speaks of, and that did not come yet

    def take(self, block: Block) -> None:
        """Check a block against all before it, then count it in."""
        if block.record == Record.ACT:
            self._take_act(block)
        elif block.record == Record.ENTRIES:
            if self._due:
                _refuse(block, "what the record before it says was done", "taps")
        elif self._due:
            self._due -= 1
        elif self._begun or int(block.header["version"]) >= SINCE_VERSION:
            _refuse(block, "a record of who did it before it", "none")
        if block.record == Record.ACTORS:
            self._actors.update(block.rows["actor"].tolist())

    def finish(self) -> None:
        """What is left at the end: nothing may be due."""
        if self._due:
            raise LedgerFault(
                f"the journal ends with a record of who did it: expected {self._due} more blocks, "
                "found none; a tail is missing"
            )

    def _take_act(self, block: Block) -> None:
        self._begun = True
        rows = block.rows
        if self._due:
            _refuse(block, "what the record before it says was done", "another of its kind")
        reasons = int(rows["reason_bytes"].sum(dtype=np.int64))
        if reasons != len(block.blob):
            _refuse(block, f"reasons of {reasons} bytes", f"{len(block.blob)}")
        for row in rows:
            actor, checker = int(row["actor"]), int(row["checker"])
            for who in (actor, checker):
                if who not in self._actors:
                    _refuse(block, "an actor who was registered", f"{who}")
            if row["outcome"] == ActOutcome.REFUSED:
                wanted = (0, 0)
                self.refusals += 1
            elif row["outcome"] == ActOutcome.DONE:
                wanted = (block.last + 1, max(1, int(row["blocks"])))
                if checker != NOBODY and checker == actor:
                    _refuse(block, "a checker who is another than the actor", f"{checker}")
                if self._due:
                    _refuse(block, "one act that was done", "more")
                self._due = wanted[1]
                self.acts += 1
            else:
                _refuse(block, "an outcome of 1 to 2", f"{row['outcome']}")
            found = int(row["subject"]), int(row["blocks"])
            if found != wanted:
                _refuse(block, f"subject and blocks {wanted}", f"{found}")


def _refuse(block: Block, expected: str, found: str) -> NoReturn:
    raise LedgerFault(f"{block.where}: expected {expected}, found {found}")
