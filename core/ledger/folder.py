"""What stands in a ledger's folder, and what its ledger.toml and its keys say.

DIR/ledger.toml            id, epoch, format, engine, the checks of the keys, the algorithms, and a
                           checksum over all of it; written last, so a folder with it is whole
DIR/token.key              32 random bytes, mode 0600: the key of the card tokens
DIR/digest.key             16 random bytes, mode 0600: the key of the digests of taps' bodies
DIR/settings.toml          what it has room for (core/ledger/settings_file.py)
DIR/owner                  held while a process writes (core/ledger/owner.py)
DIR/journal/               what happened; the only thing that cannot be made again
DIR/checkpoint/state       saved pages of the state       } derived from the journal:
DIR/checkpoint/identities  retired identities              } deleting them loses nothing
"""

import os
import tomllib
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from onecard.core.errors import BadInput, LedgerForeign, LedgerMissing, LedgerOld, quoted
from onecard.core.failpoint import here
from onecard.core.journal.algorithms import INTERNATIONAL, NAMES, Algorithms
from onecard.core.ledger import card_number
from onecard.core.ledger.card_number import CardForm
from onecard.core.ledger.keyed_hash import keyed
from onecard.core.ledger.settings_file import REASON_CHARACTERS_MAX
from onecard.core.ledger.token import KEY_BYTES, KEY_CHECK, CardTokens, key_check
from onecard.core.storage.disk import is_irregular
from onecard.core.storage.environment import sync_folder
from onecard.core.storage.key_file import read_key_file
from onecard.core.storage.rebuildable import Origin
from onecard.ext.shape.numbers import Tokens

FORMAT = 2  # of the ledgers that are made and written
FORMAT_READ_ONLY = 1  # without a digest key and a choice of algorithms; `onecard migrate` stamps it
TOML = "ledger.toml"
TOKEN_KEY = "token.key"
DIGEST_KEY = "digest.key"
DIGEST_KEY_BYTES = 16  # as SipHash takes it
KEYS = {  # the file of a key -> its bytes, and what it is for
    TOKEN_KEY: (KEY_BYTES, "the key of the card tokens"),
    DIGEST_KEY: (DIGEST_KEY_BYTES, "the key of the digests of taps"),
}
NEW = ".new"  # behind the name of a file that has not got its own yet
CHECKSUM = "checksum"
IRREGULAR = "expected a regular file, found a folder, a pipe or a device; restore it"
CARD_NUMBER = "card_number"
CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class LedgerToml:
    """What ledger.toml says.

    `key_check` is that of token.key; None of a ledger from before. `digest_key_check` is that of
    digest.key; None of a ledger of format 1, whose algorithms are those that all had then.
    """

    origin: Origin
    segment_bytes: int
    key_check: int | None = None
    form: CardForm = card_number.ANY
    digest_key_check: int | None = None
    algorithms: Algorithms = INTERNATIONAL
    engine: str = ""  # the version of LMDB that made it

    @property
    def format(self) -> int:
        return FORMAT_READ_ONLY if self.digest_key_check is None else FORMAT

    def check_writable(self, path: Path) -> None:
        """LedgerOld unless whoever opens the ledger in `path` may write it."""
        if self.format != FORMAT:
            raise LedgerOld(
                f"{path}: expected a ledger of format {FORMAT} to write to, found format "
                f"{self.format}, which is only read; onecard migrate {path}"
            )

    def text(self, engine: tuple[int, int, int] | str) -> str:
        version = engine if isinstance(engine, str) else ".".join(map(str, engine))
        text = (
            "# Written once by `onecard init`; a restore raises the epoch. Not for editing.\n"
            f'id = "{self.origin.ledger_id.hex()}"\n'
            f"epoch = {self.origin.epoch}\n"
            f"format = {self.format}\n"
            f'lmdb = "{version}"\n'
            f"segment_bytes = {self.segment_bytes}\n"
        )
        if self.key_check is None:
            return text
        text += f'key_check = "{self.key_check:016x}"\n'
        if self.digest_key_check is not None:
            text += f'digest_key_check = "{self.digest_key_check:016x}"\n'
            text += "".join(
                f'{what} = "{name}"\n' for what, name in self.algorithms.names().items()
            )
        text += f'{CARD_NUMBER} = "{_quoted(self.form.text())}"\n' if self.form.text() else ""
        return text + _checksum_line(text)


