"""Texts by subject and field, sealed under a key a subject: to erase is to lose that key.

DIR/erasable/00000001/   an LMDB environment; another number each time it was made anew
DIR/erasable/lock        whose turn it is (turn.py)
DIR/store.key            what wraps the subjects' keys (store_key.py)
DIR/erasures             what was erased (erasures.py)

Whatever is asked of it looks first whether the erasures say more than was carried out: after a
kill, and after a restore of an older copy, that is done before anything is read.
"""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from onecard.core.config import Settings
from onecard.core.erasable import generation
from onecard.core.erasable.erasures import Erasures, Mark
from onecard.core.erasable.row import Row
from onecard.core.erasable.sealing import Sealing
from onecard.core.erasable.store_file import (
    DAYS,
    ERASABLE,
    META,
    SUBJECTS,
    UNWIPED,
    StoreFile,
    writing,
)
from onecard.core.erasable.store_key import STORE_KEY, WRAPS_MAX
from onecard.core.erasable.subject import Field, Subject, SubjectKind, Value
from onecard.core.errors import LedgerFault, MapFull, OnecardError, Overloaded
from onecard.core.failpoint import here
from onecard.core.storage.environment import Environment, Txn
from onecard.ext.shape.numbers import Store

MARK, WRAPS = b"mark", b"wraps"
MARK_ROW = struct.Struct("<Q16s")
COUNT = struct.Struct("<Q")
DAY = struct.Struct(">I")  # before the subject's key: sorted by day
# Addresses, not disk: a card is 240 bytes in a file made anew, and some 600 in one that grew card
# by card, so hundreds of millions of them.
MAP_BYTES = 256 << 30
# Of one commit: each touches a page or two, far from the 131,072 that LMDB keeps in memory.
PART_ROWS = 10_000
# Of a reader that finds each time that another process, killed since, has put something on record.
TURNS_MAX = 100


class Counts(NamedTuple):
    """How many subjects it knows, how many of them until a day, and the bytes of its file."""

    subjects: int
    until_a_day: int
    size_bytes: int


