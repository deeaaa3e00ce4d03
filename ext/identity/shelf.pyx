"""Shelves: which pages of retired identities a terminal has, and how many identities in each.

A page that is missing, or is an older version of itself, is not damaged; only what stands beside it
tells. A shelf's key is terminal, epoch and `terminal_seq >> 20`, four bytes big-endian each; its
value, little-endian:

    pages u2, unused u2, CRC-32 u4, total u4
    the pages there are, ascending: the low twelve bits of `terminal_seq >> 8`, u2 each
    identities in each of them less one, u1 each

Identities are only ever added to a page, so a page with the count of its shelf is the newest, and
shelves with the sum that their terminal is known to have are the newest and all there are.
"""

import numpy as np

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from onecard.ext.identity.checksum cimport KEY_BYTES, checksum
from onecard.ext.identity.pages cimport PageHeader

cdef enum:
    PAGES = 4096  # a million sequences: most counters have one shelf, and its value is 12 KiB at most
    PAGE_BITS = 12
    WORDS = 64  # of a bit a page
    HEADER_BYTES = 12
    BYTES_A_PAGE = 3
    VALUE_BYTES_MAX = HEADER_BYTES + BYTES_A_PAGE * PAGES


cdef packed struct ShelfHeader:
    uint16_t pages
    uint16_t unused
    uint32_t crc
    uint32_t total


if sizeof(ShelfHeader) != HEADER_BYTES:
    raise ImportError(f"ShelfHeader: expected {HEADER_BYTES} bytes, found {sizeof(ShelfHeader)}")


cdef struct Shelf:
    uint64_t there[WORDS]  # a bit a page; the counts of others mean nothing
    uint16_t counts[PAGES]


cdef extern from *:
    int lowest_bit "__builtin_ctzll"(uint64_t word) noexcept nogil


cdef inline uint32_t page_of(const uint8_t* page_key) noexcept nogil:
    return (
        <uint32_t>page_key[8] << 24 | <uint32_t>page_key[9] << 16
        | <uint32_t>page_key[10] << 8 | page_key[11]
    )


cdef inline void put_key(uint8_t* key, const uint8_t* page_key) noexcept nogil:
    """The key of the shelf on which a page stands."""
    cdef uint32_t number = page_of(page_key) >> PAGE_BITS
    memcpy(key, page_key, 8)
    key[8] = number >> 24
    key[9] = (number >> 16) & 0xFF
    key[10] = (number >> 8) & 0xFF
    key[11] = number & 0xFF


def keys_of(list page_keys):
    """The keys of the shelves on which pages stand, each once, for page keys in order."""
    cdef uint8_t key[KEY_BYTES]
    cdef uint8_t before[KEY_BYTES]
    cdef bytes page_key
    keys = []
    memset(before, 0xFF, KEY_BYTES)
    for page_key in page_keys:
        check_length(page_key)
        put_key(key, <const uint8_t*>PyBytes_AS_STRING(page_key))
        if not keys or memcmp(key, before, KEY_BYTES) != 0:
            memcpy(before, key, KEY_BYTES)
            keys.append(PyBytes_FromStringAndSize(<char*>key, KEY_BYTES))
    return keys


def counts_of(list values):
    """Identities (int64) in each of some sound page values; 0 for None."""
    cdef Py_ssize_t i
    found = np.zeros(len(values), np.int64)
    cdef int64_t[::1] counts = found
    for i in range(len(values)):
        value = values[i]
        if value is not None:
            if PyBytes_GET_SIZE(value) < <Py_ssize_t>sizeof(PageHeader):
                raise ValueError(f"a page of {len(value)} bytes has no head")
            counts[i] = (<const PageHeader*>PyBytes_AS_STRING(value)).count
    return found


def update(list page_keys, before, after, dict stored):
    """Shelves with new counts of some pages: (key, value) pairs in order.

    `page_keys` in order, `before` and `after` the identities (int64) in each page, `stored` the
    present values by key. Raises ValueError where a shelf is damaged or says other than `before`.
    """
    cdef const int64_t[::1] was = before
    cdef const int64_t[::1] now = after
    cdef Py_ssize_t i = 0, count = len(page_keys)
    cdef Shelf shelf
    cdef uint8_t key[KEY_BYTES]
    cdef uint8_t other[KEY_BYTES]
    cdef uint8_t value[VALUE_BYTES_MAX]
    cdef uint32_t slot
    cdef bytes page_key
    if was.shape[0] != count or now.shape[0] != count:
        raise ValueError(f"{count} pages with counts of {was.shape[0]} and {now.shape[0]}")
    made = []
    while i < count:
        page_key = page_keys[i]
        check_length(page_key)
        put_key(key, <const uint8_t*>PyBytes_AS_STRING(page_key))
        name = PyBytes_FromStringAndSize(<char*>key, KEY_BYTES)
        read(name, stored.get(name), &shelf)
        while i < count:
            page_key = page_keys[i]
            check_length(page_key)
            put_key(other, <const uint8_t*>PyBytes_AS_STRING(page_key))
            if memcmp(key, other, KEY_BYTES) != 0:
                break
            slot = page_of(<const uint8_t*>PyBytes_AS_STRING(page_key)) & (PAGES - 1)
            if count_of(&shelf, slot) != was[i]:
                raise ValueError(differs(page_key, count_of(&shelf, slot), was[i]))
            put_count(&shelf, slot, <uint16_t>now[i])
            i += 1
        made.append((name, PyBytes_FromStringAndSize(<char*>value, write(key, &shelf, value))))
    return made


