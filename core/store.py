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
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

import lmdb
import lmdb.verify

from onecard.core.errors import LedgerFault, LedgerForeign, LedgerMissing, OnecardError, Overloaded

Txn: TypeAlias = "lmdb.Transaction[memoryview]"
Cursor: TypeAlias = "lmdb.Cursor[memoryview]"
Database: TypeAlias = "lmdb._Database"

READERS_MAX = 512
ENGINE = 0  # LMDB 0.9.x, the format every tool reads
DATA_FILE = "data.mdb"

MDB_MAGIC = 0xBEEFC0DE
META_FLAG, BRANCH_FLAG, LEAF_FLAG = 0x08, 0x01, 0x02
DATA_VERSIONS = {1: "LMDB 0.9", 3: "LMDB 1.0"}
HEADS = {16: "LMDB 0.9", 24: "LMDB 1.0"}  # where the magic stands, by engine
META = struct.Struct("<Q2xH4x II 8xQ I36xQ 48x QQ")  # of LMDB 0.9 on a 64-bit machine
NODE = struct.Struct("<HHHH")
NO_PAGE = (1 << 64) - 1
DEPTH_MAX = 32
PAGE_BYTES_MIN, PAGE_BYTES_MAX = 256, 1 << 15


LET_GO_BYTES = 8 << 20  # at a time: a call a commit would cost more than it gives


class Meta(NamedTuple):
    """A meta page, as far as we look at it."""

    page: int
    flags: int
    magic: int
    version: int
    map_bytes: int
    page_bytes: int
    free_root: int  # of the tree that lists freed pages by the commit that freed them
    last_page: int
    commit: int


class StoreFull(OnecardError):
    """The map has no room for this transaction; nothing of it was written."""


class StoreFailed(OnecardError):
    """A write or a sync failed: what is on disk is unknown, so this process may not go on."""


@dataclass(frozen=True)
class Shape:
    """What the newer meta page of a data file says: `map_bytes` asked for, pages in use."""

    page_bytes: int
    map_bytes: int
    last_page: int
    commit: int


