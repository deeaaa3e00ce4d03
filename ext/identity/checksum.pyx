"""The checksum of what stands under a key of twelve bytes: a value under another's key is noticed."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef uint32_t TABLE[8][256]  # CRC-32 (ISO-HDLC), eight bytes a step


cdef void fill_table() noexcept:
    cdef uint32_t i, crc
    cdef int step
    for i in range(256):
        crc = i
        for step in range(8):
            crc = (crc >> 1) ^ (<uint32_t>0xEDB88320 if crc & 1 else 0)
        TABLE[0][i] = crc
    for i in range(256):
        for step in range(1, 8):
            TABLE[step][i] = (TABLE[step - 1][i] >> 8) ^ TABLE[0][TABLE[step - 1][i] & 0xFF]


fill_table()


cdef uint32_t checksum(const uint8_t* key, const uint8_t* value, int64_t length) noexcept nogil:
    """CRC-32 of the key, then of the value without its own checksum field."""
    cdef uint32_t crc = 0xFFFFFFFF
    crc = advance(crc, key, KEY_BYTES)
    crc = advance(crc, value, 4)
    return ~advance(crc, value + 8, length - 8)


cdef uint32_t advance(uint32_t crc, const uint8_t* at, int64_t length) noexcept nogil:
    cdef uint64_t word = 0
    while length >= 8:
        memcpy(&word, at, 8)
        word ^= crc
        crc = (
            TABLE[7][word & 0xFF]
            ^ TABLE[6][word >> 8 & 0xFF]
            ^ TABLE[5][word >> 16 & 0xFF]
            ^ TABLE[4][word >> 24 & 0xFF]
            ^ TABLE[3][word >> 32 & 0xFF]
            ^ TABLE[2][word >> 40 & 0xFF]
            ^ TABLE[1][word >> 48 & 0xFF]
            ^ TABLE[0][word >> 56]
        )
        at += 8
        length -= 8
    while length > 0:
        crc = (crc >> 8) ^ TABLE[0][(crc ^ at[0]) & 0xFF]
        at += 1
        length -= 1
    return crc
