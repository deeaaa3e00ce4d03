"""Identities and claims in memory, in generations.

The young generation takes what is bound. When it is full it grows old, is written to disk by a
thread of its own (`oldest`, `recycle`) and leaves (`drop_oldest`). A key that is in no
generation and not above `retired` of its terminal must be asked for on disk, and so must a claim
on an entry that is not above `left`.
"""

import os

cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

import numpy as np

from onecard.ext.identity.claims cimport BOTH_KNOWN, Claims, change, is_of_claim
from onecard.ext.identity.space cimport GENERATIONS, Identity
from onecard.ext.shape import dtypes
from onecard.ext.shape.check cimport check
from onecard.ext.shape.dtypes import derived
from onecard.ext.shape.journal cimport AfterImage
from onecard.ext.shape.memory cimport address, reserve
from onecard.ext.shape.numbers cimport IMAGES_MAX, Image, Space
from onecard.ext.shape.tables cimport Claim

cdef Identity an_identity
IDENTITY = derived("Identity", <Identity[:1]>&an_identity)

cdef extern from *:
    """
    #define onecard_prefetch(p) __builtin_prefetch((p), 1, 3)
    """
    void _prefetch "onecard_prefetch"(const void* p) noexcept nogil

cdef enum:
    KEYS_A_CLAIM = 2  # of the index: one a half
    KEYS_AN_IMAGE = KEYS_A_CLAIM + 1  # what it says of a claim, or of a lot

cdef uint64_t SPAN_MAX = 1 << 31  # sequences a generation may reach over
cdef uint64_t SPREAD = 0x9E3779B97F4A7C15
cdef uint64_t SPREAD_TERMINAL = 0xC2B2AE3D27D4EB4F


