from libc.stdint cimport int64_t

from onecard.ext.rule.plan cimport Plan
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.state.state cimport State


cdef void decide(
    State state, const Tap* tap, const Entry* original, const Leg* legs, int64_t now_us, Plan* plan
) noexcept nogil
