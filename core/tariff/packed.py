"""A compiled tariff as one file: named, typed, checksummed arrays, the words among them.

A magic, the number of arrays and a CRC-32 of what follows, then what ext/shape/arrays.pyx has: a
directory with a CRC-32 an array, and the arrays. The same tariff always gives the same bytes, so
that a file can be compared by its hash.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from pathlib import Path

import numpy as np

from onecard.core.errors import BadInput, quoted
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.soundness import check_calls, check_metres, check_shares, check_words
from onecard.ext.fare.bounds import check_arrays
from onecard.ext.shape.arrays import packed, unpacked

MAGIC = b"OCTARIF1"
HEAD = struct.Struct("<8sII")
ARRAYS_MAX = 1024
METRES = "metres_"


def pack(compiled: Compiled) -> bytes:
    """All of a compiled tariff."""
    words = json.dumps(compiled.words, ensure_ascii=False, sort_keys=True).encode()
    arrays = {
        **compiled.arrays,
        "words": np.frombuffer(words, np.uint8),
        **{f"{METRES}{network}": metres for network, metres in compiled.metres.items()},
    }
    body = packed(arrays)
    return HEAD.pack(MAGIC, len(arrays), zlib.crc32(body)) + body


def is_packed(path: Path) -> bool:
    """Returns True when a file begins as a compiled tariff does."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def unpack(content: bytes, name: str) -> Compiled:
    """The tariff of such a file. BadInput, naming the array, where one is not what it says."""
    try:
        magic, count, check = HEAD.unpack_from(content)
        body = content[HEAD.size :]
        if magic != MAGIC or not 1 <= count <= ARRAYS_MAX:
            raise ValueError("it does not begin as one")
        if zlib.crc32(body) != check:
            raise ValueError("its checksum is not that of its bytes")
        arrays = unpacked(body, count)
        words = json.loads(arrays.pop("words").tobytes())
        held = check_arrays({k: v for k, v in arrays.items() if not _is_metres(k)})
        check_words(words, held)
        check_shares(held)
        check_calls(arrays, held)
        metres = {
            int(key.removeprefix(METRES)): arrays.pop(key)
            for key in list(arrays)
            if _is_metres(key)
        }
        check_metres(metres, held)
    except (ValueError, KeyError, struct.error, RecursionError) as error:
        raise BadInput(
            f"{name}: expected a compiled tariff, found otherwise: {quoted(error, 160)}; compile "
            "it again"
        ) from None
    return Compiled(arrays, words, metres)


def _is_metres(name: str) -> bool:
    """Returns True when an array is the shortest ways of a network."""
    return name.startswith(METRES)


def hash_of(content: bytes) -> str:
    """SHA-256, by which people compare two compiled tariffs."""
    return hashlib.sha256(content).hexdigest()
