"""Proves an erasable store, or says what is wrong with it, a line a kind of fault.

That its pages are sound; that each subject's key and each of its values opens, or is on record as
erased; that no key is there for nothing, no number for a card that is none; that each will be swept
on its day and no sooner; that the erasures are whole. It changes nothing, a server may run on the
ledger meanwhile, and no line says of whom anything is kept.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onecard.core.erasable import generation
from onecard.core.erasable.erasures import Erasures
from onecard.core.erasable.row import Row
from onecard.core.erasable.store import COUNT, DAY, WRAPS, mark_of
from onecard.core.erasable.store_file import (
    DAYS,
    ERASABLE,
    META,
    SUBJECTS,
    UNWIPED,
    StoreFile,
)
from onecard.core.erasable.subject import KEY, SubjectKind
from onecard.core.erasable.turn import turn
from onecard.core.errors import LedgerFault, OnecardError, os_words
from onecard.core.storage.environment import Environment, Txn, structure
from onecard.ext.shape.numbers import Store

PART_ROWS = 5_000  # of one turn: a tenth of a second, for which whoever keeps numbers waits
AreCards = Callable[[NDArray[np.uint64]], NDArray[np.bool_]]  # of tokens, whether each is a card's
LeadsTo = Callable[[bytes, bytes], bytes]  # of a row's key and value, a key of the other database
KINDS = frozenset(SubjectKind)
# Fault -> what was expected of each row, and what to do; found is how many are otherwise.
ROW_FAULTS = {
    "row": ("a subject with its key and values in each row", "send what they held again"),
    "key": ("the key of each subject as it was wrapped", "send what was kept under it again"),
    "value": ("each value as it was sealed", "send it again, nothing else is concerned"),
    "empty": ("something kept under each key", "send it again"),
    "card": (
        "a card of this ledger for each that is kept",
        "put back the store that belongs to it",
    ),
    "unswept": ("each that is swept in the order of its days", "send it again on a later day"),
    "day": (
        "in the order of days what is kept until then",
        "send all numbers again on a later day",
    ),
}


@dataclass
class StoreProof:
    """What was walked. `pending`: erasures on record that this copy of the store has not carried
    out yet; `unwiped`: it has bytes of what was erased still."""

    is_there: bool = False
    subjects: int = 0
    values: int = 0
    erasures: int = 0
    pending: int = 0
    unwiped: bool = False
    faults: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """For people."""
        said = f"{self.subjects} subjects, {self.values} values" if self.is_there else "none"
        said += f", {self.erasures} erasures on record" if self.is_there or self.erasures else ""
        if self.pending:
            said += f"; {self.pending} of them are carried out when it is opened next"
        if self.unwiped:
            said += "; bytes of what was erased are wiped by the next erasure, sweep or start"
        return said


def prove(path: Path, ledger_id: bytes, cipher: Store, are_cards: AreCards | None) -> StoreProof:
    """Prove that of the ledger in `path`, and never raise for what is wrong with it. Whether rows
    are of cards is not asked where `are_cards` is None."""
    proof = StoreProof(is_there=generation.newest(path / ERASABLE) > 0)
    erasures = Erasures(path, ledger_id)
    file = StoreFile(path, ledger_id, cipher, 0, readonly=True)
    try:
        if not proof.is_there:
            proof.erasures = sum(1 for _ in erasures.since(erasures.start))
            return proof
        _prove_pages(path / ERASABLE)
        _prove_counts(file, erasures, proof)
        _Walk(file, erasures, proof, are_cards).walk()
    except OnecardError as error:
        proof.faults.append(str(error))
    except OSError as error:
        proof.faults.append(os_words(error))
    finally:
        file.close()
    return proof


def _prove_pages(folder: Path) -> None:
    """LedgerFault. What a process writes meanwhile looks like one, so a fault is looked for again
    in a turn, in which nobody writes."""
    if not structure(generation.folder_of(folder, generation.newest(folder))):
        return
    with turn(folder, alone=False):
        path = generation.folder_of(folder, generation.newest(folder))
        problems = structure(path)
    if problems:
        raise LedgerFault(
            f"{path}: expected sound LMDB pages, found: {problems[0]}; put back a copy, or move "
            f"{folder} away"
        )


def _prove_counts(file: StoreFile, erasures: Erasures, proof: StoreProof) -> None:
    """That the erasures are whole, and go on where the store has come to; the errors of `Erasures`.
    That the keys which its own key wrapped are counted."""
    with file.shared() as opened, opened.read(META) as txn:
        mark = mark_of(opened, txn, erasures.start)
        erasures.check(mark)
        proof.erasures = sum(1 for _ in erasures.since(erasures.start))
        proof.pending = sum(1 for _ in erasures.since(mark))
        proof.unwiped = txn.get(UNWIPED) is not None
        counted = bytes(txn.get(WRAPS) or b"")
        wraps = COUNT.unpack(counted)[0] if len(counted) == COUNT.size else 0
        subjects = int(txn.stat(opened.database(SUBJECTS))["entries"])
    if wraps < subjects:
        proof.faults.append(
            f"{file.folder}: expected {subjects} keys or more counted as wrapped by its own, found "
            f"{wraps}; put back a copy, nothing that is kept is concerned"
        )


class _Walked(NamedTuple):
    """One row, the how manieth it is, and what stands where it leads: of a subject in the order of
    days, of a day among the subjects; None where nothing does."""

    at: int
    key: bytes
    value: bytes
    other: bytes | None


class _Walk:
    """All rows, some thousand a turn; what is sealed is opened between two turns."""

    def __init__(
        self, file: StoreFile, erasures: Erasures, proof: StoreProof, are_cards: AreCards | None
    ) -> None:
        self._file = file
        self._erasures = erasures
        self._proof = proof
        self._are_cards = are_cards
        self._found: Counter[str] = Counter()
        self._first: dict[str, int] = {}

    def walk(self) -> None:
        for part in self._parts(SUBJECTS, DAYS, _day_key):
            self._proof.subjects += len(part)
            for row in part:
                self._take_subject(row)
            self._take_cards(part)
        for part in self._parts(DAYS, SUBJECTS, _subject_key):
            for row in part:
                self._take_day(row)
        for name, (expected, do) in ROW_FAULTS.items():
            if name in self._found:
                found = f"{self._found[name]} otherwise, the first of them row {self._first[name]}"
                self._proof.faults.append(
                    f"{self._file.folder}: expected {expected}, found {found}; {do}"
                )

    def _parts(self, name: str, other: str, leads_to: LeadsTo) -> Iterator[list[_Walked]]:
        """Rows of one database in their order, but for what is erased already."""
        after, before = b"", 0
        while True:
            with self._file.shared() as opened, opened.read(name) as txn:
                gone = self._gone(opened, txn)
                found = _rows_after(txn, after)
                part = []
                for at, (key, value) in enumerate(found, before + 1):
                    there = txn.get(leads_to(key, value), db=opened.database(other))
                    if key[-KEY.size :] not in gone:
                        pair = None if there is None else bytes(there)
                        part.append(_Walked(at, key, value, pair))
            before += len(found)
            if not found:
                return
            after = found[-1][0]
            yield part

    def _gone(self, opened: Environment, txn: Txn) -> set[bytes]:
        """Whom this copy of the store has still, although they were erased."""
        mark = mark_of(opened, txn, self._erasures.start)
        if mark.byte == self._erasures.size_bytes:
            return set()
        return {erasure.subject.key for erasure in self._erasures.since(mark)}

    def _take_subject(self, row: _Walked) -> None:
        parsed = Row.parse(row.value)
        if parsed is None or len(row.key) != KEY.size or row.key[0] not in KINDS:
            self._fault("row", row.at)
            return
        self._proof.values += len(parsed.sealed)
        if parsed.day and row.other is None:
            self._fault("unswept", row.at)
        if not parsed.sealed:
            self._fault("empty", row.at)
        sealing = self._file.sealing
        by = sealing.opener(row.key, parsed)
        if by is None:
            self._fault("key", row.at)
            return
        for number, sealed in parsed.sealed.items():
            if sealing.unseal(by, row.key, number, sealed) is None:
                self._fault("value", row.at)

    def _take_cards(self, part: list[_Walked]) -> None:
        """Asked after the turn: a card is on record before anything is kept of it."""
        tokens = {
            KEY.unpack(row.key)[1]: row.at
            for row in part
            if len(row.key) == KEY.size and row.key[0] == SubjectKind.CARD
        }
        if self._are_cards is None or not tokens:
            return
        are_cards = self._are_cards(np.array(list(tokens), np.uint64)).tolist()
        for at, is_card in zip(tokens.values(), are_cards, strict=True):
            if not is_card:
                self._fault("card", at)

    def _take_day(self, row: _Walked) -> None:
        parsed = None if row.other is None else Row.parse(row.other)
        is_day = len(row.key) == DAY.size + KEY.size
        if not is_day or parsed is None or parsed.day != DAY.unpack_from(row.key)[0]:
            self._fault("day", row.at)

    def _fault(self, name: str, at: int) -> None:
        self._found[name] += 1
        self._first.setdefault(name, at)


def _rows_after(txn: Txn, after: bytes) -> list[tuple[bytes, bytes]]:
    """At most PART_ROWS of a database whose keys come after one, which may have gone meanwhile."""
    rows: list[tuple[bytes, bytes]] = []
    cursor = txn.cursor()
    if cursor.set_range(after) if after else cursor.first():
        for key, value in cursor:
            if bytes(key) != after:
                rows.append((bytes(key), bytes(value)))
            if len(rows) == PART_ROWS:
                break
    return rows


def _day_key(key: bytes, value: bytes) -> bytes:
    """Where a subject stands in the order of days, if it is swept at all."""
    row = Row.parse(value)
    return DAY.pack(row.day if row is not None else 0) + key


def _subject_key(key: bytes, _: bytes) -> bytes:
    """Whose day it is. A key of less is none of ours, and leads nowhere."""
    return key[DAY.size :] or key
