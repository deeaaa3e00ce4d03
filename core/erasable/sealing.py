"""A subject's key and values, sealed and opened: what each belongs to is part of its seal."""

import secrets

from onecard.core.erasable.cipher import (
    KEY_BYTES,
    NONCE_BYTES,
    Sealer,
    seal,
    sealer,
    unseal,
)
from onecard.core.erasable.row import Row
from onecard.core.erasable.store_key import StoreKey
from onecard.ext.shape.numbers import Store

OWN_KEY = 0  # in place of a field: what a subject's key is wrapped for
POOL_BYTES = 1 << 16  # a call of the system for some thousand values instead of two a value


class Sealing:
    """Under one ledger's store key. A value belongs to the ledger, its subject and its field, and
    opens nowhere else. Whoever makes keys or seals holds the store alone."""

    def __init__(self, ledger_id: bytes, key: StoreKey) -> None:
        self._ledger_id = ledger_id
        self._cipher: Store = key.cipher
        self._wrapper: Sealer = key.sealer
        self._pool, self._used = b"", 0

    def new_row(self, subject: bytes) -> tuple[Row, Sealer]:
        """A subject's key, made and wrapped, with no values."""
        own = self._random(KEY_BYTES[self._cipher])
        about = self._about(subject, OWN_KEY)
        return Row(seal(self._wrapper, self._random(NONCE_BYTES), own, about)), self._by(own)

    def opener(self, subject: bytes, row: Row) -> Sealer | None:
        """What the row's values are sealed by; None where the subject's key is damaged."""
        own = unseal(self._wrapper, row.wrapped, self._about(subject, OWN_KEY))
        return None if own is None else self._by(own)

    def seal(self, by: Sealer, subject: bytes, field: int, data: bytes) -> bytes:
        return seal(by, self._random(NONCE_BYTES), data, self._about(subject, field))

    def unseal(self, by: Sealer, subject: bytes, field: int, sealed: bytes) -> bytes | None:
        """None where it is damaged, or another's."""
        return unseal(by, sealed, self._about(subject, field))

    def _by(self, own: bytes) -> Sealer:
        return sealer(self._cipher, own)

    def _about(self, subject: bytes, field: int) -> bytes:
        return self._ledger_id + subject + field.to_bytes(1, "little")

    def _random(self, count: int) -> bytes:
        """Bytes that were never given before."""
        at = self._used
        if at + count > len(self._pool):
            self._pool, at = secrets.token_bytes(POOL_BYTES), 0
        self._used = at + count
        return self._pool[at : at + count]
