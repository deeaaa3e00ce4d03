"""What a journal is to whoever uses one; which journal it is, only whoever opens it knows."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from onecard.core.journal.algorithms import Algorithms
from onecard.core.journal.block import Block, Draft, Rows, Tip
from onecard.core.storage.environment import Readers


class Journal(Protocol):
    """All blocks of one ledger. One thread writes; all that reads may be called by any.

    What is read is durable, and nothing else: what is beyond is as if it were not there. Opened to
    be written, a journal begins with all that is written durable.
    """

    # Called on any thread when `durable` moved, or will move no more, other than by `write`.
    on_durable: Callable[[], None]

    @property
    def folder(self) -> Path: ...
    @property
    def ledger_id(self) -> bytes: ...
    @property
    def epoch(self) -> int: ...
    @property
    def algorithms(self) -> Algorithms: ...

    @property
    def written(self) -> Tip:
        """Of the last block in this machine's segments, synced: the next one follows it."""
        ...

    @property
    def durable(self) -> Tip:
        """Of the last block that may be answered and relied on; never beyond `written`, and never
        goes back."""
        ...

    @property
    def failed(self) -> BaseException | None:
        """Why nothing is written any more, nor becomes durable; None while it does."""
        ...

    # ---- writing ----------------------------------------------------------------------------

    def write(self, drafts: Sequence[Draft]) -> None:
        """Seal and store drafts in one transaction; they are written when it returns, and durable
        by then or later. Their buffers are not needed any more.

        Raises WriteFailed where that is not certain, and for ever after. ValueError for a draft
        that may not be.
        """
        ...

    def room(self, body_bytes: int) -> None:
        """DiskLow unless blocks of `body_bytes` in all can be written now."""
        ...

    def free_bytes(self) -> int | None:
        """Bytes free on its disk; None where the system cannot say."""
        ...

    # ---- reading ----------------------------------------------------------------------------

    def blocks(self, first: int = 1, last: int | None = None) -> Iterator[Block]:
        """The blocks that hold rows `first` to `last`, digests and chain checked, in order; to the
        durable end of when it is called, unless `last` is before. LedgerFault names the first at
        fault."""
        ...

    def block_of(self, sequence: int) -> Block | None:
        """The block that holds a sequence; None where there is none."""
        ...

    def entries(self, sequences: NDArray[np.uint64]) -> Rows:
        """The ENTRY rows of `sequences`, in their order; zeros where there is no such entry."""
        ...

    def entries_with_legs(self, sequences: NDArray[np.uint64]) -> tuple[Rows, Rows]:
        """The same, and the LEG rows that `legs_at` counts into; one row more than they need."""
        ...

    def images(self, sequences: NDArray[np.uint64]) -> Rows:
        """The after-images of entries (AFTER_IMAGE, IMAGES_MAX a row), in the order of `sequences`;
        zeros where an entry has fewer, and where there is none."""
        ...

    def chain(self, last: int, rows_max: int) -> Rows:
        """The ENTRY rows of an account from entry `last` back, newest first: at most `rows_max`.

        LedgerFault where `last`, or what an entry calls the one before, is no entry.
        """
        ...

    def entry(self, sequence: int) -> tuple[np.void, Rows, int, bytes] | None:
        """An entry, its legs, and first sequence and hash of its block; None where it is none."""
        ...

    # ---- its files --------------------------------------------------------------------------

    def bytes_used(self) -> int:
        """Bytes of its files that hold pages."""
        ...

    def map_bytes(self) -> int:
        """Bytes its files may grow to."""
        ...

    def readers(self) -> Readers:
        """Who reads what is written to now, in any process."""
        ...

    def unmap(self) -> None:
        """Give back what readers left resident. Any thread may read meanwhile."""
        ...

    def close(self) -> None:
        """No thread may be reading."""
        ...


def unheeded() -> None:
    """Until somebody wants to know when `durable` moves."""
