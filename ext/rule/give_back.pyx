"""What an earlier entry moved, moved back: in part by a refund, whole by a reversal."""

from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.charge cimport below_floor
from onecard.ext.rule.plan cimport Plan, add_leg, claim
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.fen cimport add_overflows
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport Effect, Funding, Image, Kind, Outcome
from onecard.ext.shape.tables cimport Claim
from onecard.ext.state.state cimport State


cdef uint8_t refund(
    State state, const Tap* tap, const Entry* original, Plan* plan
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
    taken = state.claim(original.sequence)
    if taken is not NULL:
        if taken.closed:
            return Outcome.ORIGINAL_CLOSED
        refunded = taken.used_fen
        charged += taken.adjusted_fen  # it fits: the adjustment was refused otherwise
    if add_overflows(refunded, tap.amount_fen, &refunded) or refunded > charged:
        return Outcome.AMOUNT_EXCEEDS_ORIGINAL
    check(refunded > 0)
    plan.amount_fen = tap.amount_fen
    add_back(plan, original, tap.amount_fen)
    claim(plan, Image.CLAIMED, original.sequence, refunded)
    return 0


cdef uint8_t reverse(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Undo an entry whole, or void its identity before it comes: 0, or the refusal."""
    cdef const Claim* taken
    cdef bint prepaid
    cdef int64_t adjusted = 0
    if original is NULL:
        plan.outcome = Outcome.TOMBSTONED
        claim(plan, Image.VOIDED_IDENTITY, tap.target, 0)
        return 0
    if not is_target(tap, original):
        return Outcome.ORIGINAL_CLOSED  # bound by a tombstone
    if not tap.owns:
        return Outcome.CARD_MISMATCH
    if original.outcome > Outcome.TOMBSTONED:
        return 0
    if original.operator_id != tap.operator_id:
        return Outcome.ORIGINAL_FOREIGN
    if not is_reversible(original):
        return Outcome.NOT_REVERSIBLE
    taken = state.claim(original.sequence)
    if taken is not NULL:
        if taken.closed or taken.used_fen != 0:
            return Outcome.ORIGINAL_CLOSED
        adjusted = taken.adjusted_fen
    prepaid = original.funding == Funding.PREPAID
    if original.kind == Kind.TOP_UP and prepaid and below_floor(tap.account, original.amount_fen):
        return Outcome.FUNDS
    check(original.sequence <= state.total.last)
    plan.amount_fen = original.amount_fen + adjusted
    negate(original, legs, plan)
    add_back(plan, original, adjusted)
    claim(plan, Image.CLOSED_ORIGINAL, original.sequence, plan.amount_fen)
    if original.kind == Kind.ENTRY and tap.account.journey == original.sequence:
        plan.effects = Effect.JOURNEY_CLOSED
    return 0


cdef inline void negate(const Entry* original, const Leg* legs, Plan* plan) noexcept nogil:
    """What was recorded, each leg negated, in its order: whatever the kind booked."""
    cdef int i
    for i in range(original.legs):
        # A leg of the least number there is cannot have been booked: its sums would not fit.
        add_leg(
            plan, legs[i].owner_kind, legs[i].owner, legs[i].party, legs[i].purse,
            -legs[i].amount_fen,
        )
