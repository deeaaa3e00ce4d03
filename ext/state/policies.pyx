"""Which policy of a network is in force at a time."""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memmove

import numpy as np

from onecard.ext.shape.check cimport check
from onecard.ext.shape.memory cimport address, reserve


cdef inline bint is_after(const Start* start, uint64_t of, int64_t at_us) noexcept nogil:
    """Returns True when a start is of a later network, or of a later time in this one."""
    return start.of > of or (start.of == of and start.from_us > at_us)


@cython.final
cdef class Policies:
    """An index that is derived from the rows: sorted, so that the last start that is not after a
    time is found in as many steps as their number has bits.
    """

    def __cinit__(self, uint64_t rows_max):
        cdef uint8_t* room
        self.memory = reserve(rows_max * (sizeof(Start) + sizeof(uint32_t)))
        room = address(self.memory)
        self.starts = <Start*>room
        self.rows = <uint32_t*>(room + rows_max * sizeof(Start))
        self.rows_max = rows_max

    def rebuild(self, rows):
        """Sort all rows of tariffs in use anew."""
        cdef uint32_t row
        cdef uint64_t at
        of = rows["policy"].astype(np.uint64) << np.uint64(16) | rows["network"].astype(np.uint64)
        order = np.lexsort((rows["version"], rows["effective_from_us"], of))
        self.used = 0
        for at, number in enumerate(order.tolist()):
            row = number
            self.starts[at].of = of[row]
            self.starts[at].from_us = rows["effective_from_us"][row]
            self.rows[at] = row
        self.used = len(order)

    cdef uint64_t _begun(self, uint64_t of, int64_t at_us) noexcept nogil:
        """How many starts are not after a time, those of networks before this one included."""
        cdef uint64_t begin = 0
        cdef uint64_t left = self.used
        cdef uint64_t half
        while left > 0:
            half = left // 2
            if is_after(&self.starts[begin + half], of, at_us):
                left = half
            else:
                begin += half + 1
                left -= half + 1
        return begin

    cdef int64_t find(self, uint16_t policy, uint16_t network, int64_t at_us) noexcept nogil:
        """The row that is in force, -1 where none is."""
        cdef uint64_t of = <uint64_t>policy << 16 | network
        cdef uint64_t begun = self._begun(of, at_us)
        check(begun <= self.used)
        if begun == 0 or self.starts[begun - 1].of != of:
            return -1
        return <int64_t>self.rows[begun - 1]

    cdef void add(self, uint16_t policy, uint16_t network, int64_t from_us, uint32_t row) noexcept nogil:
        """One more, of a higher version than all there are: behind those that start with it."""
        cdef uint64_t of = <uint64_t>policy << 16 | network
        cdef uint64_t at = self._begun(of, from_us)
        cdef uint64_t behind = self.used - at
        check(self.used < self.rows_max)
        memmove(&self.starts[at + 1], &self.starts[at], behind * sizeof(Start))
        memmove(&self.rows[at + 1], &self.rows[at], behind * sizeof(uint32_t))
        self.starts[at].of = of
        self.starts[at].from_us = from_us
        self.rows[at] = row
        self.used += 1
