"""Money from the holder to an operator. Inlined where every tap comes by: calls between modules go
through a pointer.
"""

from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.plan cimport Plan, add_leg, add_payer_leg
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.fen cimport sub_overflows
from onecard.ext.shape.numbers cimport Effect, Flag, Funding, Outcome, OwnerKind, Purse, Template
from onecard.ext.shape.tables cimport Account


cdef inline bint below_floor(const Account* account, int64_t amount) noexcept nogil:
    """Returns True when taking the amount leaves less than the floor."""
    cdef int64_t rest = 0
    return (
        sub_overflows(account.posted_fen - account.held_fen, amount, &rest)
        or rest < account.floor_fen
    )


cdef inline uint8_t charge(const Tap* tap, int64_t amount, Plan* plan) noexcept nogil:
    """Take the amount from the holder for the operator: 0, or the refusal."""
    cdef int64_t rest = 0
    check(amount >= 0)
    plan.amount_fen = amount
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
    add_leg(plan, OwnerKind.PAYABLE, tap.operator_id, tap.operator_id, Purse.MAIN, amount)
    plan.layout = Template.CHARGE
    return 0


cdef uint8_t top_up(const Tap* tap, Plan* plan) noexcept nogil
