"""A ledger, open: made by `create`, opened and brought up to date by `open`.

Opening: load the saved pages, replay the journal after them, and answer from where it ended. What
stands in its folder is in core/ledger/folder.py.
"""

import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onecard.core.checkpoint import recovery
from onecard.core.checkpoint.identities import Identities
from onecard.core.checkpoint.pages import SavedPages
from onecard.core.checkpoint.passes import Checkpoint
from onecard.core.checkpoint.recovery import (
    Progress,
    Recovery,
    bound_by,
    hash_of,
    head_at,
    read_through,
)
from onecard.core.checkpoint.room import NoRoom, Room
from onecard.core.clock import Clock, SystemClock
from onecard.core.config import Settings
from onecard.core.errors import LedgerForeign
from onecard.core.journal import Block, Journal, LocalJournal
from onecard.core.journal.algorithms import INTERNATIONAL, Algorithms
from onecard.core.ledger import card_number
from onecard.core.ledger.card_number import CardForm
from onecard.core.ledger.folder import (
    CHECKPOINT,
    DIGEST_KEY,
    DIGEST_KEY_BYTES,
    FORMAT,
    TOKEN_KEY,
    TOML,
    LedgerToml,
    digest_key_check,
    read_digest_key,
    read_ledger_toml,
    read_token_key,
    write_ledger_toml,
    write_new,
)
from onecard.core.ledger.owner import Owner
from onecard.core.ledger.settings_file import (
    SETTINGS,
    check_in_use,
    check_settings,
    keep_settings,
    read_settings,
)
from onecard.core.ledger.token import KEY_BYTES, CardTokens, key_check
from onecard.core.storage.environment import Readers, sync_folder
from onecard.core.storage.rebuildable import Origin
from onecard.core.watch.log import Log
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Record
from onecard.ext.state.state import State

ANY_SEQUENCE = 1 << 63  # more than a journal ever holds


OpenJournal = Callable[[Path, LedgerToml, Settings, bool], Journal]  # True: to be read only


def open_local(path: Path, toml: LedgerToml, settings: Settings, readonly: bool) -> LocalJournal:
    """The journal of a ledger that is on this machine alone."""
    origin, watermark = toml.origin, settings.watermark_bytes
    return LocalJournal.open(
        path,
        origin.ledger_id,
        origin.epoch,
        toml.segment_bytes,
        watermark,
        readonly,
        toml.algorithms,
    )


@dataclass(frozen=True)
class Parts:
    """What `Ledger.open` puts together."""

    state: State
    journal: Journal
    identities: Identities
    pages: SavedPages
    owner: Owner | None


