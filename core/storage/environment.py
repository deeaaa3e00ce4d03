"""The only file that imports lmdb: how an environment is opened, and what its errors mean here.

Settings and why: `sync` and `metasync` stay on and `writemap` off, because an answer promises the
disk. The engine is LMDB 0.9 (`lib_version=0`), pinned when a file is made and checked before any
file is opened. `readahead` stays on: whoever reads a block reads the whole of it, which lies in
consecutive pages, and replay walks the file in order; without it a cold block of 1.3 MB is over
300 faults of one page each. Every thread has its own short read transaction; 512 may be open.
"""

import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import lmdb
import lmdb.verify

from onecard.core.errors import LedgerFault, LedgerForeign, OnecardError, Overloaded
from onecard.core.errors import MapFull as MapFull
from onecard.core.errors import WriteFailed as WriteFailed
from onecard.core.storage.datafile import DATA_FILE as DATA_FILE
from onecard.core.storage.datafile import check_pages, later, map_bytes_of

Txn: TypeAlias = "lmdb.Transaction[memoryview]"
Cursor: TypeAlias = "lmdb.Cursor[memoryview]"
Database: TypeAlias = Any  # a handle to pass on: its class has no public name in lmdb

READERS_MAX = 512
ENGINE = 0  # LMDB 0.9.x, the format every tool reads
LET_GO_BYTES = 8 << 20  # at a time: a call a commit would cost more than it gives
# Slots of readers that were killed are freed once in so many commits: what such a reader pins,
# and the file grows by, is then at most what so many commits free. A few microseconds a check.
COMMITS_A_READER_CHECK = 32
PROOFS_MAX = 100  # a commit's meta page is there until the next but one: a second try is enough


class Readers(NamedTuple):
    """Read transactions that are open in any process: how many, and how many commits behind the
    newest the oldest of them is."""

    open: int
    lag_commits: int


NO_READERS = Readers(0, 0)


