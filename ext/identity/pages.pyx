"""Retired identities as pages: up to 256 of one terminal and epoch, and the entry that bound each.

A page's key is terminal, epoch and `terminal_seq >> 8`, four bytes big-endian each, so that the
order of the keys is the order of the identities. Its value, little-endian:

    form u1 (1 = slots, 2 = bitmap), width u1 (4 or 8), count u2, CRC-32 u4, base u8
    the slots taken: `count` ascending bytes, or a bitmap of 32 bytes
    `count` numbers of `width` bytes in the order of the slots: entry sequence - base

A dense page costs 4.2 bytes an identity, a lone identity 21 bytes. The checksum covers key and
value, so a page found under another's key is noticed.
"""

import numpy as np

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from onecard.ext.identity.checksum cimport KEY_BYTES, checksum
from onecard.ext.identity.space cimport GROUP_BITS, SPACE_SHIFT, Identity, moves, put_in_space

from onecard.ext.identity.generations import IDENTITY

cdef enum:
    SLOTS = 256
    BITMAP_BYTES = 32
    HEADER_BYTES = 16
    VALUE_BYTES_MAX = HEADER_BYTES + BITMAP_BYTES + SLOTS * 8
    FORM_SLOTS = 1
    FORM_BITMAP = 2

PAGE_IDENTITIES = SLOTS
GROUPS_A_SPACE = 1 << SPACE_SHIFT  # a key's first number is its space times this, and its group
ENTRIES_A_GROUP = 1 << GROUP_BITS  # of a space whose keys are sequences

if sizeof(PageHeader) != HEADER_BYTES:
    raise ImportError(f"PageHeader: expected {HEADER_BYTES} bytes, found {sizeof(PageHeader)}")


cdef struct Page:
    uint64_t taken[4]  # a bit a slot; the sequences of free slots mean nothing
    uint64_t sequences[SLOTS]


cdef extern from *:
    int lowest_bit "__builtin_ctzll"(uint64_t word) noexcept nogil
    int bit_count "__builtin_popcountll"(uint64_t word) noexcept nogil


# ---- keys -----------------------------------------------------------------------------------

cdef inline void put_big(uint8_t* at, uint32_t value) noexcept nogil:
    at[0] = value >> 24
    at[1] = (value >> 16) & 0xFF
    at[2] = (value >> 8) & 0xFF
    at[3] = value & 0xFF


cdef inline uint32_t big(const uint8_t* at) noexcept nogil:
    return <uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3]


cdef inline void put_key(uint8_t* at, const Identity* identity) noexcept nogil:
    put_big(at, identity.terminal)
    put_big(at + 4, identity.epoch)
    put_big(at + 8, identity.terminal_seq >> 8)


def keys_of(identities):
    """The page keys of identities, one each, in their order."""
    cdef const Identity[::1] rows = identities
    cdef Py_ssize_t i
    cdef uint8_t key[KEY_BYTES]
    keys = []
    for i in range(rows.shape[0]):
        put_key(key, &rows[i])
        keys.append(PyBytes_FromStringAndSize(<char*>key, KEY_BYTES))
    return keys


# ---- pages ----------------------------------------------------------------------------------

def in_space(int space, sequences):
    """IDENTITY rows of some sequences (uint64) as keys of a Space that has such."""
    cdef const uint64_t[::1] keys = np.ascontiguousarray(sequences, np.uint64)
    cdef Py_ssize_t i
    if not 0 < space < 1 << 4:
        raise ValueError(f"space {space} has no keys of sequences")
    placed = np.zeros(keys.shape[0], IDENTITY)
    cdef Identity[::1] rows = placed
    for i in range(keys.shape[0]):
        put_in_space(&rows[i], space, keys[i], 0)
    return placed


