from libc.stdint cimport uint8_t, uint64_t

from onecard.ext.rule.plan cimport Plan
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.state.state cimport State


cdef inline bint is_target(const Tap* tap, const Entry* original) noexcept nogil:
    """Returns True when a reversal names the key of the entry itself, and not of a tombstone."""
    return ((<uint64_t>original.epoch << 32) | original.terminal_seq) == tap.target


cdef uint8_t refund(
    State state, const Tap* tap, const Entry* original, Plan* plan
) noexcept nogil
cdef uint8_t reverse(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil
