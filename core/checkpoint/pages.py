"""Pages of the state tables on disk, and the manifest that makes a start of them.

A page is PAGE_BYTES of rows. Its key is the number of the table (u1, of SHAPES) and of the page
(u4 big-endian); its value the sequence it is as of (u8), a CRC-32 over key, sequence and rows
(u4), and the rows. Pages are as of different sequences; replay from the manifest's sequence on
levels them (`ext/state/apply`). The manifest says of every page how old it may be at most, so that
a page that is missing or was put back is noticed as well as one that is damaged.
"""

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onecard.core.checkpoint.room import NoRoom, Room
from onecard.core.errors import LedgerFault
from onecard.core.storage.environment import NO_READERS, Readers
from onecard.core.storage.rebuildable import META, Origin, Rebuildable, open_rebuildable, set_aside
from onecard.core.watch.log import Log
from onecard.ext.shape import dtypes
from onecard.ext.shape.dtypes import PAGE_BYTES
from onecard.ext.state.state import State
from onecard.ext.state.table import DTYPES, ROWS_A_PAGE, TABLES

LAYOUT = 11
PAGES = "pages"
MANIFEST = b"manifest"
KEY = struct.Struct(">BI")
HEAD = struct.Struct("<QI")  # as_of, CRC-32
FRAME = struct.Struct("<II")  # CRC-32 of what follows, bytes of JSON
PAGES_A_READ = 64  # 4 MiB: a read transaction of a few milliseconds
# What is read of a map counts as resident; to replace a page, LMDB reads the head of the old one.
UNMAP_PAGES = (64 << 20) // PAGE_BYTES


@dataclass(frozen=True)
class Page:
    """A copy of a page of `TABLES[table]`, as of a sequence."""

    table: int
    number: int
    as_of: int
    content: bytes


@dataclass(frozen=True)
class Manifest:
    """A whole save: with pages not older than `pages` and a replay from `sequence`, a state."""

    sequence: int
    head: bytes  # hash of the block that ends at `sequence`, zeros for 0
    totals: bytes  # the row, as of `sequence`
    pages: dict[str, NDArray[np.uint64]]  # what each page is as of, 0 = never saved
    newest: int = 0  # the latest sequence any page is as of


