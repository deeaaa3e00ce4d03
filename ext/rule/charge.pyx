"""Money into a card, at a terminal that took it."""

from libc.stdint cimport uint8_t

from onecard.ext.rule.plan cimport Plan, add_leg, add_payer_leg
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.numbers cimport Funding, Outcome, OwnerKind, Purse


cdef uint8_t top_up(const Tap* tap, Plan* plan) noexcept nogil:
    """Money that the terminal took: 0, or the refusal."""
    if tap.funding == Funding.CREDIT:
        return Outcome.TOP_UP_NOT_ALLOWED
    plan.amount_fen = tap.amount_fen
    add_payer_leg(plan, tap.funding, tap.account_id, tap.issuer, tap.amount_fen)
    add_leg(
        plan, OwnerKind.COLLECTED, tap.operator_id, tap.operator_id, Purse.MAIN, -tap.amount_fen
    )
    return 0
