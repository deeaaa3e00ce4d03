"""Money from the holder to whoever earns."""

from libc.stdint cimport int64_t, uint8_t, uint16_t

from onecard.ext.rule.payee cimport payee_at
from onecard.ext.rule.plan cimport Plan, add_leg, add_payer_leg
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.fen cimport sub_overflows
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport Effect, Flag, Funding, Outcome, OwnerKind, Purse, Template
from onecard.ext.state.state cimport State


cdef uint8_t charge(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Take the plan's amount from the holder for whoever earns: 0, or the refusal."""
    cdef int64_t amount = plan.amount_fen
    cdef int64_t rest = 0
    cdef uint16_t payee = tap.operator_id
    check(amount >= 0)
    if amount == 0:
        return 0
    if tap.funding == Funding.PREPAID and below_floor(tap.account, amount):
        if not tap.flags & Flag.OFFLINE:
            return Outcome.FUNDS
        if sub_overflows(tap.account.posted_fen, amount, &rest):
            return Outcome.BALANCE_OVERFLOW
        plan.outcome = Outcome.ACCEPTED_BELOW_FLOOR
        plan.effects |= Effect.DENIED
    add_payer_leg(plan, tap.funding, tap.account_id, tap.issuer, -amount)
    if tap.scene != 0:
        payee = payee_at(state, tap.scene, tap.operator_id)
    add_leg(plan, OwnerKind.PAYABLE, payee, payee, Purse.MAIN, amount)
    if payee == tap.operator_id:  # as the template says
        plan.layout = Template.CHARGE
    return 0
