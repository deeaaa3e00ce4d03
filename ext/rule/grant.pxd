from libc.stdint cimport uint8_t

from onecard.ext.rule.plan cimport Plan
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.state.state cimport State


cdef uint8_t grant(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil
cdef uint8_t spend_whole(
    State state, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil
