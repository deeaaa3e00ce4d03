"""The order that the rows of open_holds have: derived from them, and gathered anew where it is needed.

A replay meets rows of pages that are ahead of it, so nothing is known of their order until it is
through: what it changes is followed only from the first question on.
"""

import heapq

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t

from onecard.ext.shape.check cimport check
from onecard.ext.shape.memory cimport address, reserve
from onecard.ext.shape.tables cimport OpenHold
from onecard.ext.state.free_rows cimport FreeRows
from onecard.ext.state.index cimport Index


@cython.final
cdef class Holds:
    """Two heaps and an index: 16 bytes a row, taken as rows are."""

    def __cinit__(self, uintptr_t rows, uint64_t rows_max):
        cdef uint8_t* room
        self.rows = <const OpenHold*>rows
        self.rows_max = rows_max
        self.memory = reserve(2 * rows_max * sizeof(uint32_t))
        room = address(self.memory)
        self.ends = <uint32_t*>room
        self.places = self.ends + rows_max
        self.free = FreeRows(rows_max)
        self.by_sequence = Index(rows, sizeof(OpenHold), rows_max)

    def forget(self):
        """Rows were loaded: nothing is known of them."""
        self.known = False

    def due(self, int64_t at_us, Py_ssize_t most):
        """The rows of those that end at a time or before it, the first to end first; at most so many."""
        cdef uint64_t at, child
        found = []
        waiting = [self._key(0)] if self.open else []
        while waiting and len(found) < most and waiting[0][0] <= at_us:
            _, _, at = heapq.heappop(waiting)
            found.append(self.ends[at])
            for child in range(2 * at + 1, min(2 * at + 3, self.open)):
                heapq.heappush(waiting, self._key(child))
        return found

    def _key(self, uint64_t at):
        """What the place of a heap is ordered by, and the place."""
        cdef const OpenHold* row = &self.rows[self.ends[at]]
        return row.expires_us, row.sequence, at

    cdef void gather(self, uint64_t highest) noexcept nogil:
        """Look at all rows up to the highest that was used."""
        cdef uint64_t row, at
        check(highest < self.rows_max)
        self.by_sequence.empty()
        self.open = 0
        self.free.forget()
        self.highest = highest
        for row in range(1, highest + 1):
            if self.rows[row].sequence == 0:
                self.free.give(<uint32_t>row)
            else:
                self.put(self.open, <uint32_t>row)
                self.open += 1
                self.by_sequence.insert(self.rows[row].sequence, <uint32_t>row)
        for at in range(self.open // 2, 0, -1):
            self.sink(at - 1, self.ends[at - 1])
        self.known = True

    cdef uint32_t free_row(self) noexcept nogil:
        """The lowest row that is free, 0 where none is."""
        if self.free.count:
            return self.free.lowest()
        return <uint32_t>(self.highest + 1) if self.highest + 1 < self.rows_max else 0

    cdef void opened(self, uint32_t row) noexcept nogil:
        """A row is in use from now on; it was the one that `free_row` gives, or all is gathered anew."""
        if not self.known or row != self.free_row():
            self.known = False
            return
        if self.free.count:
            self.free.take()
        else:
            self.highest = row
        self.open += 1
        self.rise(self.open - 1, row)
        self.by_sequence.insert(self.rows[row].sequence, row)

    cdef void closed(self, uint32_t row) noexcept nogil:
        """A row is free from now on; it still says what it was."""
        cdef uint64_t at = self.places[row]
        cdef uint32_t last
        if not self.known or at >= self.open or self.ends[at] != row:
            self.known = False
            return
        self.by_sequence.remove(self.rows[row].sequence)
        self.open -= 1
        last = self.ends[self.open]
        if last != row:
            if at > 0 and self.is_sooner(last, self.ends[(at - 1) // 2]):
                self.rise(at, last)
            else:
                self.sink(at, last)
        self.free.give(row)

    # ---- what ends first ----------------------------------------------------------------------

    cdef bint is_sooner(self, uint32_t row, uint32_t other) noexcept nogil:
        """Returns True when a row ends before another, or with it and was opened before it."""
        cdef const OpenHold* one = &self.rows[row]
        cdef const OpenHold* two = &self.rows[other]
        if one.expires_us != two.expires_us:
            return one.expires_us < two.expires_us
        return one.sequence < two.sequence

    cdef void put(self, uint64_t at, uint32_t row) noexcept nogil:
        self.ends[at] = row
        self.places[row] = <uint32_t>at

    cdef void rise(self, uint64_t at, uint32_t row) noexcept nogil:
        """Put a row at a place of the heap or above it."""
        while at > 0 and self.is_sooner(row, self.ends[(at - 1) // 2]):
            self.put(at, self.ends[(at - 1) // 2])
            at = (at - 1) // 2
        self.put(at, row)

    cdef void sink(self, uint64_t at, uint32_t row) noexcept nogil:
        """Put a row at a place of the heap or below it."""
        cdef uint64_t child = 2 * at + 1
        while child < self.open:
            if child + 1 < self.open and self.is_sooner(self.ends[child + 1], self.ends[child]):
                child += 1
            if not self.is_sooner(self.ends[child], row):
                break
            self.put(at, self.ends[child])
            at = child
            child = 2 * at + 1
        self.put(at, row)
