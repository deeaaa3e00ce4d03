"""The key of the bodies' digest, made once of the ledger's own; see body.pxd."""

cimport cython
from libc.stdint cimport uint64_t

KEY_BYTES = 16


@cython.final
cdef class BodyKey:
    """`key` is what the ledger's digest.key holds. ValueError where it has another length."""

    def __init__(self, bytes key not None):
        if len(key) != KEY_BYTES:
            raise ValueError(f"digest key: expected {KEY_BYTES} bytes, found {len(key)}")
        self.low = int.from_bytes(key[:8], "little")
        self.high = int.from_bytes(key[8:], "little")

    def digest(self, list words not None):
        """SipHash-2-4 of so many words as a body may have, each an integer of 64 bits without sign."""
        cdef uint64_t[WORDS_MAX] row
        cdef int at
        if len(words) > WORDS_MAX:
            raise ValueError(f"body: expected at most {WORDS_MAX} words, found {len(words)}")
        for at in range(<int>len(words)):
            row[at] = words[at]
        return siphash(self, row, <int>len(words))
