"""What a row refers to, in memory or recalled: inlined into the judge, which asks for each row."""

cimport cython
from libc.stdint cimport int32_t, uint32_t, uint64_t

from onecard.ext.shape.check cimport check
from onecard.ext.block.template cimport expand
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.identity.generations cimport Generations
from onecard.ext.identity.ring cimport Ring
from onecard.ext.shape.tables cimport Claim
from onecard.ext.state.state cimport State


cdef enum:
    ABSENT = -2
    NOT_ASKED = -1


cdef enum Found:
    NONE = 0
    ENTRY_FOUND = 1
    NOT_IN_MEMORY = 2


@cython.final
cdef class Recalled:
    cdef const int32_t[::1] own
    cdef const int32_t[::1] about
    cdef const int32_t[::1] taken
    cdef const Claim[::1] claims
    cdef const Entry[::1] entries
    cdef const Leg[::1] legs
    cdef uint64_t retirements
    cdef readonly Py_ssize_t count


@cython.final
cdef class InMemory:
    cdef uint64_t lowest  # sequence that the ring was asked for
    cdef uint64_t let_go
    cdef bint known  # that nothing is missing


cdef struct Reach:  # how far memory and a Recalled reach; pointers into it, or NULL
    const int32_t* own
    const int32_t* about
    const int32_t* taken
    bint stale
    uint64_t ring_low  # sequences below it may leave the ring while this batch is judged


cdef inline int pick(
    const int32_t* indexes, Py_ssize_t row, Recalled recalled, bint stale, const Entry** out
) noexcept nogil:
    """What was recalled for a row. An absence may have passed since identities left memory."""
    cdef int32_t index
    if indexes is NULL:
        return NOT_IN_MEMORY
    check(row >= 0)
    check(row < recalled.count)
    index = indexes[row]
    if index == NOT_ASKED or (index == ABSENT and stale):
        return NOT_IN_MEMORY
    if index == ABSENT:
        return NONE
    check(index >= 0)
    check(index < recalled.entries.shape[0])
    out[0] = &recalled.entries[index]
    return ENTRY_FOUND


cdef inline int by_sequence(
    Ring ring, uint64_t sequence, const int32_t* indexes, Py_ssize_t row, Recalled recalled,
    const Reach* reach, const Entry** out,
) noexcept nogil:
    """The entry of a sequence that was given out."""
    cdef const Entry* kept
    if sequence >= reach.ring_low:
        check(sequence >= ring.first)
        kept = ring.entry(sequence)
        out[0] = kept
        return NONE if kept is NULL else ENTRY_FOUND
    return pick(indexes, row, recalled, False, out)


cdef inline int by_identity(
    State state, Generations recent, Ring ring, uint32_t terminal, uint64_t key,
    const int32_t* indexes,
    Py_ssize_t row, Recalled recalled, const Reach* reach, const Entry** out, uint64_t* sequence,
) noexcept nogil:
    """The entry an identity is bound to; `sequence` is set where memory knows it."""
    cdef int found
    check(terminal <= state.total.terminals)
    sequence[0] = 0
    if key > state.terminals[terminal].seen or state.terminals[terminal].taken == 0:
        return NONE
    sequence[0] = recent.find(terminal, key)
    if sequence[0] != 0:
        found = by_sequence(ring, sequence[0], indexes, row, recalled, reach, out)
        # Bound since it was recalled as absent, and out of the ring by now: to be asked for again.
        return NOT_IN_MEMORY if found == NONE else found
    if key > recent.retired[terminal] or not recent.has_retired[terminal]:
        return NONE
    return pick(indexes, row, recalled, reach.stale, out)


cdef inline const Leg* legs_of(
    Ring ring, Recalled recalled, const Entry* entry, Leg* own
) noexcept nogil:
    """The legs of an entry that was found; `own` takes those of a template."""
    if expand(entry, own):
        return own
    if ring.holds(entry):
        return ring.legs_of(entry.sequence, entry.legs)
    check(entry.legs_at + entry.legs < recalled.legs.shape[0])
    return &recalled.legs[entry.legs_at]


cdef void reach_of(
    Reach* reach, State state, Generations recent, Ring ring, Recalled recalled, Py_ssize_t count
) noexcept


# Not inlined: few taps are about another entry, and the judge is to stay small for the others.
cdef bint by_claim(
    Generations recent, uint64_t original, Py_ssize_t row, Recalled recalled, const Reach* reach,
    Claim* out,
) noexcept nogil
