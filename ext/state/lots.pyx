"""Lots and their purses: rows of a pool, which an entry says itself, and the order that these have.

The order (which rows are free, which lot of an account ends next) is derived from the rows and gathered
anew where it is needed. A replay meets rows of pages that are ahead of it, so nothing is known of their
order until it is through: what it changes is followed only from the first question on.
"""

cimport cython
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memset

from onecard.ext.shape.check cimport check
from onecard.ext.shape.fen cimport add_overflows
from onecard.ext.shape.journal cimport AfterImage, Entry, Leg
from onecard.ext.shape.numbers cimport Effect, Image
from onecard.ext.shape.tables cimport ACCOUNT_ROWS, LOT_ROWS, PURSE_ROWS, Account, Lot, Purse, Totals
from onecard.ext.state.free_rows cimport FreeRows
from onecard.ext.state.index cimport Index
from onecard.ext.state.table cimport ACCOUNTS, LOTS, PURSES, Table, is_full, is_newer, touch


@cython.final
cdef class Lots:
    """Over the tables of a state (their address and that of its totals), and the index of lots."""

    def __cinit__(self, uintptr_t tables, uintptr_t total, Index by_lot):
        self.tables = <const Table*>tables
        self.total = <Totals*>total
        self.rows = <Lot*>self.tables[LOTS].rows
        self.purses = <Purse*>self.tables[PURSES].rows
        self.accounts = <Account*>self.tables[ACCOUNTS].rows
        self.by_lot = by_lot
        self.free = FreeRows(self.tables[LOTS].rows_max)
        self.known = True  # there are none

    def forget(self):
        """Rows were loaded: nothing is known of their order."""
        self.known = False

    def put_in_order(self):
        """Once the journal is replayed, so that no tap waits for it."""
        self.free_row()

    def rows_of(self, uint32_t account):
        """The rows of an account's lots, in the order in which they are spent."""
        cdef uint32_t row
        found = []
        self.free_row()
        row = self.purses[self.accounts[account].purse].first
        while row != 0:
            found.append(row)
            row = self.rows[row].next
        return found

    # ---- what an entry changes -----------------------------------------------------------------

    cdef bint post(self, const Leg* leg, int64_t amount, uint64_t sequence) noexcept nogil:
        """The lot's side of a leg. Returns True when it does not fit.

        A lot that has no row is opened by an image of this same entry, or its row is on a page that is
        ahead, where it is spent already.
        """
        cdef int64_t row = self.by_lot.find(leg.owner)
        cdef int64_t left = 0
        if row < 0 or not is_newer(&self.tables[LOTS], <uint64_t>row // LOT_ROWS, sequence):
            return False
        if add_overflows(self.rows[row].left_fen, amount, &left) or left < 0:
            return True
        self.rows[row].left_fen = left
        touch(&self.tables[LOTS], <uint64_t>row // LOT_ROWS)
        return False

    cdef void open(self, const AfterImage* change, const Entry* entry) noexcept nogil:
        """A lot takes the row that its entry says; where it is the account's first, it has a purse."""
        cdef Lot* row = &self.rows[change.key]
        cdef uint64_t page = change.key // LOT_ROWS
        check(change.key > 0)
        check(change.key < self.tables[LOTS].rows_max)
        check(entry.account != 0)
        self.total.lots = max(self.total.lots, change.key)
        self.total.granted = max(self.total.granted, <uint64_t>change.value)
        if entry.effects & Effect.PURSE_OPENED:
            self.open_purse(entry)
        if is_newer(&self.tables[LOTS], page, entry.sequence):
            check(row.lot == 0)
            row.lot = <uint64_t>change.value
            row.left_fen = entry.amount_fen
            row.ends_us = entry.ends_us
            row.account = entry.account
            row.programme = entry.programme
            row.sponsor = <uint16_t>entry.sponsor
            touch(&self.tables[LOTS], page)
            self.by_lot.insert(row.lot, <uint32_t>change.key)
            self.follow(<uint32_t>change.key)
        elif row.lot != 0 and self.by_lot.find(row.lot) < 0:
            # Of a page that is ahead, and beyond the rows that were in use when they were indexed.
            self.by_lot.insert(row.lot, <uint32_t>change.key)

    cdef void open_purse(self, const Entry* entry) noexcept nogil:
        """The next row of purses is the account's, for ever."""
        cdef uint64_t number = self.total.purses + 1
        cdef uint64_t page = entry.account // ACCOUNT_ROWS
        check(number < self.tables[PURSES].rows_max)
        self.total.purses = number
        if is_newer(&self.tables[PURSES], number // PURSE_ROWS, entry.sequence):
            self.purses[number].account = entry.account
            touch(&self.tables[PURSES], number // PURSE_ROWS)
        if is_newer(&self.tables[ACCOUNTS], page, entry.sequence):
            self.accounts[entry.account].purse = <uint32_t>number
            touch(&self.tables[ACCOUNTS], page)

    cdef void end(self, const AfterImage* change, const Entry* entry) noexcept nogil:
        """Nothing is left of a lot: its row is free again."""
        cdef uint64_t row = <uint64_t>change.value
        check(row > 0)
        check(row < self.tables[LOTS].rows_max)
        if is_newer(&self.tables[LOTS], row // LOT_ROWS, entry.sequence):
            check(self.rows[row].lot == change.key)
            self.unlink(<uint32_t>row)
            self.by_lot.remove(change.key)
            memset(&self.rows[row], 0, sizeof(Lot))
            touch(&self.tables[LOTS], row // LOT_ROWS)

    cdef bint fits(self, const AfterImage* change, const Entry* entry) noexcept nogil:
        """Returns True when an image leads to a row that there is, and that is free or the lot's own
        as it says; of a page that is ahead of the entry, the row may be anybody's."""
        cdef const Table* table = &self.tables[LOTS]
        cdef bint opens = change.what == Image.LOT_OPENED
        cdef uint64_t row = change.key if opens else <uint64_t>change.value
        if not opens and change.what != Image.LOT_SPENT:
            return True
        if row == 0 or row >= table.rows_max or entry.account == 0:
            return False
        if opens and (
            <uint64_t>change.value != self.total.granted + 1
            or entry.amount_fen <= 0
            or entry.sponsor > self.total.participants
            or (entry.effects & Effect.PURSE_OPENED and is_full(&self.tables[PURSES]))
        ):
            return False
        if not is_newer(table, row // LOT_ROWS, entry.sequence):
            return True
        if opens:
            return self.rows[row].lot == 0
        return self.rows[row].lot == change.key and self.rows[row].left_fen == 0

    # ---- what the rules ask --------------------------------------------------------------------

    cdef uint32_t free_row(self) noexcept nogil:
        """The lowest row that is free, 0 where none is."""
        if not self.known:
            self.gather()
        if self.free.count:
            return self.free.lowest()
        return <uint32_t>(self.highest + 1) if self.highest + 1 < self.tables[LOTS].rows_max else 0

    cdef int count_of(self, const Account* account) noexcept nogil:
        """How many lots an account has: few, so they are counted. To be asked after `free_row`."""
        cdef uint32_t row = self.purses[account.purse].first
        cdef int count = 0
        while row != 0:
            count += 1
            row = self.rows[row].next
        return count

    cdef const Lot* find(self, uint64_t lot) noexcept nogil:
        """A lot by its number, NULL where nothing is left of it."""
        cdef int64_t row = self.by_lot.find(lot)
        return NULL if row < 0 else &self.rows[row]

    # ---- the order of the rows -----------------------------------------------------------------

    cdef void gather(self) noexcept nogil:
        """Look at all rows that were ever used, and at all purses. A row that is of no purse, as none is
        that an entry opened, is of no list."""
        cdef uint64_t row
        self.highest = self.total.lots
        self.live = 0
        self.free.forget()
        check(self.highest < self.tables[LOTS].rows_max)
        for row in range(1, self.total.purses + 1):
            self.purses[row].first = 0
        for row in range(1, self.highest + 1):
            self.rows[row].next = 0
        for row in range(1, self.highest + 1):
            if self.rows[row].lot == 0:
                self.free.give(<uint32_t>row)
            else:
                self.live += 1
                if self.has_purse(<uint32_t>row):
                    self.link(<uint32_t>row)
        self.known = True

    cdef void follow(self, uint32_t row) noexcept nogil:
        """A row is in use from now on; it was the one that `free_row` gives, or all is gathered anew."""
        if not self.known or row != self.free_row():
            self.known = False
            return
        if self.free.count:
            self.free.take()
        else:
            self.highest = row
        self.live += 1
        self.link(row)

    cdef void link(self, uint32_t row) noexcept nogil:
        """Among the lots of its account, before the first that is spent later."""
        cdef uint32_t purse = self.purse_of(row)
        cdef uint32_t before = self.before(row)
        self.rows[row].next = self.after(purse, before)
        self.put_after(purse, before, row)

    cdef void unlink(self, uint32_t row) noexcept nogil:
        """A row is free from now on; it still says what it was."""
        cdef uint32_t purse, before
        if not self.known:
            return
        purse = self.purse_of(row)
        before = self.before(row)
        check(self.after(purse, before) == row)
        self.put_after(purse, before, self.rows[row].next)
        self.live -= 1
        self.free.give(row)

    cdef uint32_t purse_of(self, uint32_t row) noexcept nogil:
        cdef uint32_t purse = self.accounts[self.rows[row].account].purse
        check(purse > 0)
        check(purse <= self.total.purses)
        check(self.purses[purse].account == self.rows[row].account)
        return purse

    cdef bint has_purse(self, uint32_t row) noexcept nogil:
        """Returns True when the account of a lot has a purse, and that is its own."""
        cdef uint32_t account = self.rows[row].account
        cdef uint32_t purse
        if account == 0 or account > self.total.accounts:
            return False
        purse = self.accounts[account].purse
        return 0 < purse <= self.total.purses and self.purses[purse].account == account

    cdef uint32_t before(self, uint32_t row) noexcept nogil:
        """The last lot of its account that is spent before it, 0 where none is."""
        cdef uint32_t before = 0
        cdef uint32_t next = self.purses[self.purse_of(row)].first
        while next != 0 and ends_sooner(&self.rows[next], &self.rows[row]):
            before = next
            next = self.rows[next].next
        return before

    cdef uint32_t after(self, uint32_t purse, uint32_t row) noexcept nogil:
        """What comes after a row, or first in a purse, after row 0."""
        return self.purses[purse].first if row == 0 else self.rows[row].next

    cdef void put_after(self, uint32_t purse, uint32_t row, uint32_t next) noexcept nogil:
        if row == 0:
            self.purses[purse].first = next
        else:
            self.rows[row].next = next
