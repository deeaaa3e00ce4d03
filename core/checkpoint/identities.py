"""What left memory, on disk, for ever: one index from a key to the entry that says what it is.

Its keys are of several spaces (Space): which entry bound (terminal, epoch, terminal_seq), which was
the last to take something back of an original, which the last to correct it. What is recent lives
in memory, in generations. A generation that is full is *retired*: merged into pages of up to 256
consecutive numbers (`ext/identity/pages`), so that a few hundred taps cost one write and one later
read. All of it is derived from the journal and may be deleted.

An identity that is found leads to its entry, which bears it. One that is not found is *proven
absent*: its page is there as it was last written, or was never made (`shelves.py`), because all
pages of its terminal sum to what is counted of it (`census.py`). Where a key may come to lead to a
later entry, what is found is proven to be the newest in the same way. What does not prove itself is
a LedgerFault: the process stops, and the next start makes all of it anew from the journal.
"""

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onecard.core.checkpoint import shelves
from onecard.core.checkpoint.census import NO_HASH, TOTAL_MAX, Census, Mark
from onecard.core.errors import LedgerFault
from onecard.core.failpoint import here
from onecard.core.storage.environment import NO_READERS, Readers, Txn
from onecard.core.storage.rebuildable import META, Origin, Rebuildable, open_rebuildable, set_aside
from onecard.core.watch.log import Log
from onecard.ext.identity import pages as identity_pages
from onecard.ext.identity import shelf
from onecard.ext.identity.generations import IDENTITY
from onecard.ext.identity.order import arrange, arrange_within, starts_of

LAYOUT = 4
PAGES = "pages"
SHELVES = "shelves"
COUNTS = "counts"
DATABASES = (PAGES, SHELVES, COUNTS)
MARK = b"mark"
# Some 2 MiB of dirty leaves where identities are dense: a commit the journal hardly notices.
PAGES_A_COMMIT = 2048
# A read transaction of a few milliseconds, and 25 MB of identities in memory, for a walk.
PAGES_A_READ = 1024
KEYS_A_READ = 4096
TERMINAL_BYTES = 4
# Pages of a terminal with fewer identities are walked to prove an absence: 16 pages where it
# counts, some milliseconds where every identity has its own. So a million terminals of few taps
# each cost no write of a shelf beside that of the page.
SHELVES_FROM = 4096
# Before the first key that may come to lead to a later entry.
MOVING = identity_pages.GROUPS_A_SPACE.to_bytes(TERMINAL_BYTES, "big")
NO_IDENTITIES: NDArray[np.void] = np.empty(0, IDENTITY)
HashOf = Callable[[int], bytes]  # of the journal's block that holds a sequence


def no_hash(sequence: int) -> bytes:
    """Of a journal that is not asked."""
    return NO_HASH


@dataclass(frozen=True)
class Gap:
    """Sequences a terminal counted and we never saw: `first` to `last`, both missing."""

    terminal: int
    epoch: int
    first: int
    last: int