class ErasableStore:
    """That of one ledger, open. Any thread and any process may call it; all of them take turns."""

    def __init__(self, path: Path, ledger_id: bytes, cipher: Store, spare_bytes: int) -> None:
        """Use `open`."""
        self.unwiped: OnecardError | None = None  # why what was erased has bytes in the file still
        self._file = StoreFile(path, ledger_id, cipher, spare_bytes)
        self._erasures = Erasures(path, ledger_id)

    @classmethod
    def open(
        cls,
        path: Path,
        ledger_id: bytes,
        cipher: Store,
        spare_bytes: int = Settings.watermark_bytes,
        map_bytes: int = MAP_BYTES,
    ) -> "ErasableStore":
        """That of the ledger in `path`, made where there is none.

        Of its disk `spare_bytes` are left to others: the journal takes nothing below its watermark.
        What was left half done is finished; where only old bytes could not be wiped, `unwiped` says
        why. LedgerMissing, LedgerForeign, LedgerFault, MapFull, Overloaded.
        """
        store = cls(path, ledger_id, cipher, spare_bytes)
        store._file.make(map_bytes)
        try:
            with store._file.alone() as opened:
                with opened.read(META) as txn:
                    store._erasures.check(store._mark(opened, txn))
                store._catch_up(opened)
                try:
                    store._file.wipe()
                except OnecardError as error:
                    store.unwiped = error
        except BaseException:
            store.close()
            raise
        return store

    @staticmethod
    def exists(path: Path) -> bool:
        """Returns True when the ledger in `path` has one."""
        return generation.newest(path / ERASABLE) > 0

    def __enter__(self) -> "ErasableStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, values: Sequence[Value], day: int = 0) -> int:
        """Keep texts, in place of those kept for the same; durable when this returns.

        `day`, in days since 1970, is what a sweep goes by; 0: until it is erased. Some thousand at
        a time are kept whole or not at all. Returns how many subjects had lost their key to damage,
        and with it what else was kept of them. BadInput, DiskLow, MapFull, WriteFailed, Overloaded.
        """
        rows = [(value.subject.key, value.field, value.data) for value in values]
        lost = 0
        for first in range(0, len(rows), PART_ROWS):
            with self._file.alone() as opened:
                self._catch_up(opened)
                self._file.check_room()
                with writing(opened) as txn:
                    keeping = Keeping(opened, txn, self._file.sealing, day)
                    for key, field, data in rows[first : first + PART_ROWS]:
                        keeping.put(key, field, data)
                    keeping.end()
                    here("before_keeping")
                here("after_keeping")
                lost += keeping.lost
        return lost

    def get(self, subject: Subject, field: Field) -> str | None:
        """The text kept; None where none is, or not any more. LedgerFault where it is damaged."""
        key = subject.key
        with self._reading() as opened, opened.read(SUBJECTS) as txn:
            found = txn.get(key)
            packed = None if found is None else bytes(found)
        if packed is None:
            return None
        row = Row.parse(packed)
        sealing = self._file.sealing
        by = None if row is None else sealing.opener(key, row)
        data: bytes | None = None
        if row is not None and by is not None:
            if field not in row.sealed:
                return None
            data = sealing.unseal(by, key, field, row.sealed[field])
        if data is None:
            raise LedgerFault(
                f"{self._file.folder}: expected the {Field(field).name.lower()} of a "
                f"{SubjectKind(subject.kind).name.lower()} as it was sealed, found it changed or "
                "damaged; send it again, nothing else is concerned"
            )
        return data.decode()

    def erase(self, subjects: Sequence[Subject], at_us: int) -> int:
        """Forget all that is kept of subjects, for ever; returns of how many something was kept.

        Each is on record in DIR/erasures first, also where nothing is kept: a copy may have it.
        Then their keys go, and the file is made anew without their bytes; where that cannot be done
        now, DiskLow or another error says so, and what is on record is unreadable all the same.
        """
        for subject in subjects:
            _ = subject.key
        with self._file.alone() as opened:
            self._catch_up(opened)
            with opened.read(META) as txn:
                mark = self._mark(opened, txn)
            self._erasures.append(subjects, at_us, mark)
            here("after_erasure_line")
            erased = self._catch_up(opened)
            here("after_erasing")
            self._file.wipe()
            self.unwiped = None
        return erased

    def sweep(self, before_day: int) -> int:
        """Forget what was kept last before a day, in days since 1970; returns how many subjects.

        That is not put on record: of an older copy the next sweep forgets it again.
        """
        swept = 0
        with self._file.alone() as opened:
            self._catch_up(opened)
            while keys := _kept_before(opened, before_day):
                with writing(opened) as txn:
                    for key in keys:
                        txn.delete(key, db=opened.database(DAYS))
                        txn.delete(key[DAY.size :], db=opened.database(SUBJECTS))
                    txn.put(UNWIPED, b"1", db=opened.database(META))
                swept += len(keys)
            self._file.wipe()
            self.unwiped = None
        return swept

    def counts(self) -> Counts:
        """Of this moment."""
        with self._reading() as opened, opened.read() as txn:
            known, until = (txn.stat(opened.database(n))["entries"] for n in (SUBJECTS, DAYS))
            return Counts(int(known), int(until), opened.bytes_used)

    def close(self) -> None:
        """Once whatever is asked of it is answered."""
        self._file.close()

    # ---- what is erased ---------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[Environment]:
        """A turn in which nothing that was erased is there to be read."""
        for _ in range(TURNS_MAX):
            with self._file.shared() as opened:
                if not self._is_behind(opened):
                    yield opened
                    return
            with self._file.alone() as opened:
                self._catch_up(opened)
        raise Overloaded(f"{self._file.folder}: erasures come too fast to read it; try later")

    def _is_behind(self, opened: Environment) -> bool:
        """Returns True when the erasures do not end where they were carried out to."""
        with opened.read(META) as txn:
            return self._mark(opened, txn).byte != self._erasures.size_bytes

    def _mark(self, opened: Environment, txn: Txn) -> Mark:
        """The place up to which they were."""
        return mark_of(opened, txn, self._erasures.start)

    def _catch_up(self, opened: Environment) -> int:
        """Carry out the others; returns of how many subjects something was kept."""
        if not self._is_behind(opened):
            return 0
        erased = 0
        with writing(opened) as txn:
            subjects, days = opened.database(SUBJECTS), opened.database(DAYS)
            meta, mark = opened.database(META), self._mark(opened, txn)
            for erasure in self._erasures.since(mark):
                key = erasure.subject.key
                found = txn.get(key, db=subjects)
                if found is not None:
                    row = Row.parse(bytes(found))
                    if row is not None and row.day:
                        txn.delete(DAY.pack(row.day) + key, db=days)
                    txn.delete(key, db=subjects)
                    erased += 1
                mark = erasure.end
            txn.put(MARK, MARK_ROW.pack(*mark), db=meta)
            # Also where nothing was kept: a put that was killed may have left bytes in free pages.
            txn.put(UNWIPED, b"1", db=meta)
        if self._erasures.size_bytes > mark.byte:
            self._erasures.cut(mark)
        return erased


