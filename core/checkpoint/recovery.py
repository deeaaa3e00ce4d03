"""Brings a state up to date at a start: the saved pages, then the journal after them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onecard.core.checkpoint.pages import Manifest, SavedPages
from onecard.core.checkpoint.room import Room, check_room
from onecard.core.clock import Clock
from onecard.core.config import MIB
from onecard.core.errors import LedgerFault, OnecardError, Overloaded
from onecard.core.journal import Block, Journal
from onecard.core.journal.read_ahead import read_ahead
from onecard.ext.identity.generations import IDENTITY
from onecard.ext.shape.numbers import Image, Policy, Record
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from onecard.ext.state.table import TABLES
from onecard.ext.state.tariff import of_record

NO_HASH = bytes(32)
UNMAP_BYTES = 64 * MIB  # read through the map of the journal before it is given back
Progress = Callable[[int, int], None]  # records replayed so far, records to replay


@dataclass(frozen=True)
class Recovery:
    """What a start did: the save it began with (0: none), and what it replayed."""

    checkpoint: int
    blocks: int
    records: int
    load_s: float
    replay_s: float

    @property
    def seconds(self) -> float:
        return self.load_s + self.replay_s


@dataclass(frozen=True)
class Loaded:
    """What the saved pages gave: a state, and why they may not be used, if so."""

    state: State
    manifest: Manifest | None
    fault: str | None
    seconds: float


def load(pages: SavedPages, room: Room, clock: Clock) -> Loaded:
    """The saved state, or a new one. NoRoom where there is not enough for it.

    To be called before the journal is opened: pages read beside a running writer are then never
    ahead of the journal, which is read later.
    """
    started_ns = clock.elapsed_ns()
    state = room.state()
    manifest, fault = None, None
    try:
        manifest = pages.load(state)
    except Overloaded:
        raise  # says nothing about what was saved
    except OnecardError as error:
        fault = str(error)
    return Loaded(state, manifest, fault, (clock.elapsed_ns() - started_ns) / 1e9)


def catch_up(
    loaded: Loaded,
    journal: Journal,
    room: Room,
    clock: Clock,
    discard: Callable[[str], None],
    progress: Progress | None,
) -> tuple[State, Recovery]:
    """The state as of the journal's last record; `discard` is told why a save was not used.

    LedgerFault, naming the block, where the journal does not fit; NoRoom where it only has more.
    """
    started_ns = clock.elapsed_ns()
    state, manifest = loaded.state, loaded.manifest
    fault = loaded.fault or _foreign(manifest, journal)
    if fault is not None:
        state, manifest = room.state(), None
        discard(fault)
    sequence = 0 if manifest is None else manifest.sequence
    blocks = _replay(state, journal, sequence, progress)
    seconds = (clock.elapsed_ns() - started_ns) / 1e9
    records = journal.durable.last - sequence
    return state, Recovery(sequence, blocks, records, loaded.seconds, seconds)


def _foreign(manifest: Manifest | None, journal: Journal) -> str | None:
    """Why a save does not belong to this journal; None where it does.

    LedgerFault where it is ahead of the journal: pages are saved only of what was durable, so
    entries that were answered are gone.
    """
    if manifest is None:
        return None
    newest = max(manifest.newest, manifest.sequence)
    if newest > journal.durable.last:
        raise LedgerFault(
            f"{journal.folder}: expected entries up to {newest}, which the checkpoint has seen "
            f"durable, found {journal.durable.last} as the last: a tail is missing; restore the "
            "journal, or delete the folder checkpoint to go on without them"
        )
    if head_at(journal, manifest.sequence) != manifest.head:
        return f"expected it to follow the journal's block that ends at {manifest.sequence}"
    return None


def _replay(state: State, journal: Journal, sequence: int, progress: Progress | None) -> int:
    """Apply the journal after `sequence` to a loaded state; gives the number of blocks."""
    blocks = 0
    todo = journal.durable.last - sequence
    for block in read_through(journal, sequence + 1):
        check_room(state, block)
        try:
            apply(state, block.value)
        except ValueError as error:
            raise LedgerFault(f"{block.where}: expected to apply it, found {error}") from error
        blocks += 1
        if progress is not None:
            progress(block.last - sequence, todo)
    for name in TABLES:
        state.as_of(name)[:] = 0
    state.gather_holds()
    state.lots.put_in_order()
    state.travels.put_in_order()
    for row, policy in enumerate(state.rows("policies")):
        if policy["policy"] == Policy.OD_FARES and not state.has_fares(row):
            state.load_fares(row, _fares(journal, int(policy["record"])))
    return blocks


def read_through(journal: Journal, first: int) -> Iterator[Block]:
    """The blocks from `first` on, read ahead; what was mapped to read them is given back."""
    read_bytes = 0
    for block in read_ahead(journal.blocks(first)):
        yield block
        read_bytes += len(block.value)
        if read_bytes >= UNMAP_BYTES:
            read_bytes = 0
            journal.unmap()
    journal.unmap()


def _fares(journal: Journal, record: int) -> NDArray[np.int32]:
    block = journal.block_of(record)
    if block is None or block.record not in (Record.TARIFFS, Record.TARIFF_SETS):
        raise LedgerFault(f"record {record}: expected the fares of a tariff, found none")
    try:
        return of_record(block.rows, block.blob).fares_fen
    except ValueError as error:
        raise LedgerFault(f"{block.where}: expected a tariff, found {error}") from error


def head_at(journal: Journal, sequence: int) -> bytes:
    """The hash of the block that ends at a durable sequence; empty where none ends there."""
    if sequence == 0:
        return NO_HASH
    block = journal.block_of(sequence)
    return block.hash if block is not None and block.last == sequence else b""


def hash_of(journal: Journal, sequence: int) -> bytes:
    """The hash of the block that holds a durable sequence; zeros where there is none."""
    block = journal.block_of(sequence)
    return NO_HASH if block is None else block.hash


def bound_by(block: Block, after: int) -> NDArray[np.void]:
    """The identities that the entries of a block above a sequence bind, in order."""
    own = np.zeros(len(block.rows), IDENTITY)
    for name in ("terminal", "epoch", "terminal_seq", "sequence"):
        own[name] = block.rows[name]
    voided = block.images[block.images["what"] == int(Image.VOIDED_IDENTITY)]
    target = own[voided["row"]]
    target["epoch"] = voided["key"] >> np.uint64(32)
    target["terminal_seq"] = voided["key"] & np.uint64(0xFFFFFFFF)
    if len(target):
        own = np.concatenate([own, target])
        own = own[np.argsort(own["sequence"], kind="stable")]
    return own[own["sequence"] > after]


def part_end(identities: NDArray[np.void], at: int, rows_max: int) -> int:
    """Where a part from `at` on of at most `rows_max` ends, never between what one entry bound."""
    end = min(at + rows_max, len(identities))
    if end < len(identities) and identities["sequence"][end] == identities["sequence"][end - 1]:
        end -= 1
    return end if end > at else min(at + 2, len(identities))
