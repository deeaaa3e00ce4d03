"""The memory that rows stand in: address space, which costs memory where it is touched."""

import mmap

from libc.stdint cimport uint8_t, uintptr_t

import numpy as np

HUGE_BYTES = 32 << 20
MAP_NORESERVE = 0x4000  # Linux; the mmap module names it only from Python 3.13 on


cdef object reserve(size_t size, bint scattered=False):
    """Room for `size` bytes, all zero; a page costs memory only once it is touched, and a small one
    where what is touched is `scattered`.
    """
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE
    memory = mmap.mmap(-1, max(size, <size_t>mmap.PAGESIZE), flags=flags)
    if size >= HUGE_BYTES and not scattered:
        # Rows are met at random, so with small pages each would cost a walk of the page table.
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


cdef uint8_t* address(object memory) except NULL:
    return <uint8_t*><uintptr_t>np.frombuffer(memory, np.uint8).ctypes.data
