"""What of a batch's history is not in memory, and what was read of it.

`missing` names it; the caller reads it from disk, off the engine thread, and hands it
over as a `Recalled`.
"""

cimport cython
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

import numpy as np

from onecard.ext.shape.check cimport check
from onecard.ext.shape.dtypes import derived
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.kinds cimport ABOUT_IDENTITY, names_entry, rule_of
from onecard.ext.shape.numbers cimport KINDS
from onecard.ext.shape.tables cimport Claim
from onecard.ext.identity.claims cimport BOTH_KNOWN, CORRECTED_KNOWN, TAKEN_KNOWN
from onecard.ext.identity.generations cimport Generations
from onecard.ext.identity.ring cimport Ring
from onecard.ext.state.state cimport State
from onecard.ext.wire.batch cimport Columns, Taps, u8_at, u32_at, u64_at

OWN, TARGET, ABOUT = 0, 1, 2  # which of a row's references is missing

cdef packed struct Missing:
    int32_t row
    int32_t what  # OWN, TARGET or ABOUT
    uint32_t terminal
    uint32_t epoch
    uint32_t terminal_seq
    uint32_t unused
    uint64_t sequence  # where known; 0: ask for the identity


cdef Missing a_missing
MISSING = derived("Missing", <Missing[:1]>&a_missing)


@cython.final
cdef class Recalled:
    """What was read from disk for one batch: for each row an index into `entries`.

    own, about: int32 a row; NOT_ASKED (-1), ABSENT (-2), or the index. `about` serves both the
    target of a reversal and the sequence a refund, capture, release or adjustment names. taken: an
    index into `claims` (CLAIM rows) of what `about` leads to, or NOT_ASKED. entries: ENTRY rows, whose
    `legs_at` counts into `legs`, which has a row more than they need.
    """

    def __init__(self, own, about, taken, claims, entries, legs, uint64_t retirements):
        self.own = own
        self.about = about
        self.taken = taken
        self.claims = claims
        self.entries = entries
        self.legs = legs
        self.retirements = retirements
        self.count = len(own)


@cython.final
cdef class InMemory:
    """That a batch lacks nothing, as `missing` found: it need not look again while this `holds`.

    It rests on what no batch after it takes away but by pushing entries out of the ring, and on no
    identity having been let go since.
    """

    def holds(
        self, State state not None, Generations recent not None, Ring ring not None,
        Taps taps not None,
    ):
        """Returns True when the batch, which is the one that was looked at, still lacks nothing."""
        cdef Reach reach
        if not self.known or self.let_go != recent.let_go:
            return False
        memset(&reach, 0, sizeof(Reach))
        reach_of(&reach, state, recent, ring, None, taps.columns.count)
        return reach.ring_low <= self.lowest


cdef void reach_of(
    Reach* reach, State state, Generations recent, Ring ring, Recalled recalled, Py_ssize_t count
) noexcept:
    """How far memory and what was recalled reach for a batch of `count` rows."""
    reach.own = NULL
    reach.about = NULL
    reach.taken = NULL
    reach.stale = True
    if recalled is not None and recalled.count == count and count > 0:
        reach.own = &recalled.own[0]
        reach.about = &recalled.about[0]
        reach.taken = &recalled.taken[0]
        reach.stale = recalled.retirements != recent.retirements
    reach.ring_low = ring.first
    # Each entry this batch adds may push one out of the ring.
    if state.total.last + 1 + count > reach.ring_low + ring.size:
        reach.ring_low = state.total.last + 1 + count - ring.size


cdef bint by_claim(
    Generations recent, uint64_t original, Py_ssize_t row, Recalled recalled, const Reach* reach,
    Claim* out,
) noexcept nogil:
    """What was taken back of an entry that was found, or corrected. Returns True when neither memory
    nor what was recalled tells."""
    cdef const Claim* kept = recent.claim(original)
    cdef const Claim* read
    cdef int32_t index
    if kept is not NULL:
        out[0] = kept[0]
    else:
        memset(out, 0, sizeof(Claim))
        out.sequence = original
    if original > recent.left:  # whoever takes back of it comes after it, and is in memory
        out.known = BOTH_KNOWN
    if out.known == BOTH_KNOWN:
        return False
    if reach.taken is NULL or reach.stale:
        return True
    check(row >= 0)
    check(row < recalled.count)
    index = reach.taken[row]
    if index < 0:
        return True
    check(index < recalled.claims.shape[0])
    read = &recalled.claims[index]
    if read.sequence != original:
        return True
    if not out.known & TAKEN_KNOWN:
        out.taken_by = read.taken_by
        out.used_fen = read.used_fen
        out.closed = read.closed
    if not out.known & CORRECTED_KNOWN:
        out.corrected_by = read.corrected_by
        out.adjusted_fen = read.adjusted_fen
    out.known = BOTH_KNOWN
    return False


