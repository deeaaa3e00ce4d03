"""Proves a ledger from its first block on, or names its first fault.

What is proved, in this order and per segment: the pages (before anything of them is mapped), the
chain (digests, hashes, sequences, epochs, times), the books (docs/ledger.md, from the legs alone),
that who did it is on record before all that is no tap, the state: replayed from nothing it must
agree with the books, and with what the checkpoint and the journal's tail give; and the identities:
each is bound by one entry of the journal, and those that are retired lead to it. The erasable store
is proved beside it: no fault of it is one of the ledger, nor hides one.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onecard.core.audit.acts import Acts
from onecard.core.audit.books import Books
from onecard.core.audit.bound import Bound, agree
from onecard.core.audit.lots import Lots
from onecard.core.audit.taken_back import TakenBack
from onecard.core.checkpoint.identities import Identities
from onecard.core.checkpoint.recovery import hash_of
from onecard.core.checkpoint.room import NoRoom, Room, check_room
from onecard.core.clock import SystemClock
from onecard.core.config import Settings
from onecard.core.erasable.proof import prove as store_proof
from onecard.core.errors import LedgerFault, LedgerMissing, OnecardError
from onecard.core.journal.algorithms import INTERNATIONAL, Algorithms
from onecard.core.journal.block import NO_HASH, Block, Tip
from onecard.core.journal.local import FOLDER, LocalJournal, segment_numbers
from onecard.core.journal.segment import Segment
from onecard.core.ledger.folder import CHECKPOINT, LedgerToml, read_ledger_toml
from onecard.core.ledger.opened import ANY_SEQUENCE, Ledger
from onecard.core.ledger.owner import holder
from onecard.core.ledger.settings_file import read_settings
from onecard.core.storage.environment import DATA_FILE, structure
from onecard.core.watch.log import Log
from onecard.ext.shape.numbers import OWNER_KINDS, OwnerKind
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from onecard.ext.state.table import TABLES

Progress = Callable[[int, int], None]  # bytes proved, bytes in all


@dataclass
class Report:
    """What was walked, and the first fault; `fault` None means that all of the ledger holds. The
    faults of the erasable store are its own, a line a kind."""

    path: str
    segments: int = 0
    blocks: int = 0
    records: int = 0
    entries: int = 0
    legs: int = 0
    windows: int = 0
    acts: int = 0
    last: int = 0
    head: str = NO_HASH.hex()
    trial_balance_fen: dict[str, int] = field(default_factory=dict)
    structure: str = "not reached"
    checkpoint: str = "not reached"
    identities: str = "not reached"
    erasable: str = "not reached"
    fault: str | None = None
    erasable_faults: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Returns True when nothing is wrong with the ledger, nor with what is kept beside it."""
        return self.fault is None and not self.erasable_faults


def verify(
    path: Path,
    head: bytes | None = None,
    progress: Progress | None = None,
    settings: Settings | None = None,
) -> Report:
    """Walk the ledger in the folder `path`; with `head`, a hash kept elsewhere must be in it.

    Never raises for what is wrong with the ledger; LedgerMissing where there is none at all. Its
    settings say how much room to begin with; where more is in use, it begins again with more.
    """
    settings = settings or read_settings(path)
    toml = read_ledger_toml(path)
    room = Room.of(settings)
    while True:
        report = Report(str(path))
        try:
            state = room.state()
            with Bound() as bound, TakenBack() as taken:
                walk(
                    path,
                    toml.origin.ledger_id,
                    report,
                    state,
                    head,
                    progress,
                    bound,
                    toml.algorithms,
                    taken,
                )
                report.checkpoint = state_agrees(path, state, settings)
                report.identities = identities_agree(path, toml, bound, settings)
        except NoRoom as more:
            room = more.room
            continue
        except OnecardError as error:
            report.fault = str(error)
        try:
            _prove_store(path, toml, report, state)
        except NoRoom as more:
            room = more.room
            continue
        return report


def _prove_store(path: Path, toml: LedgerToml, report: Report, state: State) -> None:
    """The erasable store, against the cards of the replayed state; where the ledger is at fault
    nobody knows which cards there are."""

    def are_cards(tokens: NDArray[np.uint64]) -> NDArray[np.bool_]:
        known = state.credentials_of(tokens) >= 0
        if not known.all():
            # Registered since the replay; a card is on record before anything is kept of it.
            with _journal(path, toml) as journal:
                for block in journal.blocks(int(state.totals["last"][0]) + 1):
                    check_room(state, block)
                    apply(state, block.value)
            known = state.credentials_of(tokens) >= 0
        return known

    asked = are_cards if report.fault is None else None
    proof = store_proof(path, toml.origin.ledger_id, toml.algorithms.store, asked)
    report.erasable, report.erasable_faults = proof.line, proof.faults
    if asked is None and proof.is_there:
        report.erasable += "; not held against the cards, for the ledger is at fault"


