"""A ledger whose state moves on without engine or threads, for tests of what is saved of it."""

import io
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np

from onecard.core.checkpoint.pages import SavedPages
from onecard.core.checkpoint.passes import Checkpoint
from onecard.core.checkpoint.recovery import head_at
from onecard.core.clock import SystemClock
from onecard.core.config import MIB, Settings
from onecard.core.journal import Draft, LocalJournal, Tip, seal
from onecard.core.ledger.opened import Ledger
from onecard.core.watch.log import Log
from onecard.ext.shape.numbers import Policy
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from onecard.ext.state.table import TABLES
from tests.support.algorithms import chosen
from tests.support.many_rows import START_US, ManyRows, token_of

SMALL = Settings(
    cards_max=200_000,
    terminals_max=100_000,
    segment_bytes=64 * MIB,
    watermark_bytes=0,
    checkpoint_map_bytes=64 * MIB,
    identities_map_bytes=64 * MIB,
    checkpoint_pause_ms=0,
)


class Bench:
    """A ledger without engine or threads: blocks are applied, and journalled when asked."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.many = ManyRows(seed)
        self.origin = Ledger.create(folder, SMALL)
        self.journal = LocalJournal.open(
            folder, self.origin.ledger_id, 1, SMALL.segment_bytes, 0, algorithms=chosen()
        )
        self.state = State(SMALL.cards_max, SMALL.terminals_max)
        self.replayed = State(SMALL.cards_max, SMALL.terminals_max)
        self.lines = io.StringIO()
        self.log = Log(SystemClock(), out=self.lines)
        (folder / "checkpoint").mkdir()
        self.pages = SavedPages.open(
            folder / "checkpoint" / "state", self.origin, SMALL.checkpoint_map_bytes, self.log
        )
        self.tip = Tip(epoch=1)
        self.drafts: list[Draft] = []
        self.checkpoint = self.new_checkpoint(self.commit)

    def new_checkpoint(self, durable: Callable[[], int]) -> Checkpoint:
        return Checkpoint(
            self.pages,
            SMALL,
            SystemClock(),
            self.log,
            durable,
            lambda sequence: head_at(self.journal, sequence),
        )

    def judge(self, blocks: int = 1) -> None:
        """The state moves on; the journal does not yet."""
        for _ in range(blocks):
            draft = self.many.next()
            self.tip = seal(draft, self.origin.ledger_id, 1, self.tip, chosen())
            apply(self.state, draft.value)
            self.drafts.append(draft)

    def commit(self) -> int:
        """The journal catches up, as it does while a checkpoint waits for it."""
        for draft in self.drafts:
            self.journal.write([draft])
            apply(self.replayed, draft.value)
        self.drafts.clear()
        return self.journal.durable.last

    def drain(self) -> None:
        """The rest of a pass."""
        while self.checkpoint.running:
            self.checkpoint.copy_some(self.state, 1000)
            assert self.checkpoint.write_next()

    def close(self) -> None:
        self.pages.close()
        self.journal.close()


def same(ledger: Ledger, state: State) -> bool:
    """Also what is looked up and is no part of the digest."""
    names = ledger.state.by_name == state.by_name and ledger.state.by_number == state.by_number
    accounts = np.arange(1, len(state.rows("accounts")) + 9)
    found = [one.credentials_of(token_of(accounts)) for one in (ledger.state, state)]
    fares = all(
        (ledger.state.fares_of(row) == state.fares_of(row)).all()
        for row in range(len(state.rows("policies")))
    )
    at = range(START_US, START_US + 9)
    due = [
        [one.policy_in_force(kind, *of) for kind in Policy for of in product(range(4), at)]
        + [one.holds_due(at_us, 10**6).tolist() for at_us in (at[3], 1 << 62)]
        for one in (ledger.state, state)
    ]
    at_rest = not any(ledger.state.as_of(name).any() for name in TABLES)
    digest = ledger.state.digest() == state.digest()
    cards = bool((found[0] == found[1]).all())
    return digest and names and cards and fares and due[0] == due[1] and at_rest