def missing(
    State state not None,
    Generations recent not None,
    Ring ring not None,
    Taps taps not None,
    Recalled recalled=None,
    uint64_t ahead=0,
    InMemory in_memory=None,
):
    """What the batch needs from disk before it can be judged: MISSING rows, or None.

    With `ahead`, also what leaves memory with so many more entries. Where it is None `in_memory`
    tells from then on whether it would be None again.
    """
    cdef Columns* columns = &taps.columns
    cdef Py_ssize_t row
    cdef Py_ssize_t found = 0
    cdef Missing[::1] rows
    cdef Reach reach
    cdef Missing* one
    # What is booked from now on is in the ring for as long as the next entry is.
    cdef uint64_t lowest = state.total.last + 1
    memset(&reach, 0, sizeof(Reach))
    reach_of(&reach, state, recent, ring, recalled, columns.count)
    reach.ring_low += ahead
    with nogil:
        for row in range(columns.count):
            if needs(state, recent, ring, columns, row, recalled, &reach, NULL, 0, &lowest) != 0:
                found += 1
    if found == 0:
        if in_memory is not None:
            in_memory.lowest = lowest
            in_memory.let_go = recent.let_go
            in_memory.known = True
        return None
    out = np.zeros(2 * columns.count, MISSING)
    rows = out
    found = 0
    with nogil:
        for row in range(columns.count):
            one = &rows[found]
            found += needs(state, recent, ring, columns, row, recalled, &reach, one, 2, &lowest)
    return out[:found]


cdef int needs(
    State state, Generations recent, Ring ring, Columns* columns, Py_ssize_t row, Recalled recalled,
    Reach* reach,
    Missing* out, int room, uint64_t* lowest,
) noexcept nogil:
    """How many references of a row are not in memory; written to `out` where there is room.

    `lowest` falls to the lowest sequence that the ring was asked for.
    """
    cdef uint32_t terminal = u32_at(columns.terminal, row)
    cdef uint64_t key = (<uint64_t>u32_at(columns.epoch, row) << 32) | u32_at(columns.terminal_seq, row)
    cdef uint8_t kind = u8_at(columns.kind, row)
    cdef uint64_t sequence = 0
    cdef const Entry* entry = NULL
    cdef Claim claim
    cdef int found
    cdef int count = 0
    if terminal == 0 or terminal > state.total.terminals:
        return 0
    if by_identity(
        state, recent, ring, terminal, key, reach.own, row, recalled, reach, &entry, &sequence
    ) == NOT_IN_MEMORY:
        if count < room:
            note(&out[count], row, 0, terminal, key, sequence)
        count += 1
    ask(reach, sequence, lowest)
    if kind >= KINDS:
        return count
    if rule_of(kind).about == ABOUT_IDENTITY:
        key = (<uint64_t>u32_at(columns.about_epoch, row) << 32) | u32_at(columns.about_seq, row)
        found = by_identity(
            state, recent, ring, terminal, key, reach.about, row, recalled, reach, &entry, &sequence
        )
        if found == ENTRY_FOUND and by_claim(
            recent, entry.sequence, row, recalled, reach, &claim
        ):
            found = NOT_IN_MEMORY
            sequence = entry.sequence
        if found == NOT_IN_MEMORY:
            if count < room:
                note(&out[count], row, 1, terminal, key, sequence)
            count += 1
        ask(reach, sequence, lowest)
    elif names_entry(kind):
        sequence = u64_at(columns.about, row)
        if not 0 < sequence <= state.total.last:
            return count
        found = by_sequence(ring, sequence, reach.about, row, recalled, reach, &entry)
        if found == NOT_IN_MEMORY or found == ENTRY_FOUND and by_claim(
            recent, sequence, row, recalled, reach, &claim
        ):
            if count < room:
                note(&out[count], row, 2, terminal, 0, sequence)
            count += 1
        ask(reach, sequence, lowest)
    return count


cdef inline void ask(const Reach* reach, uint64_t sequence, uint64_t* lowest) noexcept nogil:
    """What memory knows and the ring holds counts; the rest was recalled, and stays so."""
    if reach.ring_low <= sequence < lowest[0]:
        lowest[0] = sequence


cdef inline void note(
    Missing* one, Py_ssize_t row, int what, uint32_t terminal, uint64_t key, uint64_t sequence
) noexcept nogil:
    one.row = <int32_t>row
    one.what = what
    one.terminal = terminal
    one.epoch = <uint32_t>(key >> 32)
    one.terminal_seq = <uint32_t>key
    one.sequence = sequence
