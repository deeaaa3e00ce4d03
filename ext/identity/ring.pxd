cimport cython
from libc.stdint cimport uint64_t

from onecard.ext.shape.journal cimport Entry, Leg

cdef enum:
    # Nearly all entries have no more. Memory that random entries touch is soon touched all over, so
    # what few need stands apart, and costs memory only where one of them was.
    LEGS_FEW = 4


@cython.final
cdef class Ring:
    """The newest entries and their legs; what is older is read from disk."""

    cdef Entry* entries
    cdef Leg* legs  # LEGS_FEW for each of the entries; those of a template are not here
    cdef Leg* many  # LEGS_MAX for each of those that have more
    cdef list memory
    cdef readonly uint64_t size
    cdef readonly uint64_t first  # every entry from here on is in the ring

    cdef Entry* open(self, uint64_t sequence) noexcept nogil
    cdef const Entry* entry(self, uint64_t sequence) noexcept nogil
    cdef Leg* legs_of(self, uint64_t sequence, int count) noexcept nogil
    cdef bint holds(self, const Entry* entry) noexcept nogil
    cdef bint is_empty(self) noexcept nogil
