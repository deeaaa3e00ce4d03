"""A ledger's folder: made by `create`, opened and brought up to date by `open`.

    DIR/ledger.toml            id, epoch, format, engine, the check of the key, and a checksum over
                               all of it; written last, so a folder with it is whole
    DIR/token.key              32 random bytes, mode 0600: the key of the card tokens
    DIR/settings.toml          what it has room for (core/ledger/settings_file.py)
    DIR/owner                  held while a process writes (core/ledger/owner.py)
    DIR/journal/               what happened; the only thing that cannot be made again
    DIR/checkpoint/state       saved pages of the state       } derived from the journal:
    DIR/checkpoint/identities  retired identities              } deleting them loses nothing

Opening: load the saved pages, replay the journal after them, and answer from where it ended.
"""

import os
import secrets
import stat
import tomllib
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

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
from onecard.core.errors import LedgerForeign, LedgerMissing, quoted
from onecard.core.journal import Journal
from onecard.core.ledger import card_number
from onecard.core.ledger.card_number import CardForm
from onecard.core.ledger.owner import Owner
from onecard.core.ledger.settings_file import (
    REASON_CHARACTERS_MAX,
    SETTINGS,
    check_in_use,
    check_settings,
    keep_settings,
    read_settings,
)
from onecard.core.ledger.token import KEY_BYTES, CardTokens, key_check
from onecard.core.storage import unmap
from onecard.core.storage.disk import is_irregular
from onecard.core.storage.environment import Readers, sync_folder
from onecard.core.storage.rebuildable import Origin
from onecard.core.watch.log import Log
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Record
from onecard.ext.state.state import State

FORMAT = 1
TOML = "ledger.toml"
TOKEN_KEY = "token.key"
CHECKSUM = "checksum"
IRREGULAR = "expected a regular file, found a folder, a pipe or a device; restore it"
CARD_NUMBER = "card_number"
# Of a key file: whoever reads it can compute the token of every card number there may be.
OTHERS_MAY = stat.S_IRWXG | stat.S_IRWXO
CHECKPOINT = "checkpoint"
ANY_SEQUENCE = 1 << 63  # more than a journal ever holds


