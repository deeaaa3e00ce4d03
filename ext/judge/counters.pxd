"""What is counted per tap and per batch, in C; a scrape copies it, nothing else does."""

from libc.stdint cimport uint8_t, uint64_t

from onecard.ext.shape.numbers cimport KINDS, Kind


cdef enum Stage:
    DECODE = 0
    JUDGE = 1
    COMMIT = 2
    REPLY = 3


cdef struct Histogram:
    uint64_t buckets[16]  # of each bucket alone, not cumulated; the last is +Inf
    uint64_t sum_ns
    uint64_t count


cdef class Counters:
    """Written without locks: each field has one writing thread; a reader sees whole 64-bit values."""

    cdef uint64_t items[KINDS][256]  # kind, outcome; row 0: a kind that is not known
    cdef uint64_t repeats[KINDS]  # answered from history, nothing booked again
    cdef Histogram stages[4]

    cdef void observe(self, int stage, uint64_t ns) noexcept nogil


cdef inline int kind_row(uint8_t kind) noexcept nogil:
    """The row of a kind as sent: 0 means RIDE, one that is not known is counted in row 0."""
    return <int>Kind.RIDE if kind == 0 else (kind if kind < KINDS else 0)


cdef inline void count_item(Counters counters, uint8_t kind, uint8_t outcome, bint repeated) noexcept nogil:
    """One decided row; kind as sent."""
    cdef int row = kind_row(kind)
    if repeated:
        counters.repeats[row] += 1
    else:
        counters.items[row][outcome] += 1
