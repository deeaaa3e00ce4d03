"""Printed card numbers, kept for some days after they were sent last: what files may have to name.

The store is opened when something needs it, so one that cannot be opened refuses that alone.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

from onecard.core.clock import Clock
from onecard.core.config import Settings
from onecard.core.days import DAY_US
from onecard.core.erasable.store import ErasableStore
from onecard.core.erasable.subject import Field, Subject, SubjectKind, Value
from onecard.ext.shape.numbers import Store

DAY_MAX = (1 << 32) - 1  # later than any


def card(token: int) -> Subject:
    """The subject that a card is."""
    return Subject(SubjectKind.CARD, token)


class CardNumbers:
    """Those of the ledger in `path`, for `numbers_kept_days` of its settings. Where that is 0, none
    are kept, and those from before are swept."""

    def __init__(
        self, path: Path, ledger_id: bytes, cipher: Store, settings: Settings, clock: Clock
    ) -> None:
        self.days = settings.numbers_kept_days
        self._spare_bytes = settings.watermark_bytes
        self._path = path
        self._ledger_id = ledger_id
        self._cipher = cipher
        self._clock = clock
        self._opening = threading.Lock()
        self._store: ErasableStore | None = None

    def check(self) -> None:
        """That numbers could be kept now; the errors of `ErasableStore.open`."""
        if self.days:
            self._opened()

    def keep(self, tokens: Sequence[int], numbers: Sequence[str]) -> None:
        """Keep the number of each token, from today on; nothing where none are kept."""
        if not self.days:
            return
        values = [
            Value(card(token), Field.NUMBER, number)
            for token, number in zip(tokens, numbers, strict=True)
        ]
        self._opened().put(values, self._today())

    def sweep(self) -> int:
        """Forget those that were sent last more than `days` days ago; returns how many."""
        if self._store is None and not ErasableStore.exists(self._path):
            return 0
        # The day on which one was sent was not over, so it is kept for so many whole days at least.
        # Where none are kept all go, whatever day a clock said.
        return self._opened().sweep(self._today() - self.days if self.days else DAY_MAX)

    def close(self) -> None:
        """Once whatever is asked of it is answered."""
        with self._opening:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _opened(self) -> ErasableStore:
        with self._opening:
            if self._store is None:
                self._store = ErasableStore.open(
                    self._path, self._ledger_id, self._cipher, spare_bytes=self._spare_bytes
                )
            return self._store

    def _today(self) -> int:
        return self._clock.now_us() // DAY_US
