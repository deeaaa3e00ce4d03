from libc.stdint cimport int64_t

from onecard.ext.identity.generations cimport Generations
from onecard.ext.state.state cimport State
from onecard.ext.wire.batch cimport Columns

cdef enum:
    CHUNK = 128  # rows whose memory is fetched ahead: enough to hide a miss, few enough for L1


cdef void fetch(
    State state, Generations recent, Columns* columns, Py_ssize_t start, Py_ssize_t end,
    int64_t* cards,
) noexcept nogil
cdef void fetch_travels(
    State state, Columns* columns, Py_ssize_t start, Py_ssize_t end, const int64_t* cards
) noexcept nogil
