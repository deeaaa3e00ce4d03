"""What the pages of each terminal, or million of entries, weigh, and how far retiring has come.

Pages of identities weigh as many as they hold; `ext/identity/shelf` says what others weigh. What
is counted here is changed in the same transaction as the pages it counts. Held in memory it is what
a look-up is proven by: pages that are missing, or of another time, do not sum to it.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onecard.ext.identity.pages import GROUPS_A_SPACE

MARK = struct.Struct("<QQQ32s")
CHECK_BYTES = 4
KEY_BYTES = 4
# A value of 2 KiB, so that terminals that count together are written together.
TERMINALS_A_CHUNK = 256
CHUNK_BITS = 8
CHUNKS_OF_TERMINALS = GROUPS_A_SPACE >> CHUNK_BITS  # the first of the index's spaces
NO_HASH = bytes(32)
SHELVED = np.uint64(1)
TOTAL_MAX = (1 << 64) - 1  # a total is a sum modulo one more
Chunk = NDArray[np.uint64]  # a terminal, or another group: weight << 1 | whether it has shelves


@dataclass(frozen=True)
class Mark:
    """How far retiring has come: `head` is the hash of the journal's block that holds `retired`."""

    retired: int = 0  # the identities of all entries up to here are in the pages
    begun: int = 0  # and some up to here
    total: int = 0  # what all pages weigh, modulo 2^64
    head: bytes = NO_HASH

    def packed(self) -> bytes:
        body = MARK.pack(self.retired, self.begun, self.total, self.head)
        return body + zlib.crc32(body).to_bytes(CHECK_BYTES, "little")

    @classmethod
    def unpack(cls, value: bytes) -> "Mark":
        """ValueError where it is not what was written."""
        body = value[:-CHECK_BYTES]
        if len(body) != MARK.size or value != body + zlib.crc32(body).to_bytes(4, "little"):
            raise ValueError("expected a mark with its own checksum, found it damaged")
        return cls(*MARK.unpack(body))


@dataclass(frozen=True)
class Census:
    """Never changed: `grown` gives another, so that a reader keeps the one it began with."""

    chunks: dict[int, Chunk] = field(default_factory=dict)

    @classmethod
    def of(cls, items: Iterable[tuple[bytes, bytes]], total: int) -> "Census":
        """From what is stored; ValueError where it is damaged or does not sum to `total`."""
        chunks: dict[int, Chunk] = {}
        for key, value in items:
            body = value[CHECK_BYTES:]
            check = zlib.crc32(body, zlib.crc32(key)).to_bytes(CHECK_BYTES, "little")
            if len(key) != KEY_BYTES or len(body) != 8 * TERMINALS_A_CHUNK:
                raise ValueError(f"expected counts of terminals, found {len(value)} bytes")
            if value[:CHECK_BYTES] != check:
                raise ValueError(f"the counts of terminals {key.hex()}.. are damaged")
            chunks[int.from_bytes(key, "big")] = np.frombuffer(body, np.uint64)
        found = sum(int((chunk >> SHELVED).sum()) for chunk in chunks.values())
        if found & TOTAL_MAX != total:
            raise ValueError(f"expected pages that weigh {total}, found {found & TOTAL_MAX}")
        return cls(chunks)

    def counts(self, terminals: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Weight of each of some groups; of terminals, their identities."""
        return (self._of(terminals) >> SHELVED).astype(np.int64)

    def identities(self) -> int:
        """Identities of all terminals."""
        mine = (chunk for number, chunk in self.chunks.items() if number < CHUNKS_OF_TERMINALS)
        return sum(int((chunk >> SHELVED).sum()) for chunk in mine)

    def shelved(self, terminals: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Whether each of some groups has shelves."""
        return (self._of(terminals) & SHELVED).astype(np.bool_)

    def grown(
        self, terminals: NDArray[np.uint32], added: NDArray[np.int64], shelves_from: int
    ) -> "Census":
        """With so much more weight of each, or less (a group once); from some on with shelves."""
        chunks = dict(self.chunks)
        numbers = terminals >> np.uint32(CHUNK_BITS)
        for number in np.unique(numbers).tolist():
            chunk = chunks.get(number, np.zeros(TERMINALS_A_CHUNK, np.uint64)).copy()
            mine = numbers == number
            slots = terminals[mine] & np.uint32(TERMINALS_A_CHUNK - 1)
            words = chunk[slots] + (added[mine].astype(np.uint64) << SHELVED)
            chunk[slots] = words | (words >> SHELVED >= np.uint64(shelves_from)).astype(np.uint64)
            chunks[number] = chunk
        return Census(chunks)

    def packed(self, terminals: NDArray[np.uint32]) -> list[tuple[bytes, bytes]]:
        """(key, value) pairs, in order, of the chunks that hold these groups."""
        pairs = []
        for number in np.unique(terminals >> np.uint32(CHUNK_BITS)).tolist():
            key, body = number.to_bytes(KEY_BYTES, "big"), self.chunks[number].tobytes()
            check = zlib.crc32(body, zlib.crc32(key)).to_bytes(CHECK_BYTES, "little")
            pairs.append((key, check + body))
        return pairs

    def every(self) -> Iterator[tuple[int, int, bool]]:
        """Each group that has any, its weight, and whether it has shelves; in order."""
        for number, chunk in sorted(self.chunks.items()):
            for slot in np.flatnonzero(chunk):
                word = int(chunk[slot])
                yield (number << CHUNK_BITS) + int(slot), word >> 1, bool(word & 1)

    def _of(self, terminals: NDArray[np.uint32]) -> Chunk:
        found = np.zeros(len(terminals), np.uint64)
        numbers = terminals >> np.uint32(CHUNK_BITS)
        for number in np.unique(numbers).tolist():
            if number in self.chunks:
                mine = numbers == number
                slots = terminals[mine] & np.uint32(TERMINALS_A_CHUNK - 1)
                found[mine] = self.chunks[number][slots]
        return found
