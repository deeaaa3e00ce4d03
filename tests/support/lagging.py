"""A journal that is durable later than it is written, as one is that another machine has to have.

It keeps its blocks in a local one. What is written while its gate is closed is durable once the
gate lets it through, a group at a time or all of it.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onecard.core.config import Settings
from onecard.core.journal import Block, Draft, LocalJournal, Tip
from onecard.core.journal.journal import unheeded
from onecard.core.ledger.folder import LedgerToml
from onecard.core.ledger.opened import open_local

Rows = NDArray[np.void]


class LaggingJournal:
    """`closed` is the gate; `beyond` are sequences that somebody asked for too early."""

    def __init__(self, local: LocalJournal) -> None:
        self.local = local
        self.on_durable = unheeded
        self.durable = local.durable
        self.closed = False
        self.beyond: list[int] = []
        self._failed: BaseException | None = None
        self._waiting: deque[Tip] = deque()
        self._turn = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        """What its end is nothing to: its files, its names, the room there is."""
        return getattr(self.local, name)

    # ---- the gate ---------------------------------------------------------------------------

    def close_gate(self) -> None:
        self.closed = True

    def let(self, groups: int) -> None:
        """So many groups through the gate."""
        with self._turn:
            for _ in range(groups):
                self.durable = self._waiting.popleft()
        self.on_durable()

    def open_gate(self) -> None:
        with self._turn:
            self.closed = False
            if self._waiting:
                self.durable = self._waiting[-1]
                self._waiting.clear()
        self.on_durable()

    def fail(self, error: BaseException) -> None:
        """Nothing becomes durable any more."""
        self._failed = error
        self.on_durable()

    @property
    def waiting(self) -> int:
        """Groups that are written and not durable."""
        return len(self._waiting)

    # ---- a Journal --------------------------------------------------------------------------

    @property
    def failed(self) -> BaseException | None:
        return self._failed or self.local.failed

    @property
    def written(self) -> Tip:
        return self.local.written

    def write(self, drafts: Sequence[Draft]) -> None:
        self.local.write(drafts)
        with self._turn:
            if self.closed:
                self._waiting.append(self.written)
            else:
                self.durable = self.written

    def blocks(self, first: int = 1, last: int | None = None) -> Iterator[Block]:
        end = self.durable.last
        return self.local.blocks(first, end if last is None else min(last, end))

    def block_of(self, sequence: int) -> Block | None:
        return self.local.block_of(sequence) if sequence <= self.durable.last else None

    def entry(self, sequence: int) -> Any:
        return self.local.entry(sequence) if sequence <= self.durable.last else None

    def entries(self, sequences: NDArray[np.uint64]) -> Rows:
        return self.entries_with_legs(sequences)[0]

    def entries_with_legs(self, sequences: NDArray[np.uint64]) -> tuple[Rows, Rows]:
        return self.local.entries_with_legs(self._in_reach(sequences))

    def images(self, sequences: NDArray[np.uint64]) -> Rows:
        return self.local.images(self._in_reach(sequences))

    def chain(self, last: int, rows_max: int) -> Rows:
        self._in_reach(np.array([last], np.uint64))
        return self.local.chain(last, rows_max)

    def _in_reach(self, sequences: NDArray[np.uint64]) -> NDArray[np.uint64]:
        late = sequences > self.durable.last
        self.beyond += sequences[late].tolist()
        return np.where(late, np.uint64(0), sequences)


def open_lagging(
    path: Path, toml: LedgerToml, settings: Settings, readonly: bool
) -> LaggingJournal:
    return LaggingJournal(open_local(path, toml, settings, readonly))
