cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from onecard.ext.shape.journal cimport AfterImage, Entry, Leg
from onecard.ext.shape.tables cimport (
    ACCOUNT_ROWS,
    CLAIM_ROWS,
    CREDENTIAL_ROWS,
    PARTICIPANT_ROWS,
    TERMINAL_ROWS,
    Account,
    Claim,
    Credential,
    Participant,
    Tariff,
    Terminal,
    Totals,
    Window,
)
from onecard.ext.state.index cimport Index

cdef enum:
    TARIFFS_MAX = 64
    WINDOWS_MAX = 65536


cdef struct Fares:
    const int32_t* fen
    uint32_t stations


@cython.final
cdef class State:
    cdef Totals* all
    cdef Participant* participants
    cdef Terminal* terminals
    cdef Account* accounts
    cdef Credential* credentials
    cdef Claim* claims
    cdef Window* windows
    cdef Tariff* tariffs
    cdef Fares fares[TARIFFS_MAX]
    cdef Index by_token
    cdef Index by_claim
    cdef readonly uint64_t cards_max
    cdef readonly uint64_t terminals_max
    cdef readonly uint64_t claims_max
    cdef dict tables  # name to all rows there is room for
    cdef dict changed  # name to a byte a page
    cdef dict saved  # name to a sequence a page
    cdef readonly dict by_name  # name of a participant, UTF-8, to its id
    cdef readonly dict by_number  # printed number of a terminal, UTF-8, to its id
    cdef list kept  # memory and fares that the pointers lead into
    cdef uint8_t* participants_dirty
    cdef uint8_t* terminals_dirty
    cdef uint8_t* accounts_dirty
    cdef uint8_t* credentials_dirty
    cdef uint8_t* claims_dirty
    cdef uint64_t* participants_as_of
    cdef uint64_t* terminals_as_of
    cdef uint64_t* accounts_as_of
    cdef uint64_t* credentials_as_of
    cdef uint64_t* claims_as_of

    cdef bint post(self, const Leg* legs, int count, uint64_t sequence) noexcept nogil
    cdef bint post_leg(self, const Leg* leg, int64_t sign, uint64_t sequence) noexcept nogil
    cdef bint post_account(self, const Leg* leg, int64_t amount, uint64_t sequence) noexcept nogil
    cdef void settle(self, const Entry* entry, int64_t card) noexcept nogil
    cdef void image(self, const AfterImage* change, const Entry* entry) noexcept nogil
    cdef int64_t tariff_at(self, int64_t at_us) noexcept nogil
    cdef Claim* claim(self, uint64_t sequence) noexcept nogil
    cdef void see(self, uint32_t terminal, uint64_t key, uint64_t sequence) noexcept nogil
    cdef uint8_t* _room(self, str name, dtype, uint64_t rows) except NULL
    cdef uint8_t* _bytes(self, str name) except NULL
    cdef uint64_t* _sequences(self, str name) except NULL