def _journal(path: Path, toml: LedgerToml) -> LocalJournal:
    origin, segment_bytes = toml.origin, toml.segment_bytes
    return LocalJournal.open(
        *(path, origin.ledger_id, origin.epoch, segment_bytes, 0),
        readonly=True,
        algorithms=toml.algorithms,
    )


def walk(
    path: Path,
    ledger_id: bytes,
    report: Report,
    state: State,
    head: bytes | None = None,
    progress: Progress | None = None,
    bound: Bound | None = None,
    algorithms: Algorithms = INTERNATIONAL,
    taken: TakenBack | None = None,
) -> None:
    """Prove all segments, counting in `report` and replaying into the empty `state`.

    What the entries bind is collected in `bound`, and what they take back in `taken`, to be proved
    afterwards.
    """
    folder = path / FOLDER
    numbers = segment_numbers(folder)
    bytes_all = sum(_file_bytes(folder, number) for number in numbers)
    bytes_done = 0
    proof = _Proof(ledger_id, head, report, state, bound, algorithms, taken)
    busy = holder(path)
    for number in numbers:
        # A file that is being written has pages in flight, which the walk would call faults.
        if busy is not None and number == numbers[-1]:
            report.structure = f"last segment skipped: process {busy} writes it"
        else:
            _prove_pages(folder, number)
            report.structure = "ok"
        segment = Segment.open(folder, number, ledger_id, readonly=True)
        try:
            proof.take(segment)
        finally:
            segment.close()
        bytes_done += _file_bytes(folder, number)
        if progress is not None:
            progress(bytes_done, bytes_all)
    proof.finish()


class _Proof:
    """The walk so far."""

    def __init__(
        self,
        ledger_id: bytes,
        head: bytes | None,
        report: Report,
        state: State,
        bound: Bound | None,
        algorithms: Algorithms,
        taken: TakenBack | None,
    ) -> None:
        self.ledger_id = ledger_id
        self.algorithms = algorithms
        self.head = head
        self.head_found = head is None
        self.report = report
        self.tip = Tip()
        self.books = Books()
        self.lots = Lots()
        self.acts = Acts()
        self.state = state
        self.bound = bound
        self.taken = taken
        self.begun: list[tuple[int, int]] = []  # first sequence and number of the segments so far

    def take(self, segment: Segment) -> None:
        report = self.report
        found = segment.first, segment.previous
        wanted = self.tip.last + 1, self.tip.head
        if found != wanted:
            raise LedgerFault(
                f"segment {segment.number:08d}: expected it to begin at {wanted[0]} after "
                f"{wanted[1].hex()}, found {found[0]} after {found[1].hex()}"
            )
        self.begun.append((segment.first, segment.number))
        at = 0  # every key there is, in order, and not only those that follow
        while True:
            while blocks := segment.blocks_from(at):
                at = blocks[-1].first + 1
                for block in blocks:
                    self._take_block(block)
            try:
                segment.check_end(self.tip if at else None)
                break
            except LedgerFault:
                # Another process may have appended between the last look and this one.
                if not segment.blocks_from(at):
                    raise
        report.segments += 1

    def _take_block(self, block: Block) -> None:
        self.tip = block.follow(self.tip, self.ledger_id, self.algorithms.hash)
        self.books.take(block)
        self.lots.take(block)
        self.acts.take(block)
        check_room(self.state, block)
        try:
            apply(self.state, block.value)
        except ValueError as error:
            raise LedgerFault(f"{block.where}: expected to replay it, {error}") from None
        if self.bound is not None:
            self.bound.take(block)
        if self.taken is not None:
            self.taken.take(block)
        self.head_found = self.head_found or self.tip.head == self.head
        self._count()

    def _count(self) -> None:
        report, books = self.report, self.books
        report.blocks += 1
        report.records, report.entries = books.records, books.entries
        report.legs, report.windows = books.legs, books.windows
        report.acts = self.acts.acts
        report.last, report.head = self.tip.last, self.tip.head.hex()

    def _where(self, block: int) -> str:
        """As Block.where says it, of a block by its first sequence."""
        number = next(number for first, number in reversed(self.begun) if first <= block)
        return f"segment {number:08d}, block {block}"

    def finish(self) -> None:
        """What is left to compare at the end: the head, the trial balance, state and books."""
        # The head of a ledger without a block is all zeros.
        self.head_found = self.head_found or self.tip.head == self.head
        if not self.head_found and self.head is not None:
            raise LedgerFault(
                f"the journal ends at {self.tip.last} ({self.tip.head.hex()}); the head given, "
                f"{self.head.hex()}, is not in it: a tail is missing or changed"
            )
        self.acts.finish()
        if self.taken is not None:
            self.taken.prove(self._where)
        books = self.books
        for kind in OwnerKind:
            if books.booked[kind] or kind <= OwnerKind.SUSPENSE:  # later ones only where booked
                self.report.trial_balance_fen[kind.name] = books.trial.fen(kind)
        if books.trial.total_fen() != 0:
            raise LedgerFault(f"expected a trial balance of 0, found {books.trial.total_fen()} fen")
        participants = self.state.rows("participants")["balance_fen"]
        for number in range(OWNER_KINDS):
            posted_fen = sum(participants[:, number].tolist())
            if posted_fen != books.trial.fen(number):
                raise LedgerFault(
                    f"owner kind {number}: expected the sum of its legs, "
                    f"{books.trial.fen(number)} fen, found {posted_fen} in the replayed state"
                )
        accounts = self.state.rows("accounts")
        available_fen = accounts["posted_fen"] - accounts["held_fen"]
        shared = min(len(accounts), len(books.main_fen))
        at = np.flatnonzero(available_fen[:shared] != books.main_fen[:shared])
        if len(at) or available_fen[shared:].any():
            account = int(at[0]) if len(at) else shared
            raise LedgerFault(
                f"account {account}: expected the fold of its legs, found {available_fen[account]} "
                "fen in the replayed state"
            )
        self.lots.agree(self.state)