class Identities:
    """`mark.retired`: what all entries up to this sequence bound and took back is here.

    One thread retires; any thread may look up beside it.
    """

    def __init__(
        self, environment: Rebuildable | None, pause_s: float = 0.0, hash_of: HashOf = no_hash
    ) -> None:
        self._environment = environment
        self._pause_s = pause_s
        self._hash_of = hash_of
        self._stopping = threading.Event()
        self._retiring = threading.Lock()
        self._moving = threading.Lock()  # held while pages and the census in memory differ
        self._mark, self._census = Mark(), Census()
        # Always the same memory: fresh pages for each generation cost more than to order it.
        self._spare = NO_IDENTITIES
        if environment is not None:
            with environment.read(META) as txn, faults_named(environment):
                self._mark, self._census = self._standing(txn)

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
        hash_of: HashOf = no_hash,
    ) -> "Identities":
        """Open or make them; those that do not prove themselves are set aside.

        LedgerFault where they are of a journal that was longer than `last`, or another: they were
        retired only once it was durable, so entries that were answered are gone.
        """
        stamp = origin.stamp(LAYOUT)
        environment = open_rebuildable(path, DATABASES, stamp, map_bytes, log, readonly=readonly)
        try:
            found = cls(environment, pause_s, hash_of)
        except LedgerFault as error:
            assert environment is not None
            environment.close()
            if readonly:
                log.warning("derived_not_used", path=str(path), reason=str(error))
                return cls(None)
            set_aside(path, str(error), log)
            environment = open_rebuildable(path, DATABASES, stamp, map_bytes, log)
            found = cls(environment, pause_s, hash_of)
        try:
            found._check_journal(path, last)
        except BaseException:
            found.release()
            raise
        return found

    @property
    def retired(self) -> int:
        return self._mark.retired

    @property
    def begun(self) -> int:
        """Some keys of entries up to this are here: `retired`, unless a retirement was cut."""
        return self._mark.begun

    def counts(self, terminals: NDArray[np.uint32]) -> NDArray[np.int64]:
        """How many identities of each of some terminals are here."""
        return self._census.counts(terminals)

    def retire(self, generation: NDArray[np.void], up_to: int) -> None:
        """Add a generation (IDENTITY rows, in no order, of which it may make another); durable when
        it returns.

        It must hold all keys of the entries above `retired` up to `up_to`, and the journal must be
        durable to `up_to`. May be repeated after a crash. MapFull: try again later.
        LedgerFault: a stored page is damaged or missing, or an identity is bound to two entries.
        """
        environment = self._writable()
        with self._retiring:
            if up_to <= self.retired:
                return
            head = self._hash_of(up_to)
            if len(self._spare) < len(generation):
                self._spare = np.empty(len(generation), IDENTITY)
            ordered = arrange_within(generation, self._spare)
            starts = starts_of(ordered)
            pages = len(starts) - 1
            for first in range(0, max(pages, 1), PAGES_A_COMMIT):
                last = min(first + PAGES_A_COMMIT, pages)
                with self._moving:
                    with environment.write() as txn, faults_named(environment):
                        census, added = self._merge(txn, ordered, starts, first, last)
                        total = (self._mark.total + added) & TOTAL_MAX
                        begun = max(up_to, self.begun)
                        mark = Mark(self.retired, begun, total, self._mark.head)
                        if last == pages:
                            mark = Mark(up_to, begun, total, head)
                        txn.put(MARK, mark.packed(), db=environment.database(META))
                    self._mark, self._census = mark, census
                if last < pages:
                    here("mid_identities")
                    self._stopping.wait(self._pause_s)

    def find(self, keys: NDArray[np.void]) -> NDArray[np.uint64]:
        """The sequences (uint64) of the entries that these keys lead to, 0 where to none.

        LedgerFault where that cannot be proven.
        """
        found = np.zeros(len(keys), np.uint64)
        if self._environment is None:
            return found
        for first in range(0, len(keys), KEYS_A_READ):
            part = slice(first, first + KEYS_A_READ)
            found[part] = self._find(self._environment, keys[part])
        return found

    def discard(self, reason: str, origin: Origin, map_bytes: int, log: Log) -> None:
        """Set all of it aside and go on with none; no other thread may use it meanwhile."""
        environment = self._writable()
        environment.close()
        set_aside(environment.path, reason, log)
        stamp = origin.stamp(LAYOUT)
        self._environment = open_rebuildable(environment.path, DATABASES, stamp, map_bytes, log)
        self._mark, self._census = Mark(), Census()

    def doubt(self, reason: str) -> None:
        """Leave word that the next start sets all of it aside."""
        self._writable().doubt(reason)

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
        recent = arrange(recent, whole=True)
        used = 0
        before = NO_IDENTITIES
        for stored in self._proven(self._walk(*_range_of(terminal)), terminal):
            upto = used + _count_within_page(recent[used:], stored[-1])
            rows = arrange(np.concatenate([stored, recent[used:upto]]), whole=True)
            yield from _holes(np.concatenate([before, rows]))
            before = rows[-1:]
            used = upto
        yield from _holes(np.concatenate([before, recent[used:]]))

    def in_order(self) -> Iterator[NDArray[np.void]]:
        """All identities, some pages at a time; of what is retired meanwhile, some."""
        return self._proven(self._walk(*_range_of(None)), None)

    def moving_in_order(self) -> Iterator[NDArray[np.void]]:
        """All keys that may come to lead to later entries, likewise; `check` tells if one lacks."""
        return self._walk(MOVING, b"\xff" * TERMINAL_BYTES)

    def check(self) -> None:
        """LedgerFault unless every page and shelf is there that is counted. Nobody may retire."""
        if self._environment is None:
            return
        with self._environment.read(PAGES) as txn, faults_named(self._environment):
            shelf_cursor = txn.cursor(db=self._environment.database(SHELVES))
            for terminal, count, shelved in self._census.every():
                shelves.check(txn.cursor(), shelf_cursor, terminal, count, shelved)

    @property
    def bytes_used(self) -> int:
        return 0 if self._environment is None else self._environment.bytes_used

    def unmap(self) -> None:
        """Give back the memory of mapped pages. Any thread may read meanwhile."""
        if self._environment is not None:
            self._environment.unmap()

    def readers(self) -> Readers:
        """Who reads now, in any process."""
        return NO_READERS if self._environment is None else self._environment.readers()

    def release(self) -> None:
        """Close the environment; no thread may use it any more."""
        self._stopping.set()
        if self._environment is not None:
            self._environment.close()

    def _opened(self) -> Rebuildable:
        if self._environment is None:
            raise ValueError("there are no retired identities, and none may be made")
        return self._environment

    def _writable(self) -> Rebuildable:
        if self._environment is None or self._environment.readonly:
            raise ValueError("retired identities opened to be read cannot be added to")
        return self._environment

    def _standing(self, txn: Txn) -> tuple[Mark, Census]:
        """How far retiring has come and what is counted; ValueError where they are at odds."""
        environment = self._opened()
        databases = [environment.database(name) for name in DATABASES]
        value = txn.get(MARK, db=environment.database(META))
        if value is None:
            if any(txn.stat(database)["entries"] for database in databases):
                raise ValueError("expected a mark beside the pages, found none")
            return Mark(), Census()
        mark = Mark.unpack(bytes(value))
        cursor = txn.cursor(db=environment.database(COUNTS))
        counted = [(bytes(key), bytes(value)) for key, value in cursor.iternext()]
        return mark, Census.of(counted, mark.total)

    def _check_journal(self, path: Path, last: int) -> None:
        restore = f"restore the journal, or delete {path} to go on without them"
        if self.begun > last:
            raise LedgerFault(
                f"{path}: expected a journal with the entries up to {self.begun}, whose identities "
                f"were retired, found {last} as the last: a tail is missing; {restore}"
            )
        found = self._hash_of(self.retired) if self.retired else NO_HASH
        # None: of a journal that is only read, and has gone on since it was opened.
        if found not in (NO_HASH, self._mark.head):
            raise LedgerFault(
                f"{path}: expected the entry {self.retired} in the block {self._mark.head.hex()}, "
                f"found it in {found.hex()}: this is another journal than the one these "
                f"identities were retired of; {restore}"
            )

    def _merge(
        self,
        txn: Txn,
        ordered: NDArray[np.void],
        starts: NDArray[np.int64],
        first: int,
        last: int,
    ) -> tuple[Census, int]:
        """Unite some pages with what is stored of them; the census then, and the weight added."""
        environment = self._opened()
        cursor = txn.cursor(db=environment.database(PAGES))
        keys = identity_pages.keys_of(ordered[starts[first:last]])
        stored = {bytes(key): bytes(value) for key, value in cursor.getmulti(keys)}
        pages = identity_pages.merge(ordered, starts, first, last, stored)
        cursor.putmulti(pages)
        before = shelf.weights_of(keys, [stored.get(key) for key in keys])
        after = shelf.weights_of(keys, [value for _, value in pages])
        terminals = ordered["terminal"][starts[first:last]]
        distinct, at = np.unique(terminals, return_inverse=True)
        added = np.bincount(at, after - before, len(distinct)).astype(np.int64)
        census = self._census.grown(distinct, added, SHELVES_FROM)
        shelf_cursor = txn.cursor(db=environment.database(SHELVES))
        kept = self._census.shelved(distinct)
        mine = kept[at]
        if mine.any():
            chosen = [key for key, one in zip(keys, mine.tolist(), strict=True) if one]
            shelves.update(shelf_cursor, chosen, before[mine], after[mine])
        for terminal in distinct[census.shelved(distinct) & ~kept]:
            shelves.make(shelf_cursor, cursor, int(terminal))
        txn.cursor(db=environment.database(COUNTS)).putmulti(census.packed(distinct))
        return census, int(added.sum())

    def _find(self, environment: Rebuildable, keys: NDArray[np.void]) -> NDArray[np.uint64]:
        census = self._census
        try:
            with environment.read(PAGES) as txn:
                return self._find_in(txn, census, keys)
        except ValueError:
            # A retirement may have moved the pages since the census was taken; now none does.
            with self._moving, environment.read(PAGES) as txn, faults_named(environment):
                # Another process may be the one that retires, where this one only reads.
                census = self._standing(txn)[1] if environment.readonly else self._census
                return self._find_in(txn, census, keys)

    def _find_in(self, txn: Txn, census: Census, keys: NDArray[np.void]) -> NDArray[np.uint64]:
        """ValueError where what is absent, or the newest, cannot be proven to be."""
        cursor = txn.cursor()
        wanted = sorted(set(identity_pages.keys_of(keys)))
        pages = {bytes(key): bytes(value) for key, value in cursor.getmulti(wanted)}
        found = identity_pages.look_up(keys, pages)
        unsure = keys[(found == 0) | (keys["terminal"] >= identity_pages.GROUPS_A_SPACE)]
        if len(unsure):
            shelf_cursor = txn.cursor(db=self._opened().database(SHELVES))
            shelves.prove(cursor, shelf_cursor, census, unsure, pages)
        return found

    def _proven(
        self, walk: Iterator[NDArray[np.void]], terminal: int | None
    ) -> Iterator[NDArray[np.void]]:
        """A walk over one terminal or all; LedgerFault once it has met too few identities of one.

        More may have been retired since the count was taken, by this process or another.
        """
        census = self._census
        left = census.identities() if terminal is None else int(census.counts(_one(terminal))[0])
        last, rest = None, 0  # identities met of the terminal that the walk is in
        with faults_named(self._environment):
            for rows in walk:
                terminals, met = np.unique(rows["terminal"], return_counts=True)
                counts = census.counts(terminals)
                left -= int(counts.sum())
                if last == terminals[0]:
                    left += int(counts[0])  # taken off before
                    met[0] += rest
                elif last is not None:
                    _check_met(int(last), rest, int(census.counts(_one(int(last)))[0]))
                for i in np.flatnonzero(met[:-1] < counts[:-1]):
                    _check_met(int(terminals[i]), int(met[i]), int(counts[i]))
                last, rest = terminals[-1], int(met[-1])
                yield rows
            if last is not None:
                _check_met(int(last), rest, int(census.counts(_one(int(last)))[0]))
            if left > 0:
                raise ValueError(f"expected {left} identities of terminals that have none")

    def _walk(self, start: bytes, end: bytes) -> Iterator[NDArray[np.void]]:
        """What is stored from a key to before another, in order, some pages at a time; no
        transaction is left open."""
        while self._environment is not None:
            pages: list[tuple[bytes, bytes]] = []
            with self._environment.read(PAGES) as txn:
                cursor = txn.cursor()
                if cursor.set_range(start):
                    for key, value in cursor.iternext():
                        if len(pages) == PAGES_A_READ or bytes(key) >= end:
                            break
                        pages.append((bytes(key), bytes(value)))
            if not pages:
                return
            with faults_named(self._environment):
                rows = identity_pages.identities_of(pages)
            yield rows
            start = pages[-1][0] + b"\0"


