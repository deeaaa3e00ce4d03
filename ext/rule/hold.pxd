from libc.stdint cimport uint8_t

from onecard.ext.rule.plan cimport Plan
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.state.state cimport State


cdef bint lasts(State state, const Tap* tap) noexcept nogil
cdef bint is_too_early(State state, const Tap* tap, const Entry* original) noexcept nogil
cdef void free_row(State state, const Entry* original, Plan* plan) noexcept nogil


cdef uint8_t hold(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil

cdef uint8_t capture(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil

cdef uint8_t release(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil
