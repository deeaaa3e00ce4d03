"""What was taken back of entries, or corrected, of late: so much as a generation of identities saw.

A claim lives as long as the generation in which it last changed, and leaves memory with it: of what
was taken back, and of what was corrected, the last entry that says it goes to the index, keyed by
the original. One that changes again is brought into the young generation whole, so the newest
generation that has it knows all that memory does.
"""

import os

cimport cython
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from onecard.ext.identity.space cimport put_in_space
from onecard.ext.shape.check cimport check
from onecard.ext.shape.memory cimport address, reserve
from onecard.ext.shape.numbers cimport Space

cdef uint64_t SPREAD = 0x9E3779B97F4A7C15

cdef enum:
    SLOTS_MIN = 1024  # of a generation; more as it fills, since most generations have few claims


@cython.final
cdef class Claims:
    """At most `rows_max` claims a generation; in the index what was taken is of `taken_space`."""

    def __cinit__(self, uint64_t rows_max, int taken_space=Space.TAKEN_BACK):
        cdef uint64_t slots_max = SLOTS_MIN
        cdef int i
        while slots_max < 4 * rows_max:
            slots_max *= 2
        self.rows_max = rows_max
        self.taken_space = taken_space
        self.secret = int.from_bytes(os.urandom(8), "little")
        self.odd = int.from_bytes(os.urandom(8), "little") | 1
        self.memory = []
        for i in range(GENERATIONS):
            self.memory.append(reserve(rows_max * sizeof(Claim), scattered=True))
            self.rows[i] = <Claim*>address(self.memory[2 * i])
            self.memory.append(reserve(slots_max * sizeof(uint32_t), scattered=True))
            self.slots[i] = <uint32_t*>address(self.memory[2 * i + 1])
            self.masks[i] = SLOTS_MIN - 1

    cdef inline uint64_t place(self, int generation, uint64_t sequence) noexcept nogil:
        """Where to look first; nobody outside knows the secret, as with identities."""
        cdef uint64_t block = (sequence ^ self.secret) * self.odd
        block = (block ^ (block >> 32)) * SPREAD
        return (block >> 32) & self.masks[generation]

    cdef Claim* find(self, int generation, uint64_t sequence) noexcept nogil:
        """The claim on an entry, NULL where this generation has none."""
        cdef uint64_t at
        cdef uint32_t row
        if self.counts[generation] == 0:
            return NULL
        at = self.place(generation, sequence)
        while True:
            row = self.slots[generation][at]
            if row == 0:
                return NULL
            check(row <= self.counts[generation])
            if self.rows[generation][row - 1].sequence == sequence:
                return &self.rows[generation][row - 1]
            at = (at + 1) & self.masks[generation]

    cdef void put(self, int generation, const Claim* claim) noexcept nogil:
        """A claim as it is now: over what the generation has of it, or as one more."""
        cdef Claim* kept = self.find(generation, claim.sequence)
        cdef uint64_t count = self.counts[generation]
        cdef uint64_t at
        if kept is not NULL:
            kept[0] = claim[0]
            return
        check(count < self.rows_max)
        if 2 * (count + 1) > self.masks[generation] + 1:
            self.spread(generation, 2 * self.masks[generation] + 1)
        self.rows[generation][count] = claim[0]
        self.counts[generation] = count + 1
        at = self.place(generation, claim.sequence)
        while self.slots[generation][at] != 0:
            at = (at + 1) & self.masks[generation]
        self.slots[generation][at] = <uint32_t>(count + 1)

    cdef void spread(self, int generation, uint64_t mask) noexcept nogil:
        """The claims there are, over more slots."""
        cdef uint64_t row, at
        memset(self.slots[generation], 0, (self.masks[generation] + 1) * sizeof(uint32_t))
        self.masks[generation] = mask
        for row in range(self.counts[generation]):
            at = self.place(generation, self.rows[generation][row].sequence)
            while self.slots[generation][at] != 0:
                at = (at + 1) & mask
            self.slots[generation][at] = <uint32_t>(row + 1)

    cdef void clear(self, int generation) noexcept nogil:
        """Forget a generation that is not in use."""
        if self.counts[generation] != 0:
            memset(self.slots[generation], 0, (self.masks[generation] + 1) * sizeof(uint32_t))
        self.masks[generation] = SLOTS_MIN - 1
        self.counts[generation] = 0

    cdef uint64_t keys_of(self, int generation, Identity* out) noexcept nogil:
        """Writes what a generation leads to, a key a half that it knows of; gives how many."""
        cdef const Claim* claim
        cdef uint64_t row, kept = 0
        for row in range(self.counts[generation]):
            claim = &self.rows[generation][row]
            if claim.taken_by != 0:
                put_in_space(&out[kept], self.taken_space, claim.sequence, claim.taken_by)
                kept += 1
            if claim.corrected_by != 0:
                put_in_space(&out[kept], Space.CORRECTED, claim.sequence, claim.corrected_by)
                kept += 1
        return kept
