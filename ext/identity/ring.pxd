cimport cython
from libc.stdint cimport uint64_t

from onecard.ext.shape.journal cimport Entry, Leg


@cython.final
cdef class Ring:
    """The newest entries and their legs; what is older is read from disk."""

    cdef Entry* entries
    cdef Leg* legs  # LEGS_MAX for each of the entries; those of a template are not here
    cdef list memory
    cdef readonly uint64_t size
    cdef readonly uint64_t first  # every entry from here on is in the ring

    cdef Entry* open(self, uint64_t sequence) noexcept nogil
    cdef const Entry* entry(self, uint64_t sequence) noexcept nogil
    cdef Leg* legs_of(self, uint64_t sequence) noexcept nogil
    cdef bint holds(self, const Entry* entry) noexcept nogil
    cdef bint is_empty(self) noexcept nogil
