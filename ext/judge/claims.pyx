"""How many rows of the table of claims a batch may need that it has not yet.

Asked before a batch is judged, and only where the table might not do: a judged batch is not undone.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

import numpy as np

from onecard.ext.identity.generations cimport Generations
from onecard.ext.identity.ring cimport Ring
from onecard.ext.judge.lookback cimport ENTRY_FOUND, Reach, Recalled
from onecard.ext.judge.lookback cimport by_identity, by_sequence, reach_of
from onecard.ext.rule.original cimport takes_back
from onecard.ext.shape.dtypes import derived
from onecard.ext.shape.journal cimport Entry
from onecard.ext.shape.kinds cimport ABOUT_IDENTITY, finishes, rule_of
from onecard.ext.shape.numbers cimport KINDS
from onecard.ext.state.state cimport State
from onecard.ext.wire.batch cimport Columns, Taps, u8_at, u32_at, u64_at


cdef packed struct Named:  # an original without a claim: by its sequence, or else by its identity
    uint64_t sequence
    uint64_t terminal
    uint64_t key

cdef Named a_named
NAMED = derived("Named", <Named[:1]>&a_named)


def new_claims(
    State state not None,
    Generations recent not None,
    Ring ring not None,
    Taps taps not None,
    Recalled recalled=None,
):
    """The entries a batch may take back of, or adjust, that have no claim yet; each once.

    A bound, and as many as it needs unless a row is refused for something else than what it names.
    `missing` said None for this batch just before.
    """
    cdef Columns* columns = &taps.columns
    cdef Py_ssize_t row
    cdef Py_ssize_t found = 0
    cdef Named[::1] rows
    cdef Reach reach
    if columns.count == 0:
        return 0
    memset(&reach, 0, sizeof(Reach))
    reach_of(&reach, state, recent, ring, recalled, columns.count)
    named = np.zeros(columns.count, NAMED)
    rows = named
    with nogil:
        for row in range(columns.count):
            if needs_claim(state, recent, ring, columns, row, recalled, &reach, &rows[found]):
                found += 1
    named = np.unique(named[:found])
    unknown = named[named["sequence"] == 0]
    if len(unknown) == 0:
        return len(named)
    # What a reversal names and nobody has sent is voided, without a claim; unless this batch has it.
    own = np.zeros(columns.count, NAMED)
    own["terminal"] = taps.column("terminal")
    own["key"] = taps.column("epoch").astype(np.uint64) << np.uint64(32)
    own["key"] |= taps.column("terminal_seq")
    return len(named) - len(unknown) + len(np.intersect1d(unknown, own))


cdef bint needs_claim(
    State state, Generations recent, Ring ring, Columns* columns, Py_ssize_t row,
    Recalled recalled, Reach* reach, Named* named,
) noexcept nogil:
    """Returns True when a row may need a claim, and then whose; `named` has zeros."""
    cdef uint8_t kind = u8_at(columns.kind, row)
    cdef uint32_t terminal = u32_at(columns.terminal, row)
    cdef uint64_t key = (<uint64_t>u32_at(columns.epoch, row) << 32) | u32_at(columns.terminal_seq, row)
    cdef uint64_t sequence = 0
    cdef const Entry* original = NULL
    cdef int found
    named.sequence = named.terminal = named.key = 0
    if kind >= KINDS or not finishes(kind):
        return False
    if terminal == 0 or terminal > state.total.terminals:
        return False
    if by_identity(
        state, recent, ring, terminal, key, reach.own, row, recalled, reach, &original, &sequence
    ) == ENTRY_FOUND:
        return False  # answered before: it books nothing
    if rule_of(kind).about == ABOUT_IDENTITY:
        key = (<uint64_t>u32_at(columns.about_epoch, row) << 32) | u32_at(columns.about_seq, row)
        found = by_identity(
            state, recent, ring, terminal, key, reach.about, row, recalled, reach, &original,
            &sequence,
        )
        if found != ENTRY_FOUND:
            named.terminal = terminal
            named.key = key
            return True
        if original.epoch != key >> 32 or original.terminal_seq != <uint32_t>key:
            return False  # a tombstone, which is closed
    else:
        sequence = u64_at(columns.about, row)
        if sequence == 0 or sequence > state.total.last + row:
            return False
        if sequence > state.total.last:
            named.sequence = sequence  # given out by this batch, to whatever kind
            return True
        if by_sequence(ring, sequence, reach.about, row, recalled, reach, &original) != ENTRY_FOUND:
            return False
    named.sequence = original.sequence
    return takes_back(kind, original) and state.claim(original.sequence) is NULL
