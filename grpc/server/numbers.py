"""What the services need of kept card numbers: that they are kept, and swept, beside the loop."""

import asyncio
from collections.abc import Sequence

from onecard.core.erasable.card_numbers import CardNumbers
from onecard.core.errors import MapFull, OnecardError, Overloaded
from onecard.core.watch.log import Log


class Numbers:
    """Those of the ledger that is served; none are kept before `serve`. What fails here refuses
    whoever sent numbers, and nothing else."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._kept: CardNumbers | None = None
        self._sweeps: set[asyncio.Task[None]] = set()

    def serve(self, kept: CardNumbers) -> None:
        """From now on, after a sweep of what was kept for longer than it may be."""
        self._kept = kept
        self.sweep()

    @property
    def are_kept(self) -> bool:
        """Returns True when what is sent now is to be kept."""
        return self._kept is not None and self._kept.days > 0

    async def check(self) -> None:
        """Before cards are registered by number; OnecardError where none could be kept now."""
        if self._kept is None or not self.are_kept:
            return
        try:
            await asyncio.to_thread(self._kept.check)
        except OnecardError as error:
            raise _refusal(f"numbers are to be kept, and cannot be: {error}", error) from None

    async def keep(self, tokens: Sequence[int], numbers: Sequence[str]) -> None:
        """Once cards are registered; durable when this returns. OnecardError."""
        if self._kept is None or not self.are_kept:
            return
        try:
            await asyncio.to_thread(self._kept.keep, tokens, numbers)
        except OnecardError as error:
            self._log.warning("numbers_not_kept", reason=str(error))
            said = f"the cards are registered and their numbers not kept: {error}; send them again"
            raise _refusal(said, error) from None

    def sweep(self) -> None:
        """Forget old ones, some time soon; nobody waits for it."""
        if self._kept is not None:
            task = asyncio.create_task(self._sweep(self._kept))
            self._sweeps.add(task)
            task.add_done_callback(self._sweeps.discard)

    async def stop(self) -> None:
        """Keep no more; what is being kept or swept is ended first."""
        kept, self._kept = self._kept, None
        if self._sweeps:
            await asyncio.wait(self._sweeps)
        if kept is not None:
            await asyncio.to_thread(kept.close)

    async def _sweep(self, kept: CardNumbers) -> None:
        try:
            swept = await asyncio.to_thread(kept.sweep)
        except OnecardError as error:  # the next window's close tries it again
            self._log.warning("numbers_not_swept", reason=str(error))
        else:
            if swept:
                self._log.info("numbers_swept", count=swept)


def _refusal(said: str, error: OnecardError) -> OnecardError:
    """Of a class that says whether to send again; that a store is damaged is no fault of the
    ledger's."""
    kind = type(error) if isinstance(error, Overloaded | MapFull) else OnecardError
    return kind(said)