def merge(ordered, starts, Py_ssize_t first, Py_ssize_t last, dict stored):
    """The pages `first`..`last` (exclusive) of `starts`, united with what is stored of them.

    `stored` holds the present values by key. Gives (key, value) pairs in the order of the keys.
    Raises ValueError where a stored page is damaged or an identity is bound to two entries.
    """
    cdef const Identity[::1] rows = ordered
    cdef const int64_t[::1] at = starts
    cdef Py_ssize_t pages = last - first, i
    if not 0 <= first <= last < at.shape[0] or at[last] > rows.shape[0]:
        raise ValueError(f"pages {first}..{last} are not within the {at.shape[0] - 1} given")
    if pages == 0:
        return []
    keys = keys_of(ordered[starts[first:last]])
    values = [stored.get(key) for key in keys]
    cdef uint64_t[::1] old = np.zeros(pages, np.uint64)
    cdef int64_t[::1] lengths = np.zeros(pages, np.int64)
    cdef int64_t[::1] ends = np.zeros(pages + 1, np.int64)
    cdef uint8_t[::1] room = np.empty(pages * VALUE_BYTES_MAX, np.uint8)
    cdef Py_ssize_t fault
    cdef const Identity* row = &rows[0]
    cdef const int64_t* start = &at[first]
    cdef const uint64_t* old_at = &old[0]
    cdef const int64_t* length_at = &lengths[0]
    cdef uint8_t* room_at = &room[0]
    cdef int64_t* end_at = &ends[0]
    for i in range(pages):  # `values` keeps them alive while the lock is released
        if values[i] is not None:
            old[i] = <uint64_t><size_t>PyBytes_AS_STRING(values[i])
            lengths[i] = PyBytes_GET_SIZE(values[i])
    with nogil:
        fault = unite(row, start, pages, old_at, length_at, room_at, end_at)
    if fault >= 0 and ends[fault + 1] < 0:
        raise ValueError(f"an identity in page {keys[fault].hex()} is bound to two entries")
    if fault >= 0:
        raise ValueError(f"the page of retired identities {keys[fault].hex()} is damaged")
    return [
        (keys[i], PyBytes_FromStringAndSize(<char*>room_at + ends[i], ends[i + 1] - ends[i]))
        for i in range(pages)
    ]


cdef Py_ssize_t unite(
    const Identity* rows,
    const int64_t* at,
    Py_ssize_t pages,
    const uint64_t* old,
    const int64_t* lengths,
    uint8_t* room,
    int64_t* ends,
) noexcept nogil:
    """Writes the pages one after the other into `room` and where each ends.

    Gives -1, or the first page at fault, whose end is then 0 (damaged) or -1 (two entries).
    """
    cdef Page page
    cdef uint8_t key[KEY_BYTES]
    cdef const uint8_t* value
    cdef Py_ssize_t i
    for i in range(pages):
        put_key(key, &rows[at[i]])
        memset(page.taken, 0, sizeof(page.taken))
        value = <const uint8_t*><size_t>old[i]
        if value:
            if not is_sound(key, value, lengths[i]):
                return i
            unpack(value, &page)
        if not place(&rows[at[i]], at[i + 1] - at[i], &page):
            ends[i + 1] = -1
            return i
        ends[i + 1] = ends[i] + pack(key, &page, room + ends[i])
    return -1


cdef bint place(const Identity* rows, int64_t count, Page* page) noexcept nogil:
    """Writes keys of one page into its slots. Returns True when no identity was another entry's."""
    cdef int64_t i
    cdef uint32_t slot
    for i in range(count):
        slot = rows[i].terminal_seq & 0xFF
        if page.taken[slot >> 6] >> (slot & 63) & 1:
            if not moves(rows[i].terminal) and page.sequences[slot] != rows[i].sequence:
                return False
            if page.sequences[slot] >= rows[i].sequence:
                continue  # the newest wins, in whatever order they come
        page.taken[slot >> 6] |= <uint64_t>1 << (slot & 63)
        page.sequences[slot] = rows[i].sequence
    return True


cdef int pack(const uint8_t* key, const Page* page, uint8_t* value) noexcept nogil:
    """Writes the value of a page with at least one slot taken; gives its length in bytes."""
    cdef PageHeader* header = <PageHeader*>value
    cdef uint8_t slots[SLOTS]
    cdef uint64_t low = <uint64_t>-1, high = 0, word, offset
    cdef uint8_t* at = value + HEADER_BYTES
    cdef int part, slot, i, count = 0
    for part in range(4):
        word = page.taken[part]
        while word:
            slot = part * 64 + lowest_bit(word)
            word &= word - 1
            slots[count] = <uint8_t>slot
            count += 1
            low = min(low, page.sequences[slot])
            high = max(high, page.sequences[slot])
    header.form = FORM_SLOTS if count <= BITMAP_BYTES else FORM_BITMAP
    header.width = 4 if high - low <= <uint64_t>0xFFFFFFFF else 8
    header.count = <uint16_t>count
    header.base = low
    if header.form == FORM_SLOTS:
        memcpy(at, slots, count)
        at += count
    else:
        memcpy(at, page.taken, BITMAP_BYTES)
        at += BITMAP_BYTES
    for i in range(count):
        offset = page.sequences[slots[i]] - low
        memcpy(at, &offset, header.width)
        at += header.width
    header.crc = checksum(key, value, at - value)
    return <int>(at - value)


cdef bint is_sound(const uint8_t* key, const uint8_t* value, int64_t length) noexcept nogil:
    """Returns True when a stored value is what was written. Sizes are checked, then followed."""
    cdef const PageHeader* header = <const PageHeader*>value
    cdef uint64_t taken[4]
    if length < HEADER_BYTES or not 1 <= header.count <= SLOTS:
        return False
    if header.width != 4 and header.width != 8:
        return False
    if header.form != FORM_SLOTS and header.form != FORM_BITMAP:
        return False
    if length != numbers_at(header) + <int64_t>header.count * header.width:
        return False
    if header.crc != checksum(key, value, length):
        return False
    if header.form == FORM_SLOTS:
        return True
    memcpy(taken, value + HEADER_BYTES, BITMAP_BYTES)
    return header.count == (
        bit_count(taken[0]) + bit_count(taken[1]) + bit_count(taken[2]) + bit_count(taken[3])
    )


