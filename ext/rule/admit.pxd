from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.tap cimport Tap
from onecard.ext.state.state cimport State


cdef uint8_t form(State state, const Tap* tap) noexcept nogil
cdef uint8_t admit(State state, const Tap* tap, int64_t now_us) noexcept nogil
