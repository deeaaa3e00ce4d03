"""Card numbers to tokens: the only form in which a card is journalled, logged or sent.

A token is the keyed hash of the printed number in UTF-8, 8 bytes, read as a little-endian integer:
BLAKE2b, or HMAC-SM3 where the ledger was made so (keyed_hash.py). Whoever holds the
ledger's key computes the same in any language.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput
from onecard.core.ledger.card_number import CardForm
from onecard.core.ledger.keyed_hash import Keyed, keyed
from onecard.ext.shape.numbers import Tokens

KEY_CHECK = "key check"  # what is hashed to tell whether two sides hold the same key
KEY_BYTES = 32
KEY_VERSION = 1  # of token.key; the version that made a token stands on its credential


@dataclass(frozen=True)
class CardTokens:
    """The tokens of one ledger's printed card numbers: its key, their form, and the keyed hash."""

    key: bytes = field(repr=False)  # it stands in no error and no log
    form: CardForm
    tokens: Tokens = Tokens.BLAKE2B

    def of(self, number: str) -> int:
        """The token of a printed number; BadInput, without it, where it has not the form."""
        self.form.check(number)
        return _token(self._keyed, number)

    def of_all(self, numbers: Iterable[str]) -> NDArray[np.uint64]:
        """The tokens of printed numbers, in their order."""
        return np.fromiter((self.of(number) for number in numbers), np.uint64)

    @property
    def key_check(self) -> int:
        """Tells whether two sides hold the same key and hash alike, and nothing of the key."""
        return _token(self._keyed, KEY_CHECK)

    @cached_property
    def _keyed(self) -> Keyed:
        return _checked(self.key, self.tokens)


def token(key: bytes, number: str, tokens: Tokens = Tokens.BLAKE2B) -> int:
    """The token of a printed card number; BadInput for an empty number or a useless key."""
    return _token(_checked(key, tokens), number)


def key_check(key: bytes, tokens: Tokens = Tokens.BLAKE2B) -> int:
    """Tells whether two sides hold the same key and hash alike, and nothing of the key."""
    return token(key, KEY_CHECK, tokens)


def _checked(key: bytes, tokens: Tokens) -> Keyed:
    if len(key) != KEY_BYTES:
        raise BadInput(f"expected a token key of {KEY_BYTES} bytes, found {len(key)}")
    return keyed(tokens, key)


def _token(keyed: Keyed, number: str) -> int:
    if not number:
        raise BadInput("expected a card number, found an empty one")
    try:
        text = number.encode()
    except UnicodeEncodeError:
        raise BadInput("expected a card number in UTF-8, found half of a character") from None
    value = int.from_bytes(keyed(text), "little")
    if value == 0:
        # 0 means "no card" on the wire; one number in 2^64 has this bad luck.
        raise BadInput("this card number hashes to 0, which means no card; it needs another key")
    return value
