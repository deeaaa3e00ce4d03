"""The hash tables that lead from a key to its row."""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy, memset

from onecard.ext.shape.check cimport check
from onecard.ext.shape.memory cimport address, reserve

cdef extern from *:
    """
    #define onecard_prefetch(p) __builtin_prefetch((p), 1, 3)
    """
    void _prefetch "onecard_prefetch"(const void* p) noexcept nogil

cdef uint64_t SPREAD = 0x9E3779B97F4A7C15


@cython.final
cdef class Index:
    """Open addressing, at most half full, so a look-up ends within a cache line or two."""

    def __cinit__(self, uintptr_t rows, size_t row_bytes, uint64_t rows_max):
        cdef int bits = 4
        while (<uint64_t>1 << bits) < 2 * rows_max:
            bits += 1
        self.mask = (<uint64_t>1 << bits) - 1
        self.shift = 64 - bits
        self.memory = reserve((self.mask + 1) * sizeof(uint32_t))
        self.slots = <uint32_t*>address(self.memory)
        self.rows = <const uint8_t*>rows
        self.row_bytes = row_bytes
        self.rows_max = rows_max

    def clear(self):
        """Forget every key."""
        self.memory = reserve((self.mask + 1) * sizeof(uint32_t))
        self.slots = <uint32_t*>address(self.memory)
        self.used = 0

    cdef int64_t find(self, uint64_t key) noexcept nogil:
        """The row of the key, -1 where there is none."""
        cdef uint64_t at = (key * SPREAD) >> self.shift
        cdef uint64_t there = 0
        cdef uint32_t row
        while True:
            row = self.slots[at]
            if row == 0:
                return -1
            check(row <= self.rows_max)
            memcpy(&there, self.rows + <size_t>(row - 1) * self.row_bytes, 8)
            if there == key:
                return <int64_t>row - 1
            at = (at + 1) & self.mask

    cdef void insert(self, uint64_t key, uint32_t row) noexcept nogil:
        """Add a key that is not there yet; the caller keeps the table at most half full."""
        cdef uint64_t at = (key * SPREAD) >> self.shift
        self.used += 1
        check(row < self.rows_max)
        check(2 * self.used <= self.mask + 1)
        while self.slots[at] != 0:
            check(self.slots[at] != row + 1)
            at = (at + 1) & self.mask
        self.slots[at] = row + 1

    cdef void remove(self, uint64_t key) noexcept nogil:
        """Forget a key that is there, whose row still says it: what follows it moves up, so that no
        look-up meets a gap before what it looks for."""
        cdef uint64_t at = (key * SPREAD) >> self.shift
        cdef uint64_t gap, home
        cdef uint64_t there = 0
        while True:
            check(self.slots[at] != 0)
            memcpy(&there, self.rows + <size_t>(self.slots[at] - 1) * self.row_bytes, 8)
            if there == key:
                break
            at = (at + 1) & self.mask
        self.used -= 1
        gap = at
        while True:
            at = (at + 1) & self.mask
            if self.slots[at] == 0:
                break
            memcpy(&there, self.rows + <size_t>(self.slots[at] - 1) * self.row_bytes, 8)
            home = (there * SPREAD) >> self.shift
            if ((at - home) & self.mask) >= ((at - gap) & self.mask):
                self.slots[gap] = self.slots[at]
                gap = at
        self.slots[gap] = 0

    cdef void empty(self) noexcept nogil:
        """Forget every key, in the memory there is."""
        if self.used != 0:  # else all is 0, and most of it was never touched
            memset(self.slots, 0, (self.mask + 1) * sizeof(uint32_t))
        self.used = 0

    cdef void prefetch(self, uint64_t key) noexcept nogil:
        _prefetch(&self.slots[(key * SPREAD) >> self.shift])

    cdef void prefetch_row(self, uint64_t key) noexcept nogil:
        cdef uint32_t row = self.slots[(key * SPREAD) >> self.shift]
        cdef const uint8_t* at
        if row != 0:
            at = self.rows + <size_t>(row - 1) * self.row_bytes
            _prefetch(at)
            _prefetch(at + self.row_bytes - 1)  # a row of 48 bytes may lie in two lines of the cache
