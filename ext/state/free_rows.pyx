"""The rows of a pool that are free again. A pool is full from below: the lowest is taken first, so
that an entry takes the same row whenever it is judged again, by whoever follows the page.
"""

cimport cython
from libc.stdint cimport uint32_t, uint64_t

from onecard.ext.shape.check cimport check
from onecard.ext.shape.memory cimport address, reserve


@cython.final
cdef class FreeRows:
    """A heap of row numbers, the lowest on top. Memory is taken where it is touched."""

    def __cinit__(self, uint64_t most):
        self.most = most
        self.memory = reserve(most * sizeof(uint32_t))
        self.heap = <uint32_t*>address(self.memory)

    cdef void forget(self) noexcept nogil:
        """Nothing is free."""
        self.count = 0

    cdef uint32_t lowest(self) noexcept nogil:
        """The lowest; 0 where none is free."""
        return self.heap[0] if self.count != 0 else 0

    cdef void give(self, uint32_t row) noexcept nogil:
        """A row that is in use is free from now on."""
        cdef uint64_t at = self.count
        cdef uint64_t above
        check(self.count < self.most)
        self.count += 1
        while at != 0:
            above = (at - 1) >> 1
            if self.heap[above] <= row:
                break
            self.heap[at] = self.heap[above]
            at = above
        self.heap[at] = row

    cdef void take(self) noexcept nogil:
        """The lowest is in use from now on."""
        cdef uint64_t at = 0
        cdef uint64_t below
        cdef uint32_t row
        check(self.count != 0)
        self.count -= 1
        row = self.heap[self.count]
        while True:
            below = 2 * at + 1
            if below >= self.count:
                break
            if below + 1 < self.count and self.heap[below + 1] < self.heap[below]:
                below += 1
            if row <= self.heap[below]:
                break
            self.heap[at] = self.heap[below]
            at = below
        self.heap[at] = row
