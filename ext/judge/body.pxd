"""The body of a tap as words, and their digest: docs/ledger.md has which words, in which order.

Inlined, for every tap comes by. SipHash-2-4 is as Aumasson and Bernstein have it (2012); a message
here is whole words, so its last block holds the length alone.
"""

cimport cython
from libc.stdint cimport uint32_t, uint64_t

from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.journal cimport Entry
from onecard.ext.shape.kinds cimport NO_AMOUNT, rule_of

cdef enum:
    WORDS = 8  # of every body
    WORDS_MAX = WORDS + 2 * 9  # and two for each later column, of which there are nine


@cython.final
cdef class BodyKey:
    cdef uint64_t low, high


cdef inline void say(uint64_t* words, int* count, int field, uint64_t value) noexcept nogil:
    """A later column, where it is not 0: its field number, then its value."""
    if value != 0:
        words[count[0]] = field
        words[count[0] + 1] = value
        count[0] += 2


cdef inline int words_of(const Tap* tap, uint64_t* words) noexcept nogil:
    """How many words a body has; of a tap as it was sent, before its terminal's place is taken."""
    cdef int count = WORDS
    words[0] = tap.token
    words[1] = tap.terminal | ((tap.key >> 32) << 32)
    words[2] = (tap.key & <uint64_t>0xFFFFFFFF) | (<uint64_t>tap.place << 32)
    words[3] = <uint64_t>tap.tapped_at_us
    words[4] = <uint64_t>tap.amount_fen
    words[5] = tap.about
    words[6] = (tap.target >> 32) | (tap.target << 32)
    words[7] = tap.kind | (<uint64_t>tap.flags << 8)
    if tap.later:
        say(words, &count, 14, tap.line)
        say(words, &count, 15, tap.scene)
        say(words, &count, 16, tap.rider_class)
        say(words, &count, 17, tap.media)
        say(words, &count, 18, <uint64_t>tap.face_fen)
        say(words, &count, 19, tap.chip_before_fen)
        say(words, &count, 20, tap.chip_counter)
        say(words, &count, 21, tap.chip_loads)
        say(words, &count, 22, tap.caused_by)
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
    const Entry* entry, const Tap* tap, const uint64_t* words, int count, uint64_t body
) noexcept nogil:
    """Returns True when an entry was made of a tap of this body, whose digest is `body`."""
    if entry.version == 1:
        return count == WORDS and entry.body == digest_1(words) and says_so(entry, tap, words)
    return entry.body == body


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
