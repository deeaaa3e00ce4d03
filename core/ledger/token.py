"""Card numbers to tokens: the only form in which a card is journalled, logged or sent.

A token is the keyed BLAKE2b (RFC 7693) of the printed number in UTF-8, 8 bytes, read as a
little-endian integer. Whoever holds the ledger's key computes the same in any language.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput
from onecard.core.ledger.card_number import CardForm

KEY_CHECK = "key check"  # what is hashed to tell whether two sides hold the same key
KEY_BYTES = 32
TOKEN_BYTES = 8


@dataclass(frozen=True)
class CardTokens:
    """The tokens of one ledger's printed card numbers: its key, and the form they must have."""

    key: bytes
    form: CardForm

    def of(self, number: str) -> int:
        """The token of a printed number; BadInput, without it, where it has not the form."""
        self.form.check(number)
        return token(self.key, number)

    def of_all(self, numbers: Iterable[str]) -> NDArray[np.uint64]:
        """The tokens of printed numbers, in their order."""
        return np.fromiter((self.of(number) for number in numbers), np.uint64)


def token(key: bytes, number: str) -> int:
    """The token of a printed card number; BadInput for an empty number or a useless key."""
    if len(key) != KEY_BYTES:
        raise BadInput(f"expected a token key of {KEY_BYTES} bytes, found {len(key)}")
    if not number:
        raise BadInput("expected a card number, found an empty one")
    try:
        text = number.encode()
    except UnicodeEncodeError:
        raise BadInput("expected a card number in UTF-8, found half of a character") from None
    digest = blake2b(text, key=key, digest_size=TOKEN_BYTES).digest()
    value = int.from_bytes(digest, "little")
    if value == 0:
        # 0 means "no card" on the wire; one number in 2^64 has this bad luck.
        raise BadInput("this card number hashes to 0, which means no card; it needs another key")
    return value


def key_check(key: bytes) -> int:
    """Tells whether two sides hold the same key, and nothing of the key."""
    return token(key, KEY_CHECK)
