from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.plan cimport Plan
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.fen cimport sub_overflows
from onecard.ext.shape.tables cimport Account


cdef inline bint below_floor(const Account* account, int64_t amount) noexcept nogil:
    """Returns True when taking the amount leaves less than the floor."""
    cdef int64_t rest = 0
    return (
        sub_overflows(account.posted_fen - account.held_fen, amount, &rest)
        or rest < account.floor_fen
    )


cdef uint8_t charge(const Tap* tap, int64_t amount, Plan* plan) noexcept nogil
cdef uint8_t top_up(const Tap* tap, Plan* plan) noexcept nogil
