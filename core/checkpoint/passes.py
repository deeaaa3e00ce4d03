"""Saves the state tables page by page while they change, so that a restart replays little.

One *pass* saves every page that changed since the pass before:

    engine thread   begin       S0 = the last sequence judged; which pages are dirty
                    copy_some   between two groups: clears a page's dirty byte and copies it, as of
                                the sequence S then
    writer thread   write_next  waits until the journal is durable to S, then saves pages in a
                                small transaction, and leaves the disk alone for a moment
                                at the end the manifest: from here on a start replays from S0

A page becomes durable only after the journal is to its sequence, so a kill between any two
transactions leaves pages that are as of S0 of the manifest or later, never ahead of the journal.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onecard.core.checkpoint.pages import Page, SavedPages, page_of
from onecard.core.clock import Clock
from onecard.core.config import Settings
from onecard.core.errors import Overloaded
from onecard.core.failpoint import here
from onecard.core.storage.environment import MapFull
from onecard.core.watch.log import Log
from onecard.ext.shape.dtypes import PAGE_BYTES
from onecard.ext.state.state import State
from onecard.ext.state.table import TABLES

# Half a mebibyte: a few milliseconds of the disk, which is what a group's own sync may wait for.
# Quarters save a third slower, and wholes are felt in the slowest hundredth of the groups.
PAGES_A_COMMIT = (512 << 10) // PAGE_BYTES
# Copies that wait for the journal or the disk: 16 MiB.
PAGES_WAITING_MAX = (16 << 20) // PAGE_BYTES
DURABLE_POLL_S = 0.002
NO_PAGES: NDArray[np.int64] = np.empty((0, 2), np.int64)


@dataclass(frozen=True)
class End:
    """Follows the last page of a pass: what the manifest says."""

    sequence: int
    totals: bytes


class Checkpoint:
    """`sequence`: a restart replays from the entry after it. `failed`: the process must stop.

    `durable` gives the sequence the journal is durable to, `head_at` the hash of the block that
    ends at a durable sequence. `on_saved` is called by the writer after each whole pass.
    """

    def __init__(
        self,
        pages: SavedPages,
        settings: Settings,
        clock: Clock,
        log: Log,
        durable: Callable[[], int],
        head_at: Callable[[int], bytes],
        sequence: int = 0,
        on_saved: Callable[[], None] = lambda: None,
    ) -> None:
        self.pages = pages
        self.sequence = sequence
        self.saved_at_s = clock.monotonic()
        self.passes = 0
        self.given_up = 0
        self.running = False
        self.failed: BaseException | None = None
        self._settings = settings
        self._clock = clock
        self._log = log
        self._durable = durable
        self._head_at = head_at
        self._on_saved = on_saved
        self._moved = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._hurry = False
        self._begun_s = clock.monotonic()
        self._begun_at = sequence
        self._end: End | None = None
        self._left = NO_PAGES  # table and number of the pages to copy, from `_at` on
        self._at = 0
        self._waiting: deque[Page | End] = deque()
        self._again: list[Page] = []  # copied and never saved: dirty again at the next turn

    # ---- the engine thread ------------------------------------------------------------------

    def due(self, last: int) -> bool:
        """Returns True when a pass should begin: it is time, or there are many entries, since the
        one before began.
        """
        if self.running or last == self.sequence:
            return False
        return (
            self._clock.monotonic() - self._begun_s >= self._settings.checkpoint_every_s
            or last - self._begun_at >= self._settings.checkpoint_every_entries
        )

    def begin(self, state: State) -> bool:
        """Start a pass as of now. Returns True when it began: none does while one runs.

        Raises what made the writer fail.
        """
        with self._moved:
            self._look(state)
            if self.running:
                return False
            left = []
            for table, name in enumerate(TABLES):
                numbers = np.flatnonzero(state.dirty(name))
                left.append(np.column_stack([np.full(len(numbers), table), numbers]))
            self._left = np.concatenate(left)
            self._at = 0
            self._begun_at = int(state.totals["last"][0])
            self._end = End(self._begun_at, state.totals.tobytes())
            self._begun_s = self._clock.monotonic()
            self.running = True
            return True

    def copy_some(self, state: State, pages_max: int) -> bool:
        """Begin a pass when one is due; copy up to `pages_max` of its pages.

        Returns True when any are left. Copies fewer, or none, while those before wait for the
        disk. About 10 us a page. Raises what made the writer fail: the process must stop.
        """
        if self.due(int(state.totals["last"][0])):
            self.begin(state)
        if not self.running and self.failed is None:
            return False
        with self._moved:
            self._look(state)
            room = PAGES_WAITING_MAX - len(self._waiting)
            upto = min(self._at + max(0, min(pages_max, room)), len(self._left))
            for table, number in self._left[self._at : upto].tolist():
                # Cleared before the copy, by the thread that sets it: no change falls between.
                state.dirty(TABLES[table])[number] = 0
                self._waiting.append(page_of(state, table, number))
            self._at = upto
            if self._at == len(self._left) and self._end is not None:
                self._waiting.append(self._end)
                self._end = None
            self._moved.notify_all()
            return self._end is not None

    def save(self, state: State) -> bool:
        """A whole pass at once, of a state that stands still. Returns True when it was saved.

        The journal must become durable to the state's last sequence meanwhile, and the writer run.
        """
        self._hurry = True
        last = int(state.totals["last"][0])
        self._finish(state)
        if self.sequence != last:
            self.begin(state)
            self._finish(state)
        return self.sequence == last

    def _finish(self, state: State) -> None:
        while self.running:
            self.copy_some(state, PAGES_WAITING_MAX)
            with self._moved:
                if self.running and self.failed is None and not self._again:
                    self._moved.wait(0.05)

    def _look(self, state: State) -> None:
        """Take over what became of the pass on the writer's side; the lock is held."""
        if self.failed is not None:
            raise self.failed
        if self._again:
            for page in self._again:
                state.dirty(TABLES[page.table])[page.number] = 1
            self._again = []
            self._left = NO_PAGES
            self._at = 0
            self._end = None
            self.running = False

    # ---- the writer thread ------------------------------------------------------------------

    def start(self) -> None:
        """Run the writer until `stop`."""
        self._thread = threading.Thread(target=self._write, name="checkpoint", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the writer after its transaction; what waits is given up, and nothing is lost."""
        with self._moved:
            self._stopping.set()
            self._moved.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @property
    def lost(self) -> bool:
        """Returns True when the writer ended without being told to."""
        thread = self._thread
        return thread is not None and not thread.is_alive() and not self._stopping.is_set()

    def _write(self) -> None:
        while not self._stopping.is_set():
            with self._moved:
                while not self._waiting and not self._stopping.is_set():
                    self._moved.wait()
            self.write_next()
            if not self._hurry:
                self._stopping.wait(self._settings.checkpoint_pause_ms / 1000)

    def write_next(self) -> bool:
        """One transaction: some pages that wait, or the manifest.

        Returns True when it was made: not where nothing waits, or it failed. The engine thread
        meets what fails here at its next turn.
        """
        with self._moved:
            if self.failed is not None or not self._waiting:
                return False
            end = self._waiting[0] if isinstance(self._waiting[0], End) else None
            pages = [] if end is not None else self._next_pages()
        try:
            if end is not None:
                self._seal(end)
            elif self._wait_durable(max(page.as_of for page in pages)):
                here("mid_checkpoint")
                self.pages.put(pages)
        except (MapFull, Overloaded) as error:
            self._give_up(pages, str(error))
            return False
        except BaseException as error:
            with self._moved:
                self.failed = error
                self._moved.notify_all()
            self._log.error("checkpoint_failed", reason=str(error))
            return False
        with self._moved:
            self._moved.notify_all()
        return True

    def _next_pages(self) -> list[Page]:
        pages: list[Page] = []
        while self._waiting and len(pages) < PAGES_A_COMMIT:
            page = self._waiting[0]
            if isinstance(page, End):
                break
            pages.append(page)
            self._waiting.popleft()
        return pages

    def _wait_durable(self, sequence: int) -> bool:
        while self._durable() < sequence:
            if self._stopping.wait(DURABLE_POLL_S):
                return False
        return True

    def _seal(self, end: End) -> None:
        if not self._wait_durable(end.sequence):
            return
        head = self._head_at(end.sequence)
        here("before_manifest")
        self.pages.seal(end.sequence, head, end.totals)
        now_s = self._clock.monotonic()
        with self._moved:
            self._waiting.popleft()
            self.sequence = end.sequence
            self.saved_at_s = now_s
            self.passes += 1
            self.running = False
            copied, self._left = len(self._left), NO_PAGES
            seconds = round(now_s - self._begun_s, 3)
        try:
            self._on_saved()
        except Exception as error:  # it gives memory back, and what is saved is saved
            self._log.warning("memory_kept", error=type(error).__name__)
        self._log.info("checkpoint", sequence=end.sequence, pages=copied, seconds=seconds)

    def _give_up(self, pages: list[Page], reason: str) -> None:
        """There is no room now: the pass ends here, and what it copied becomes dirty again."""
        with self._moved:
            rest = [page for page in self._waiting if isinstance(page, Page)]
            self._again = [*pages, *rest]
            self._waiting.clear()
            self.given_up += 1
            if not self._again:  # only the manifest was missing, so no copy is lost
                self._left, self._end, self.running = NO_PAGES, None, False
            self._moved.notify_all()
        self._log.warning("checkpoint_given_up", reason=reason)

    def age_s(self) -> float:
        """Seconds since a pass was last saved whole, or since the start; 0 if all is saved."""
        if self._durable() == self.sequence:
            return 0.0
        return self._clock.monotonic() - self.saved_at_s