class Ledger:
    """An open ledger, recovered. `checkpoint` and `owner` are None where it is only read."""

    def __init__(
        self,
        path: Path,
        toml: LedgerToml,
        settings: Settings,
        parts: Parts,
        done: Recovery,
        clock: Clock,
        log: Log,
    ) -> None:
        self.path = path
        self.origin = toml.origin
        self.algorithms = toml.algorithms
        self.settings = settings
        self.state = parts.state
        self.journal = journal = parts.journal
        self.identities = parts.identities
        self.recovery = done
        self.owner = parts.owner
        self.token_key = read_token_key(path)
        # A ledger of format 1 has none: what it booked has another digest, and it books no more.
        self.digest_key = read_digest_key(path) if toml.format == FORMAT else None
        self._log = log
        self.card_tokens = CardTokens(self.token_key, toml.form, toml.algorithms.tokens)
        self._pages = parts.pages
        self._checkpoint: Checkpoint | None = None
        if parts.owner is not None:
            self._checkpoint = Checkpoint(
                parts.pages,
                settings,
                clock,
                log,
                lambda: journal.durable.last,
                lambda sequence: head_at(journal, sequence),
                done.checkpoint,
                self.unmap,
            )
            self._checkpoint.start()

    @classmethod
    def create(
        cls,
        path: Path,
        settings: Settings | None = None,
        form: CardForm = card_number.DEFAULT,
        algorithms: Algorithms = INTERNATIONAL,
    ) -> Origin:
        """Make a ledger in `path`, an empty or absent folder; LedgerForeign where it is not."""
        settings = settings or Settings()
        check_settings(settings)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise LedgerForeign(
                f"{path}: expected an empty folder or none, found files in it; choose another"
            )
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        key, digest_key = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(DIGEST_KEY_BYTES)
        write_new(path / TOKEN_KEY, key)
        write_new(path / DIGEST_KEY, digest_key)
        origin = Origin(uuid.uuid4().bytes, 1)
        with LocalJournal.create(
            path,
            origin.ledger_id,
            origin.epoch,
            settings.segment_bytes,
            settings.watermark_bytes,
            algorithms,
        ) as journal:
            engine = journal.segments[0].environment.lib_version
        keep_settings(path, settings)
        tokens = algorithms.tokens
        toml = LedgerToml(
            origin,
            settings.segment_bytes,
            key_check(key, tokens),
            form,
            digest_key_check(digest_key, tokens),
            algorithms,
        )
        write_ledger_toml(path, toml, engine)
        sync_folder(path.parent)
        return origin

    @classmethod
    def open(
        cls,
        path: Path,
        settings: Settings | None = None,
        readonly: bool = False,
        progress: Progress | None = None,
        clock: Clock | None = None,
        log: Log | None = None,
        open_journal: OpenJournal = open_local,
    ) -> "Ledger":
        """Open and recover. LedgerMissing, LedgerInUse, LedgerForeign, LedgerFault; LedgerOld where
        one of an older format is to be written; BadInput where the settings do not allow what is
        in use.

        With `readonly` nothing is written and another process may serve it meanwhile; the ledger
        is then as it was durable at this moment, for ever, whatever the settings allow. Without
        `settings` they are the ledger's own; with them they become its own.

        `open_journal` is who knows where blocks go, besides this machine's disk.
        """
        clock = clock or SystemClock()
        log = log or Log(clock)
        toml = read_ledger_toml(path)
        if not readonly:
            toml.check_writable(path)
        settings = settings or read_settings(path)
        check_settings(settings)
        if toml.key_check is None:
            log.warning(
                "key_unchecked",
                path=str(path / TOKEN_KEY),
                reason=f"{TOML} is from before it held a check of it: nothing says it is this one",
            )
        room = Room.of(settings)
        while True:
            try:
                return cls._open(
                    path, toml, settings, room, readonly, progress, clock, log, open_journal
                )
            except NoRoom as more:
                room = more.room

    @classmethod
    def _open(
        cls,
        path: Path,
        toml: LedgerToml,
        settings: Settings,
        room: Room,
        readonly: bool,
        progress: Progress | None,
        clock: Clock,
        log: Log,
        open_journal: OpenJournal,
    ) -> "Ledger":
        """`open` with so much room; NoRoom where more rows are in use."""
        origin = toml.origin
        map_bytes = settings.checkpoint_map_bytes
        if map_bytes >= Settings.checkpoint_map_bytes:  # one that is smaller is meant
            map_bytes = max(map_bytes, room.map_bytes)
        with ExitStack() as opened:
            owner = None if readonly else opened.enter_context(Owner(path))
            if not readonly:
                (path / CHECKPOINT).mkdir(mode=0o700, exist_ok=True)
            folder = path / CHECKPOINT / "state"
            pages = SavedPages.open(folder, origin, map_bytes, log, readonly=readonly)
            opened.callback(pages.close)
            loaded = recovery.load(pages, room, clock)
            journal = open_journal(path, toml, settings, readonly)
            opened.callback(journal.close)
            if not readonly and journal.durable != journal.written:
                # Recovery reads what is durable, and the next block follows what is written.
                raise RuntimeError(
                    f"a journal written to {journal.written.last} was opened to be written while "
                    f"it was durable to {journal.durable.last}"
                )

            def discard(reason: str) -> None:
                if readonly:
                    log.warning("derived_not_used", reason=reason)
                else:
                    pages.discard(reason, origin, map_bytes, log)

            state, done = recovery.catch_up(loaded, journal, room, clock, discard, progress)
            if not readonly:
                check_in_use(path, settings, state)
                _keep(path, settings, log)
            identities = Identities.open(
                path / CHECKPOINT / "identities",
                origin,
                ANY_SEQUENCE if readonly else journal.durable.last,
                settings.identities_map_bytes,
                log,
                pause_s=settings.checkpoint_pause_ms / 1000,
                readonly=readonly,
                hash_of=lambda sequence: hash_of(journal, sequence),
            )
            opened.callback(identities.release)
            parts = Parts(state, journal, identities, pages, owner)
            ledger = cls(path, toml, settings, parts, done, clock, log)
            opened.pop_all()
        return ledger

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def id(self) -> bytes:
        return self.origin.ledger_id

    @property
    def epoch(self) -> int:
        return self.origin.epoch

    @property
    def checkpoint(self) -> Checkpoint:
        """What saves the state; ValueError where the ledger is only read."""
        if self._checkpoint is None:
            raise ValueError(f"{self.path}: opened to be read, so nothing of it is saved")
        return self._checkpoint

    def recent(self) -> Iterator[NDArray[np.void]]:
        """Identities that are not retired yet (IDENTITY rows), in the order they were bound.

        One array a block of the journal, tombstoned identities included (after the reversal's).
        """
        retired = self.identities.retired
        for block in self.recent_entries():
            yield bound_by(block, retired)

    def recent_entries(self) -> Iterator[Block]:
        """The blocks of entries that may not be retired yet; the first also has some that are."""
        for block in read_through(self.journal, self.identities.retired + 1):
            if block.record == Record.ENTRIES:
                yield block

    def forget_identities(self, reason: str) -> None:
        """Set the retired identities aside: all are in the journal still, so `recent` gives all."""
        map_bytes = self.settings.identities_map_bytes
        self.identities.discard(reason, self.origin, map_bytes, self._log)

    def tail_entries(self, count: int) -> tuple[NDArray[np.void], NDArray[np.void]]:
        """The ENTRY rows among the last `count` sequences, in order, and their legs, which
        `legs_at` counts into; other records have none."""
        first = max(1, self.journal.durable.last - count + 1)
        parts, legs, before = [np.empty(0, dtypes.ENTRY)], [np.zeros(0, dtypes.LEG)], 0
        for block in read_through(self.journal, first):
            if block.record == Record.ENTRIES:
                rows = block.rows[block.rows["sequence"] >= first]
                rows["legs_at"] += before
                parts.append(rows)
                legs.append(block.legs)
                before += len(block.legs)
        return np.concatenate(parts), np.concatenate((*legs, np.zeros(1, dtypes.LEG)))

    def unmap(self) -> None:
        """Give back what readers left resident. Any thread may read meanwhile.

        Called after each whole checkpoint and now and then as identities retire, so a server keeps
        to the memory of its tables however fast it is written to.
        """
        self.journal.unmap()
        self._pages.unmap()
        self.identities.unmap()

    def readers(self) -> Readers:
        """The most read transactions, and the oldest one, of any environment that is written."""
        found = (self.journal.readers(), self._pages.readers(), self.identities.readers())
        return Readers(max(one.open for one in found), max(one.lag_commits for one in found))

    def close(self, checkpoint: bool = False) -> None:
        """Give everything back; with `checkpoint` save the state first, which must stand still."""
        with ExitStack() as closing:
            if self.owner is not None:
                closing.callback(self.owner.release)
            closing.callback(self.journal.close)
            closing.callback(self._pages.close)
            closing.callback(self.identities.release)
            if self._checkpoint is not None:
                closing.callback(self._checkpoint.stop)
                if checkpoint:
                    self._checkpoint.save(self.state)


def _keep(path: Path, settings: Settings, log: Log) -> None:
    """Keep the settings for the commands that come; a full disk is no reason not to start."""
    try:
        keep_settings(path, settings)
    except OSError as error:
        log.warning("settings_not_kept", path=str(path / SETTINGS), reason=error.strerror)
