"""What an earlier entry moved, moved back: in part by a refund, whole by a reversal."""

from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.charge cimport below_floor
from onecard.ext.rule.plan cimport Plan, add_leg, add_payer_leg, claim
from onecard.ext.rule.tap cimport REFUNDABLE, Tap, among
from onecard.ext.shape.check cimport check
from onecard.ext.shape.fen cimport add_overflows
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport Effect, Funding, Image, Kind, Outcome, OwnerKind, Purse
from onecard.ext.shape.tables cimport Claim
from onecard.ext.state.state cimport State


cdef uint8_t refund(
    State state, const Tap* tap, const Entry* original, Plan* plan
) noexcept nogil:
    """Give back a part of what an entry took: 0, or the refusal."""
    cdef Claim* taken
    cdef int64_t refunded = 0
    if original is NULL:
        return Outcome.ORIGINAL_UNKNOWN
    if not among(REFUNDABLE, original.kind) or original.outcome > Outcome.ACCEPTED_BELOW_FLOOR:
        return Outcome.NOT_REFUNDABLE
    if not tap.owns:
        return Outcome.CARD_MISMATCH
    if original.operator_id != tap.operator_id:
        return Outcome.ORIGINAL_FOREIGN
    taken = state.claim(original.sequence)
    if taken is not NULL:
        if taken.closed:
            return Outcome.ORIGINAL_CLOSED
        refunded = taken.used_fen
    if add_overflows(refunded, tap.amount_fen, &refunded) or refunded > original.amount_fen:
        return Outcome.AMOUNT_EXCEEDS_ORIGINAL
    check(refunded > 0)
    plan.amount_fen = tap.amount_fen
    add_payer_leg(plan, original.funding, original.account, original.issuer, tap.amount_fen)
    add_leg(
        plan, OwnerKind.PAYABLE, original.operator_id, original.operator_id, Purse.MAIN,
        -tap.amount_fen,
    )
    claim(plan, Image.CLAIMED, original.sequence, refunded)
    return 0


cdef uint8_t reverse(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Undo an entry whole, or void its identity before it comes: 0, or the refusal."""
    cdef bint prepaid
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
    if original.kind in (Kind.REFUND, Kind.REVERSAL, Kind.CAPTURE, Kind.RELEASE):
        return Outcome.NOT_REVERSIBLE
    if state.claim(original.sequence) is not NULL:
        return Outcome.ORIGINAL_CLOSED
    prepaid = original.funding == Funding.PREPAID
    if original.kind == Kind.TOP_UP and prepaid and below_floor(tap.account, original.amount_fen):
        return Outcome.FUNDS
    check(original.sequence <= state.total.last)
    plan.amount_fen = original.amount_fen
    negate(original, legs, plan)
    claim(plan, Image.CLOSED_ORIGINAL, original.sequence, original.amount_fen)
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
