"""Looks every second at what nobody else would see: the disk's room, and threads that are gone."""

import threading
from collections.abc import Callable

from onecard.core.journal import Journal
from onecard.core.watch.log import Log

WATCH_S = 1.0  # between two looks: a disk fills in minutes, and an operator waits for its end


class Watchdog:
    """On a thread of its own. What goes wrong here alone is told, and no reason to stop.

    `lost` names a thread that ended by itself, if one did; `fail` is then called with the error.
    `mend` begins what may end by itself again.
    """

    def __init__(
        self,
        journal: Journal,
        watermark_bytes: int,
        log: Log,
        lost: Callable[[], str | None],
        fail: Callable[[BaseException], None],
        mend: Callable[[], None],
    ) -> None:
        self.disk_low = False
        self.disk_free_bytes: int | None = None  # as last seen; None where the system cannot say
        self._journal = journal
        self._watermark_bytes = watermark_bytes
        self._wanted_bytes = watermark_bytes  # free bytes at which the disk is low no more
        self._log = log
        self._lost = lost
        self._fail = fail
        self._mend = mend
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self.look()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def refused(self, body_bytes: int, reason: str) -> None:
        """The engine found no room for blocks of so many bytes in all."""
        self._wanted_bytes = 2 * body_bytes + self._watermark_bytes  # as Journal.room has it
        self._note(True, reason)

    def took(self) -> None:
        """The engine found room."""
        self._note(False, "")

    def look(self) -> None:
        self.disk_free_bytes = free = self._journal.free_bytes()
        if free is not None:
            wanted = self._wanted_bytes if self.disk_low else self._watermark_bytes
            self._note(
                free < wanted,
                f"{self._journal.folder}: expected {wanted} bytes free on its disk, found {free}; "
                "free some, nothing is taken until then",
            )
        lost = self._lost()
        if lost is not None:
            self._fail(RuntimeError(f"the thread {lost} ended by itself"))
        self._mend()
        self._log.tick()

    def _note(self, low: bool, reason: str) -> None:
        """Whichever thread sees a change first tells it."""
        if low == self.disk_low:
            return
        self.disk_low = low
        if low:
            self._log.warning("disk_low", reason=reason)
        else:
            self._wanted_bytes = self._watermark_bytes
            self._log.info("disk_again")

    def _run(self) -> None:
        while not self._stopping.wait(WATCH_S):
            try:
                self.look()
            except Exception as error:
                self._log.warning("watch_failed", error=type(error).__name__)
