"""The newest entries, so that most of what a tap refers to is not read from disk."""

cimport cython
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.memory cimport address, reserve
from onecard.ext.shape.numbers cimport LEGS_MAX, Template


@cython.final
cdef class Ring:
    """The last `size` entries, a power of two."""

    def __cinit__(self, uint64_t size):
        if size & (size - 1):
            raise ValueError(f"a ring of {size} entries: the size is not a power of two")
        self.size = size
        self.memory = [
            reserve(size * sizeof(Entry)),
            reserve(size * LEGS_FEW * sizeof(Leg)),
            reserve(size * LEGS_MAX * sizeof(Leg), scattered=True),
        ]
        self.entries = <Entry*>address(self.memory[0])
        self.legs = <Leg*>address(self.memory[1])
        self.many = <Leg*>address(self.memory[2])
        self.first = 1

    cdef Entry* open(self, uint64_t sequence) noexcept nogil:
        """Where the entry of the next sequence is written, over the oldest one."""
        check(sequence >= self.first)
        if sequence >= self.first + self.size:
            self.first = sequence - self.size + 1
        return &self.entries[sequence & (self.size - 1)]

    cdef const Entry* entry(self, uint64_t sequence) noexcept nogil:
        """The entry of a sequence not below `first`; NULL where that is no entry."""
        cdef const Entry* kept = &self.entries[sequence & (self.size - 1)]
        check(sequence >= self.first)
        return kept if kept.sequence == sequence and sequence != 0 else NULL

    cdef Leg* legs_of(self, uint64_t sequence, int count) noexcept nogil:
        """Room for the legs of the entry of a sequence, so many of them."""
        check(count >= 0)
        check(count <= LEGS_MAX)
        if count <= LEGS_FEW:
            return &self.legs[(sequence & (self.size - 1)) * LEGS_FEW]
        return &self.many[(sequence & (self.size - 1)) * LEGS_MAX]

    cdef bint holds(self, const Entry* entry) noexcept nogil:
        """Returns True when it is one of the ring, and not one that was recalled."""
        return self.entries <= entry < self.entries + self.size

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

    def fill(self, entries, legs, uint64_t first, uint64_t last) -> None:
        """Put the newest entries back at a start: all there are with sequences first..last.

        entries: ENTRY rows, whose `legs_at` counts into `legs`.
        """
        cdef const Entry[::1] rows = entries
        cdef const Leg[::1] theirs = legs
        cdef Entry* kept
        cdef Py_ssize_t i
        for i in range(rows.shape[0]):
            kept = &self.entries[rows[i].sequence & (self.size - 1)]
            kept[0] = rows[i]
            if kept.layout == Template.EXPLICIT and kept.legs != 0:
                check(kept.legs <= LEGS_MAX)
                check(kept.legs_at + kept.legs <= theirs.shape[0])
                memcpy(
                    self.legs_of(kept.sequence, kept.legs),
                    &theirs[kept.legs_at],
                    kept.legs * sizeof(Leg),
                )
        self.first = max(first, last - self.size + 1 if last >= self.size else 1)
