from libc.stdint cimport uint64_t

from onecard.ext.judge.body cimport BodyKey
from onecard.ext.wire.batch cimport Columns

cdef void digests_of(
    BodyKey key, const Columns* columns, Py_ssize_t start, Py_ssize_t end, uint64_t* bodies
) noexcept nogil
