"""What a row is held against before it is decided, of which nothing is bound. Inlined, for every tap
comes by.
"""

from libc.stdint cimport uint8_t

from onecard.ext.rule.admit cimport columns_used
from onecard.ext.rule.hold cimport lasts
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.kinds cimport ANYWHERE, IN_LOT, INTERNAL, LASTING, SWEPT, has
from onecard.ext.shape.numbers cimport Outcome, Status
from onecard.ext.state.state cimport State


cdef inline uint8_t within_seldom(State state, const Tap* tap) noexcept nogil:
    """Rules 13 to 14c, of what most taps are not: 0, or why the row is not taken."""
    # A terminal is INTERNAL always or never, so it was at the tap's time what it is.
    if tap.terminal_status == Status.INTERNAL:
        if not has(tap.kind, INTERNAL | SWEPT | ANYWHERE):
            return Outcome.KIND_NOT_ALLOWED
    elif tap.terminal_status != Status.ACTIVE:
        return Outcome.TERMINAL_BLOCKED
    elif has(tap.kind, INTERNAL):
        return Outcome.KIND_NOT_ALLOWED
    if not -state.total.amount_max_fen <= tap.amount_fen <= state.total.amount_max_fen:
        return Outcome.AMOUNT_BEYOND_LIMIT
    if has(tap.kind, LASTING) and lasts(state, tap) and state.free_hold() == 0:
        return Outcome.HOLDS_FULL
    if has(tap.kind, IN_LOT) and state.lots.free_row() == 0:
        return Outcome.LOTS_FULL
    return 0


cdef inline uint8_t within_limits(State state, const Tap* tap) noexcept nogil:
    """Rules 12a to 14c: 0, or why the row is not taken."""
    cdef uint8_t outcome = columns_used(tap)
    if outcome != 0:
        return outcome
    if tap.terminal_status != Status.ACTIVE or has(tap.kind, INTERNAL | LASTING):
        return within_seldom(state, tap)
    if not -state.total.amount_max_fen <= tap.amount_fen <= state.total.amount_max_fen:
        return Outcome.AMOUNT_BEYOND_LIMIT
    return 0
