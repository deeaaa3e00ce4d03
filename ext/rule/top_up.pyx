"""Money into a card, at a terminal that took it."""

from libc.stdint cimport uint8_t

from onecard.ext.rule.plan cimport Plan, add_leg, add_payer_leg
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport Funding, Outcome, OwnerKind, Purse
from onecard.ext.state.state cimport State


cdef uint8_t top_up(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Money that the terminal took: 0, or the refusal."""
    if tap.funding == Funding.CREDIT:
        return Outcome.TOP_UP_NOT_ALLOWED
    add_payer_leg(plan, tap.funding, tap.account_id, tap.issuer, tap.amount_fen)
    add_leg(
        plan, OwnerKind.COLLECTED, tap.operator_id, tap.operator_id, Purse.MAIN, -tap.amount_fen
    )
    return 0
