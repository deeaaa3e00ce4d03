"""Money set aside on an account, and what becomes of it."""

from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.charge cimport below_floor
from onecard.ext.rule.give_back cimport is_hold
from onecard.ext.rule.plan cimport Plan, add_leg, claim
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport Entry
from onecard.ext.shape.numbers cimport Funding, Image, Kind, Outcome, OwnerKind, Purse
from onecard.ext.state.state cimport State


cdef uint8_t hold(const Tap* tap, Plan* plan) noexcept nogil:
    """Set the amount aside: 0, or the refusal."""
    if tap.funding != Funding.PREPAID:
        return Outcome.HOLD_NOT_ALLOWED
    if below_floor(tap.account, tap.amount_fen):
        return Outcome.FUNDS
    plan.amount_fen = tap.amount_fen
    add_leg(plan, OwnerKind.ACCOUNT, tap.account_id, tap.issuer, Purse.MAIN, -tap.amount_fen)
    add_leg(plan, OwnerKind.ACCOUNT, tap.account_id, tap.issuer, Purse.HELD, tap.amount_fen)
    return 0


cdef uint8_t finish_hold(
    State state, const Tap* tap, const Entry* original, Plan* plan
) noexcept nogil:
    """CAPTURE and RELEASE: 0, or the refusal."""
    cdef int64_t held
    cdef int64_t taken = tap.amount_fen
    if original is NULL:
        return Outcome.ORIGINAL_UNKNOWN
    if not is_hold(original):
        return Outcome.NOT_A_HOLD
    if not tap.owns:
        return Outcome.CARD_MISMATCH
    if original.operator_id != tap.operator_id:
        return Outcome.ORIGINAL_FOREIGN
    if state.claim(original.sequence) is not NULL:
        return Outcome.ORIGINAL_CLOSED
    held = original.amount_fen
    check(held > 0)
    check(original.sequence <= state.total.last)
    if taken > held:
        return Outcome.AMOUNT_EXCEEDS_ORIGINAL
    plan.amount_fen = taken if tap.kind == Kind.CAPTURE else held
    add_leg(plan, OwnerKind.ACCOUNT, original.account, original.issuer, Purse.HELD, -held)
    if tap.kind == Kind.CAPTURE:
        add_leg(plan, OwnerKind.PAYABLE, tap.operator_id, tap.operator_id, Purse.MAIN, taken)
    add_leg(plan, OwnerKind.ACCOUNT, original.account, original.issuer, Purse.MAIN, held - taken)
    claim(plan, Image.CLOSED_ORIGINAL, original.sequence, plan.amount_fen)
    return 0
