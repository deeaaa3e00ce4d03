cimport cython
from libc.stdint cimport uint32_t, uint64_t


@cython.final
cdef class FreeRows:
    cdef uint32_t* heap
    cdef readonly uint64_t count
    cdef uint64_t most
    cdef object memory

    cdef void forget(self) noexcept nogil
    cdef uint32_t lowest(self) noexcept nogil
    cdef void give(self, uint32_t row) noexcept nogil
    cdef void take(self) noexcept nogil
