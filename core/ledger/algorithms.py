"""Which algorithms a ledger uses: chosen by `onecard init`, for ever, and said in ledger.toml.

Each has a name for people and a number for ever (ext/shape/numbers.pxd), which every block says.
What blocks are hashed with is in core/journal/hashing.py; the keyed hash of card numbers is here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b
from typing import Any, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from onecard.core.errors import BadInput, quoted
from onecard.core.journal.hashing import HASHES, HashOf
from onecard.ext.shape.numbers import Hash, Heads, Store, Tokens

TOKEN_BYTES = 8
# A key that is set up, and what it makes of a message: the 8 bytes of a token.
Keyed: TypeAlias = Callable[[bytes], bytes]

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


def hash_of(number: int) -> HashOf:
    """What a ledger's blocks are hashed with, by its number; BadInput where nothing has it."""
    found = HASHES.get(number)
    if found is None:
        raise BadInput(f"hash: expected one of {', '.join(map(str, HASHES))}, found {number}")
    return found


def keyed(tokens: int, key: bytes) -> Keyed:
    """The keyed hash that makes card tokens, with its key set up once for all of them."""
    return KEYED[tokens](key)


def _blake2b(key: bytes) -> Keyed:
    """BLAKE2b (RFC 7693) with a key and a length of 8, which are parameters of it."""
    return lambda message: blake2b(message, key=key, digest_size=TOKEN_BYTES).digest()


def _hmac_sm3(key: bytes) -> Keyed:
    """The first 8 bytes of HMAC (RFC 2104) with SM3 (GB/T 32905), as GM/T 0042 has it."""
    ready = HMAC(key, hashes.SM3())

    def of(message: bytes) -> bytes:
        one = ready.copy()  # setting the key up takes longer than a number does
        one.update(message)
        return one.finalize()[:TOKEN_BYTES]

    return of


KEYED: dict[int, Callable[[bytes], Keyed]] = {
    Tokens.BLAKE2B: _blake2b,
    Tokens.HMAC_SM3: _hmac_sm3,
}
