"""Closed identities on disk: which entry bound (terminal, epoch, terminal_seq), for ever.

Recent identities live in memory, in generations. A generation that is full is *closed*: merged
into pages of up to 256 consecutive terminal sequences (`ext/closing`), so that a few hundred taps
cost one write and one later read. All of it is derived from the journal and may be deleted.
"""

import threading
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onecard.core.derived.environment import META, Derived, Origin, open_derived, set_aside
from onecard.core.errors import LedgerFault
from onecard.core.failpoint import here
from onecard.core.log import Log
from onecard.core.store import Txn
from onecard.ext import closing
from onecard.ext.recent import IDENTITY

LAYOUT = 1
PAGES = "pages"
CLOSED = b"closed"
BEGUN = b"begun"
# Some 2 MiB of dirty leaves where identities are dense: a commit the journal hardly notices.
PAGES_A_COMMIT = 2048
# A read transaction of a few milliseconds, and 25 MB of identities in memory, for a walk.
PAGES_A_READ = 1024
KEYS_A_READ = 4096
TERMINAL_BYTES = 4
NO_IDENTITIES: NDArray[np.void] = np.empty(0, IDENTITY)


@dataclass(frozen=True)
class Gap:
    """Sequences a terminal counted and we never saw: `first` to `last`, both missing."""

    terminal: int
    epoch: int
    first: int
    last: int


class Identities:
    """`closed`: the identities of all entries up to this sequence are here.

    One thread closes; any thread may look up beside it.
    """

    def __init__(self, environment: Derived | None, pause_s: float = 0.0) -> None:
        self._environment = environment
        self._pause_s = pause_s
        self._stopping = threading.Event()
        self._closing = threading.Lock()
        self.closed = self._mark(CLOSED)
        self.begun = self._mark(BEGUN)

    @classmethod
    def open(
        cls,
        path: Path,
        origin: Origin,
        last: int,
        map_bytes: int,
        log: Log,
        *,
        pause_s: float = 0.0,
        readonly: bool = False,
    ) -> "Identities":
        """Open or make them; those of sequences beyond `last`, the journal's, are set aside."""
        stamp = origin.stamp(LAYOUT)
        environment = open_derived(path, [PAGES], stamp, map_bytes, log, readonly=readonly)
        found = cls(environment, pause_s)
        if max(found.closed, found.begun) <= last:
            return found
        reason = f"expected identities up to {last}, the journal's last, found {found.begun}"
        found.release()
        if readonly:
            return cls(None)
        set_aside(path, reason, log)
        return cls(open_derived(path, [PAGES], stamp, map_bytes, log), pause_s)

    def close(self, generation: NDArray[np.void], up_to: int) -> None:
        """Add a generation (IDENTITY rows, in no order); durable when it returns.

        It must hold all identities of the sequences above `closed` up to `up_to`, and the journal
        must be durable to `up_to`. May be repeated after a crash. StoreFull: try again later.
        LedgerFault: a stored page is damaged, or an identity is bound to two entries.
        """
        environment = self._writable()
        with self._closing:
            if up_to <= self.closed:
                return
            ordered = closing.arrange(generation)
            starts = closing.starts_of(ordered)
            pages = len(starts) - 1
            for first in range(0, max(pages, 1), PAGES_A_COMMIT):
                last = min(first + PAGES_A_COMMIT, pages)
                with environment.write() as txn:
                    with faults_named(environment.path):
                        self._merge(txn, ordered, starts, first, last)
                    self._put_mark(txn, CLOSED if last == pages else BEGUN, up_to)
                if last < pages:
                    here("mid_identities")
                    self._stopping.wait(self._pause_s)
            self.closed = self.begun = up_to

    def find(self, keys: NDArray[np.void]) -> NDArray[np.uint64]:
        """The sequences (uint64) of the entries that bound these identities, 0 where none did."""
        found = np.zeros(len(keys), np.uint64)
        if self._environment is None:
            return found
        for first in range(0, len(keys), KEYS_A_READ):
            part = slice(first, first + KEYS_A_READ)
            wanted = sorted(set(closing.keys_of(keys[part])))
            with self._environment.read(PAGES) as txn:
                pages = _pages_at(txn, wanted)
            with faults_named(self._environment.path):
                found[part] = closing.look_up(keys[part], pages)
        return found

    def gaps(
        self, terminal: int | None = None, recent: NDArray[np.void] = NO_IDENTITIES
    ) -> Iterator[Gap]:
        """Missing sequences in order of terminal and epoch, of one terminal or of all.

        An epoch is looked at from the lowest to the highest sequence seen of it; what may lie
        before or after is not known to be missing. `recent` are the identities in memory, taken
        before this is called. A hole is one Gap however wide. Terminals that do not count
        (`counterless`) are given too, for the caller to leave out.
        """
        if terminal is not None:
            recent = recent[recent["terminal"] == terminal]
        recent = closing.arrange(recent, whole=True)
        used = 0
        before = NO_IDENTITIES
        for stored in self._walk(terminal):
            upto = used + _count_within_page(recent[used:], stored[-1])
            rows = closing.arrange(np.concatenate([stored, recent[used:upto]]), whole=True)
            yield from _holes(np.concatenate([before, rows]))
            before = rows[-1:]
            used = upto
        yield from _holes(np.concatenate([before, recent[used:]]))

    @property
    def bytes_used(self) -> int:
        return 0 if self._environment is None else self._environment.bytes_used

    def unmap(self) -> None:
        """Give back the memory of mapped pages. Any thread may read meanwhile."""
        if self._environment is not None:
            self._environment.unmap()

    def release(self) -> None:
        """Close the environment; no thread may use it any more."""
        self._stopping.set()
        if self._environment is not None:
            self._environment.close()

    def _writable(self) -> Derived:
        if self._environment is None:
            raise ValueError("closed identities opened to be read cannot be added to")
        return self._environment

    def _mark(self, name: bytes) -> int:
        if self._environment is None:
            return 0
        with self._environment.read(META) as txn:
            value = txn.get(name)
            return 0 if value is None else int.from_bytes(value, "little")

    def _put_mark(self, txn: Txn, name: bytes, sequence: int) -> None:
        meta = self._writable().database(META)
        txn.put(name, sequence.to_bytes(8, "little"), db=meta)

    def _merge(
        self,
        txn: Txn,
        ordered: NDArray[np.void],
        starts: NDArray[np.int64],
        first: int,
        last: int,
    ) -> None:
        cursor = txn.cursor(db=self._writable().database(PAGES))
        wanted = closing.keys_of(ordered[starts[first:last]])
        stored = {bytes(key): bytes(value) for key, value in cursor.getmulti(wanted)}
        cursor.putmulti(closing.merge(ordered, starts, first, last, stored))

    def _walk(self, terminal: int | None) -> Iterator[NDArray[np.void]]:
        """Stored identities in order, some pages at a time; no transaction is left open."""
        prefix = b"" if terminal is None else terminal.to_bytes(TERMINAL_BYTES, "big")
        start = prefix
        while self._environment is not None:
            pages: list[tuple[bytes, bytes]] = []
            with self._environment.read(PAGES) as txn:
                cursor = txn.cursor()
                if cursor.set_range(start):
                    for key, value in cursor.iternext():
                        if len(pages) == PAGES_A_READ or bytes(key[: len(prefix)]) != prefix:
                            break
                        pages.append((bytes(key), bytes(value)))
            if not pages:
                return
            with faults_named(self._environment.path):
                rows = closing.identities_of(pages)
            yield rows
            start = pages[-1][0] + b"\0"