class SavedPages:
    """The environment that holds them; after `load` used by one thread only."""

    def __init__(self, environment: Rebuildable | None) -> None:
        self._environment = environment
        self._touched = 0  # pages since the last `unmap`
        self.as_of: dict[str, NDArray[np.uint64]] = {
            name: np.zeros(0, np.uint64) for name in TABLES
        }

    @classmethod
    def open(
        cls, path: Path, origin: Origin, map_bytes: int, log: Log, *, readonly: bool = False
    ) -> "SavedPages":
        """Open or make it; one that is foreign or damaged is set aside."""
        stamp = origin.stamp(LAYOUT)
        return cls(
            open_rebuildable(path, [PAGES], stamp, map_bytes, log, readonly=readonly, heads=True)
        )

    def load(self, state: State) -> Manifest | None:
        """Fill a new state with the saved one, ready to replay from the manifest's sequence on.

        None where nothing whole was saved. LedgerFault: damaged; the state is then of no use.
        NoRoom: made for fewer rows than were in use.
        """
        manifest = self._manifest()
        if manifest is None:
            return None
        _check_room(manifest, state)
        state.totals[:] = np.frombuffer(manifest.totals, dtypes.TOTALS)
        for name in TABLES:
            state.as_of(name)[:] = manifest.sequence
            self.as_of[name] = np.zeros(len(state.as_of(name)), np.uint64)
        start = b""
        while keys := self._load_some(state, start):
            start = keys[-1] + b"\0"
            self._touched += len(keys)
            if self._touched >= UNMAP_PAGES:
                self.unmap()
        self.unmap()
        self._check_age(manifest)
        for name in TABLES:
            as_of = state.as_of(name)
            np.maximum(as_of, self.as_of[name], out=as_of)
        state.reindex()
        newest = max(int(pages.max(initial=0)) for pages in self.as_of.values())
        return Manifest(manifest.sequence, manifest.head, manifest.totals, manifest.pages, newest)

    def put(self, pages: Sequence[Page]) -> None:
        """Save pages in one transaction. MapFull, WriteFailed."""
        environment = self._open()
        with environment.write() as txn:
            database = environment.database(PAGES)
            for page in pages:
                key = KEY.pack(page.table, page.number)
                head = HEAD.pack(page.as_of, _check(key, page.as_of, page.content))
                txn.put(key, head + page.content, db=database)
        for page in pages:
            self._note(TABLES[page.table], page.number, page.as_of)
        self._touched += len(pages)
        if self._touched >= UNMAP_PAGES:
            self.unmap()

    def seal(self, sequence: int, head: bytes, totals: bytes) -> None:
        """Make the pages put so far the save that a start uses. MapFull, WriteFailed."""
        tables = [[name, DTYPES[name].itemsize, len(self.as_of[name])] for name in TABLES]
        text = json.dumps({"sequence": sequence, "head": head.hex(), "tables": tables}).encode()
        parts = (text, totals, *(self.as_of[name].tobytes() for name in TABLES))
        body = b"".join(parts)
        environment = self._open()
        with environment.write() as txn:
            frame = FRAME.pack(zlib.crc32(body), len(text))
            txn.put(MANIFEST, frame + body, db=environment.database(META))
        self.unmap()

    def discard(self, reason: str, origin: Origin, map_bytes: int, log: Log) -> None:
        """Set the environment aside and go on with a new one."""
        environment = self._open()
        environment.close()
        set_aside(environment.path, reason, log)
        stamp = origin.stamp(LAYOUT)
        self._environment = open_rebuildable(environment.path, [PAGES], stamp, map_bytes, log)
        self.as_of = {name: np.zeros(0, np.uint64) for name in TABLES}

    @property
    def bytes_used(self) -> int:
        return 0 if self._environment is None else self._environment.bytes_used

    def close(self) -> None:
        if self._environment is not None:
            self._environment.close()

    def _open(self) -> Rebuildable:
        if self._environment is None:
            raise ValueError("there are no saved pages, and none may be made")
        return self._environment

    def unmap(self) -> None:
        """Give back the memory of mapped pages."""
        if self._environment is not None:
            self._environment.unmap()
        self._touched = 0

    def readers(self) -> Readers:
        """Who reads now, in any process."""
        return NO_READERS if self._environment is None else self._environment.readers()

    def _note(self, name: str, number: int, as_of: int) -> None:
        pages = self.as_of[name]
        if number >= len(pages):
            pages = np.zeros(max(number + 1, 2 * len(pages)), np.uint64)
            pages[: len(self.as_of[name])] = self.as_of[name]
            self.as_of[name] = pages
        pages[number] = as_of

    def _manifest(self) -> Manifest | None:
        if self._environment is None:
            return None
        with self._environment.read(META) as txn:
            found = txn.get(MANIFEST)
            if found is None:
                return None
            value = bytes(found)
        body = value[FRAME.size :]
        where = f"{self._environment.path}: expected a manifest"
        if len(value) < FRAME.size or zlib.crc32(body) != FRAME.unpack_from(value)[0]:
            raise LedgerFault(f"{where} with its own checksum, found it damaged")
        # The checksum is not over how long the text is: that is what makes all of it fit.
        text_bytes = FRAME.unpack_from(value)[1]
        try:
            text = json.loads(body[:text_bytes])
        except ValueError:
            raise LedgerFault(f"{where} with {text_bytes} bytes of text, found others") from None
        wanted = [[name, DTYPES[name].itemsize] for name in TABLES]
        found_tables = [table[:2] for table in text["tables"]]
        if found_tables != wanted:
            raise LedgerFault(f"{where} of tables {wanted}, found {found_tables}")
        at = text_bytes + dtypes.TOTALS.itemsize
        totals = body[text_bytes:at]
        ends = at + np.dtype(np.uint64).itemsize * sum(table[2] for table in text["tables"])
        if ends != len(body):
            raise LedgerFault(f"{where} of {ends} bytes, found {len(body)}")
        pages = {}
        for name, _, count in text["tables"]:
            pages[name] = np.frombuffer(body, np.uint64, count, at)
            at += pages[name].nbytes
        return Manifest(text["sequence"], bytes.fromhex(text["head"]), totals, pages)

    def _load_some(self, state: State, start: bytes) -> list[bytes]:
        """Copy the pages from key `start` on into the state, some of them; gives their keys."""
        keys = []
        with self._open().read(PAGES) as txn:
            cursor = txn.cursor()
            if cursor.set_range(start):
                for key, value in cursor.iternext():
                    keys.append(bytes(key))
                    self._load(state, keys[-1], value)
                    if len(keys) == PAGES_A_READ:
                        break
        return keys

    def _load(self, state: State, key: bytes, value: memoryview) -> None:
        where = f"{self._open().path}: expected page {key.hex()}"
        if len(key) != KEY.size or len(value) < HEAD.size:
            raise LedgerFault(f"{where} to have a head, found {len(value)} bytes")
        table, number = KEY.unpack(key)
        as_of, check = HEAD.unpack_from(value)
        content = value[HEAD.size :]
        if _check(key, as_of, content) != check or table >= len(TABLES):
            raise LedgerFault(f"{where} with its own checksum, found it damaged")
        name = TABLES[table]
        rows = state.table(name).view(np.uint8)
        page_bytes = ROWS_A_PAGE[name] * DTYPES[name].itemsize
        room = rows[number * page_bytes : (number + 1) * page_bytes]
        # Saved with room for more rows than there is now, or for fewer: the last page of a table is
        # cut at its room. `_check_room` saw to the rows in use; those that were not are zero.
        size = min(len(room), len(content))
        room[:size] = np.frombuffer(content, np.uint8)[:size]
        if number < len(self.as_of[name]):
            self.as_of[name][number] = as_of

    def _check_age(self, manifest: Manifest) -> None:
        for name, pages in manifest.pages.items():
            here = self.as_of[name]
            size = min(len(here), len(pages))
            older = np.flatnonzero(here[:size] < pages[:size])
            if len(older):
                number = int(older[0])
                raise LedgerFault(
                    f"{self._open().path}: expected page {number} of {name} as of "
                    f"{pages[number]} or later, found it as of {here[number]}"
                )


def page_of(state: State, table: int, number: int) -> Page:
    """A copy of a page as it is now."""
    name = TABLES[table]
    rows = ROWS_A_PAGE[name]
    content = state.table(name)[number * rows : (number + 1) * rows].tobytes()
    return Page(table, number, int(state.totals["last"][0]), content)


def _check(key: bytes, as_of: int, content: bytes | memoryview) -> int:
    return zlib.crc32(content, zlib.crc32(key + as_of.to_bytes(8, "little")))


def _check_room(manifest: Manifest, state: State) -> None:
    room = Room.made(state)
    used = Room.used(np.frombuffer(manifest.totals, dtypes.TOTALS)[0])
    if not room.has(used):
        raise NoRoom(room.with_(used))
