"""A key among keys that rise."""

from libc.stdint cimport int64_t


cdef inline int64_t place_of(const int64_t* keys, int64_t count, int64_t key) noexcept nogil:
    """Where a key stands, -1 where it is not there."""
    cdef int64_t first = 0
    cdef int64_t left = count
    cdef int64_t half
    while left > 0:
        half = left >> 1
        if keys[first + half] < key:
            first += half + 1
            left -= half + 1
        else:
            left = half
    if first < count and keys[first] == key:
        return first
    return -1