def state_agrees(path: Path, replayed: State, settings: Settings | None = None) -> str:
    """Compare what the checkpoint and the journal's tail give with a replay; a line for people.

    LedgerFault where they differ. A checkpoint that a start would not use is no fault: it is made
    again from the journal.
    """
    if not (path / CHECKPOINT / "state" / DATA_FILE).exists():
        return "skipped: this ledger has no checkpoint"
    with Ledger.open(path, settings, readonly=True) as ledger:
        # Another process may have written more meanwhile.
        for block in ledger.journal.blocks(int(replayed.totals["last"][0]) + 1):
            check_room(replayed, block)
            apply(replayed, block.value)
        saved_at = ledger.recovery.checkpoint
        if ledger.state.digest() != replayed.digest():
            raise LedgerFault(
                f"checkpoint of sequence {saved_at}: expected the state of a replay, found "
                f"{_difference(replayed, ledger.state)}; delete {path / CHECKPOINT}, a start "
                "makes it again"
            )
    if saved_at == 0:
        return "skipped: no whole save to start from"
    if holder(path) is None:
        _prove_derived(path / CHECKPOINT / "state")
    return "ok"


def identities_agree(path: Path, toml: LedgerToml, bound: Bound, settings: Settings) -> str:
    """Prove that each identity is bound once, and that the retired ones say so; a line for people.

    LedgerFault where they differ. Retired identities that a start would set aside are no fault.
    """
    folder = path / CHECKPOINT / "identities"
    at_rest = holder(path) is None
    if not (folder / DATA_FILE).exists():
        agree(bound, Identities(None))
        return "one entry each; none are closed"
    with ExitStack() as opened:
        journal = opened.enter_context(_journal(path, toml))
        identities = Identities.open(
            folder,
            toml.origin,
            # One who closes them meanwhile may be further than the journal was when it was opened.
            journal.written.last if at_rest else ANY_SEQUENCE,
            settings.identities_map_bytes,
            Log(SystemClock()),
            readonly=True,
            hash_of=lambda sequence: hash_of(journal, sequence),
        )
        opened.callback(identities.release)
        if identities.retired == 0:
            agree(bound, Identities(None))
            return "one entry each; none are closed that a start would use"
        if at_rest:
            _prove_derived(folder)
            identities.check()
        compared = agree(bound, identities)
    return f"ok, {compared} closed"


def _prove_derived(folder: Path) -> None:
    problems = structure(folder)
    if problems:
        raise LedgerFault(
            f"{folder}: expected sound LMDB pages, found: {problems[0]}; delete that folder, "
            "a start makes it again"
        )


def _difference(replayed: State, loaded: State) -> str:
    for name in TABLES:
        wanted, found = replayed.rows(name), loaded.rows(name)
        if len(wanted) != len(found):
            return f"{len(found)} {name} for {len(wanted)}"
        at = np.flatnonzero(wanted != found)
        if len(at):
            return f"another row {at[0]} of {name}"
    return "other totals"


def _prove_pages(folder: Path, number: int) -> None:
    path = folder / f"{number:08d}"
    if not (path / DATA_FILE).is_file():
        raise LedgerMissing(f"{path / DATA_FILE}: expected the segment's data file, found none")
    problems = structure(path)
    if problems:
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise LedgerFault(
            f"segment {number:08d}: expected sound LMDB pages, found: {problems[0]}{more}"
        )


def _file_bytes(folder: Path, number: int) -> int:
    file = folder / f"{number:08d}" / DATA_FILE
    return file.stat().st_size if file.is_file() else 0