def _range_of(terminal: int | None) -> tuple[bytes, bytes]:
    """Where the identities of a terminal, or of all, begin and where they have ended."""
    if terminal is None:
        return b"", MOVING
    return terminal.to_bytes(TERMINAL_BYTES, "big"), (terminal + 1).to_bytes(TERMINAL_BYTES, "big")


def _count_within_page(rows: NDArray[np.void], last: np.void) -> int:
    """How many of the ordered `rows` do not come after the page of `last`."""

    def page(row: np.void) -> tuple[int, int, int]:
        return int(row["terminal"]), int(row["epoch"]), int(row["terminal_seq"]) >> 8

    return bisect_right(rows, page(last), key=page)


def _one(terminal: int) -> NDArray[np.uint32]:
    return np.array([terminal], np.uint32)


def _check_met(terminal: int, met: int, count: int) -> None:
    if met < count:
        raise ValueError(f"expected {count} identities of terminal {terminal}, found {met}")


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
def faults_named(environment: Rebuildable | None) -> Iterator[None]:
    """What the pages say against themselves, as a fault of this ledger, with the way out."""
    try:
        yield
    except ValueError as error:
        if environment is None:
            raise
        way_out = "stop and start again: the folder is set aside and made anew from the journal"
        if (
            environment.readonly
        ):  # nothing is left word of, and whoever serves it may not have met it
            way_out = "stop, delete that folder and start again: it is made anew from the journal"
        raise LedgerFault(f"{environment.path}: {error}; {way_out}") from error
