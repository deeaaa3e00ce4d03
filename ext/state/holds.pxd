cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from onecard.ext.shape.tables cimport OpenHold
from onecard.ext.state.free_rows cimport FreeRows
from onecard.ext.state.index cimport Index


@cython.final
cdef class Holds:
    """Of the rows of open_holds: which are free, which ends next, and which is whose."""

    cdef const OpenHold* rows
    cdef uint32_t* ends  # a heap of the rows in use, what ends first on top
    cdef uint32_t* places  # of each row, where in `ends` it stands
    cdef FreeRows free  # those below the highest that was used
    cdef Index by_sequence
    cdef readonly uint64_t open
    cdef uint64_t highest  # row that was ever used
    cdef uint64_t rows_max
    cdef bint known  # 0: to be gathered before it is asked
    cdef object memory

    cdef void gather(self, uint64_t highest) noexcept nogil
    cdef uint32_t free_row(self) noexcept nogil
    cdef void opened(self, uint32_t row) noexcept nogil
    cdef void closed(self, uint32_t row) noexcept nogil
    cdef bint is_sooner(self, uint32_t row, uint32_t other) noexcept nogil
    cdef void put(self, uint64_t at, uint32_t row) noexcept nogil
    cdef void rise(self, uint64_t at, uint32_t row) noexcept nogil
    cdef void sink(self, uint64_t at, uint32_t row) noexcept nogil
