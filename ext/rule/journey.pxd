from libc.stdint cimport uint8_t

from onecard.ext.rule.plan cimport Plan
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.tables cimport Journey
from onecard.ext.state.state cimport State


cdef uint8_t enter(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil
cdef uint8_t fare_of_journey(State state, const Tap* tap, Plan* plan) noexcept nogil
cdef void compare(State state, const Tap* tap, Plan* plan) noexcept nogil
cdef void end(State state, const Journey* journey, Plan* plan) noexcept nogil
