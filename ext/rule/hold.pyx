"""Money set aside on an account, and what becomes of it."""

from libc.stdint cimport int64_t, uint8_t, uint16_t

from onecard.ext.rule.charge cimport below_floor
from onecard.ext.rule.original cimport is_hold
from onecard.ext.rule.payee cimport payee_at
from onecard.ext.rule.plan cimport Plan, add_leg, claim
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport Funding, Image, Outcome, OwnerKind, Purse
from onecard.ext.state.state cimport State


cdef uint8_t hold(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Set the amount aside: 0, or the refusal."""
    if tap.funding != Funding.PREPAID:
        return Outcome.HOLD_NOT_ALLOWED
    if below_floor(tap.account, tap.amount_fen):
        return Outcome.FUNDS
    add_leg(plan, OwnerKind.ACCOUNT, tap.account_id, tap.issuer, Purse.MAIN, -tap.amount_fen)
    add_leg(plan, OwnerKind.ACCOUNT, tap.account_id, tap.issuer, Purse.HELD, tap.amount_fen)
    return 0


cdef uint8_t capture(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Charge so much of what is held, and give back the rest: 0, or the refusal."""
    cdef uint8_t refusal = _finishable(state, tap, original)
    if refusal != 0:
        return refusal
    if tap.amount_fen > original.amount_fen:
        return Outcome.AMOUNT_EXCEEDS_ORIGINAL
    _finish(state, tap, original, tap.amount_fen, plan)
    return 0


cdef uint8_t release(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Give back all that is held: 0, or the refusal."""
    cdef uint8_t refusal = _finishable(state, tap, original)
    if refusal != 0:
        return refusal
    _finish(state, tap, original, 0, plan)
    plan.amount_fen = original.amount_fen
    return 0


cdef inline uint8_t _finishable(
    State state, const Tap* tap, const Entry* original
) noexcept nogil:
    """0 where it is a hold that this card and operator may finish, or the refusal."""
    if original is NULL:
        return Outcome.ORIGINAL_UNKNOWN
    if not is_hold(original):
        return Outcome.NOT_A_HOLD
    if not tap.owns:
        return Outcome.CARD_MISMATCH
    if original.operator_id != tap.operator_id:
        return Outcome.ORIGINAL_FOREIGN
    if tap.taken.taken_by != 0 or tap.taken.corrected_by != 0:
        return Outcome.ORIGINAL_CLOSED
    check(original.amount_fen > 0)
    check(original.sequence <= state.total.last)
    return 0


cdef inline void _finish(
    State state, const Tap* tap, const Entry* original, int64_t taken, Plan* plan
) noexcept nogil:
    """So much of what is held to whoever earns at the hold's scene, the rest back to the account."""
    cdef int64_t held = original.amount_fen
    cdef uint16_t payee = payee_at(state, original.scene, tap.operator_id)
    add_leg(plan, OwnerKind.ACCOUNT, original.account, original.issuer, Purse.HELD, -held)
    add_leg(plan, OwnerKind.PAYABLE, payee, payee, Purse.MAIN, taken)
    add_leg(plan, OwnerKind.ACCOUNT, original.account, original.issuer, Purse.MAIN, held - taken)
    claim(plan, Image.CLOSED_ORIGINAL, original.sequence, taken if taken != 0 else held)