class Store:
    """One LMDB environment and its databases, opened once in this process.

    `map_bytes` None means what the file was made with. Errors: LedgerMissing, LedgerForeign,
    LedgerFault at opening; StoreFull and StoreFailed while writing; LedgerFault while reading.
    """

    def __init__(
        self,
        path: Path,
        databases: Sequence[str] = (),
        *,
        map_bytes: int | None = None,
        create: bool = False,
        readonly: bool = False,
    ) -> None:
        self.path = path
        self.readonly = readonly
        self.failed: StoreFailed | None = None
        self._file = -1  # beside LMDB's own descriptor, for advice alone
        self._let_go = 0
        if create:
            _make_folder(path)
        else:
            shape = check_file(path)
            if map_bytes is None or readonly:
                map_bytes = shape.map_bytes
        if map_bytes is None:
            raise ValueError(f"{path}: a new environment needs map_bytes")
        try:
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
        except lmdb.Error as error:
            raise _as_opening(path, error) from error
        try:
            self._env.reader_check()
            self._databases = {name: self._open(name, create) for name in databases}
        except lmdb.Error as error:
            self._env.close()
            raise _as_opening(path, error) from error
        if create:
            sync_folder(path)
            sync_folder(path.parent)

    def __enter__(self) -> "Store":
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
            raise Overloaded(f"{self.path}: {READERS_MAX} readers are open, try later") from error
        except lmdb.Error as error:
            raise LedgerFault(f"{self.path}: expected readable pages, found {error}") from error

    @contextmanager
    def write(self, name: str | None = None) -> Iterator[Txn]:
        """All or nothing, synced when it returns. After StoreFailed it refuses for ever."""
        if self.failed is not None:
            raise self.failed
        db = None if name is None else self._databases[name]
        try:
            with self._env.begin(db=db, write=True, buffers=True) as txn:
                yield txn
        except lmdb.MapFullError as error:
            raise StoreFull(f"{self.path}: the map of {self.map_bytes} bytes is full") from error
        except lmdb.Error as error:
            self.failed = StoreFailed(
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
        if self._file < 0:
            self._file = os.open(self.path / DATA_FILE, os.O_RDONLY)
        os.posix_fadvise(self._file, self._let_go, end - self._let_go, os.POSIX_FADV_DONTNEED)
        self._let_go = end

    @property
    def lib_version(self) -> tuple[int, int, int]:
        """The engine in use, such as (0, 9, 36)."""
        return self._env.lib_version()

    def reader_check(self) -> int:
        """Free the slots of readers that died; returns how many."""
        return self._env.reader_check()

    def copy(self, target: Path) -> None:
        """A compact copy into the empty folder `target`."""
        self._env.copy(os.fspath(target), compact=True)

    def close(self) -> None:
        """No transaction may be open in any thread."""
        self._env.close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def check_file(path: Path) -> Shape:
    """Refuse, before LMDB maps it, a data file that is absent, empty, foreign, short or torn.

    LMDB itself would fill an empty file, trust a half of one and then die on the first page that
    is missing, and take either meta page at its word.
    """
    file = path / DATA_FILE
    wanted = f"{file}: expected an LMDB 0.9 data file"
    if not file.is_file():
        raise LedgerMissing(f"{wanted}, found none; check the path or restore the folder")
    return _shape(file, wanted)


def _shape(file: Path, wanted: str) -> Shape:
    with file.open("rb") as opened:
        head = b""
        while True:
            was, head = head, os.pread(opened.fileno(), PAGE_BYTES_MAX + META.size, 0)
            _check_engine(wanted, head)
            metas = _metas(wanted, head)
            try:
                _check_metas(wanted, metas)
                newer = max(metas, key=lambda meta: meta.commit)
                _check_size(file, wanted, newer)
                _check_commits(opened.fileno(), wanted, metas)
            except LedgerFault:
                # Damage stays; what another process is writing at this moment does not.
                if head == was:
                    raise
                continue
            return Shape(newer.page_bytes, newer.map_bytes, newer.last_page, newer.commit)


def _metas(wanted: str, head: bytes) -> tuple[Meta, Meta]:
    first = Meta(*META.unpack_from(head))
    page_bytes = first.page_bytes
    if page_bytes & (page_bytes - 1) or not PAGE_BYTES_MIN <= page_bytes <= PAGE_BYTES_MAX:
        raise LedgerFault(f"{wanted} with pages of a power of two, found {page_bytes} bytes")
    if len(head) < page_bytes + META.size:
        raise LedgerForeign(f"{wanted} of two pages or more, found {len(head)} bytes: cut short")
    return first, Meta(*META.unpack_from(head, page_bytes))


def _check_engine(wanted: str, head: bytes) -> None:
    if not head:
        raise LedgerForeign(f"{wanted}, found an empty file; restore it")
    if len(head) < META.size:
        raise LedgerForeign(f"{wanted}, found {len(head)} bytes: it was cut short")
    for at, engine in HEADS.items():
        magic, version = struct.unpack_from("<II", head, at)
        if magic != MDB_MAGIC:
            continue
        if at != 16 or version != 1:
            known = DATA_VERSIONS.get(version, "unknown")
            raise LedgerForeign(
                f"{wanted} (data version 1), found {known if at == 16 else engine} "
                f"(data version {version}); dump it with that engine and load it again"
            )
        return
    raise LedgerForeign(f"{wanted}, found another format beginning with {head[:16]!r}")


def _check_metas(wanted: str, metas: tuple[Meta, Meta]) -> None:
    """A commit writes the two meta pages in turn, so their numbers are neighbours for ever."""
    for number, meta in enumerate(metas):
        found = (meta.page, meta.flags, meta.magic, meta.version, meta.page_bytes)
        sound = (number, META_FLAG, MDB_MAGIC, 1, metas[0].page_bytes)
        if found != sound:
            raise LedgerFault(
                f"{wanted} with meta page {number} reading {sound}, found {found}: the page is "
                "torn or damaged; restore the file from a backup"
            )
    first, second = (meta.commit for meta in metas)
    fresh = first == 0 and second == 0
    if not fresh and (first % 2 or not second % 2 or abs(first - second) != 1):
        raise LedgerFault(
            f"{wanted} whose meta pages name neighbouring commits, found {first} and {second}: "
            "a meta page is damaged; restore the file from a backup"
        )


def _check_size(file: Path, wanted: str, newer: Meta) -> None:
    size = file.stat().st_size
    bytes_wanted = (newer.last_page + 1) * newer.page_bytes
    # Pages at the very end may be free and never written, which only a walk over all pages tells.
    if size < bytes_wanted and _live_beyond(file, size // newer.page_bytes):
        raise LedgerForeign(f"{wanted} of {bytes_wanted} bytes, found {size}: it was cut short")


def _check_commits(file: int, wanted: str, metas: tuple[Meta, Meta]) -> None:
    """A meta page with another commit's number would make an older state the newest one.

    Two things tell: a commit never has fewer pages than the one before, and every commit after
    the first ones replaces a page, which it lists as freed under its own number. (A commit whose
    meta page failed to be written leaves the page before with roots of its own, so of that one
    only the count is compared.)
    """
    older, newer = sorted(metas, key=lambda meta: meta.commit)
    if older.last_page > newer.last_page:
        raise LedgerFault(
            f"{wanted} that never shrank, found {older.last_page} pages at commit {older.commit} "
            f"and {newer.last_page} at {newer.commit}: a meta page is damaged; restore the file "
            "from a backup"
        )
    freed_by = _newest_freed(file, newer)
    if freed_by > newer.commit or (newer.commit > 2 and freed_by != newer.commit):
        raise LedgerFault(
            f"{wanted} of commit {newer.commit}, found the freed pages of commit {freed_by}: "
            "a meta page is damaged; restore the file from a backup"
        )


def _newest_freed(file: int, meta: Meta) -> int:
    """The last key of the tree of freed pages; 0 where it is empty or cannot be read."""
    page = meta.free_root
    for _ in range(DEPTH_MAX):
        if page == NO_PAGE or page > meta.last_page:
            return 0
        content = os.pread(file, meta.page_bytes, page * meta.page_bytes)
        try:
            flags, lower = struct.unpack_from("<HH", content, 10)
            (at,) = struct.unpack_from("<H", content, lower - 2)
            low, high, top, key_bytes = NODE.unpack_from(content, at)
            if flags == LEAF_FLAG and key_bytes == 8:
                return int.from_bytes(content[at + 8 : at + 16], "little")
        except struct.error:
            return 0
        if flags != BRANCH_FLAG:
            return 0
        page = low | high << 16 | top << 32
    return 0


def structure(path: Path) -> list[str]:
    """What is wrong with the pages of a data file at rest, by lmdb's own walk; [] if nothing.

    The file is read as bytes and never mapped, so a damaged one cannot harm this process.
    """
    try:
        return list(lmdb.verify.verify(os.fspath(path)))  # type: ignore[no-untyped-call]
    except (lmdb.verify.VerifyError, struct.error, OverflowError) as error:
        return [str(error)]


def _live_beyond(file: Path, pages: int) -> bool:
    """Whether a page in use lies beyond the first `pages`; lmdb's walk keeps that to itself."""
    with file.open("rb") as opened:
        walk = lmdb.verify._Verifier(opened, file.stat().st_size)  # type: ignore[no-untyped-call]
        try:
            problems = walk.verify()  # type: ignore[no-untyped-call]
        except (lmdb.verify.VerifyError, struct.error, OverflowError):
            return True
        return bool(problems) or any(walk.live[pages:])


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


def _as_opening(path: Path, error: "lmdb.Error") -> OnecardError:
    """A file that cannot be opened, or lacks a database that every file of ours has."""
    if isinstance(error, lmdb.NotFoundError):
        return LedgerForeign(f"{path}: expected our databases in it, found {error}")
    if isinstance(error, (lmdb.InvalidError, lmdb.VersionMismatchError)):
        return LedgerForeign(f"{path}: expected an LMDB 0.9 data file, found {error}")
    return LedgerFault(f"{path}: expected to open it, found {error}")
