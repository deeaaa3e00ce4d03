from libc.stdint cimport uint8_t

from onecard.ext.rule.plan cimport Plan
from onecard.ext.rule.tap cimport Tap
from onecard.ext.state.state cimport State


cdef uint8_t enter(State state, const Tap* tap, Plan* plan) noexcept nogil
cdef uint8_t leave(State state, const Tap* tap, Plan* plan) noexcept nogil
