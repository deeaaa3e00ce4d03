"""Money from the holder to whoever earns."""

from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.plan cimport Plan
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.fen cimport sub_overflows
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.tables cimport Account
from onecard.ext.state.state cimport State


cdef inline bint below_floor(const Account* account, int64_t amount) noexcept nogil:
    """Returns True when taking the amount leaves less than the floor."""
    cdef int64_t rest = 0
    return (
        sub_overflows(account.posted_fen - account.held_fen, amount, &rest)
        or rest < account.floor_fen
    )


cdef uint8_t charge(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil
