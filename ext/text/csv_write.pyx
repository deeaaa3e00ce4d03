"""Entries and legs to lines of text: integers, and words looked up by number."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy

import numpy as np

from onecard.ext.shape import dtypes
from onecard.ext.shape.journal cimport Entry, Leg

cdef enum:
    WORD_BYTES = 24  # of a word, filled up with zeros
    LINE_BYTES_MAX = 416  # 23 fields: 13 of 20 digits and a sign, 5 words, 5 short ones, commas

LINES_MAX = 16384  # a call: its buffer of 6.8 MB is made once and used again

cdef const char* PAIRS = (
    b"00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445"
    b"46474849505152535455565758596061626364656667686970717273747576777879808182838485868788899091"
    b"9293949596979899"
)
cdef const char* HEX = b"0123456789abcdef"


cdef class DetailLines:
    """Writes lines of details; made once with the words of every number.

    `kinds`, `outcomes`, `owner_kinds`, `purses`: up to 256 words (ASCII, at most 24 bytes) by
    number, an empty word where a number has none. `days`: words from day `day_first` on.
    """

    cdef object kept
    cdef const uint8_t* kinds
    cdef const uint8_t* outcomes
    cdef const uint8_t* owner_kinds
    cdef const uint8_t* purses
    cdef const uint8_t* days
    cdef int32_t day_first
    cdef int64_t day_count
    cdef bytearray buffer

    def __init__(self, kinds, outcomes, owner_kinds, purses, days, int32_t day_first):
        tables = [_words(words, 256) for words in (kinds, outcomes, owner_kinds, purses)]
        tables.append(_words(days, len(days)))
        self.kept = tables
        self.kinds = <const uint8_t*><uintptr_t>tables[0].ctypes.data
        self.outcomes = <const uint8_t*><uintptr_t>tables[1].ctypes.data
        self.owner_kinds = <const uint8_t*><uintptr_t>tables[2].ctypes.data
        self.purses = <const uint8_t*><uintptr_t>tables[3].ctypes.data
        self.days = <const uint8_t*><uintptr_t>tables[4].ctypes.data
        self.day_first = day_first
        self.day_count = len(days)
        self.buffer = bytearray(LINES_MAX * LINE_BYTES_MAX)

    def write(self, entries, legs, const uint32_t[::1] entry_of, const int64_t[::1] leg_of) -> bytes:
        """One line for each pair of an entry and its leg; a leg of -1 is a line of 0 fen.

        `entries` ENTRY rows, `legs` LEG rows, both contiguous; at most LINES_MAX pairs. Errors:
        ValueError where a pair points outside or a travel day has no word.
        """
        cdef const uint8_t[::1] entry_bytes = _bytes_of(entries, dtypes.ENTRY)
        cdef const uint8_t[::1] leg_bytes = _bytes_of(legs, dtypes.LEG)
        cdef uint8_t[::1] out = self.buffer
        cdef int64_t count = entry_of.shape[0]
        cdef int64_t entry_count = len(entries)
        cdef int64_t leg_count = len(legs)
        cdef int64_t i
        cdef int64_t bad = -1
        cdef uint8_t* at = &out[0]
        cdef const Entry* entry
        cdef const Leg* leg
        if count > LINES_MAX or leg_of.shape[0] != count:
            raise ValueError(f"{count} lines and {leg_of.shape[0]} legs, at most {LINES_MAX}")
        with nogil:
            for i in range(count):
                if entry_of[i] >= entry_count or leg_of[i] >= leg_count or leg_of[i] < -1:
                    bad = i
                    break
                entry = <const Entry*>&entry_bytes[entry_of[i] * <int64_t>sizeof(Entry)]
                if not 0 <= <int64_t>entry.travel_day - self.day_first < self.day_count:
                    bad = i
                    break
                leg = NULL
                if leg_of[i] >= 0:
                    leg = <const Leg*>&leg_bytes[leg_of[i] * <int64_t>sizeof(Leg)]
                at = self._line(at, entry, leg, leg_of[i])
        if bad >= 0:
            raise ValueError(f"line {bad}: its entry, leg or travel day is out of range")
        return (<const char*>&out[0])[: at - &out[0]]

    cdef uint8_t* _line(
        self, uint8_t* at, const Entry* entry, const Leg* leg, int64_t leg_at
    ) noexcept nogil:
        """One line, at most LINE_BYTES_MAX; returns where the next begins."""
        cdef int64_t day = <int64_t>entry.travel_day - self.day_first
        at = _number(at, entry.sequence)
        at = _number(at, 0 if leg is NULL else <uint64_t>(leg_at - entry.legs_at + 1))
        at = _number(at, entry.terminal)
        at = _number(at, entry.epoch)
        at = _number(at, entry.terminal_seq)
        at = _word(at, self.kinds + entry.kind * WORD_BYTES)
        at = _word(at, self.outcomes + entry.outcome * WORD_BYTES)
        at = _word(at, self.outcomes + entry.reason * WORD_BYTES)
        at = _number(at, entry.flags & 1)
        at = _hex(at, entry.token)
        at = _number(at, entry.operator_id)
        at = _number(at, entry.issuer)
        if leg is NULL:
            at[0] = at[1] = b","
            at += 2
        else:
            at = _word(at, self.owner_kinds + leg.owner_kind * WORD_BYTES)
            at = _word(at, self.purses + leg.purse * WORD_BYTES)
        at = _number(at, entry.place)
        at = _number(at, entry.tariff)
        at = _number(at, entry.journey)
        at = _number(at, entry.about)
        at = _signed(at, entry.tapped_at_us)
        at = _signed(at, entry.booked_at_us)
        at = _word(at, self.days + day * WORD_BYTES)
        at = _signed(at, entry.amount_fen)
        at = _signed(at, 0 if leg is NULL else leg.amount_fen)
        (at - 1)[0] = b"\n"
        return at


def _words(words, count):
    """Words by number as rows of WORD_BYTES; ValueError where one does not fit."""
    table = np.zeros(count, f"S{WORD_BYTES}")
    for number, word in words.items() if isinstance(words, dict) else enumerate(words):
        if len(word) > WORD_BYTES:
            raise ValueError(f"word {word!r} is longer than {WORD_BYTES} bytes")
        table[number] = word
    return table


def _bytes_of(rows, dtype):
    """The rows as bytes; ValueError where they are of another shape."""
    if rows.dtype != dtype or not rows.flags.c_contiguous:
        raise ValueError(f"expected contiguous rows of {dtype.itemsize} bytes, found {rows.dtype}")
    return rows.view(np.uint8)


cdef inline uint8_t* _number(uint8_t* at, uint64_t value) noexcept nogil:
    """Digits and a comma."""
    cdef uint8_t digits[20]
    cdef int start = 20
    if value < 10:
        at[0] = <uint8_t>(48 + value)
        at[1] = b","
        return at + 2
    while value >= 100:
        start -= 2
        memcpy(&digits[start], PAIRS + 2 * (value % 100), 2)
        value = value // 100
    if value >= 10:
        start -= 2
        memcpy(&digits[start], PAIRS + 2 * value, 2)
    else:
        start -= 1
        digits[start] = <uint8_t>(48 + value)
    memcpy(at, &digits[start], 20 - start)
    at[20 - start] = b","
    return at + 21 - start


cdef inline uint8_t* _signed(uint8_t* at, int64_t value) noexcept nogil:
    """A minus where there is one, digits and a comma."""
    if value >= 0:
        return _number(at, <uint64_t>value)
    at[0] = b"-"
    # Negated as an unsigned value: the lowest int64 has no positive twin.
    return _number(at + 1, <uint64_t>0 - <uint64_t>value)


cdef inline uint8_t* _hex(uint8_t* at, uint64_t value) noexcept nogil:
    """Sixteen digits and a comma."""
    cdef int i
    for i in range(16):
        at[i] = HEX[(value >> (60 - 4 * i)) & 15]
    at[16] = b","
    return at + 17


cdef inline uint8_t* _word(uint8_t* at, const uint8_t* word) noexcept nogil:
    """A word up to its first zero, and a comma."""
    cdef int i = 0
    while i < WORD_BYTES and word[i]:
        at[i] = word[i]
        i += 1
    at[i] = b","
    return at + i + 1
