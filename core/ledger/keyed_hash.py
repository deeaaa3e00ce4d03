"""The keyed hashes that make card tokens, by number, and the checks of a ledger's keys."""

from collections.abc import Callable
from hashlib import blake2b
from typing import TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from onecard.ext.shape.numbers import Tokens

TOKEN_BYTES = 8
# A key that is set up, and what it makes of a message: the 8 bytes of a token.
Keyed: TypeAlias = Callable[[bytes], bytes]


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
