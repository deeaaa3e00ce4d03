"""Reasons as they are given, and shares of an amount as they are rounded."""

cimport cython
from libc.stdint cimport int32_t, int64_t

from onecard.ext.fare.tables cimport (
    CEILING, FLOOR, HALF_EVEN, HALF_UP, REASONS_MAX, Bracket, Fares, Quote, Reason,
)
from onecard.ext.shape.check cimport check

cdef enum:
    WHOLE = 10000  # basis points


cdef inline void because(
    Quote* quote, int32_t code, int64_t rule, int64_t before, int64_t after, int64_t detail,
    int64_t bearer,
) noexcept nogil:
    """Give a reason. There is room for as many as the rules of one ride can be (fare_set.pyx)."""
    cdef Reason* reason
    check(quote.reasons < REASONS_MAX)
    if quote.reasons >= REASONS_MAX:
        return
    reason = &quote.reason[quote.reasons]
    reason.code = code
    reason.rule = rule
    reason.before = before
    reason.after = after
    reason.detail = detail
    reason.bearer = bearer
    quote.reasons += 1


@cython.cdivision(True)  # of numbers that are not below 0, by one that is above it
cdef inline int64_t rounded(
    int64_t parts, int64_t whole, int64_t rounding, int64_t unit
) noexcept nogil:
    """`parts / whole` as a multiple of `unit`."""
    cdef int64_t by = whole * unit
    cdef int64_t least = parts / by
    cdef int64_t rest = parts - least * by
    if rounding == CEILING and rest > 0:
        least += 1
    elif rounding == HALF_UP and 2 * rest >= by:
        least += 1
    elif rounding == HALF_EVEN and (2 * rest > by or (2 * rest == by and least & 1)):
        least += 1
    return least * unit


cdef inline int64_t share_of(
    const Fares* fares, int64_t fare, int64_t bracket, int64_t brackets, int64_t rounding,
    int64_t unit,
) noexcept nogil:
    """Each part of a fare by the share of its bracket; added up, then rounded."""
    cdef int64_t parts = 0
    cdef int64_t below = 0
    cdef int64_t upto, at
    for at in range(bracket, bracket + brackets):
        upto = fares.brackets[at].upto
        if upto > fare:
            upto = fare
        if upto > below:
            parts += (upto - below) * fares.brackets[at].basis_points
            below = upto
    return rounded(parts, WHOLE, rounding, unit)
