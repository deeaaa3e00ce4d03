"""Identities leave memory: a full generation goes to disk on a thread, then is let go in turns."""

import threading
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from onecard.core.clock import Clock
from onecard.core.errors import Overloaded
from onecard.core.ledger.opened import Ledger
from onecard.core.storage.environment import MapFull
from onecard.core.watch.log import Log
from onecard.ext.identity.generations import Generations

IDLE_S = 0.05
RETIRED_A_TURN = 1 << 15  # identities marked as retired between two groups: half a millisecond
RETRY_S = 1.0
# What is merged is read through the map and counts as resident; giving it back after each
# generation made taps wait for up to 90 ms, so it is done once in a while.
RETIREMENTS_AN_UNMAP = 8


class Retirement:
    """Of one running ledger. `turn` runs on the engine thread, what it submits on `identities`.

    `submit` puts work on that thread; `failed` returns True when the process answers nothing more.
    """

    def __init__(
        self,
        recent: Generations,
        ledger: Ledger,
        clock: Clock,
        log: Log,
        submit: Callable[[Callable[[], None]], object],
        failed: Callable[[], bool],
        stopping: threading.Event,
    ) -> None:
        self.freed = threading.Event()  # something moved that a batch in hand may have waited for
        self.no_space: MapFull | Overloaded | None = None  # why they could not be retired just now
        self._recent = recent
        self._ledger = ledger
        self._clock = clock
        self._log = log
        self._submit = submit
        self._failed = failed
        self._stopping = stopping
        self._running = False  # from a full generation until all of it left memory
        # A generation that is on disk: its identities not marked yet, and its number.
        self._on_disk: tuple[NDArray[np.void], int] | None = None

    def turn(self, blocked: bool) -> None:
        """Between two groups: let some go, begin with a full generation. Where a batch is `blocked`
        and nothing is to be let go, wait a little until something moved."""
        if self._on_disk is not None:
            self._on_disk = self._let_go(*self._on_disk)
        if self._recent.waiting and not self._running:
            self._running = True
            self._submit(self._retire)
        elif blocked and self._on_disk is None:
            self.freed.wait(IDLE_S)
            self.freed.clear()

    def _let_go(
        self, identities: NDArray[np.void], generation: int
    ) -> tuple[NDArray[np.void], int] | None:
        """Some of a generation that is on disk leaves memory; what is left of it.

        On the engine thread, since a batch may not find a key to be new when it is prepared and one
        to ask the disk for when it is judged.
        """
        self._recent.retire(identities[:RETIRED_A_TURN])
        if len(identities) > RETIRED_A_TURN:
            return identities[RETIRED_A_TURN:], generation
        self._recent.drop_oldest()
        self._running = False
        self._submit(partial(self._recent.recycle, generation))
        return None

    # ---- the identities thread --------------------------------------------------------------

    def _retire(self) -> None:
        identities, generation = self._recent.oldest()
        up_to = int(identities["sequence"].max())
        # An index must never lead to an entry that a power cut could take back.
        while self._ledger.journal.durable.last < up_to:
            if self._failed():
                return
            self._clock.sleep(IDLE_S / 10)
        while True:
            try:
                self._ledger.identities.retire(identities, up_to)
                break
            except (MapFull, Overloaded) as error:
                self.no_space = error
                self._log.warning("identities_wait", reason=str(error))
                if self._stopping.wait(RETRY_S):
                    return
        if self._recent.retirements % RETIREMENTS_AN_UNMAP == RETIREMENTS_AN_UNMAP - 1:
            try:
                self._ledger.unmap()
            except Exception as error:  # memory is given back another time
                self._log.warning("memory_kept", error=type(error).__name__)
        self.no_space = None
        self._on_disk = identities, generation
        self.freed.set()
