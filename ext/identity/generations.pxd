cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from onecard.ext.identity.claims cimport Claims
from onecard.ext.identity.space cimport GENERATIONS
from onecard.ext.shape.tables cimport Claim

cdef packed struct Slot:  # four to a cache line
    uint32_t terminal
    uint32_t epoch
    uint32_t terminal_seq
    uint32_t offset  # sequence - base of its generation + 1; 0 = free


@cython.final
cdef class Generations:
    """Identities and claims in memory; what is older is read from disk."""

    cdef Slot* slots[GENERATIONS]
    cdef uint64_t bases[GENERATIONS]  # sequences are counted from here
    cdef list memory
    cdef uint64_t secret
    cdef uint64_t odd
    cdef object copy_memory
    cdef uint64_t copy_max  # rows of it
    cdef uint64_t counts[GENERATIONS]
    cdef uint8_t clean[GENERATIONS]  # 1 = empty, ready to become the young one
    cdef int order[GENERATIONS]  # generations in use, oldest first
    cdef int used
    cdef uint64_t slots_mask
    cdef int shift
    cdef readonly uint64_t generation_max
    cdef readonly uint64_t retirements  # raised whenever identities leave memory
    cdef readonly uint64_t let_go  # raised whenever one may have to be asked for on disk
    cdef readonly uint64_t left  # what entries up to here bound or took back may be on disk only
    cdef uint64_t last_left  # the same, once the oldest generation is dropped
    cdef Claims claims
    cdef Claims spent  # lots of which nothing is left, by number: who spent each is `taken_by`
    cdef Claims ended  # journeys that are over, by their ENTRY: what ended each is `taken_by`
    cdef uint64_t* retired  # a terminal: highest key that may be on disk only
    cdef object retired_memory
    cdef uint8_t* has_retired  # a terminal: whether `retired` says anything, 0 being a key too
    cdef object has_retired_memory
    cdef uint64_t terminals_max

    cdef uint64_t place(self, uint32_t terminal, uint64_t key) noexcept nogil
    cdef uint64_t find(self, uint32_t terminal, uint64_t key) noexcept nogil
    cdef void bind(self, uint32_t terminal, uint64_t key, uint64_t sequence) noexcept nogil
    cdef void prefetch(self, uint32_t terminal, uint64_t key) noexcept nogil
    cdef const Claim* claim(self, uint64_t original) noexcept nogil
    cdef void take_back(self, const Claim* claim) noexcept nogil
    cdef void spend(self, uint64_t lot, uint64_t sequence) noexcept nogil
    cdef void end(self, uint64_t journey, uint64_t sequence) noexcept nogil
    cdef uint64_t led_to(self, Claims over, uint64_t key) noexcept nogil