@cython.final
cdef class Generations:
    """At most `generation_max` identities a generation."""

    def __cinit__(self, uint64_t generation_max, uint64_t terminals_max):
        cdef int bits = 4
        cdef int i
        while (<uint64_t>1 << bits) < 2 * generation_max:
            bits += 1
        self.slots_mask = (<uint64_t>1 << bits) - 1
        self.shift = 64 - bits
        self.generation_max = generation_max
        self.memory = []
        self.secret = int.from_bytes(os.urandom(8), "little")
        self.odd = int.from_bytes(os.urandom(8), "little") | 1
        # An entry binds an identity at least, so a generation has no more entries than identities.
        claims_max = IMAGES_MAX * generation_max
        self.claims = Claims(claims_max)
        self.spent = Claims(claims_max, Space.SPENT_LOTS)
        self.ended = Claims(generation_max, Space.JOURNEYS)
        self.copy_max = 2 * generation_max + KEYS_AN_IMAGE * claims_max
        self.copy_memory = reserve(self.copy_max * sizeof(Identity))
        for i in range(GENERATIONS):
            self.memory.append(reserve((self.slots_mask + 1) * sizeof(Slot)))
            self.slots[i] = <Slot*>address(self.memory[i])
            self.clean[i] = 1
        self.order[0] = 0
        self.used = 1
        self.clean[0] = 0
        self.terminals_max = terminals_max
        self.retired_memory = reserve((terminals_max + 1) * sizeof(uint64_t))
        self.retired = <uint64_t*>address(self.retired_memory)
        self.has_retired_memory = reserve(terminals_max + 1)
        self.has_retired = address(self.has_retired_memory)

    cdef inline uint64_t place(self, uint32_t terminal, uint64_t key) noexcept nogil:
        """Where to look first. Keys that follow one another on a terminal stand side by side, since
        they come together: eight share two cache lines. Nobody outside knows the secret, so
        nobody can choose keys that all fall into one place.
        """
        cdef uint64_t block = ((key >> 3) * SPREAD) ^ (terminal * SPREAD_TERMINAL) ^ self.secret
        block = (block ^ (block >> 29)) * self.odd
        block = (block ^ (block >> 32)) * SPREAD
        return ((block >> self.shift) & ~<uint64_t>7) | (key & 7)

    cdef uint64_t find(self, uint32_t terminal, uint64_t key) noexcept nogil:
        """The sequence the identity is bound to, 0 where memory does not know it."""
        cdef uint64_t start = self.place(terminal, key)
        cdef uint64_t at
        cdef int i
        cdef int generation
        cdef Slot* slot
        for i in range(self.used - 1, -1, -1):
            at = start
            generation = self.order[i]
            check(generation >= 0)
            check(generation < GENERATIONS)
            while True:
                slot = &self.slots[generation][at]
                if slot.offset == 0:
                    break
                if (
                    slot.terminal == terminal
                    and slot.terminal_seq == <uint32_t>key
                    and slot.epoch == <uint32_t>(key >> 32)
                ):
                    return self.bases[generation] + slot.offset - 1
                at = (at + 1) & self.slots_mask
        return 0

    cdef void bind(self, uint32_t terminal, uint64_t key, uint64_t sequence) noexcept nogil:
        """Bind a key that `find` does not know; `room` said there is space."""
        cdef uint64_t at = self.place(terminal, key)
        cdef int young = self.order[self.used - 1]
        cdef Slot* slots = self.slots[young]
        if self.counts[young] == 0:
            self.bases[young] = sequence
        check(self.used > 0)
        check(self.counts[young] < self.generation_max)
        check(2 * self.generation_max <= self.slots_mask + 1)
        check(sequence >= self.bases[young])
        check(sequence - self.bases[young] < <uint64_t>2 * SPAN_MAX)
        while slots[at].offset != 0:
            at = (at + 1) & self.slots_mask
        slots[at].terminal = terminal
        slots[at].epoch = <uint32_t>(key >> 32)
        slots[at].terminal_seq = <uint32_t>key
        slots[at].offset = <uint32_t>(sequence - self.bases[young] + 1)
        self.counts[young] += 1

    cdef void prefetch(self, uint32_t terminal, uint64_t key) noexcept nogil:
        cdef uint64_t at = self.place(terminal, key)
        _prefetch(&self.slots[self.order[self.used - 1]][at])

    cdef const Claim* claim(self, uint64_t original) noexcept nogil:
        """The claim on an entry, as far as memory knows it; NULL where it knows none."""
        cdef const Claim* found
        cdef int i
        for i in range(self.used - 1, -1, -1):
            found = self.claims.find(self.order[i], original)
            if found is not NULL:
                return found
        return NULL

    cdef void take_back(self, const Claim* claim) noexcept nogil:
        """A claim as it is now; the entry that changed it is bound in the young generation."""
        self.claims.put(self.order[self.used - 1], claim)

    cdef void spend(self, uint64_t lot, uint64_t sequence) noexcept nogil:
        """Nothing is left of a lot; the entry that says it is bound in the young generation."""
        cdef Claim row
        lead(&row, lot, sequence)
        self.spent.put(self.order[self.used - 1], &row)

    cdef void end(self, uint64_t journey, uint64_t sequence) noexcept nogil:
        """The journey of an ENTRY is over; the entry that ended it is bound in the young generation."""
        cdef Claim row
        lead(&row, journey, sequence)
        self.ended.put(self.order[self.used - 1], &row)

    def room(self, uint64_t identities, uint64_t sequence) -> bool:
        """Make space for so many from a sequence on. Returns True when there is; else a generation
        must be retired first."""
        cdef int young = self.order[self.used - 1]
        cdef int i
        if identities > self.generation_max:
            raise ValueError(
                f"{identities} identities at once, a generation holds {self.generation_max}"
            )
        if self.counts[young] == 0:
            return True
        if (
            self.counts[young] + identities <= self.generation_max
            and sequence - self.bases[young] < SPAN_MAX
        ):
            return True
        for i in range(GENERATIONS):
            if self.clean[i]:
                self.clean[i] = 0
                check(self.used < GENERATIONS)
                self.order[self.used] = i
                self.used += 1
                return True
        return False

    def touch(self) -> None:
        """Have all memory from the system now, before the engine runs: a page met for the first
        time while taps wait would make them wait for milliseconds.
        """
        cdef int i
        with nogil:
            for i in range(GENERATIONS):
                if self.counts[i] == 0:
                    memset(self.slots[i], 0, (self.slots_mask + 1) * sizeof(Slot))

    @property
    def space(self) -> int:
        """Identities the young generation still takes."""
        return self.generation_max - self.counts[self.order[self.used - 1]]

    @property
    def waiting(self) -> int:
        """Generations that are full and not yet dropped."""
        return self.used - 1

    def oldest(self):
        """A copy of the oldest full generation (IDENTITY rows, no order) and its number: what was
        bound, and what its claims lead to.

        May run beside the engine thread: a full generation does not change. The copy is valid
        until the next one.
        """
        cdef int i = self.order[0]
        cdef uint64_t at
        cdef uint64_t kept = 0
        cdef uint64_t last = 0
        cdef Slot* slot
        cdef Identity[::1] rows
        if self.used < 2:
            raise ValueError("no generation is full")
        # Always the same memory: fresh pages for each generation would cost more than the copy.
        copy = np.frombuffer(self.copy_memory, IDENTITY, self.copy_max)
        rows = copy
        with nogil:
            for at in range(self.slots_mask + 1):
                slot = &self.slots[i][at]
                if slot.offset != 0:
                    check(kept < self.counts[i])
                    rows[kept].terminal = slot.terminal
                    rows[kept].epoch = slot.epoch
                    rows[kept].terminal_seq = slot.terminal_seq
                    rows[kept].unused = 0
                    rows[kept].sequence = self.bases[i] + slot.offset - 1
                    last = max(last, rows[kept].sequence)
                    kept += 1
            kept += self.claims.keys_of(i, &rows[kept])
            kept += self.spent.keys_of(i, &rows[kept])
            kept += self.ended.keys_of(i, &rows[kept])
        self.last_left = last
        return copy[:kept], i

    def retire(self, identities) -> None:
        """From now on ask on disk for these, once they are dropped. Engine thread.

        Raising `retired` early is safe: memory is asked first.
        """
        cdef const Identity[::1] rows = identities
        cdef Py_ssize_t i
        cdef uint64_t key
        self.let_go += 1
        with nogil:
            for i in range(rows.shape[0]):
                key = (<uint64_t>rows[i].epoch << 32) | rows[i].terminal_seq
                if rows[i].terminal <= self.terminals_max:
                    if key > self.retired[rows[i].terminal]:
                        self.retired[rows[i].terminal] = key
                    self.has_retired[rows[i].terminal] = 1

    def drop_oldest(self) -> None:
        """Take the oldest full generation, retired before, out of look-up. Engine thread."""
        cdef int i
        if self.used < 2:
            raise ValueError("no generation is full")
        for i in range(1, self.used):
            self.order[i - 1] = self.order[i]
        self.used -= 1
        self.retirements += 1
        self.let_go += 1
        self.left = max(self.left, self.last_left)

    def recycle(self, int generation) -> None:
        """Empty a generation that was dropped; any thread but not twice."""
        with nogil:
            memset(self.slots[generation], 0, (self.slots_mask + 1) * sizeof(Slot))
            self.claims.clear(generation)
            self.spent.clear(generation)
            self.ended.clear(generation)
        self.counts[generation] = 0
        self.clean[generation] = 1

    # ---- at the start -----------------------------------------------------------------------

    def fill(self, identities) -> bool:
        """Bind identities read back from the journal. Returns True when there was room; else the
        oldest generation must be retired first."""
        cdef const Identity[::1] rows = identities
        cdef Py_ssize_t i
        cdef uint64_t key
        if rows.shape[0] == 0:
            return True
        if not self.room(rows.shape[0], rows[rows.shape[0] - 1].sequence):
            return False
        with nogil:
            for i in range(rows.shape[0]):
                key = (<uint64_t>rows[i].epoch << 32) | rows[i].terminal_seq
                self.bind(rows[i].terminal, key, rows[i].sequence)
        return True

    def fill_claims(self, images, sequences) -> None:
        """What the entries that were filled last took back: AFTER_IMAGE rows, and of each the
        sequence (uint64) of its entry."""
        cdef const AfterImage[::1] rows = np.ascontiguousarray(images, dtypes.AFTER_IMAGE)
        cdef const uint64_t[::1] by = np.ascontiguousarray(sequences, np.uint64)
        cdef const Claim* known
        cdef Claim claim
        cdef Py_ssize_t i
        if by.shape[0] != rows.shape[0]:
            raise ValueError(f"{rows.shape[0]} images of {by.shape[0]} entries")
        with nogil:
            for i in range(rows.shape[0]):
                if rows[i].what == Image.LOT_SPENT:
                    self.spend(rows[i].key, by[i])
                if not is_of_claim(rows[i].what):
                    continue
                known = self.claim(rows[i].key)
                if known is not NULL:
                    claim = known[0]
                else:
                    memset(&claim, 0, sizeof(Claim))
                    claim.sequence = rows[i].key
                    claim.known = BOTH_KNOWN if rows[i].key > self.left else 0
                change(&claim, rows[i].what, rows[i].value, by[i])
                self.take_back(&claim)

    def fill_ended(self, journeys, sequences) -> None:
        """Which journeys (uint64, by their ENTRY) the entries that were filled last ended, and of each
        the sequence (uint64) of that entry."""
        cdef const uint64_t[::1] ended = np.ascontiguousarray(journeys, np.uint64)
        cdef const uint64_t[::1] by = np.ascontiguousarray(sequences, np.uint64)
        cdef Py_ssize_t i
        if by.shape[0] != ended.shape[0]:
            raise ValueError(f"{ended.shape[0]} journeys, ended by {by.shape[0]} entries")
        with nogil:
            for i in range(ended.shape[0]):
                self.end(ended[i], by[i])

    def retire_all_below(self, terminals, uint64_t left) -> None:
        """What the TERMINAL rows bound so far may be on disk only, and what was taken back by the
        entries up to `left`: ask there first."""
        self.left = left
        np.frombuffer(self.retired_memory, np.uint64)[: len(terminals)] = terminals["seen"]
        np.frombuffer(self.has_retired_memory, np.uint8)[: len(terminals)] = terminals["taken"] > 0

    def sequence_of(self, uint32_t terminal, uint32_t epoch, uint32_t terminal_seq) -> int:
        """The sequence an identity is bound to, 0 where memory does not know it."""
        return self.find(terminal, (<uint64_t>epoch << 32) | terminal_seq)

    def spent_by(self, uint64_t lot) -> int:
        """The entry that left nothing of a lot, 0 where memory does not know one."""
        return self.led_to(self.spent, lot)

    def ended_by(self, uint64_t journey) -> int:
        """The entry that ended the journey of an ENTRY, 0 where memory does not know one."""
        return self.led_to(self.ended, journey)

    cdef uint64_t led_to(self, Claims over, uint64_t key) noexcept nogil:
        """The entry after which a lot or a journey was over, 0 where memory does not know one."""
        cdef const Claim* found
        cdef int i
        for i in range(self.used - 1, -1, -1):
            found = over.find(self.order[i], key)
            if found is not NULL:
                return found.taken_by
        return 0

    def claimed(self, uint64_t original):
        """The CLAIM row of an entry as far as memory knows it, or None."""
        cdef const Claim* found = self.claim(original)
        if found is NULL:
            return None
        row = np.zeros(1, dtypes.CLAIM)
        cdef Claim[::1] to = row
        to[0] = found[0]
        return row[0]


cdef inline void lead(Claim* row, uint64_t key, uint64_t sequence) noexcept nogil:
    """A row that leads from a key to an entry, and says nothing else."""
    memset(row, 0, sizeof(Claim))
    row.sequence = key
    row.taken_by = sequence
