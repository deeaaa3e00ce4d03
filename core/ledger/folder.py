"""What stands in a ledger's folder, and what its ledger.toml and its key say.

DIR/ledger.toml            id, epoch, format, engine, the check of the key, and a checksum over
                           all of it; written last, so a folder with it is whole
DIR/token.key              32 random bytes, mode 0600: the key of the card tokens
DIR/settings.toml          what it has room for (core/ledger/settings_file.py)
DIR/owner                  held while a process writes (core/ledger/owner.py)
DIR/journal/               what happened; the only thing that cannot be made again
DIR/checkpoint/state       saved pages of the state       } derived from the journal:
DIR/checkpoint/identities  retired identities              } deleting them loses nothing
"""

import os
import stat
import tomllib
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from onecard.core.errors import LedgerForeign, LedgerMissing, quoted
from onecard.core.ledger import card_number
from onecard.core.ledger.card_number import CardForm
from onecard.core.ledger.settings_file import REASON_CHARACTERS_MAX
from onecard.core.ledger.token import KEY_BYTES, CardTokens, key_check
from onecard.core.storage.disk import is_irregular
from onecard.core.storage.rebuildable import Origin

FORMAT = 1
TOML = "ledger.toml"
TOKEN_KEY = "token.key"
CHECKSUM = "checksum"
IRREGULAR = "expected a regular file, found a folder, a pipe or a device; restore it"
CARD_NUMBER = "card_number"
# Of a key file: whoever reads it can compute the token of every card number there may be.
OTHERS_MAY = stat.S_IRWXG | stat.S_IRWXO
CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class LedgerToml:
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


def read_ledger_toml(path: Path) -> LedgerToml:
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
        toml = LedgerToml(
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
    if toml.key_check is not None and (path / TOKEN_KEY).exists():
        _check_key(path, toml.key_check)
    return toml


def read_card_tokens(path: Path) -> CardTokens:
    """How the ledger in `path` makes tokens of card numbers; LedgerMissing or LedgerForeign."""
    toml = read_ledger_toml(path)
    return CardTokens(read_token_key(path), toml.form)


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


def write_new(path: Path, content: bytes) -> None:
    """A new file for our eyes alone, on disk when this returns."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, content)
        os.fsync(file)
    finally:
        os.close(file)
