from libc.stdint cimport uint8_t

from onecard.ext.rule.plan cimport Plan
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.journal cimport Entry
from onecard.ext.state.state cimport State


cdef uint8_t hold(const Tap* tap, Plan* plan) noexcept nogil
cdef uint8_t finish_hold(
    State state, const Tap* tap, const Entry* original, Plan* plan
) noexcept nogil
