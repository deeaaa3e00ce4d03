"""Identities in the order of their pages: by terminal, epoch and `terminal_seq >> 8`."""

import numpy as np

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from onecard.ext.identity.space cimport Identity, moves

from onecard.ext.identity.generations import IDENTITY

cdef enum:
    RUN_MIN = 3  # identities a run, on average: with fewer they are sorted one by one
    AHEAD = 8  # runs whose memory is asked for before they are copied
    DIGIT_BITS = 11  # 2,048 counters and as many open write streams: what the first cache holds


cdef extern from *:
    """
    #define onecard_prefetch(p) __builtin_prefetch((p), 0, 3)
    """
    void _prefetch "onecard_prefetch"(const void* p) noexcept nogil


def arrange(identities, bint whole=False):
    """A copy ordered by terminal, epoch and page; with `whole`, by terminal_seq within a page too."""
    return arrange_within(identities.copy(), np.empty(len(identities), IDENTITY), whole)


def arrange_within(identities, spare, bint whole=False):
    """What `arrange` gives, without new memory: the answer is either `identities` or the beginning
    of `spare`, of which each then holds all of them; `spare` has as many rows or more.

    A stable radix sort that looks only at the bits that differ: a generation of ten thousand
    terminals takes four passes, not twelve.
    """
    cdef Py_ssize_t count = identities.shape[0]
    cdef Py_ssize_t i
    if spare.shape[0] < count:
        raise ValueError(f"expected {count} spare rows, found {spare.shape[0]}")
    if count == 0:
        return identities
    cdef Identity[::1] one = identities
    cdef Identity[::1] other = spare
    cdef Identity* source = &one[0]
    cdef Identity* target = &other[0]
    cdef Py_ssize_t own = 0  # identities, which a generation has before all else, and apart
    cdef Identity* rest = NULL
    with nogil:
        while own < count and not moves(source[own].terminal):
            own += 1
        for i in range(own, count):
            if not moves(source[i].terminal):
                own = count
                break
        if own < count:
            rest = radix(source + own, target + own, count - own, 0 if whole else 8)
        if whole or not by_runs(source, target, own):
            source = radix(source, target, own, 0 if whole else 8)
        else:
            source = target
        if rest is not NULL and rest != source + own:
            memcpy(source + own, rest, (count - own) * sizeof(Identity))
    return identities if source == &one[0] else spare[:count]


cdef bint by_runs(const Identity* source, Identity* target, Py_ssize_t count) noexcept nogil:
    """Returns True when `target` has them in order of page. What comes out of a generation has up to
    eight of a page side by side, so it is runs that are sorted, each a row of where it begins
    (`sequence`) and how long it is (`unused`). Not done where that would be no fewer rows, or memory
    is short.
    """
    cdef Identity* runs = target  # until all are found
    cdef Identity* other
    cdef Py_ssize_t i, found = 0, put = 0
    for i in range(count):
        if i > 0 and same_page(&source[i - 1], &source[i]):
            runs[found - 1].unused += 1
            continue
        if found == count // RUN_MIN:
            return False
        runs[found] = source[i]
        runs[found].sequence = i
        runs[found].unused = 1
        found += 1
    other = <Identity*>malloc(found * sizeof(Identity))
    if other is NULL:
        return False
    if radix(runs, other, found, 8) == runs:
        memcpy(other, runs, found * sizeof(Identity))
    for i in range(found):
        _prefetch(&source[other[min(i + AHEAD, found - 1)].sequence])
        memcpy(&target[put], &source[other[i].sequence], other[i].unused * sizeof(Identity))
        put += other[i].unused
    free(other)
    return True


cdef Identity* radix(Identity* source, Identity* target, Py_ssize_t count, int skip) noexcept nogil:
    """Sorts by the three fields, least significant first; the lowest `skip` bits do not count."""
    cdef uint32_t every[3]
    cdef uint32_t some[3]
    cdef const uint32_t* words
    cdef Py_ssize_t i
    cdef int field, low, high, digits, bits
    for field in range(3):
        every[field] = 0xFFFFFFFF
        some[field] = 0
    for i in range(count):
        words = <const uint32_t*>&source[i]
        for field in range(3):
            every[field] &= words[field]
            some[field] |= words[field]
    for field in range(2, -1, -1):  # terminal_seq, epoch, terminal
        low = skip if field == 2 else 0
        high = bits_of((every[field] ^ some[field]) >> low) + low
        if high <= low:
            continue
        digits = (high - low + DIGIT_BITS - 1) // DIGIT_BITS
        bits = (high - low + digits - 1) // digits
        while low < high:
            scatter(source, target, count, field, low, bits)
            source, target = target, source
            low += bits
    return source


cdef int bits_of(uint32_t value) noexcept nogil:
    cdef int bits = 0
    while value:
        bits += 1
        value >>= 1
    return bits


cdef void scatter(
    const Identity* source, Identity* target, Py_ssize_t count, int field, int shift, int bits
) noexcept nogil:
    """One stable counting pass over `bits` bits of a field."""
    cdef Py_ssize_t at[1 << DIGIT_BITS]
    cdef uint32_t mask = (<uint32_t>1 << bits) - 1
    cdef Py_ssize_t i, here, sum_before = 0
    cdef uint32_t digit
    memset(at, 0, sizeof(at))
    for i in range(count):
        at[((<const uint32_t*>&source[i])[field] >> shift) & mask] += 1
    for i in range(<Py_ssize_t>mask + 1):
        here = at[i]
        at[i] = sum_before
        sum_before += here
    for i in range(count):
        digit = ((<const uint32_t*>&source[i])[field] >> shift) & mask
        target[at[digit]] = source[i]
        at[digit] += 1


def starts_of(ordered):
    """Where each page starts in arranged identities (int64), and their number at the end."""
    cdef const Identity[::1] rows = ordered
    cdef Py_ssize_t i, pages = 0, count = rows.shape[0]
    starts = np.empty(count + 1, np.int64)
    cdef int64_t[::1] room = starts
    cdef int64_t* at = &room[0]
    cdef const Identity* row = &rows[0] if count else NULL
    with nogil:
        for i in range(count):
            if i == 0 or not same_page(&row[i - 1], &row[i]):
                at[pages] = i
                pages += 1
        at[pages] = count
    return starts[: pages + 1].copy()


cdef inline bint same_page(const Identity* one, const Identity* other) noexcept nogil:
    return (
        one.terminal == other.terminal
        and one.epoch == other.epoch
        and one.terminal_seq >> 8 == other.terminal_seq >> 8
    )
