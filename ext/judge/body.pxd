"""The body of a tap as words, and their digest: docs/ledger.md has which words, in which order.

Inlined, for every tap comes by. SipHash-2-4 is as Aumasson and Bernstein have it (2012); a message
here is whole words, so its last block holds the length alone.
"""

cimport cython
from libc.stdint cimport uint32_t, uint64_t

from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.journal cimport Entry
from onecard.ext.shape.kinds cimport NO_AMOUNT, rule_of
from onecard.ext.shape.numbers cimport Kind
from onecard.ext.wire.batch cimport Columns, u8_at, u32_at, u64_at

cdef enum:
    WORDS = 8  # of every body
    WORDS_MAX = WORDS + 2 * 12  # and two for each later column, of which there are twelve


@cython.final
cdef class BodyKey:
    cdef uint64_t low, high


cdef inline int say(
    uint64_t* words, int count, int stride, int field, uint64_t value
) noexcept nogil:
    """How many words there are after a later column: where it is not 0, its number and its value."""
    if value == 0:
        return count
    words[count * stride] = field
    words[(count + 1) * stride] = value
    return count + 2


cdef inline int words_of(
    const Columns* columns, Py_ssize_t row, uint64_t* words, int stride
) noexcept nogil:
    """How many words the body of a row has, as it was sent; one each `stride` of `words`."""
    cdef int count = WORDS
    cdef uint64_t kind = u8_at(columns.kind, row)
    words[0] = u64_at(columns.card, row)
    words[stride] = (
        u32_at(columns.terminal, row) | (<uint64_t>u32_at(columns.epoch, row) << 32)
    )
    words[2 * stride] = (
        u32_at(columns.terminal_seq, row) | (<uint64_t>u32_at(columns.place, row) << 32)
    )
    words[3 * stride] = u64_at(columns.tapped_at_us, row)
    words[4 * stride] = u64_at(columns.amount_fen, row)
    words[5 * stride] = u64_at(columns.about, row)
    words[6 * stride] = (
        u32_at(columns.about_epoch, row) | (<uint64_t>u32_at(columns.about_seq, row) << 32)
    )
    words[7 * stride] = (
        (kind if kind != 0 else <uint64_t>Kind.RIDE)
        | (<uint64_t>u8_at(columns.flags, row) << 8)
    )
    if columns.later != 0:
        count = say(words, count, stride, 14, u32_at(columns.line, row))
        count = say(words, count, stride, 15, u32_at(columns.scene, row))
        count = say(words, count, stride, 16, u8_at(columns.rider_class, row))
        count = say(words, count, stride, 17, u8_at(columns.media, row))
        count = say(words, count, stride, 18, u64_at(columns.face_fen, row))
        count = say(words, count, stride, 19, u32_at(columns.chip_before_fen, row))
        count = say(words, count, stride, 20, u32_at(columns.chip_counter, row))
        count = say(words, count, stride, 21, u32_at(columns.chip_loads, row))
        count = say(words, count, stride, 22, u64_at(columns.caused_by, row))
        count = say(words, count, stride, 23, u32_at(columns.sponsor, row))
        count = say(words, count, stride, 24, u32_at(columns.programme, row))
        count = say(words, count, stride, 25, u64_at(columns.ends_us, row))
    return count


cdef inline uint64_t left(uint64_t word, int bits) noexcept nogil:
    return (word << bits) | (word >> (64 - bits))


cdef inline void sip_round(uint64_t* v) noexcept nogil:
    v[0] += v[1]
    v[2] += v[3]
    v[1] = left(v[1], 13) ^ v[0]
    v[3] = left(v[3], 16) ^ v[2]
    v[0] = left(v[0], 32)
    v[2] += v[1]
    v[0] += v[3]
    v[1] = left(v[1], 17) ^ v[2]
    v[3] = left(v[3], 21) ^ v[0]
    v[2] = left(v[2], 32)


cdef inline void sip_word(uint64_t* v, uint64_t word) noexcept nogil:
    v[3] ^= word
    sip_round(v)
    sip_round(v)
    v[0] ^= word


cdef inline uint64_t siphash(BodyKey key, const uint64_t* words, int count) noexcept nogil:
    """SipHash-2-4 of so many words."""
    cdef uint64_t[4] v
    cdef int at
    v[0] = key.low ^ <uint64_t>0x736F6D6570736575
    v[1] = key.high ^ <uint64_t>0x646F72616E646F6D
    v[2] = key.low ^ <uint64_t>0x6C7967656E657261
    v[3] = key.high ^ <uint64_t>0x7465646279746573
    for at in range(count):
        sip_word(v, words[at])
    sip_word(v, <uint64_t>(8 * count) << 56)
    v[2] ^= 0xFF
    sip_round(v)
    sip_round(v)
    sip_round(v)
    sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


cdef inline uint64_t digest_1(const uint64_t* words) noexcept nogil:
    """The digest of version 1, which has no key and knows no later column."""
    cdef uint64_t h = 0x9E3779B97F4A7C15
    cdef int at
    for at in range(WORDS):
        h = (h ^ words[at]) * <uint64_t>0xFF51AFD7ED558CCD
        h ^= h >> 32
    return h


cdef inline bint same_body(
    const Entry* entry, const Tap* tap, const Columns* columns, Py_ssize_t row, uint64_t body
) noexcept nogil:
    """Returns True when an entry was made of a tap of this row's body, whose digest is `body`."""
    cdef uint64_t[WORDS_MAX] words
    if entry.version != 1:
        return entry.body == body
    return (
        words_of(columns, row, words, 1) == WORDS
        and entry.body == digest_1(words)
        and says_so(entry, tap, words)
    )


cdef inline bint says_so(const Entry* entry, const Tap* tap, const uint64_t* words) noexcept nogil:
    """Returns True when what an entry keeps of its tap as it was sent is what this one says.

    The digest of version 1 can be steered by a column of which the entry keeps nothing.
    """
    cdef uint32_t place = <uint32_t>(words[2] >> 32)  # as sent; of the tap it is its terminal's by now
    return (
        entry.token == tap.token
        and entry.tapped_at_us == tap.tapped_at_us
        and entry.kind == tap.kind
        and entry.flags == tap.flags
        and (entry.amount_fen == tap.amount_fen or rule_of(tap.kind).amount == NO_AMOUNT)
        and (entry.place == place or place == 0)
    )