@dataclass(frozen=True)
class Card:
    """What ledger.toml says. `key_check` is that of token.key; None of a ledger from before."""

    origin: Origin
    segment_bytes: int
    key_check: int | None = None
    form: CardForm = card_number.ANY

    def text(self, engine: tuple[int, int, int]) -> str:
        text = (
            "# Written once by `onecard init`; a restore raises the epoch. Not for editing.\n"
            f'id = "{self.origin.ledger_id.hex()}"\n'
            f"epoch = {self.origin.epoch}\n"
            f"format = {FORMAT}\n"
            f'lmdb = "{".".join(map(str, engine))}"\n'
            f"segment_bytes = {self.segment_bytes}\n"
        )
        if self.key_check is None:
            return text
        text += f'key_check = "{self.key_check:016x}"\n'
        text += f'{CARD_NUMBER} = "{_quoted(self.form.text())}"\n' if self.form.text() else ""
        return text + _checksum_line(text)


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
        origin: Origin,
        form: CardForm,
        settings: Settings,
        parts: Parts,
        done: Recovery,
        clock: Clock,
        log: Log,
    ) -> None:
        self.path = path
        self.origin = origin
        self.settings = settings
        self.state = parts.state
        self.journal = journal = parts.journal
        self.identities = parts.identities
        self.recovery = done
        self.owner = parts.owner
        self.token_key = read_token_key(path)
        self._log = log
        self.card_tokens = CardTokens(self.token_key, form)
        self._pages = parts.pages
        self._checkpoint: Checkpoint | None = None
        if parts.owner is not None:
            self._checkpoint = Checkpoint(
                parts.pages,
                settings,
                clock,
                log,
                lambda: journal.last,
                lambda sequence: head_at(journal, sequence),
                done.checkpoint,
                self.unmap,
            )
            self._checkpoint.start()

    @classmethod
    def create(
        cls, path: Path, settings: Settings | None = None, form: CardForm = card_number.DEFAULT
    ) -> Origin:
        """Make a ledger in `path`, an empty or absent folder; LedgerForeign where it is not."""
        settings = settings or Settings()
        check_settings(settings)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise LedgerForeign(
                f"{path}: expected an empty folder or none, found files in it; choose another"
            )
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = secrets.token_bytes(KEY_BYTES)
        _write(path / TOKEN_KEY, key)
        origin = Origin(uuid.uuid4().bytes, 1)
        with Journal.create(
            path,
            origin.ledger_id,
            origin.epoch,
            settings.segment_bytes,
            settings.watermark_bytes,
        ) as journal:
            engine = journal.segments[0].environment.lib_version
        keep_settings(path, settings)
        text = Card(origin, settings.segment_bytes, key_check(key), form).text(engine)
        _write(path / (TOML + ".new"), text.encode())
        (path / (TOML + ".new")).rename(path / TOML)
        sync_folder(path)
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
    ) -> "Ledger":
        """Open and recover. LedgerMissing, LedgerInUse, LedgerForeign, LedgerFault; BadInput where
        the settings do not allow what is in use.

        With `readonly` nothing is written and another process may serve it meanwhile; the ledger
        is then as it was durable at this moment, for ever, whatever the settings allow. Without
        `settings` they are the ledger's own; with them they become its own.
        """
        clock = clock or SystemClock()
        log = log or Log(clock)
        card = read_card(path)
        settings = settings or read_settings(path)
        check_settings(settings)
        if card.key_check is None:
            log.warning(
                "key_unchecked",
                path=str(path / TOKEN_KEY),
                reason=f"{TOML} is from before it held a check of it: nothing says it is this one",
            )
        room = Room.of(settings)
        while True:
            try:
                return cls._open(path, card, settings, room, readonly, progress, clock, log)
            except NoRoom as more:
                room = more.room

    @classmethod
    def _open(
        cls,
        path: Path,
        card: Card,
        settings: Settings,
        room: Room,
        readonly: bool,
        progress: Progress | None,
        clock: Clock,
        log: Log,
    ) -> "Ledger":
        """`open` with so much room; NoRoom where more rows are in use."""
        origin = card.origin
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
            journal = opened.enter_context(_open_journal(path, card, settings, readonly))

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
                ANY_SEQUENCE if readonly else journal.last,
                settings.identities_map_bytes,
                log,
                pause_s=settings.checkpoint_pause_ms / 1000,
                readonly=readonly,
                hash_of=lambda sequence: hash_of(journal, sequence),
            )
            opened.callback(identities.release)
            parts = Parts(state, journal, identities, pages, owner)
            ledger = cls(path, origin, card.form, settings, parts, done, clock, log)
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
        for block in read_through(self.journal, retired + 1):
            if block.record == Record.ENTRIES:
                yield bound_by(block, retired)

    def forget_identities(self, reason: str) -> None:
        """Set the retired identities aside: all are in the journal still, so `recent` gives all."""
        map_bytes = self.settings.identities_map_bytes
        self.identities.discard(reason, self.origin, map_bytes, self._log)

    def tail_entries(self, count: int) -> NDArray[np.void]:
        """The ENTRY rows among the last `count` sequences, in order; other records have none."""
        first = max(1, self.journal.last - count + 1)
        parts = [np.empty(0, dtypes.ENTRY)]
        for block in read_through(self.journal, first):
            if block.record == Record.ENTRIES:
                parts.append(block.rows[block.rows["sequence"] >= first])
        return np.concatenate(parts)

    def unmap(self) -> None:
        """Give back what readers left resident. Any thread may read meanwhile.

        Called after each whole checkpoint, so a server keeps to the memory of its tables.
        """
        for segment in self.journal.segments:
            unmap.unmap(segment.environment)
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


def _open_journal(path: Path, card: Card, settings: Settings, readonly: bool) -> Journal:
    origin, watermark = card.origin, settings.watermark_bytes
    return Journal.open(
        path, origin.ledger_id, origin.epoch, card.segment_bytes, watermark, readonly
    )


# ---- the folder -----------------------------------------------------------------------------


