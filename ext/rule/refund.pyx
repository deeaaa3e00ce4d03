"""A part of what an earlier entry took, given back."""

from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.original cimport add_back, is_charge
from onecard.ext.rule.plan cimport Plan, claim
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.fen cimport add_overflows
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport Image, Outcome
from onecard.ext.shape.tables cimport Claim
from onecard.ext.state.state cimport State


cdef uint8_t refund(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Give back a part of what an entry took: 0, or the refusal."""
    cdef const Claim* taken
    cdef int64_t refunded = 0
    cdef int64_t charged
    if original is NULL:
        return Outcome.ORIGINAL_UNKNOWN
    if not is_charge(original):
        return Outcome.NOT_REFUNDABLE
    if not tap.owns:
        return Outcome.CARD_MISMATCH
    if original.operator_id != tap.operator_id:
        return Outcome.ORIGINAL_FOREIGN
    charged = original.amount_fen
    taken = tap.taken
    if taken is not NULL:
        if taken.closed:
            return Outcome.ORIGINAL_CLOSED
        refunded = taken.used_fen
        charged += taken.adjusted_fen  # it fits: the adjustment was refused otherwise
    if add_overflows(refunded, tap.amount_fen, &refunded) or refunded > charged:
        return Outcome.AMOUNT_EXCEEDS_ORIGINAL
    check(refunded > 0)
    add_back(state, plan, original, legs, tap.amount_fen)
    claim(plan, Image.CLAIMED, original.sequence, refunded)
    return 0