cdef inline int numbers_at(const PageHeader* header) noexcept nogil:
    return HEADER_BYTES + (BITMAP_BYTES if header.form == FORM_BITMAP else header.count)


cdef void unpack(const uint8_t* value, Page* page) noexcept nogil:
    """Reads a sound value into a page whose `taken` is empty."""
    cdef const PageHeader* header = <const PageHeader*>value
    cdef const uint8_t* numbers = value + numbers_at(header)
    cdef uint64_t offset = 0, word
    cdef int part, slot, i
    if header.form == FORM_BITMAP:
        memcpy(page.taken, value + HEADER_BYTES, BITMAP_BYTES)
    else:
        for i in range(header.count):
            slot = value[HEADER_BYTES + i]
            page.taken[slot >> 6] |= <uint64_t>1 << (slot & 63)
    for part in range(4):
        word = page.taken[part]
        while word:
            slot = part * 64 + lowest_bit(word)
            word &= word - 1
            memcpy(&offset, numbers, header.width)
            page.sequences[slot] = header.base + offset
            numbers += header.width


# ---- reading --------------------------------------------------------------------------------

def look_up(identities, dict pages):
    """The sequences (uint64) of identities, 0 where absent; `pages` holds the values by key.

    Raises ValueError where a page is damaged.
    """
    cdef const Identity[::1] rows = identities
    cdef Py_ssize_t i
    cdef uint8_t key[KEY_BYTES]
    found = np.zeros(rows.shape[0], np.uint64)
    cdef uint64_t[::1] sequence = found
    for name, value in pages.items():
        check(name, value)
    for i in range(rows.shape[0]):
        put_key(key, &rows[i])
        value = pages.get(PyBytes_FromStringAndSize(<char*>key, KEY_BYTES))
        if value is not None:
            sequence[i] = sequence_at(
                <const uint8_t*>PyBytes_AS_STRING(value), rows[i].terminal_seq & 0xFF
            )
    return found


cdef uint64_t sequence_at(const uint8_t* value, uint32_t slot) noexcept nogil:
    """What a slot of a sound value holds, 0 where it is free."""
    cdef const PageHeader* header = <const PageHeader*>value
    cdef const uint8_t* taken = value + HEADER_BYTES
    cdef uint64_t words[4]
    cdef uint64_t offset = 0
    cdef uint32_t before = 0, part
    if header.form == FORM_SLOTS:
        while before < header.count and taken[before] != slot:
            before += 1
        if before == header.count:
            return 0
    else:
        memcpy(words, taken, BITMAP_BYTES)
        if not words[slot >> 6] >> (slot & 63) & 1:
            return 0
        for part in range(slot >> 6):
            before += bit_count(words[part])
        before += bit_count(words[slot >> 6] & ((<uint64_t>1 << (slot & 63)) - 1))
    memcpy(&offset, value + numbers_at(header) + before * header.width, header.width)
    return header.base + offset


cdef int check(bytes key, bytes value) except -1:
    """Raises ValueError where a stored page is not what was written."""
    if PyBytes_GET_SIZE(key) != KEY_BYTES or not is_sound(
        <const uint8_t*>PyBytes_AS_STRING(key),
        <const uint8_t*>PyBytes_AS_STRING(value),
        PyBytes_GET_SIZE(value),
    ):
        raise ValueError(f"the page of retired identities {key.hex()} is damaged")
    return 0


def identities_of(list pages):
    """All identities in (key, value) pairs, in the order of the pairs and of the slots.

    Raises ValueError where a page is damaged.
    """
    cdef Py_ssize_t kept = 0
    cdef int slot
    cdef const uint8_t* key
    cdef Page page
    most = np.empty(len(pages) * SLOTS, IDENTITY)
    cdef Identity[::1] rows = most
    for name, value in pages:
        check(name, value)
        key = <const uint8_t*>PyBytes_AS_STRING(name)
        memset(page.taken, 0, sizeof(page.taken))
        unpack(<const uint8_t*>PyBytes_AS_STRING(value), &page)
        for slot in range(SLOTS):
            if page.taken[slot >> 6] >> (slot & 63) & 1:
                rows[kept].terminal = big(key)
                rows[kept].epoch = big(key + 4)
                rows[kept].terminal_seq = big(key + 8) << 8 | <uint32_t>slot
                rows[kept].unused = 0
                rows[kept].sequence = page.sequences[slot]
                kept += 1
    return most[:kept].copy()
