cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from onecard.ext.identity.space cimport GENERATIONS, Identity
from onecard.ext.shape.numbers cimport Image
from onecard.ext.shape.tables cimport Claim

cdef enum:  # the halves of a claim, a bit each: other entries change the one than the other
    TAKEN_KNOWN = 1
    CORRECTED_KNOWN = 2
    BOTH_KNOWN = 3


@cython.final
cdef class Claims:
    """By generation; which of these are in use, Generations says."""

    cdef Claim* rows[GENERATIONS]
    cdef uint32_t* slots[GENERATIONS]  # row + 1; 0 = free
    cdef uint64_t masks[GENERATIONS]
    cdef uint64_t counts[GENERATIONS]
    cdef uint64_t rows_max
    cdef uint64_t secret
    cdef uint64_t odd
    cdef int taken_space  # of the index: where what was taken goes
    cdef list memory

    cdef uint64_t place(self, int generation, uint64_t sequence) noexcept nogil
    cdef Claim* find(self, int generation, uint64_t sequence) noexcept nogil
    cdef void put(self, int generation, const Claim* claim) noexcept nogil
    cdef void spread(self, int generation, uint64_t mask) noexcept nogil
    cdef void clear(self, int generation) noexcept nogil
    cdef uint64_t keys_of(self, int generation, Identity* out) noexcept nogil


cdef inline bint is_of_claim(uint32_t what) noexcept nogil:
    """Returns True when an after-image says something of a claim."""
    return what == Image.CLAIMED or what == Image.CLOSED_ORIGINAL or what == Image.ADJUSTED


cdef inline void change(Claim* claim, uint32_t what, int64_t value, uint64_t by) noexcept nogil:
    """What the after-image of an entry says of a claim, one half of it."""
    if what == Image.ADJUSTED:
        claim.adjusted_fen = value
        claim.corrected_by = by
        claim.known |= CORRECTED_KNOWN
        return
    claim.used_fen = value
    claim.taken_by = by
    claim.known |= TAKEN_KNOWN
    if what == Image.CLOSED_ORIGINAL:
        claim.closed = 1
