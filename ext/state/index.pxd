cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t


@cython.final
cdef class Index:
    """Key to row. The keys stand in the rows themselves, at the start of each."""

    cdef uint32_t* slots  # row + 1; 0 = free
    cdef uint64_t mask
    cdef int shift
    cdef const uint8_t* rows
    cdef uint64_t rows_max
    cdef uint64_t used  # keys that are in
    cdef size_t row_bytes
    cdef object memory

    cdef int64_t find(self, uint64_t key) noexcept nogil
    cdef void insert(self, uint64_t key, uint32_t row) noexcept nogil
    cdef void remove(self, uint64_t key) noexcept nogil
    cdef void empty(self) noexcept nogil
    cdef void prefetch(self, uint64_t key) noexcept nogil
    cdef void prefetch_row(self, uint64_t key) noexcept nogil
