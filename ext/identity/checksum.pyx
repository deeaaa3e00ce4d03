# distutils: libraries = z
"""The checksum of what stands under a key of twelve bytes: a value under another's key is noticed."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

# zlib's own, in C: its callers hold no lock of the interpreter, and a lone identity is a page of
# its own, so a million of them would take and leave that lock a million times.
cdef extern from "zlib.h" nogil:
    unsigned long crc32(unsigned long crc, const uint8_t* at, unsigned int length)


cdef uint32_t checksum(const uint8_t* key, const uint8_t* value, int64_t length) noexcept nogil:
    """CRC-32 of the key, then of the value without its own checksum field."""
    cdef unsigned long crc = crc32(0, key, KEY_BYTES)
    crc = crc32(crc, value, 4)
    return <uint32_t>crc32(crc, value + 8, <unsigned int>(length - 8))
