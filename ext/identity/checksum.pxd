from libc.stdint cimport int64_t, uint8_t, uint32_t

cdef enum:
    KEY_BYTES = 12  # terminal, epoch and a number below them: four bytes big-endian each


cdef uint32_t checksum(const uint8_t* key, const uint8_t* value, int64_t length) noexcept nogil