def read_ledger_toml(path: Path) -> LedgerToml:
    """What ledger.toml says; LedgerMissing or LedgerForeign where it is no ledger of ours.

    LedgerForeign too where it is damaged, or where a key beside it is not this ledger's: with
    another token.key every card number would be another card.
    """
    file = path / TOML
    if is_irregular(file):
        raise LedgerForeign(f"{file}: {IRREGULAR}")
    if not file.is_file():
        raise LedgerMissing(f"{path}: expected a ledger, found no {TOML}; make one by onecard init")
    try:
        text = file.read_bytes().decode()
        found: dict[str, Any] = tomllib.loads(text)
        if found["format"] not in (FORMAT_READ_ONLY, FORMAT):
            raise LedgerForeign(
                f"{file}: expected format {FORMAT_READ_ONLY} or {FORMAT}, found "
                f"{quoted(found['format'])}; use the onecard that made it"
            )
        _check_whole(file, text, found)
        toml = _said(file, found)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise LedgerForeign(
            f"{file}: expected id, epoch, format and segment_bytes, found {_otherwise(error)}; "
            "restore it"
        ) from error
    if len(toml.origin.ledger_id) != 16 or toml.origin.epoch < 1:
        raise LedgerForeign(f"{file}: expected an id of 16 bytes and an epoch from 1; restore it")
    tokens = toml.algorithms.tokens
    if toml.key_check is not None and (path / TOKEN_KEY).exists():
        _check_key(path / TOKEN_KEY, toml.key_check, key_check(read_token_key(path), tokens))
    if toml.digest_key_check is not None and (path / DIGEST_KEY).exists():
        found_check = digest_key_check(read_digest_key(path), tokens)
        _check_key(path / DIGEST_KEY, toml.digest_key_check, found_check)
    return toml


def write_ledger_toml(path: Path, toml: LedgerToml, engine: tuple[int, int, int] | str) -> None:
    """Write ledger.toml, whole or not at all, in place of one that is there. OSError."""
    part = path / (TOML + NEW)
    part.unlink(missing_ok=True)  # of somebody who was killed here
    write_new(part, toml.text(engine).encode())
    here("ledger_toml_new")
    part.rename(path / TOML)
    here("after_stamp")
    sync_folder(path)


def read_card_tokens(path: Path) -> CardTokens:
    """How the ledger in `path` makes tokens of card numbers; LedgerMissing or LedgerForeign."""
    toml = read_ledger_toml(path)
    return CardTokens(read_token_key(path), toml.form, toml.algorithms.tokens)


def digest_key_check(key: bytes, tokens: Tokens) -> int:
    """Tells whether a digest.key is this ledger's, and nothing of it."""
    return int.from_bytes(keyed(tokens, key)(KEY_CHECK.encode()), "little")


def _said(file: Path, found: dict[str, Any]) -> LedgerToml:
    """Of the lines of a ledger.toml; what is wrong with one is raised as Python does."""
    origin = Origin(bytes.fromhex(found["id"]), int(found["epoch"]))
    bytes_, engine = int(found["segment_bytes"]), str(found.get("lmdb", ""))
    form = CardForm.parse(found.get(CARD_NUMBER, ""))
    if found["format"] == FORMAT_READ_ONLY:
        check = found.get("key_check")
        key = None if check is None else int(check, 16)
        return LedgerToml(origin, bytes_, key, form, engine=engine)
    key, digest = int(found["key_check"], 16), int(found["digest_key_check"], 16)
    names = {what: found[what] for what in NAMES}
    try:
        algorithms = Algorithms.named(names)
    except BadInput as error:
        raise LedgerForeign(f"{file}: {error}; use the onecard that made it") from None
    return LedgerToml(origin, bytes_, key, form, digest, algorithms, engine)


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
    first = {"id", "epoch", "format", "lmdb", "segment_bytes"}
    if found["format"] == FORMAT_READ_ONLY and not found.keys() - first:
        return
    body, name, _ = text.rpartition(f"{CHECKSUM} = ")
    if not name or text != body + _checksum_line(body):
        raise LedgerForeign(
            f"{file}: expected what `onecard init` wrote, with its checksum, found it changed or "
            "damaged; restore it from a copy"
        )


def _check_key(file: Path, wanted: int, found: int) -> None:
    if found != wanted:
        raise LedgerForeign(
            f"{file}: expected the key that {TOML} was made with (check {wanted:016x}), found "
            f"another one or a damaged one (check {found:016x}); restore this ledger's own"
        )


def _checksum_line(text: str) -> str:
    return f'{CHECKSUM} = "{blake2b(text.encode(), digest_size=8).hexdigest()}"\n'


def read_token_key(path: Path) -> bytes:
    """The 32 bytes of a ledger's token.key; LedgerMissing or LedgerForeign."""
    return read_key(path / TOKEN_KEY)


def read_digest_key(path: Path) -> bytes:
    """The 16 bytes of a ledger's digest.key; LedgerMissing or LedgerForeign."""
    return read_key(path / DIGEST_KEY, DIGEST_KEY)


def read_key(file: Path, what: str = TOKEN_KEY) -> bytes:
    """The bytes of a key's file that only its owner may read; LedgerMissing or LedgerForeign.

    `what` is its name in a ledger's folder; it may have another one elsewhere.
    """
    count, purpose = KEYS[what]
    return read_key_file(file, count, purpose)


def write_new(path: Path, content: bytes) -> None:
    """A new file for our eyes alone, on disk when this returns."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, content)
        os.fsync(file)
    finally:
        os.close(file)
