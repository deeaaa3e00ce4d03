"""Memory that the rows of a batch will need, asked for well before it is read."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from onecard.ext.identity.generations cimport Generations
from onecard.ext.shape.check cimport check
from onecard.ext.shape.kinds cimport BY_JOURNEY, ENTERS, rule_of
from onecard.ext.shape.numbers cimport KINDS
from onecard.ext.shape.tables cimport Account
from onecard.ext.state.state cimport State
from onecard.ext.wire.batch cimport Columns, u8_at, u32_at, u64_at

cdef extern from *:
    """
    #define onecard_prefetch(p) __builtin_prefetch((p), 1, 3)
    """
    void _prefetch "onecard_prefetch"(const void* p) noexcept nogil


cdef void fetch(
    State state, Generations recent, Columns* columns, Py_ssize_t start, Py_ssize_t end,
    int64_t* cards,
) noexcept nogil:
    """Find the cards of a chunk, asking for each piece of memory well before it is read."""
    cdef Py_ssize_t row
    cdef uint32_t terminal
    cdef int64_t card
    cdef const Account* account
    if columns.scene != NULL and state.total.scenes != 0:
        fetch_scenes(state, columns, start, end)
    for row in range(start, end):
        state.by_token.prefetch(u64_at(columns.card, row))
        terminal = u32_at(columns.terminal, row)
        if terminal <= state.total.terminals:
            _prefetch(&state.terminals[terminal])
    for row in range(start, end):
        state.by_token.prefetch_row(u64_at(columns.card, row))
        recent.prefetch(
            u32_at(columns.terminal, row),
            (<uint64_t>u32_at(columns.epoch, row) << 32) | u32_at(columns.terminal_seq, row),
        )
    for row in range(start, end):
        card = state.by_token.find(u64_at(columns.card, row))
        check(row - start < CHUNK)
        check(card < <int64_t>state.total.credentials)
        cards[row - start] = card
        if card >= 0:
            account = &state.accounts[state.credentials[card].account]
            _prefetch(account)
            _prefetch(<const uint8_t*>(account + 1) - 1)  # it may lie in two lines of the cache


cdef void fetch_scenes(
    State state, Columns* columns, Py_ssize_t start, Py_ssize_t end
) noexcept nogil:
    """Ask for the scenes of a chunk: a row is found by its code alone."""
    cdef Py_ssize_t row
    cdef uint32_t scene
    for row in range(start, end):
        scene = u32_at(columns.scene, row)
        if scene <= state.total.scenes:
            _prefetch(&state.scenes[scene])


cdef void fetch_travels(
    State state, Columns* columns, Py_ssize_t start, Py_ssize_t end, const int64_t* cards
) noexcept nogil:
    """Ask for the travel rows of a chunk, whose accounts were asked for a chunk ago."""
    cdef Py_ssize_t row
    cdef uint8_t kind
    cdef uint32_t travel
    for row in range(start, end):
        kind = u8_at(columns.kind, row)
        if kind >= KINDS or cards[row - start] < 0:
            continue
        if rule_of(kind).post == ENTERS or rule_of(kind).rate == BY_JOURNEY:
            travel = state.accounts[state.credentials[cards[row - start]].account].travel
            if travel <= state.total.travels:
                _prefetch(&state.travels.rows[travel])
