"""Which algorithms a ledger uses: chosen by `onecard init`, for ever.

Each has a name for people, which stands in ledger.toml, and a number for ever, which every block
says (ext/shape/numbers.pxd). What blocks are hashed with is in hashing.py, the keyed hash of card
numbers in core/ledger/keyed_hash.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from onecard.core.errors import BadInput, quoted
from onecard.ext.shape.numbers import Hash, Heads, Store, Tokens

# In the order of ledger.toml; the first of each is the default.
NAMES: dict[str, dict[str, IntEnum]] = {
    "hash": {"sha256": Hash.SHA256, "sm3": Hash.SM3},
    "tokens": {"blake2b": Tokens.BLAKE2B, "hmac-sm3": Tokens.HMAC_SM3},
    "store": {"aes-gcm": Store.AES_GCM, "sm4-gcm": Store.SM4_GCM},
    "heads": {"ed25519": Heads.ED25519, "sm2": Heads.SM2},
}


@dataclass(frozen=True)
class Algorithms:
    """Of one ledger: of its blocks, its card tokens, its erasable store and its signed heads."""

    hash: Hash = Hash.SHA256
    tokens: Tokens = Tokens.BLAKE2B
    store: Store = Store.AES_GCM
    heads: Heads = Heads.ED25519

    @classmethod
    def named(cls, names: Mapping[str, Any]) -> "Algorithms":
        """Of the names that people write, one of each; BadInput for what is no such name."""
        return cls(*(number_of(what, names[what]) for what in NAMES))

    def names(self) -> dict[str, str]:
        """What `named` takes."""
        return {what: name_of(what, getattr(self, what)) for what in NAMES}

    def __str__(self) -> str:
        """For people: sha256 blocks, blake2b tokens, aes-gcm store, ed25519 heads."""
        name = self.names()
        return (
            f"{name['hash']} blocks, {name['tokens']} tokens, {name['store']} store, "
            f"{name['heads']} heads"
        )


INTERNATIONAL = Algorithms()
CHINESE = Algorithms(Hash.SM3, Tokens.HMAC_SM3, Store.SM4_GCM, Heads.SM2)


def number_of(what: str, name: object) -> Any:
    """The number of an algorithm by its name; BadInput for another name."""
    found = NAMES[what].get(name) if isinstance(name, str) else None
    if found is None:
        raise BadInput(f"{what}: expected {' or '.join(NAMES[what])}, found {quoted(name)}")
    return found


def name_of(what: str, number: int) -> str:
    """The name of an algorithm that has a number."""
    return next(name for name, one in NAMES[what].items() if one == number)