class Keeping:
    """Values that are kept in one transaction. `lost` counts subjects whose key was damaged."""

    def __init__(self, opened: Environment, txn: Txn, sealing: Sealing, day: int) -> None:
        self._opened = opened
        self._txn = txn
        self._sealing = sealing
        self._day = day
        self._subjects, self._days, self._meta = map(opened.database, (SUBJECTS, DAYS, META))
        self._wraps: int = COUNT.unpack(txn.get(WRAPS, db=self._meta) or COUNT.pack(0))[0]
        self.lost = 0

    def put(self, key: bytes, field: int, data: bytes) -> None:
        """Keep one value. Where the subject's key is damaged, nothing under it can be read any
        more, so it gets another."""
        found = self._txn.get(key, db=self._subjects)
        row = None if found is None else Row.parse(bytes(found))
        by = None if row is None else self._sealing.opener(key, row)
        was = 0 if row is None else row.day
        if row is None or by is None:
            self.lost += found is not None
            self._wraps += 1
            row, by = self._sealing.new_row(key)
        row.sealed[field] = self._sealing.seal(by, key, field, data)
        row.day = self._day
        self._txn.put(key, row.packed(), db=self._subjects)
        if was == self._day:
            return
        if was:
            self._txn.delete(DAY.pack(was) + key, db=self._days)
        if self._day:
            self._txn.put(DAY.pack(self._day) + key, b"", db=self._days)

    def end(self) -> None:
        """Count the keys that were wrapped; MapFull beyond what one store key may."""
        if self._wraps > WRAPS_MAX:
            raise MapFull(
                f"{self._opened.path}: expected at most {WRAPS_MAX} keys wrapped by one "
                f"{STORE_KEY}, found as many; nothing more can be kept under this one"
            )
        self._txn.put(WRAPS, COUNT.pack(self._wraps), db=self._meta)


def mark_of(opened: Environment, txn: Txn, start: Mark) -> Mark:
    """The place up to which erasures were carried out, `start` where none were; LedgerFault."""
    found = txn.get(MARK, db=opened.database(META))
    if found is not None and len(found) != MARK_ROW.size:
        raise LedgerFault(
            f"{opened.path}: expected {MARK_ROW.size} bytes that say up to where erasures were "
            f"carried out, found {len(found)}; put back a copy, or move it away"
        )
    return start if found is None else Mark(*MARK_ROW.unpack(found))


def _kept_before(opened: Environment, before_day: int) -> list[bytes]:
    """The oldest rows of DAYS before a day, as many as one commit takes."""
    keys: list[bytes] = []
    with opened.read(DAYS) as txn:
        for found in txn.cursor().iternext(values=False):
            if DAY.unpack_from(found)[0] >= before_day or len(keys) == PART_ROWS:
                break
            keys.append(bytes(found))
    return keys
