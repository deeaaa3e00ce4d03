"""An LMDB environment that only holds what the journal can give again, so it may be deleted.

It is stamped with the ledger it was derived from. One that is foreign, damaged or ahead of the
journal is set aside with one line in the log, and its content is made again. What contradicts
itself only while it is used stops the process, and leaves word beside it: the next start sets it
aside. Want of space is no fault of such an environment: the transaction is given up (MapFull) and
may be tried again.
"""

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from onecard.core.errors import (
    LedgerFault,
    LedgerForeign,
    LedgerMissing,
    OnecardError,
    Overloaded,
    quoted,
)
from onecard.core.storage import environment, unmap
from onecard.core.storage.disk import free_bytes, is_irregular
from onecard.core.storage.environment import Environment, MapFull, Readers, Txn, WriteFailed
from onecard.core.watch.log import Log

META = "meta"
STAMP = b"origin"
# A commit is a mebibyte or some; below this a write might be cut short, which LMDB calls EIO.
SPACE_BYTES_MIN = 16 << 20
DOUBT = ".doubt"  # beside the folder: why the next start may not use it
REASON_CHARACTERS_MAX = 1000  # one line of ours; whatever else stands there is cut


@dataclass(frozen=True)
class Origin:
    """The ledger something was derived from; `epoch` is raised by every restore."""

    ledger_id: bytes
    epoch: int

    def stamp(self, layout: int) -> bytes:
        """What is written into an environment whose values have this layout."""
        parts = {"layout": layout, "ledger": self.ledger_id.hex(), "epoch": self.epoch}
        return json.dumps(parts).encode()


class Rebuildable:
    """One such environment, open. Reads may come from any thread, writes from one at a time."""

    def __init__(self, opened: Environment) -> None:
        self._store = opened

    @property
    def path(self) -> Path:
        return self._store.path

    @property
    def bytes_used(self) -> int:
        return self._store.bytes_used

    @property
    def readonly(self) -> bool:
        return self._store.readonly

    @contextmanager
    def read(self, name: str) -> Iterator[Txn]:
        """A short snapshot of one database; its memoryviews die with it.

        LedgerFault, also one raised by what is done with it, is left word of.
        """
        try:
            with self._store.read(name) as txn:
                yield txn
        except LedgerFault as error:
            self.doubt(str(error))
            raise

    @contextmanager
    def write(self) -> Iterator[Txn]:
        """One synced transaction. MapFull for want of space; WriteFailed is for good."""
        if self._wants_space():
            raise MapFull(f"{self.path}: less than {SPACE_BYTES_MIN} bytes are free on its disk")
        try:
            with self._store.write() as txn:
                yield txn
        except LedgerFault as error:
            self.doubt(str(error))
            raise
        except WriteFailed as error:
            if os.strerror(errno.ENOSPC) not in str(error) and not self._wants_space():
                self.doubt(str(error))
                raise
            # LMDB gave the transaction up before its meta page, so what was there still stands;
            # had the meta page been hit, it would refuse every transaction from now on itself.
            self._store.failed = None
            raise MapFull(f"{self.path}: its disk is full") from error

    def database(self, name: str) -> environment.Database:
        return self._store.database(name)

    def doubt(self, reason: str) -> None:
        """Leave word that the next start sets this aside; nothing where it is only read."""
        if not self._store.readonly:
            # Who cannot write this word stops all the same, and says so itself.
            with suppress(OSError):
                word = self.path.with_name(self.path.name + DOUBT)
                if not is_irregular(word):  # else it is in doubt, and a pipe would wait
                    word.write_text(reason)
                environment.sync_folder(self.path.parent)

    def unmap(self) -> None:
        """Give back the memory of mapped pages. Any thread may read meanwhile."""
        unmap.unmap(self._store)

    def readers(self) -> Readers:
        """Who reads now, in any process."""
        return self._store.readers()

    def close(self) -> None:
        """No transaction may be open in any thread."""
        self._store.close()

    def _wants_space(self) -> bool:
        """Returns True when its disk is known to have too little room."""
        free = free_bytes(self.path)
        return free is not None and free < SPACE_BYTES_MIN


def open_rebuildable(
    path: Path,
    databases: Sequence[str],
    stamp: bytes,
    map_bytes: int,
    log: Log,
    *,
    readonly: bool = False,
    heads: bool = False,
) -> Rebuildable | None:
    """Open what is there, or make it; None when `readonly` and there is nothing to use.

    `heads` as for a Environment: proved where all of it is read at a start anyway.
    """
    names = (META, *databases)
    try:
        _check_doubt(path)
        found = Environment(path, names, map_bytes=map_bytes, readonly=readonly, heads=heads)
        try:
            _check_stamp(found, stamp)
        except BaseException:
            found.close()
            raise
        return Rebuildable(found)
    except LedgerMissing:
        pass
    except Overloaded:
        raise  # says nothing about what is there
    except OnecardError as error:
        if readonly:
            log.warning("derived_not_used", path=str(path), reason=str(error))
            return None
        set_aside(path, str(error), log)
    if readonly:
        return None
    made = Environment(path, names, map_bytes=map_bytes, create=True)
    with made.write() as txn:
        txn.put(STAMP, stamp, db=made.database(META))
    return Rebuildable(made)


def set_aside(path: Path, reason: str, log: Log) -> None:
    """Move an environment away, in place of the one moved before; it must not be open."""
    aside = path.with_name(path.name + ".aside")
    if aside.exists():
        shutil.rmtree(aside)
    if path.exists():  # else there is word of one that somebody deleted since
        path.rename(aside)
    path.with_name(path.name + DOUBT).unlink(missing_ok=True)
    environment.sync_folder(path.parent)
    log.warning("derived_set_aside", path=str(aside), reason=reason)


def _check_doubt(path: Path) -> None:
    word = path.with_name(path.name + DOUBT)
    if word.exists():
        reason = ""
        if not is_irregular(word):
            with word.open("rb") as file:
                reason = quoted(file.read(REASON_CHARACTERS_MAX).decode(errors="replace"), 300)
        raise LedgerFault(reason or f"{path}: found in doubt")


def _check_stamp(opened: Environment, stamp: bytes) -> None:
    with opened.read(META) as txn:
        value = txn.get(STAMP)
        found = b"no stamp" if value is None else bytes(value)
    if found != stamp:
        # Damaged, it may be anything; a stamp of ours is a line.
        said = quoted(found[:REASON_CHARACTERS_MAX].decode(errors="replace"), 300)
        raise LedgerForeign(f"{opened.path}: expected {stamp.decode()}, found {said}")
