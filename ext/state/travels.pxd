cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from onecard.ext.shape.journal cimport AfterImage, Entry
from onecard.ext.shape.numbers cimport Effect
from onecard.ext.shape.tables cimport Account, Journey, Totals, Travel
from onecard.ext.state.free_rows cimport FreeRows
from onecard.ext.state.index cimport Index
from onecard.ext.state.table cimport Table


@cython.final
cdef class Travels:
    cdef const Table* tables  # of the state
    cdef Totals* total
    cdef Account* accounts
    cdef Travel* rows
    cdef Journey* pool
    cdef Index by_key  # of the pool; derived, as is what is free
    cdef FreeRows free
    cdef bint known  # 0: both are to be gathered before they are asked

    cdef const Journey* journey_of(self, const Account* account, uint32_t number, uint8_t mode) noexcept nogil
    cdef const Journey* to_exit(self, const Account* account, uint32_t number, uint8_t mode) noexcept nogil
    cdef const Journey* opened_by(self, const Account* account, uint32_t number, uint64_t sequence) noexcept nogil
    cdef int64_t row_for(self, const Account* account, uint32_t number, uint8_t mode) noexcept nogil
    cdef uint32_t row_of(self, const Journey* journey) noexcept nogil
    cdef void settle(self, const Entry* entry, uint16_t network) noexcept nogil
    cdef uint32_t travel_of(self, const Entry* entry) noexcept nogil
    cdef void open(self, const AfterImage* change, const Entry* entry, uint16_t network) noexcept nogil
    cdef void end(self, const AfterImage* change, const Entry* entry) noexcept nogil
    cdef bint fits(self, const AfterImage* change, const Entry* entry) noexcept nogil
    cdef void gather(self) noexcept nogil


cdef inline uint64_t journey_ended_by(const Entry* entry) noexcept nogil:
    """The ENTRY whose journey an entry ended: the EXIT or ENTRY names it, the REVERSAL is about it; 0:
    it ended none."""
    if entry.journey != 0:
        return entry.journey
    return entry.about if entry.effects & Effect.JOURNEY_CLOSED else 0
