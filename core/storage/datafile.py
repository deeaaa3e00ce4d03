"""An LMDB data file as bytes: refused here, before anything of it is believed, if it is not sound.

LMDB itself would fill an empty file, trust a half of one and then die on the first page that is
missing, take either meta page at its word, and overwrite what a damaged free list calls free.
"""

import errno
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from onecard.core.errors import LedgerFault, LedgerForeign, LedgerMissing, Overloaded
from onecard.core.storage.pagemap import TREE, PageMap, Tree

DATA_FILE = "data.mdb"
MDB_MAGIC = 0xBEEFC0DE
META_FLAG = 0x08
DATA_VERSIONS = {1: "LMDB 0.9", 3: "LMDB 1.0"}
HEADS = {16: "LMDB 0.9", 24: "LMDB 1.0"}  # where the magic stands, by engine
META = struct.Struct("<Q2xH4x II 8xQ 48s48s QQ")  # of LMDB 0.9 on a 64-bit machine
PAGE_BYTES_MIN, PAGE_BYTES_MAX = 256, 1 << 15
# 64 TiB, half of what a process can address: no setting of ours asks for as much, and a map that
# cannot be had looks like a want of memory, which would be waited for.
MAP_BYTES_MAX = 1 << 46
# Limits of the system that end by themselves; none says anything about a file.
LATER = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class Meta(NamedTuple):
    """A meta page, as far as we look at it."""

    page: int
    flags: int
    magic: int
    version: int
    map_bytes: int
    free: Tree  # of freed pages, by the commit that freed them
    main: Tree
    last_page: int
    commit: int

    @property
    def page_bytes(self) -> int:
        return self.free.pad  # LMDB keeps it there


def map_bytes_of(path: Path) -> int:
    """The size of the map that a data file was last opened with.

    Refuses a file that is absent, empty or foreign, or whose meta pages are torn or damaged:
    LedgerMissing, LedgerForeign, LedgerFault. All else about it `check_pages` says.
    """
    file = path / DATA_FILE
    wanted = f"{file}: expected an LMDB 0.9 data file"
    if not file.is_file():
        raise LedgerMissing(f"{wanted}, found none; check the path or restore the folder")
    with _opened(file) as descriptor:
        return _newer(_metas(descriptor, wanted)).map_bytes


def check_pages(path: Path, commit: int | None = None, heads: bool = False) -> bool:
    """Account for every page of a data file, as of a commit or of the newest.

    With `heads` also the first page of every large value is read.

    Returns True when all is sound; False when newer commits have replaced that one's meta page.
    Nobody may free pages of the commit meanwhile: a transaction must be open on it, or no writer
    be there. LedgerFault names the first fault; LedgerForeign: the file was cut short.
    """
    file = path / DATA_FILE
    wanted = f"{file}: expected an LMDB 0.9 data file"
    with _opened(file) as descriptor:
        metas = _metas(descriptor, wanted)
        meta = _newer(metas)
        if commit is not None and meta.commit != commit:
            found = [meta for meta in metas if meta.commit == commit]
            if not found:
                return False
            [meta] = found
        walk = PageMap(
            descriptor, str(file), meta.page_bytes, meta.last_page, meta.commit, heads=heads
        )
        walk.check(meta.free, meta.main)
    return True


def later(error: BaseException) -> bool:
    """Returns True when a limit of the system was met that says "try later"."""
    return any(os.strerror(number) in str(error) for number in LATER)


@contextmanager
def _opened(file: Path) -> Iterator[int]:
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError as error:
        if later(error):
            raise Overloaded(f"{file}: expected to open it, found {error.strerror}") from error
        raise LedgerFault(f"{file}: expected to read it, found {error.strerror}") from error
    try:
        yield descriptor
    except OSError as error:
        if later(error):
            raise Overloaded(f"{file}: expected to read it, found {error.strerror}") from error
        raise LedgerFault(f"{file}: expected to read it, found {error.strerror}") from error
    finally:
        os.close(descriptor)


def _newer(metas: tuple[Meta, Meta]) -> Meta:
    return max(metas, key=lambda meta: meta.commit)


def _metas(file: int, wanted: str) -> tuple[Meta, Meta]:
    """Both meta pages, sound."""
    head = b""
    while True:
        was, head = head, os.pread(file, PAGE_BYTES_MAX + META.size, 0)
        _check_engine(wanted, head)
        metas = _parsed(wanted, head)
        try:
            _check_metas(wanted, metas)
        except LedgerFault:
            # Damage stays; what another process is writing at this moment does not.
            if head == was:
                raise
            continue
        return metas


def _parsed(wanted: str, head: bytes) -> tuple[Meta, Meta]:
    first = _meta(head, 0)
    page_bytes = first.page_bytes
    if page_bytes & (page_bytes - 1) or not PAGE_BYTES_MIN <= page_bytes <= PAGE_BYTES_MAX:
        raise LedgerFault(f"{wanted} with pages of a power of two, found {page_bytes} bytes")
    if len(head) < page_bytes + META.size:
        raise LedgerForeign(f"{wanted} of two pages or more, found {len(head)} bytes: cut short")
    return first, _meta(head, page_bytes)


def _meta(head: bytes, at: int) -> Meta:
    page, flags, magic, version, map_bytes, free, main, last, commit = META.unpack_from(head, at)
    trees = Tree(*TREE.unpack(free)), Tree(*TREE.unpack(main))
    return Meta(page, flags, magic, version, map_bytes, *trees, last, commit)


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
        if meta.map_bytes > MAP_BYTES_MAX:
            raise LedgerFault(
                f"{wanted} with a map of at most {MAP_BYTES_MAX} bytes, found {meta.map_bytes} in "
                f"meta page {number}: the page is damaged; restore the file from a backup"
            )
    first, second = (meta.commit for meta in metas)
    fresh = first == 0 and second == 0
    if not fresh and (first % 2 or not second % 2 or abs(first - second) != 1):
        raise LedgerFault(
            f"{wanted} whose meta pages name neighbouring commits, found {first} and {second}: "
            "a meta page is damaged; restore the file from a backup"
        )
    # One with another commit's number would make an older state the newest one. This tells, and
    # that every commit lists what it freed under its own number, which the walk compares. (A
    # commit whose meta page failed to be written leaves the page before with roots of its own, so
    # of that one only the count is compared.)
    older, newer = sorted(metas, key=lambda meta: meta.commit)
    if older.last_page > newer.last_page:
        raise LedgerFault(
            f"{wanted} that never shrank, found {older.last_page} pages at commit {older.commit} "
            f"and {newer.last_page} at {newer.commit}: a meta page is damaged; restore the file "
            "from a backup"
        )
