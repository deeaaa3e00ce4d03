cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from onecard.ext.shape.journal cimport AfterImage, Entry, Leg
from onecard.ext.shape.tables cimport Account, Lot, Purse, Totals
from onecard.ext.state.free_rows cimport FreeRows
from onecard.ext.state.index cimport Index
from onecard.ext.state.table cimport Table


@cython.final
cdef class Lots:
    """The tables lots and purses, and of their rows: which are free, and which of an account ends next."""

    cdef const Table* tables  # of the state
    cdef Totals* total
    cdef Lot* rows
    cdef Purse* purses
    cdef Account* accounts
    cdef Index by_lot
    cdef FreeRows free  # those below the highest that was used
    cdef readonly uint64_t live  # rows in use, once they are in order
    cdef uint64_t highest  # row that was ever used
    cdef bint known  # 0: to be gathered before it is asked

    cdef bint post(self, const Leg* leg, int64_t amount, uint64_t sequence) noexcept nogil
    cdef void open(self, const AfterImage* change, const Entry* entry) noexcept nogil
    cdef void open_purse(self, const Entry* entry) noexcept nogil
    cdef void end(self, const AfterImage* change, const Entry* entry) noexcept nogil
    cdef bint fits(self, const AfterImage* change, const Entry* entry) noexcept nogil
    cdef uint32_t free_row(self) noexcept nogil
    cdef int count_of(self, const Account* account) noexcept nogil
    cdef const Lot* find(self, uint64_t lot) noexcept nogil
    cdef void gather(self) noexcept nogil
    cdef void follow(self, uint32_t row) noexcept nogil
    cdef void link(self, uint32_t row) noexcept nogil
    cdef void unlink(self, uint32_t row) noexcept nogil
    cdef bint has_purse(self, uint32_t row) noexcept nogil
    cdef uint32_t before(self, uint32_t row) noexcept nogil
    cdef uint32_t after(self, uint32_t purse, uint32_t row) noexcept nogil
    cdef void put_after(self, uint32_t purse, uint32_t row, uint32_t next) noexcept nogil
    cdef uint32_t purse_of(self, uint32_t row) noexcept nogil


cdef inline bint ends_sooner(const Lot* one, const Lot* other) noexcept nogil:
    """Returns True when a lot is spent before another of its account: it ends before that, or with it
    and has the lower number. One without an end comes last."""
    # Less one and without a sign, no end is later than any.
    if one.ends_us != other.ends_us:
        return <uint64_t>(one.ends_us - 1) < <uint64_t>(other.ends_us - 1)
    return one.lot < other.lot
