cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from onecard.ext.block.pack cimport Parts
from onecard.ext.shape.journal cimport AfterImage, EntryRow, Leg


@cython.final
cdef class EntryDraft:
    """The next block of entries while it is being judged."""

    cdef uint8_t* value
    cdef EntryRow* rows
    cdef Parts parts
    cdef Leg* legs
    cdef AfterImage* images
    cdef list memory
    cdef readonly uint32_t taps_max
    cdef readonly uint32_t count
    cdef readonly uint32_t leg_count
    cdef readonly uint32_t image_count
    cdef readonly uint64_t first