def check(list page_keys, counts, dict shelves):
    """Raises ValueError unless each page holds as many identities as its shelf says.

    `counts`: identities (int64) found in each page, 0 where none was found; `shelves` by key.
    """
    cdef const int64_t[::1] found = counts
    cdef Py_ssize_t i
    cdef Shelf shelf
    cdef uint8_t key[KEY_BYTES]
    cdef uint32_t slot
    cdef bytes page_key, name, before = b""
    if found.shape[0] != len(page_keys):
        raise ValueError(f"{len(page_keys)} pages with counts of {found.shape[0]}")
    for i in range(found.shape[0]):
        page_key = page_keys[i]
        check_length(page_key)
        put_key(key, <const uint8_t*>PyBytes_AS_STRING(page_key))
        name = PyBytes_FromStringAndSize(<char*>key, KEY_BYTES)
        if name != before:
            read(name, shelves.get(name), &shelf)
            before = name
        slot = page_of(<const uint8_t*>PyBytes_AS_STRING(page_key)) & (PAGES - 1)
        if count_of(&shelf, slot) != found[i]:
            raise ValueError(differs(page_key, count_of(&shelf, slot), found[i]))


cdef differs(bytes page_key, int64_t wanted, int64_t found):
    return f"expected {wanted} identities in the page {page_key.hex()}, found {found}"


cdef int check_length(bytes key) except -1:
    if PyBytes_GET_SIZE(key) != KEY_BYTES:
        raise ValueError(f"expected a key of {KEY_BYTES} bytes, found {key.hex()}")
    return 0


cdef int read(bytes key, value, Shelf* shelf) except -1:
    """Unpacks a stored shelf, an empty one where `value` is None; ValueError: it is damaged."""
    cdef const uint8_t* at
    cdef const ShelfHeader* header
    cdef Py_ssize_t i
    cdef uint16_t slot = 0
    memset(shelf.there, 0, sizeof(shelf.there))
    if value is None:
        return 0
    at = <const uint8_t*>PyBytes_AS_STRING(value)
    header = <const ShelfHeader*>at
    if (
        PyBytes_GET_SIZE(value) < HEADER_BYTES
        or PyBytes_GET_SIZE(value) != HEADER_BYTES + BYTES_A_PAGE * header.pages
        or header.crc != checksum(
            <const uint8_t*>PyBytes_AS_STRING(key), at, PyBytes_GET_SIZE(value)
        )
    ):
        raise ValueError(f"the shelf {key.hex()} of retired identities is damaged")
    for i in range(header.pages):
        memcpy(&slot, at + HEADER_BYTES + 2 * i, sizeof(slot))
        put_count(shelf, slot & (PAGES - 1), at[HEADER_BYTES + 2 * header.pages + i] + 1)
    return 0


cdef inline uint16_t count_of(const Shelf* shelf, uint32_t slot) noexcept nogil:
    return shelf.counts[slot] if shelf.there[slot >> 6] >> (slot & 63) & 1 else 0


cdef inline void put_count(Shelf* shelf, uint32_t slot, uint16_t count) noexcept nogil:
    shelf.counts[slot] = count
    if count:
        shelf.there[slot >> 6] |= <uint64_t>1 << (slot & 63)
    else:
        shelf.there[slot >> 6] &= ~(<uint64_t>1 << (slot & 63))


cdef Py_ssize_t write(const uint8_t* key, const Shelf* shelf, uint8_t* value) noexcept nogil:
    """Packs a shelf; gives its length in bytes."""
    cdef ShelfHeader* header = <ShelfHeader*>value
    cdef uint16_t slots[PAGES]
    cdef uint8_t* counts
    cdef uint64_t word
    cdef uint32_t total = 0
    cdef int i, pages = 0
    for i in range(WORDS):
        word = shelf.there[i]
        while word:
            slots[pages] = <uint16_t>(64 * i + lowest_bit(word))
            word &= word - 1
            pages += 1
    memcpy(value + HEADER_BYTES, slots, 2 * pages)
    counts = value + HEADER_BYTES + 2 * pages
    for i in range(pages):
        counts[i] = <uint8_t>(shelf.counts[slots[i]] - 1)
        total += shelf.counts[slots[i]]
    header.pages = <uint16_t>pages
    header.unused = 0
    header.total = total
    header.crc = checksum(key, value, HEADER_BYTES + BYTES_A_PAGE * pages)
    return HEADER_BYTES + BYTES_A_PAGE * pages
