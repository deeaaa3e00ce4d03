"""Shelves: which pages of the index a group has (a terminal, a million entries), and what each weighs.

A page that is missing, or is an older version of itself, is not damaged; only what stands beside it
tells. A shelf's key is that of its pages with `terminal_seq >> 20`; its value, little-endian:

    pages u2, unused u2, CRC-32 u4, total u8
    the pages there are, ascending: the low twelve bits of `terminal_seq >> 8`, u2 each
    the weight of each of them less one: u1 of identities, u4 of spaces whose keys move

A page of identities weighs as many as it holds: they are only ever added, so a page with the weight of
its shelf is the newest. Where a key comes to lead to a later entry, a page weighs what its own
checksum is, which is another one after each change. Shelves with the sum that their group is known to
weigh are the newest and all there are.
"""

import numpy as np

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from onecard.ext.identity.checksum cimport KEY_BYTES, checksum
from onecard.ext.identity.pages cimport PageHeader
from onecard.ext.identity.space cimport SPACE_SHIFT

cdef enum:
    PAGES = 4096  # a million sequences: most counters have one shelf, and its value is 12 KiB at most
    PAGE_BITS = 12
    WORDS = 64  # of a bit a page
    HEADER_BYTES = 16
    BYTES_A_PAGE_MAX = 6
    VALUE_BYTES_MAX = HEADER_BYTES + BYTES_A_PAGE_MAX * PAGES


cdef packed struct ShelfHeader:
    uint16_t pages
    uint16_t unused
    uint32_t crc
    uint64_t total


if sizeof(ShelfHeader) != HEADER_BYTES:
    raise ImportError(f"ShelfHeader: expected {HEADER_BYTES} bytes, found {sizeof(ShelfHeader)}")


cdef struct Shelf:
    uint64_t there[WORDS]  # a bit a page; the weights of others mean nothing
    uint32_t weights[PAGES]


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


cdef inline bint moves(const uint8_t* key) noexcept nogil:
    """Returns True when the keys of such a page, or shelf, may come to lead to later entries."""
    return key[0] >> (SPACE_SHIFT - 24) != 0


cdef inline int bytes_a_page(const uint8_t* key) noexcept nogil:
    return BYTES_A_PAGE_MAX if moves(key) else 3


def weights_of(list keys, list values):
    """The weight (int64) of each of some sound pages; 0 where the value is None."""
    cdef Py_ssize_t i
    cdef const PageHeader* header
    cdef bytes key
    found = np.zeros(len(values), np.int64)
    cdef int64_t[::1] weights = found
    if len(keys) != len(values):
        raise ValueError(f"{len(keys)} keys of {len(values)} pages")
    for i in range(len(values)):
        value = values[i]
        if value is not None:
            key = keys[i]
            check_length(key)
            if PyBytes_GET_SIZE(value) < <Py_ssize_t>sizeof(PageHeader):
                raise ValueError(f"a page of {len(value)} bytes has no head")
            header = <const PageHeader*>PyBytes_AS_STRING(value)
            # None weighs nothing: that would be a page that is not there.
            weights[i] = (
                <int64_t>(header.crc >> 1) + 1 if moves(<const uint8_t*>PyBytes_AS_STRING(key))
                else header.count
            )
    return found


