"""The file of a store, as one process has it open: whose turn it is, which generation counts."""

import errno
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from onecard.core.erasable import generation
from onecard.core.erasable.sealing import Sealing
from onecard.core.erasable.store_key import STORE_KEY, StoreKey
from onecard.core.erasable.turn import turn
from onecard.core.errors import (
    DiskLow,
    LedgerForeign,
    LedgerMissing,
    MapFull,
    OnecardError,
    WriteFailed,
    os_words,
    quoted,
)
from onecard.core.storage.disk import free_bytes
from onecard.core.storage.environment import Environment, Txn, sync_folder
from onecard.core.storage.rebuildable import SPACE_BYTES_MIN
from onecard.ext.shape.numbers import Store

ERASABLE = "erasable"
META, SUBJECTS, DAYS = "meta", "subjects", "days"
NAMES = (META, SUBJECTS, DAYS)
LAYOUT = 1
STAMP, UNWIPED = b"store", b"unwiped"
SAID_BYTES_MAX = 300  # of a stamp that is not ours: one line


class StoreFile:
    """That of one ledger. The environment it gives is good for the turn it was given in."""

    def __init__(
        self,
        path: Path,
        ledger_id: bytes,
        cipher: Store,
        spare_bytes: int,
        readonly: bool = False,
    ) -> None:
        self.path = path
        self.readonly = readonly
        self.spare_bytes = spare_bytes
        self.folder = path / ERASABLE
        self.sealing: Sealing  # there once a generation was opened
        self._ledger_id = ledger_id
        self._cipher = cipher
        self._switching = threading.Lock()
        self._environment: Environment | None = None
        self._number = 0

    @contextmanager
    def shared(self) -> Iterator[Environment]:
        """For whoever reads, beside others who do."""
        with turn(self.folder, alone=False):
            yield self._current()

    @contextmanager
    def alone(self) -> Iterator[Environment]:
        """For whoever writes."""
        with turn(self.folder, alone=True):
            yield self._current()

    def make(self, map_bytes: int) -> None:
        """An empty store where there is none, and its key where the ledger has none yet."""
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self.path)
            with turn(self.folder, alone=True):
                if generation.newest(self.folder) == 0:
                    if not (self.path / STORE_KEY).exists():
                        StoreKey.make(self.path, self._cipher)
                    generation.make(self.folder, 1, lambda part: self._fill(part, map_bytes))
        except OSError as error:
            raise OnecardError(os_words(error)) from None

    def check_room(self) -> None:
        """DiskLow where the disk has no more than what others need to go on."""
        free = free_bytes(self.folder)
        if free is not None and free < self.spare_bytes:
            raise DiskLow(
                f"{self.folder}: expected {self.spare_bytes} bytes free on its disk to keep more "
                f"(watermark_bytes), found {free}; make room"
            )

    def wipe(self) -> None:
        """Make it anew where something was deleted from it, and leave no older generation.

        The caller is alone. DiskLow, or another OnecardError where it cannot be done now.
        """
        generation.remove_others(self.folder, self._number)
        opened = self._current()
        with opened.read(META) as txn:
            if txn.get(UNWIPED) is None:
                return

        def fill(part: Path) -> None:
            generation.copy(opened, part, self.spare_bytes)
            with Environment(part, NAMES) as made, writing(made, META) as txn:
                txn.delete(UNWIPED)

        generation.make(self.folder, self._number + 1, fill)
        self._current()
        generation.remove_others(self.folder, self._number)

    def close(self) -> None:
        """Once whoever has a turn has ended it; what does not end goes with the process."""
        if self._environment is None:
            return
        with suppress(OnecardError), turn(self.folder, alone=True), self._switching:
            self._environment.close()
            self._environment, self._number = None, 0

    def _fill(self, part: Path, map_bytes: int) -> None:
        key = StoreKey.read(self.path, self._cipher)
        with Environment(part, NAMES, map_bytes=map_bytes, create=True) as made:
            with writing(made, META) as txn:
                txn.put(STAMP, json.dumps(self._stamp() | {"key_check": key.check}).encode())

    def _current(self) -> Environment:
        """The newest generation, opened once; another process may have made one since."""
        with self._switching:
            number = generation.newest(self.folder)
            if number == 0:
                raise LedgerMissing(
                    f"{self.folder}: expected the erasable store, found none; restore the folder"
                )
            if self._environment is not None and number == self._number:
                return self._environment
            if self._environment is not None:
                self._environment.close()
                self._environment = None
            found = Environment(
                generation.folder_of(self.folder, number), NAMES, readonly=self.readonly
            )
            try:
                self._check(found)
            except BaseException:
                found.close()
                raise
            self._environment, self._number = found, number
            return found

    def _stamp(self) -> dict[str, object]:
        return {"layout": LAYOUT, "ledger": self._ledger_id.hex(), "cipher": int(self._cipher)}

    def _check(self, found: Environment) -> None:
        """LedgerForeign where it is another ledger's, or of another cipher, layout or key."""
        with found.read(META) as txn:
            text = bytes(txn.get(STAMP) or b"")
        try:
            stamp = json.loads(text)
            check = int(stamp.pop("key_check"))
        except (ValueError, KeyError, TypeError, AttributeError):
            stamp, check = None, 0
        if stamp != self._stamp():
            raise LedgerForeign(
                f"{found.path}: expected a store with {json.dumps(self._stamp())}, found "
                f"{quoted(text[:SAID_BYTES_MAX].decode(errors='replace'), SAID_BYTES_MAX)}; put "
                "this ledger's own back"
            )
        self.sealing = Sealing(self._ledger_id, StoreKey.read(self.path, self._cipher, check))


@contextmanager
def writing(opened: Environment, name: str | None = None) -> Iterator[Txn]:
    """One synced transaction. MapFull for want of space; WriteFailed is for good."""
    try:
        with opened.write(name) as txn:
            yield txn
    except WriteFailed as error:
        free = free_bytes(opened.path)
        # A write that is cut short for want of space LMDB calls an error of the device.
        short = free is not None and free < SPACE_BYTES_MIN
        if short or os.strerror(errno.ENOSPC) in str(error):
            # LMDB gave the transaction up before its meta page: what was there stands.
            opened.failed = None
            raise MapFull(f"{opened.path}: its disk is full; make room and try again") from None
        raise WriteFailed(
            f"{opened.path}: expected a durable commit, found a write or a sync that failed; "
            "nothing is kept or erased there until this process is started again"
        ) from error