def _pages_at(txn: Txn, keys: list[bytes]) -> dict[bytes, bytes]:
    return {bytes(key): bytes(value) for key, value in txn.cursor().getmulti(keys)}


def _count_within_page(rows: NDArray[np.void], last: np.void) -> int:
    """How many of the ordered `rows` do not come after the page of `last`."""

    def page(row: np.void) -> tuple[int, int, int]:
        return int(row["terminal"]), int(row["epoch"]), int(row["terminal_seq"]) >> 8

    return bisect_right(rows, page(last), key=page)


def _holes(rows: NDArray[np.void]) -> Iterator[Gap]:
    """The jumps between neighbours of one terminal and epoch."""
    seq = rows["terminal_seq"].astype(np.int64)
    same = (rows["terminal"][1:] == rows["terminal"][:-1]) & (
        rows["epoch"][1:] == rows["epoch"][:-1]
    )
    for i in np.flatnonzero(same & (np.diff(seq) > 1)):
        yield Gap(
            int(rows["terminal"][i]), int(rows["epoch"][i]), int(seq[i]) + 1, int(seq[i + 1]) - 1
        )


@contextmanager
def faults_named(path: Path) -> Iterator[None]:
    """What the pages say against themselves, as a fault of this ledger, with the way out."""
    try:
        yield
    except ValueError as error:
        raise LedgerFault(
            f"{path}: {error}; stop, delete that folder and start again: "
            "it is made anew from the journal"
        ) from error
