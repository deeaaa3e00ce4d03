cimport cython
from libc.stdint cimport uint64_t

from onecard.ext.shape.journal cimport Entry


@cython.final
cdef class Ring:
    """The newest entries; what is older is read from disk."""

    cdef Entry* entries
    cdef object memory
    cdef readonly uint64_t size
    cdef readonly uint64_t first  # every entry from here on is in the ring

    cdef void remember(self, const Entry* entry) noexcept nogil
    cdef const Entry* entry(self, uint64_t sequence) noexcept nogil
    cdef bint is_empty(self) noexcept nogil
