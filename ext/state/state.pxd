cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport AfterImage, Entry, Leg
from onecard.ext.shape.tables cimport Account, CardPast, Credential, OpenHold, Participant, PolicyRow
from onecard.ext.shape.tables cimport Scene, Terminal, TerminalPast, Totals, Window
from onecard.ext.state.holds cimport Holds
from onecard.ext.state.index cimport Index
from onecard.ext.state.lots cimport Lots
from onecard.ext.state.policies cimport Policies
from onecard.ext.state.table cimport TABLE_COUNT, Table
from onecard.ext.state.travels cimport Travels


cdef struct Fares:
    const int32_t* fen
    uint32_t stations


@cython.final
cdef class State:
    cdef Table tables[TABLE_COUNT]
    cdef Totals* total  # the row of totals: what is not a table
    cdef Participant* participants  # the rows of tables by their own struct, as are those below
    cdef Terminal* terminals
    cdef Account* accounts
    cdef Credential* credentials
    cdef Window* windows
    cdef PolicyRow* policies
    cdef CardPast* card_pasts
    cdef TerminalPast* terminal_pasts
    cdef Scene* scenes
    cdef Fares* fares  # of each row of policies that is a tariff
    cdef Policies in_force  # which of them is
    cdef OpenHold* open_holds
    cdef Holds holds  # which of their rows are free, and which ends next
    cdef readonly Lots lots
    cdef readonly Travels travels
    cdef Index by_token
    cdef readonly uint64_t cards_max
    cdef readonly uint64_t terminals_max
    cdef readonly uint64_t holds_max
    cdef readonly uint64_t lots_max
    cdef readonly object totals  # the row of totals as an array
    cdef dict numbers  # name of a table to its number
    cdef list arrays  # of each table: all rows there is room for, a byte a page, a sequence a page
    cdef list lookups  # of each table: an Index or a dict of keys to rows, or None
    cdef readonly dict by_name  # name of a participant, UTF-8, to its id
    cdef readonly dict by_number  # printed number of a terminal, UTF-8, to its id
    cdef readonly dict by_actor  # name of an actor, UTF-8, to its number
    cdef list kept  # memory and fares that the pointers lead into

    cdef bint post(self, const Leg* legs, int count, uint64_t sequence) noexcept nogil
    cdef bint post_leg(self, const Leg* leg, int64_t sign, uint64_t sequence) noexcept nogil
    cdef bint post_account(self, const Leg* leg, int64_t amount, uint64_t sequence) noexcept nogil
    cdef void settle(self, const Entry* entry, int64_t card) noexcept nogil
    cdef void image(self, const AfterImage* change, const Entry* entry) noexcept nogil
    cdef void open_hold(self, const AfterImage* change, const Entry* entry) noexcept nogil
    cdef void close_hold(self, const AfterImage* change, const Entry* entry) noexcept nogil
    cdef bint fits(self, const AfterImage* change, const Entry* entry) noexcept nogil
    cdef uint32_t free_hold(self) noexcept nogil
    cdef uint32_t row_of_hold(self, uint64_t sequence) noexcept nogil
    cdef int64_t policy_at(self, uint16_t policy, uint16_t network, int64_t at_us) noexcept nogil
    cdef uint16_t network_of(self, uint32_t version) noexcept nogil
    cdef void see(self, uint32_t terminal, uint64_t key, uint64_t sequence) noexcept nogil
    cdef int _lay(self, shape, uint64_t room) except -1
    cdef int _index(self, int number, Index index) except -1


cdef inline const CardPast* card_past(State state, uint32_t newest, int64_t at_us) noexcept nogil:
    """What a card drew on at a time, by its newest past; NULL where that is what it draws on now."""
    cdef const CardPast* found = NULL
    cdef uint32_t row = newest
    while row != 0:
        check(row <= state.total.card_pasts)
        if state.card_pasts[row].status == 0:
            if at_us >= state.card_pasts[row].until_us:
                break
            found = &state.card_pasts[row]
        row = state.card_pasts[row].next
    return found


cdef inline bint within_spell(State state, uint32_t newest, int64_t at_us) noexcept nogil:
    """Returns True when a card was not ACTIVE at a time, though it may be now. All its spells are
    looked at: one may have been booked after another that it lies before."""
    cdef const CardPast* past
    cdef uint32_t row = newest
    while row != 0:
        check(row <= state.total.card_pasts)
        past = &state.card_pasts[row]
        if past.status != 0 and past.from_us < at_us < past.until_us:
            return True
        row = past.next
    return False


cdef inline const TerminalPast* terminal_past(State state, uint32_t newest, int64_t at_us) noexcept nogil:
    """What a terminal was at a time, by its newest past; NULL where that is what it is now."""
    cdef const TerminalPast* found = NULL
    cdef uint32_t row = newest
    while row != 0:
        check(row <= state.total.terminal_pasts)
        if at_us >= state.terminal_pasts[row].until_us:
            break
        found = &state.terminal_pasts[row]
        row = found.next
    return found
