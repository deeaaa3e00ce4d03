"""The body of a tap as words, and their digest: docs/ledger.md has which words, in which order."""

from libc.stdint cimport uint64_t

from onecard.ext.rule.tap cimport Tap

cdef enum:
    WORDS = 8  # of every body
    WORDS_MAX = WORDS + 2 * 9  # and two for each later column, of which there are nine


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


cdef inline uint64_t digest(const uint64_t* words, int count) noexcept nogil:
    cdef uint64_t h = 0x9E3779B97F4A7C15
    cdef int at
    for at in range(count):
        h = (h ^ words[at]) * <uint64_t>0xFF51AFD7ED558CCD
        h ^= h >> 32
    return h