def update(list page_keys, before, after, dict stored):
    """Shelves with new weights of some pages: (key, value) pairs in order.

    `page_keys` in order, `before` and `after` the weight (int64) of each page, `stored` the
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
        raise ValueError(f"{count} pages with weights of {was.shape[0]} and {now.shape[0]}")
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
            if weight_of(&shelf, slot) != was[i]:
                raise ValueError(differs(page_key, weight_of(&shelf, slot), was[i]))
            put_weight(&shelf, slot, <uint32_t>now[i])
            i += 1
        made.append((name, PyBytes_FromStringAndSize(<char*>value, write(key, &shelf, value))))
    return made


def check(list page_keys, weights, dict shelves):
    """Raises ValueError unless each page weighs what its shelf says.

    `weights`: of each page (int64), 0 where none was found; `shelves` by key.
    """
    cdef const int64_t[::1] found = weights
    cdef Py_ssize_t i
    cdef Shelf shelf
    cdef uint8_t key[KEY_BYTES]
    cdef uint32_t slot
    cdef bytes page_key, name, before = b""
    if found.shape[0] != len(page_keys):
        raise ValueError(f"{len(page_keys)} pages with weights of {found.shape[0]}")
    for i in range(found.shape[0]):
        page_key = page_keys[i]
        check_length(page_key)
        put_key(key, <const uint8_t*>PyBytes_AS_STRING(page_key))
        name = PyBytes_FromStringAndSize(<char*>key, KEY_BYTES)
        if name != before:
            read(name, shelves.get(name), &shelf)
            before = name
        slot = page_of(<const uint8_t*>PyBytes_AS_STRING(page_key)) & (PAGES - 1)
        if weight_of(&shelf, slot) != found[i]:
            raise ValueError(differs(page_key, weight_of(&shelf, slot), found[i]))


cdef differs(bytes page_key, int64_t wanted, int64_t found):
    if moves(<const uint8_t*>PyBytes_AS_STRING(page_key)):
        return f"the page {page_key.hex()} is not the newest, or not there"
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
    cdef uint32_t weight = 0
    cdef int each
    memset(shelf.there, 0, sizeof(shelf.there))
    if value is None:
        return 0
    at = <const uint8_t*>PyBytes_AS_STRING(value)
    header = <const ShelfHeader*>at
    each = bytes_a_page(<const uint8_t*>PyBytes_AS_STRING(key))
    if (
        PyBytes_GET_SIZE(value) < HEADER_BYTES
        or PyBytes_GET_SIZE(value) != HEADER_BYTES + each * header.pages
        or header.crc != checksum(
            <const uint8_t*>PyBytes_AS_STRING(key), at, PyBytes_GET_SIZE(value)
        )
    ):
        raise ValueError(f"the shelf {key.hex()} of retired identities is damaged")
    for i in range(header.pages):
        memcpy(&slot, at + HEADER_BYTES + 2 * i, sizeof(slot))
        weight = 0
        memcpy(&weight, at + HEADER_BYTES + 2 * header.pages + (each - 2) * i, each - 2)
        put_weight(shelf, slot & (PAGES - 1), weight + 1)
    return 0


cdef inline uint32_t weight_of(const Shelf* shelf, uint32_t slot) noexcept nogil:
    return shelf.weights[slot] if shelf.there[slot >> 6] >> (slot & 63) & 1 else 0


cdef inline void put_weight(Shelf* shelf, uint32_t slot, uint32_t weight) noexcept nogil:
    shelf.weights[slot] = weight
    if weight:
        shelf.there[slot >> 6] |= <uint64_t>1 << (slot & 63)
    else:
        shelf.there[slot >> 6] &= ~(<uint64_t>1 << (slot & 63))


cdef Py_ssize_t write(const uint8_t* key, const Shelf* shelf, uint8_t* value) noexcept nogil:
    """Packs a shelf; gives its length in bytes."""
    cdef ShelfHeader* header = <ShelfHeader*>value
    cdef uint16_t slots[PAGES]
    cdef uint8_t* weights
    cdef uint64_t word
    cdef uint64_t total = 0
    cdef uint32_t weight
    cdef int each = bytes_a_page(key)
    cdef int i, pages = 0
    for i in range(WORDS):
        word = shelf.there[i]
        while word:
            slots[pages] = <uint16_t>(64 * i + lowest_bit(word))
            word &= word - 1
            pages += 1
    memcpy(value + HEADER_BYTES, slots, 2 * pages)
    weights = value + HEADER_BYTES + 2 * pages
    for i in range(pages):
        weight = shelf.weights[slots[i]] - 1
        memcpy(weights + (each - 2) * i, &weight, each - 2)
        total += shelf.weights[slots[i]]
    header.pages = <uint16_t>pages
    header.unused = 0
    header.total = total
    header.crc = checksum(key, value, HEADER_BYTES + each * pages)
    return HEADER_BYTES + each * pages