class Environment:
    """One LMDB environment and its databases, opened once in this process.

    `map_bytes` None means what the file was made with; `heads` is for one whose large values are
    replaced (core/storage/pagemap.py). Errors: LedgerMissing, LedgerForeign,
    LedgerFault at opening, WriteFailed at making; MapFull and WriteFailed while writing;
    LedgerFault while reading.
    """

    def __init__(
        self,
        path: Path,
        databases: Sequence[str] = (),
        *,
        map_bytes: int | None = None,
        create: bool = False,
        readonly: bool = False,
        heads: bool = False,
    ) -> None:
        self.path = path
        self.readonly = readonly
        self._heads = heads
        self.failed: WriteFailed | None = None
        self._file = -1  # beside LMDB's own descriptor, for advice alone
        self._let_go = 0
        self._commits = 0
        if create:
            _make_folder(path)
        else:
            as_made = map_bytes_of(path)
            if map_bytes is None or readonly:
                map_bytes = as_made
        if map_bytes is None:
            raise ValueError(f"{path}: a new environment needs map_bytes")
        with _opening(path, create):
            self._env = lmdb.Environment(
                os.fspath(path),
                map_size=map_bytes,
                readonly=readonly,
                sync=True,
                metasync=True,
                writemap=False,
                readahead=True,
                max_readers=READERS_MAX,
                max_spare_txns=0,
                max_dbs=max(1, len(databases)),
                mode=0o700,
                create=create,
                lib_version=ENGINE,
            )
        try:
            with _opening(path, create):
                self._env.reader_check()
                if not create:
                    self._check_pages()
                self._databases = {name: self._open(name, create) for name in databases}
            if create:
                sync_folder(path)
                sync_folder(path.parent)
        except BaseException:
            self._env.close()
            raise

    def _check_pages(self) -> None:
        """Before LMDB looks at anything but the meta pages, which are sound by now.

        On a transaction, so that a process which writes meanwhile frees none of its pages.
        """
        for _ in range(PROOFS_MAX):
            with self._env.begin() as txn:
                if check_pages(self.path, txn.id(), self._heads):
                    return
        raise Overloaded(f"{self.path}: commits come too fast to read it, try again")

    def __enter__(self) -> "Environment":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, name: str, create: bool) -> Database:
        return self._env.open_db(name.encode(), create=create)

    def database(self, name: str) -> Database:
        """The handle to pass as `db=` to the transaction's methods."""
        return self._databases[name]

    @contextmanager
    def read(self, name: str | None = None) -> Iterator[Txn]:
        """A snapshot; its memoryviews die with it, so copy what leaves. Keep it short."""
        db = None if name is None else self._databases[name]
        try:
            with self._env.begin(db=db, buffers=True) as txn:
                yield txn
        except lmdb.ReadersFullError as error:
            self.reader_check()  # for the next one
            raise Overloaded(f"{self.path}: {READERS_MAX} readers are open, try later") from error
        except lmdb.Error as error:
            if later(error):
                raise Overloaded(f"{self.path}: {error}, try later") from error
            raise LedgerFault(f"{self.path}: expected readable pages, found {error}") from error

    @contextmanager
    def write(self, name: str | None = None) -> Iterator[Txn]:
        """All or nothing, synced when it returns. After WriteFailed it refuses for ever.

        Overloaded where memory was short: nothing was written, and it may be tried again.
        """
        if self.failed is not None:
            raise self.failed
        self._commits += 1
        if self._commits % COMMITS_A_READER_CHECK == 0:
            self.reader_check()
        db = None if name is None else self._databases[name]
        try:
            with self._env.begin(db=db, write=True, buffers=True) as txn:
                yield txn
        except lmdb.MapFullError as error:
            raise MapFull(f"{self.path}: the map of {self.map_bytes} bytes is full") from error
        except lmdb.MemoryError as error:
            # Before the meta page, which needs none: the transaction was given up.
            raise Overloaded(f"{self.path}: {error}, try later") from error
        except lmdb.Error as error:
            self.failed = WriteFailed(
                f"{self.path}: expected a durable commit, found {error}; "
                "this process stops, start it again once the disk is sound"
            )
            raise self.failed from error

    @property
    def page_bytes(self) -> int:
        return self._env.stat()["psize"]

    @property
    def map_bytes(self) -> int:
        return self._env.info()["map_size"]

    @property
    def pages_used(self) -> int:
        """Pages up to the last one ever written, free ones between them included."""
        return self._env.info()["last_pgno"] + 1

    @property
    def bytes_used(self) -> int:
        return self.pages_used * self.page_bytes

    def let_go(self, keep_bytes: int) -> None:
        """Let the system drop what was synced long ago from its cache, all but the newest bytes.

        Of a file that only grows nobody reads the old pages soon; memory that is used again and
        again is written to much faster than memory that is always fresh.
        """
        end = self.bytes_used - keep_bytes
        if end - self._let_go < LET_GO_BYTES:
            return
        try:
            if self._file < 0:
                self._file = os.open(self.path / DATA_FILE, os.O_RDONLY)
            os.posix_fadvise(self._file, self._let_go, end - self._let_go, os.POSIX_FADV_DONTNEED)
        except OSError:
            return  # only advice: the next commit gives it again
        self._let_go = end

    @property
    def lib_version(self) -> tuple[int, int, int]:
        """The engine in use, such as (0, 9, 36)."""
        return self._env.lib_version()

    def reader_check(self) -> int:
        """Free the slots of readers that died; returns how many. It never fails."""
        try:
            return self._env.reader_check()
        except lmdb.Error:
            return 0

    def readers(self) -> Readers:
        """Who reads now. A process that stands still in a transaction makes the file grow."""
        try:
            newest, lines = self._env.info()["last_txnid"], self._env.readers().splitlines()
        except lmdb.Error:  # it is being closed
            return NO_READERS
        at = [int(line.split()[2]) for line in lines[1:] if _reads(line)]
        return Readers(len(at), max(0, newest - min(at, default=newest)))

    def copy(self, target: Path) -> None:
        """A compact copy into the empty folder `target`."""
        self._env.copy(os.fspath(target), compact=True)

    def close(self) -> None:
        """No transaction may be open in any thread."""
        self._env.close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def structure(path: Path) -> list[str]:
    """What is wrong with the pages of a data file at rest; [] if nothing.

    First what refuses it at an opening, in the same words, then lmdb's own walk, which also looks
    at keys. The file is read as bytes and never mapped, so a damaged one cannot harm us.
    """
    try:
        map_bytes_of(path)
        check_pages(path)
        return list(lmdb.verify.verify(os.fspath(path)))  # type: ignore[no-untyped-call]
    except (OnecardError, lmdb.verify.VerifyError, struct.error, OverflowError) as error:
        return [str(error)]


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable; a synced file under a lost name is lost too."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _make_folder(path: Path) -> None:
    if (path / DATA_FILE).exists():
        raise LedgerForeign(f"{path}: expected no data file to be there, found one; move it away")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def _reads(line: str) -> bool:
    """Returns True when a line of LMDB's list of readers (pid, thread, commit) has a commit."""
    return line.split()[2:3] not in ([], ["-"])


@contextmanager
def _opening(path: Path, create: bool) -> Iterator[None]:
    """A file that cannot be opened, or lacks a database that every file of ours has.

    One that is being made holds nothing that could be at fault: there it is a write that failed.
    """
    try:
        yield
    except lmdb.NotFoundError as error:
        raise LedgerForeign(f"{path}: expected our databases in it, found {error}") from error
    except (lmdb.InvalidError, lmdb.VersionMismatchError) as error:
        raise LedgerForeign(f"{path}: expected an LMDB 0.9 data file, found {error}") from error
    except lmdb.ReadersFullError as error:
        raise Overloaded(f"{path}: {READERS_MAX} readers are open, try later") from error
    except lmdb.Error as error:
        if later(error):
            raise Overloaded(f"{path}: expected to open it, found {error}; try later") from error
        if create:
            raise WriteFailed(f"{path}: expected to make it, found {error}") from error
        raise LedgerFault(f"{path}: expected to open it, found {error}") from error
