"""Stamps a ledger of format 1 as one of format 2. Nothing of its journal is touched.

A kill at any step leaves a ledger that is whole: of format 1 until ledger.toml is replaced, and of
format 2 from then on. What a killed process left is used or replaced by the next one.
"""

import os
import secrets
from dataclasses import replace
from pathlib import Path

from onecard.core.errors import BadInput
from onecard.core.failpoint import here
from onecard.core.ledger.folder import (
    DIGEST_KEY,
    DIGEST_KEY_BYTES,
    FORMAT,
    NEW,
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
from onecard.core.ledger.token import key_check
from onecard.core.storage.environment import sync_folder


def migrate(path: Path) -> LedgerToml | None:
    """What its ledger.toml said before; None where the ledger in `path` is of format 2 already.

    LedgerMissing, LedgerForeign; LedgerInUse where another process writes the ledger; BadInput for
    another user than its owner, who could not read what is written here; OSError.
    """
    if read_ledger_toml(path).format == FORMAT:
        return None
    owner, user = (path / TOML).stat().st_uid, os.geteuid()
    if user != owner:
        raise BadInput(
            f"{path}: expected to be run by its owner, user {owner}, found user {user}; run it as "
            "the user who owns it"
        )
    with Owner(path):
        toml = read_ledger_toml(path)
        if toml.format == FORMAT:  # stamped by another process meanwhile
            return None
        tokens = toml.algorithms.tokens
        stamped = replace(
            toml,
            key_check=key_check(read_token_key(path), tokens),
            digest_key_check=digest_key_check(_digest_key(path), tokens),
        )
        here("before_stamp")
        write_ledger_toml(path, stamped, stamped.engine)
    return toml


def _digest_key(path: Path) -> bytes:
    """That of digest.key, which is made where there is none yet."""
    if not (path / DIGEST_KEY).exists():
        part = path / (DIGEST_KEY + NEW)
        part.unlink(missing_ok=True)
        write_new(part, secrets.token_bytes(DIGEST_KEY_BYTES))
        here("digest_key_new")
        part.rename(path / DIGEST_KEY)
        sync_folder(path)  # a check whose key is lost again would lock its ledger
    return read_digest_key(path)
