"""What blocks and segments are hashed with: by the number that their header says, 32 bytes each."""

import hashlib
from collections.abc import Callable
from typing import TypeAlias

from cryptography.hazmat.primitives import hashes

from onecard.core.errors import BadInput
from onecard.ext.shape.numbers import Hash

HASH_BYTES = 32
HashOf: TypeAlias = Callable[[bytes | bytearray | memoryview], bytes]


def sha256(content: bytes | bytearray | memoryview) -> bytes:
    """SHA-256 (FIPS 180-4) of contiguous bytes; other threads run meanwhile."""
    return hashlib.sha256(content).digest()


def sm3_of_python(content: bytes | bytearray | memoryview) -> bytes:
    """SM3 (GB/T 32905) of contiguous bytes; other threads run meanwhile. ValueError where the
    OpenSSL that Python was built with has none."""
    return hashlib.new("sm3", content).digest()


def sm3_of_cryptography(content: bytes | bytearray | memoryview) -> bytes:
    """The same, by an OpenSSL that always has it; its older releases stop all threads meanwhile."""
    found = hashes.Hash(hashes.SM3())
    found.update(content)
    return found.finalize()


def python_has_sm3() -> bool:
    """Returns True when Python's own OpenSSL knows SM3 and may use it."""
    try:
        hashlib.new("sm3")
    except ValueError:
        return False
    return True


# A distribution may leave SM3 out of its OpenSSL; a ledger must open wherever it is carried.
sm3: HashOf = sm3_of_python if python_has_sm3() else sm3_of_cryptography
HASHES: dict[int, HashOf] = {Hash.SHA256: sha256, Hash.SM3: sm3}


def hash_of(number: int) -> HashOf:
    """What is hashed so, by its number; BadInput where nothing has it."""
    found = HASHES.get(number)
    if found is None:
        raise BadInput(f"hash: expected one of {', '.join(map(str, HASHES))}, found {number}")
    return found
