"""The hash tables that lead from a key to its row, and the memory that rows stand in."""

import mmap

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy

import numpy as np

cdef extern from *:
    """
    #define onecard_prefetch(p) __builtin_prefetch((p), 1, 3)
    """
    void _prefetch "onecard_prefetch"(const void* p) noexcept nogil

cdef uint64_t SPREAD = 0x9E3779B97F4A7C15
HUGE_BYTES = 32 << 20
MAP_NORESERVE = 0x4000  # Linux; the mmap module names it only from Python 3.13 on


cdef object reserve(size_t size):
    """Room for `size` bytes, all zero; a page costs memory only once it is touched."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE
    memory = mmap.mmap(-1, max(size, <size_t>mmap.PAGESIZE), flags=flags)
    if size >= HUGE_BYTES:
        # Rows are met at random, so with small pages each would cost a walk of the page table.
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


cdef uint8_t* address(object memory) except NULL:
    return <uint8_t*><uintptr_t>np.frombuffer(memory, np.uint8).ctypes.data


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

    def clear(self):
        """Forget every key."""
        self.memory = reserve((self.mask + 1) * sizeof(uint32_t))
        self.slots = <uint32_t*>address(self.memory)

    cdef int64_t find(self, uint64_t key) noexcept nogil:
        """The row of the key, -1 where there is none."""
        cdef uint64_t at = (key * SPREAD) >> self.shift
        cdef uint64_t there = 0
        cdef uint32_t row
        while True:
            row = self.slots[at]
            if row == 0:
                return -1
            memcpy(&there, self.rows + <size_t>(row - 1) * self.row_bytes, 8)
            if there == key:
                return <int64_t>row - 1
            at = (at + 1) & self.mask

    cdef void insert(self, uint64_t key, uint32_t row) noexcept nogil:
        """Add a key that is not there yet; the caller keeps the table at most half full."""
        cdef uint64_t at = (key * SPREAD) >> self.shift
        while self.slots[at] != 0:
            at = (at + 1) & self.mask
        self.slots[at] = row + 1

    cdef void prefetch(self, uint64_t key) noexcept nogil:
        _prefetch(&self.slots[(key * SPREAD) >> self.shift])

    cdef void prefetch_row(self, uint64_t key) noexcept nogil:
        cdef uint32_t row = self.slots[(key * SPREAD) >> self.shift]
        if row != 0:
            _prefetch(self.rows + <size_t>(row - 1) * self.row_bytes)
