"""A table of the state as a value: its rows, which stand in pages, and what is known of each page."""

from libc.stdint cimport uint8_t, uint64_t

from onecard.ext.shape.check cimport check

cdef enum:  # the tables by number, in the order of table.pyx, which says what each is made of
    PARTICIPANTS
    TERMINALS
    ACCOUNTS
    CREDENTIALS
    WINDOWS
    POLICIES
    CARD_PASTS
    TERMINAL_PASTS
    ACTORS
    SCENES
    CALENDAR_DAYS
    OPEN_HOLDS
    PURSES
    LOTS
    TRAVELS
    JOURNEYS
    TABLE_COUNT

cdef enum:
    POLICIES_MAX = 65_535  # a version has 16 bits wherever it may come to stand


cdef struct Table:
    uint8_t* rows
    uint8_t* dirty  # a byte a page: 1 = changed since it was last copied
    uint64_t* as_of  # a sequence a page: a replay leaves the rows of records up to it alone
    uint64_t* used  # rows in use, `first` apart; stands in the row of totals
    uint64_t row_bytes
    uint64_t rows_max
    uint64_t rows_a_page
    uint64_t pages
    uint64_t first  # 1 where row 0 is nobody


cdef inline bint is_newer(const Table* table, uint64_t page, uint64_t sequence) noexcept nogil:
    """Returns True when a record of this sequence is not in the page already."""
    check(page < table.pages)
    return sequence > table.as_of[page]


cdef inline void touch(const Table* table, uint64_t page) noexcept nogil:
    """A row of the page has changed: the next pass of the checkpoint saves it."""
    check(page < table.pages)
    table.dirty[page] = 1


cdef inline bint is_full(const Table* table) noexcept nogil:
    """Returns True when no row is left to be taken into use."""
    return table.first + table.used[0] >= table.rows_max
