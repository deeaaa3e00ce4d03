"""The newest entries, so that most of what a tap refers to is not read from disk."""

cimport cython
from libc.stdint cimport uint64_t
from libc.string cimport memset

from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport Entry
from onecard.ext.shape.memory cimport address, reserve


@cython.final
cdef class Ring:
    """The last `size` entries, a power of two."""

    def __cinit__(self, uint64_t size):
        if size & (size - 1):
            raise ValueError(f"a ring of {size} entries: the size is not a power of two")
        self.size = size
        self.memory = reserve(size * sizeof(Entry))
        self.entries = <Entry*>address(self.memory)
        self.first = 1

    cdef void remember(self, const Entry* entry) noexcept nogil:
        """Keep a copy of the newest entry."""
        check(entry.sequence >= self.first)
        self.entries[entry.sequence & (self.size - 1)] = entry[0]
        if entry.sequence >= self.first + self.size:
            self.first = entry.sequence - self.size + 1

    cdef const Entry* entry(self, uint64_t sequence) noexcept nogil:
        """The entry of a sequence not below `first`; NULL where that is no entry."""
        cdef const Entry* kept = &self.entries[sequence & (self.size - 1)]
        check(sequence >= self.first)
        return kept if kept.sequence == sequence and sequence != 0 else NULL

    def touch(self) -> None:
        """Have all memory from the system now, before the engine runs: a page met for the first
        time while taps wait would make them wait for milliseconds.
        """
        with nogil:
            if self.is_empty():
                memset(self.entries, 0, self.size * sizeof(Entry))

    cdef bint is_empty(self) noexcept nogil:
        """Returns True when no entry is here yet."""
        cdef uint64_t i
        for i in range(self.size):
            if self.entries[i].sequence != 0:
                return False
        return True

    def fill(self, entries, uint64_t first, uint64_t last) -> None:
        """Put the newest entries back at a start: all there are with sequences first..last."""
        cdef const Entry[::1] rows = entries
        cdef Py_ssize_t i
        for i in range(rows.shape[0]):
            self.entries[rows[i].sequence & (self.size - 1)] = rows[i]
        self.first = max(first, last - self.size + 1 if last >= self.size else 1)
