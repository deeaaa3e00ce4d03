"""Where holders travel: a row an account from its first journey on, and the journeys that are open.

The first open journey of an account stands in its travel row, further ones (each is of another mode)
in rows of a pool. Which row of the pool a journey has its entry says itself, in an image, so a replay
decides none. Which rows are free, and which has the journey of an account and mode, is derived from
the rows and gathered anew where it is needed: a replay meets rows of pages that are ahead of it, so
nothing of that is known until it is through.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memset

from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport AfterImage, Entry
from onecard.ext.shape.numbers cimport Effect, Image
from onecard.ext.shape.tables cimport (
    ACCOUNT_ROWS,
    JOURNEY_ROWS,
    TRAVEL_ROWS,
    Account,
    Journey,
    Totals,
    Travel,
)
from onecard.ext.state.free_rows cimport FreeRows
from onecard.ext.state.index cimport Index
from onecard.ext.state.table cimport ACCOUNTS, JOURNEYS, TRAVELS, Table, is_newer, touch

cdef enum:
    MODE_BITS = 8


cdef inline uint64_t key_of(uint32_t account, uint8_t mode) noexcept nogil:
    """What an open journey is found by. No account is 0, so no key is."""
    return <uint64_t>account << MODE_BITS | mode


@cython.final
cdef class Travels:
    """Over the tables of a state: their address and that of its totals."""

    def __cinit__(self, uintptr_t tables, uintptr_t total):
        cdef const Table* journeys
        self.tables = <const Table*>tables
        self.total = <Totals*>total
        self.accounts = <Account*>self.tables[ACCOUNTS].rows
        self.rows = <Travel*>self.tables[TRAVELS].rows
        journeys = &self.tables[JOURNEYS]
        self.pool = <Journey*>journeys.rows
        self.by_key = Index(<uintptr_t>journeys.rows, journeys.row_bytes, journeys.rows_max)
        self.free = FreeRows(journeys.rows_max)
        self.known = True  # there are none

    def forget(self):
        """Rows were loaded: nothing is known of what is derived from them."""
        self.known = False

    def put_in_order(self):
        """Once the journal is replayed, so that no tap waits for it."""
        self.gather()

    def apart(self) -> int:
        """How many journeys are open in rows of the pool."""
        self.gather()
        return self.total.journeys - self.free.count

    # ---- what is open --------------------------------------------------------------------------

    cdef const Journey* journey_of(
        self, const Account* account, uint32_t number, uint8_t mode
    ) noexcept nogil:
        """The open journey of an account and mode; NULL where none is."""
        cdef const Journey* own
        cdef int64_t row
        if account.travel == 0:
            return NULL
        check(account.travel <= self.total.travels)
        own = <const Journey*>&self.rows[account.travel]
        if own.key == key_of(number, mode):
            return own
        self.gather()
        if self.by_key.used == 0:
            return NULL
        row = self.by_key.find(key_of(number, mode))
        return NULL if row < 0 else &self.pool[row]

    cdef const Journey* to_exit(
        self, const Account* account, uint32_t number, uint8_t mode
    ) noexcept nogil:
        """The journey that ends at a terminal of a mode: of that mode, or else of none; or NULL."""
        cdef const Journey* found = self.journey_of(account, number, mode)
        if found is NULL and mode != 0:
            found = self.journey_of(account, number, 0)
        return found

    cdef const Journey* opened_by(
        self, const Account* account, uint32_t number, uint64_t sequence
    ) noexcept nogil:
        """The open journey that an entry began, of whatever mode; NULL where it is over."""
        cdef const Journey* found
        cdef int mode
        if account.travel == 0:
            return NULL
        found = <const Journey*>&self.rows[account.travel]
        if found.sequence == sequence:
            return found
        self.gather()
        if self.by_key.used == 0:
            return NULL
        for mode in range(1 << MODE_BITS):  # an entry does not say its mode
            found = self.journey_of(account, number, <uint8_t>mode)
            if found is not NULL and found.sequence == sequence:
                return found
        return NULL

    cdef int64_t row_for(
        self, const Account* account, uint32_t number, uint8_t mode
    ) noexcept nogil:
        """Where the journey that an account begins in a mode is to stand: the row of the pool, 0 the
        account's travel row, -1: the pool is full."""
        cdef const Journey* found = self.journey_of(account, number, mode)
        cdef uint64_t row
        if found is not NULL:
            return self.row_of(found)  # it is replaced
        if account.travel == 0 or self.rows[account.travel].key == 0:
            return 0
        row = self.free.lowest()
        if row == 0:
            row = self.total.journeys + 1
        return <int64_t>row if row < self.tables[JOURNEYS].rows_max else -1

    cdef uint32_t row_of(self, const Journey* journey) noexcept nogil:
        """The row of the pool that it has; 0: it stands in a travel row."""
        cdef uintptr_t at = <uintptr_t>journey
        cdef uintptr_t first = <uintptr_t>self.pool
        if at < first or at >= first + self.tables[JOURNEYS].rows_max * sizeof(Journey):
            return 0
        return <uint32_t>((at - first) // sizeof(Journey))

    # ---- what an entry changes -----------------------------------------------------------------

    cdef void settle(self, const Entry* entry, uint16_t network) noexcept nogil:
        """A journey begun or ended, by the entry's own columns; one that stands apart, by its image.
        `network` is that of the tariff which the entry names."""
        cdef uint32_t number = self.travel_of(entry)
        cdef Travel* row = &self.rows[number]
        cdef uint64_t page = number // TRAVEL_ROWS
        cdef int64_t at_us = entry.tapped_at_us or entry.booked_at_us
        check(number != 0)
        check(number < self.tables[TRAVELS].rows_max)
        if not is_newer(&self.tables[TRAVELS], page, entry.sequence):
            return
        touch(&self.tables[TRAVELS], page)
        if entry.effects & Effect.JOURNEY_OPENED:
            row.boarded = entry.sequence
            row.boarded_at_us = at_us
            row.boarded_line = entry.line
            row.boarded_network = network
            row.rider_class = entry.rider_class
            if not entry.effects & Effect.JOURNEY_APART:
                begin(<Journey*>row, entry, network, 0)
        elif not entry.effects & Effect.JOURNEY_APART:
            memset(row, 0, sizeof(Journey))
        if entry.effects & Effect.JOURNEY_OPENED or entry.journey != 0:
            row.latest_us = max(row.latest_us, at_us)

    cdef uint32_t travel_of(self, const Entry* entry) noexcept nogil:
        """The travel row of the entry's account, opened where this is its first journey. Rows are
        given in order, so one whose number is not given yet is what a page that is ahead has of the
        account that takes it now."""
        cdef Account* account = &self.accounts[entry.account]
        cdef uint64_t page = entry.account // ACCOUNT_ROWS
        if account.travel == 0 or account.travel > self.total.travels:
            self.total.travels += 1
            if is_newer(&self.tables[ACCOUNTS], page, entry.sequence):
                account.travel = <uint32_t>self.total.travels
                touch(&self.tables[ACCOUNTS], page)
            check(account.travel == self.total.travels)
        return account.travel

    cdef void open(
        self, const AfterImage* change, const Entry* entry, uint16_t network
    ) noexcept nogil:
        """A journey that its image has a row for, in the pool or (0) the account's own, and a mode."""
        cdef uint32_t row = <uint32_t>change.key
        cdef uint32_t number = self.accounts[entry.account].travel
        cdef Journey* journey = &self.pool[row]
        cdef uint64_t page = row // JOURNEY_ROWS
        if row == 0:
            if is_newer(&self.tables[TRAVELS], number // TRAVEL_ROWS, entry.sequence):
                begin(<Journey*>&self.rows[number], entry, network, <uint8_t>change.value)
            return
        if self.known and journey.key == 0:
            if row == self.free.lowest():
                self.free.take()
            elif self.free.count != 0 or row != self.total.journeys + 1:
                self.known = False  # a row that no judge would have taken
        if self.known and journey.key == 0:
            journey.key = key_of(entry.account, <uint8_t>change.value)  # the index reads it
            self.by_key.insert(journey.key, row)
        self.total.journeys = max(self.total.journeys, <uint64_t>row)
        if is_newer(&self.tables[JOURNEYS], page, entry.sequence):
            begin(journey, entry, network, <uint8_t>change.value)
            touch(&self.tables[JOURNEYS], page)

    cdef void end(self, const AfterImage* change, const Entry* entry) noexcept nogil:
        """The journey in a row of the pool is over, and the row free."""
        cdef uint32_t row = <uint32_t>change.key
        cdef uint64_t page = row // JOURNEY_ROWS
        if self.known and self.pool[row].key == 0:
            self.known = False
        if self.known:
            self.by_key.remove(self.pool[row].key)
            self.free.give(row)
        if is_newer(&self.tables[JOURNEYS], page, entry.sequence):
            memset(&self.pool[row], 0, sizeof(Journey))
            touch(&self.tables[JOURNEYS], page)

    cdef bint fits(self, const AfterImage* change, const Entry* entry) noexcept nogil:
        """Returns True when an image is one of what the entry did, and leads to a row that is free or
        has that journey; of a page that is ahead of the entry, the row may be anybody's."""
        cdef const Table* journeys = &self.tables[JOURNEYS]
        cdef bint begins = change.what == Image.JOURNEY_PLACED
        cdef int effect = Effect.JOURNEY_OPENED if begins else Effect.JOURNEY_CLOSED
        cdef uint64_t key
        if entry.account == 0 or not (entry.effects & effect and entry.effects & Effect.JOURNEY_APART):
            return False
        if change.key >= journeys.rows_max or not 0 <= change.value < 1 << MODE_BITS:
            return False
        if change.key == 0:
            return begins  # in the travel row, which needs no other to be free
        if not is_newer(journeys, change.key // JOURNEY_ROWS, entry.sequence):
            return True
        key = self.pool[change.key].key
        return key == key_of(entry.account, <uint8_t>change.value) or (begins and key == 0)

    cdef void gather(self) noexcept nogil:
        """Learn from the rows which are free, and which has what."""
        cdef uint64_t row
        if self.known:
            return
        self.known = True
        self.free.forget()
        self.by_key.empty()
        for row in range(1, self.total.journeys + 1):
            if self.pool[row].key == 0:
                self.free.give(<uint32_t>row)
            else:
                self.by_key.insert(self.pool[row].key, <uint32_t>row)


cdef inline void begin(
    Journey* journey, const Entry* entry, uint16_t network, uint8_t mode
) noexcept nogil:
    """The journey that an entry begins."""
    journey.key = key_of(entry.account, mode)
    journey.sequence = entry.sequence
    journey.at_us = entry.tapped_at_us or entry.booked_at_us
    journey.place = entry.place
    journey.network = network
