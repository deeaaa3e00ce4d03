"""DIR/store.key: what wraps the key of every subject. Without it nothing in the store is readable.

Its check tells whether a key is the one that a store was made with, and nothing of the key.
"""

import secrets
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from onecard.core.erasable.cipher import KEY_BYTES, Sealer, sealer
from onecard.core.errors import LedgerForeign
from onecard.core.storage.environment import sync_folder
from onecard.core.storage.key_file import make_key_file, read_key_file
from onecard.ext.shape.numbers import Store

STORE_KEY = "store.key"
CHECK = b"store key check"
# Random nonces of 96 bits: beyond it two may be alike with more than 2^-32 (NIST SP 800-38D, 8.3).
WRAPS_MAX = 1 << 32


@dataclass(frozen=True)
class StoreKey:
    """The key of one ledger's store, and its cipher."""

    cipher: Store
    key: bytes

    @classmethod
    def make(cls, path: Path, cipher: Store) -> "StoreKey":
        """A new one in the ledger's folder `path`, durable. OSError."""
        made = cls(cipher, secrets.token_bytes(KEY_BYTES[cipher]))
        make_key_file(path / STORE_KEY, made.key)
        sync_folder(path)
        return made

    @classmethod
    def read(cls, path: Path, cipher: Store, check: int | None = None) -> "StoreKey":
        """That of the ledger in `path`; LedgerMissing or LedgerForeign, also where it is not the
        one of this check."""
        file = path / STORE_KEY
        found = cls(cipher, read_key_file(file, KEY_BYTES[cipher], "the key of the erasable store"))
        if check is not None and found.check != check:
            raise LedgerForeign(
                f"{file}: expected the key that the erasable store was made with (check "
                f"{check:016x}), found another one or a damaged one (check {found.check:016x}); "
                "restore this ledger's own"
            )
        return found

    @property
    def check(self) -> int:
        """64 bits that tell one key from another."""
        return int.from_bytes(blake2b(CHECK, key=self.key, digest_size=8).digest(), "little")

    @property
    def sealer(self) -> Sealer:
        return sealer(self.cipher, self.key)