def read_card(path: Path) -> Card:
    """What ledger.toml says; LedgerMissing or LedgerForeign where it is no ledger of ours.

    LedgerForeign too where it is damaged, or where the token.key beside it is not this ledger's:
    with another one every card number would be another card.
    """
    file = path / TOML
    if is_irregular(file):
        raise LedgerForeign(f"{file}: {IRREGULAR}")
    if not file.is_file():
        raise LedgerMissing(f"{path}: expected a ledger, found no {TOML}; make one by onecard init")
    try:
        text = file.read_bytes().decode()
        found: dict[str, Any] = tomllib.loads(text)
        if found["format"] != FORMAT:
            raise LedgerForeign(
                f"{file}: expected format {FORMAT}, found {quoted(found['format'])}"
            )
        _check_whole(file, text, found)
        origin = Origin(bytes.fromhex(found["id"]), int(found["epoch"]))
        check = found.get("key_check")
        card = Card(
            origin,
            int(found["segment_bytes"]),
            None if check is None else int(check, 16),
            CardForm.parse(found.get(CARD_NUMBER, "")),
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise LedgerForeign(
            f"{file}: expected id, epoch, format and segment_bytes, found {_otherwise(error)}; "
            "restore it"
        ) from error
    if len(origin.ledger_id) != 16 or origin.epoch < 1:
        raise LedgerForeign(f"{file}: expected an id of 16 bytes and an epoch from 1; restore it")
    if card.key_check is not None and (path / TOKEN_KEY).exists():
        _check_key(path, card.key_check)
    return card


def read_card_tokens(path: Path) -> CardTokens:
    """How the ledger in `path` makes tokens of card numbers; LedgerMissing or LedgerForeign."""
    card = read_card(path)
    return CardTokens(read_token_key(path), card.form)


def _otherwise(error: Exception) -> str:
    """What was found in a ledger.toml instead: not the bytes, which may be anything."""
    if isinstance(error, UnicodeDecodeError):
        return "bytes that are not UTF-8"
    if isinstance(error, KeyError):
        return f"no line for {error.args[0]}"
    return f"otherwise: {quoted(error, REASON_CHARACTERS_MAX)}"


def _quoted(text: str) -> str:
    """As TOML wants it between quotes; a prefix may hold what TOML reads otherwise."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _check_whole(file: Path, text: str, found: dict[str, Any]) -> None:
    """LedgerForeign where it is not as it was written. Only ledgers from before have no checksum,
    and those have none of what came with it, so a line that lost its name is noticed too."""
    if not found.keys() - {"id", "epoch", "format", "lmdb", "segment_bytes"}:
        return
    body, name, _ = text.rpartition(f"{CHECKSUM} = ")
    if not name or text != body + _checksum_line(body):
        raise LedgerForeign(
            f"{file}: expected what `onecard init` wrote, with its checksum, found it changed or "
            "damaged; restore it from a copy"
        )


def _check_key(path: Path, wanted: int) -> None:
    found = key_check(read_token_key(path))
    if found != wanted:
        raise LedgerForeign(
            f"{path / TOKEN_KEY}: expected the key that {TOML} was made with (check "
            f"{wanted:016x}), found another one or a damaged one (check {found:016x}); "
            "restore this ledger's own"
        )


def _checksum_line(text: str) -> str:
    return f'{CHECKSUM} = "{blake2b(text.encode(), digest_size=8).hexdigest()}"\n'


def read_token_key(path: Path) -> bytes:
    """The 32 bytes of a ledger's token.key; LedgerMissing or LedgerForeign."""
    return read_key(path / TOKEN_KEY)


def read_key(file: Path) -> bytes:
    """The 32 bytes of a key's file that only its owner may read; LedgerMissing or LedgerForeign."""
    if is_irregular(file):
        raise LedgerForeign(f"{file}: {IRREGULAR}")
    if not file.is_file():
        raise LedgerMissing(f"{file}: expected the key of the card tokens, found none; restore it")
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & OTHERS_MAY:
        raise LedgerForeign(
            f"{file}: expected a file that only its owner may read, found mode {mode:04o}; "
            f"chmod 600 {file}"
        )
    key = file.read_bytes()
    if len(key) != KEY_BYTES:
        raise LedgerForeign(f"{file}: expected {KEY_BYTES} bytes, found {len(key)}; restore it")
    return key


def _write(path: Path, content: bytes) -> None:
    """A new file for our eyes alone, on disk when this returns."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, content)
        os.fsync(file)
    finally:
        os.close(file)
