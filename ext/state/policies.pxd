cimport cython
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t


cdef struct Start "onecard_start":
    uint64_t of  # policy << 16 | network
    int64_t from_us


@cython.final
cdef class Policies:
    """Which policy is in force: all starts, sorted by kind, network, time and version."""

    cdef Start* starts
    cdef uint32_t* rows  # of tariffs, in the order of the starts
    cdef uint64_t used
    cdef uint64_t rows_max
    cdef object memory

    cdef uint64_t _begun(self, uint64_t of, int64_t at_us) noexcept nogil
    cdef int64_t find(self, uint16_t policy, uint16_t network, int64_t at_us) noexcept nogil
    cdef void add(self, uint16_t policy, uint16_t network, int64_t from_us, uint32_t row) noexcept nogil
