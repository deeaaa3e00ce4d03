"""What an earlier entry charged, corrected: more of it, or less."""

from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.charge cimport below_floor
from onecard.ext.rule.original cimport add_back, is_charge
from onecard.ext.rule.plan cimport Plan, claim
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.fen cimport add_overflows
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport Effect, Funding, Image, Outcome
from onecard.ext.shape.tables cimport Claim
from onecard.ext.state.state cimport State


cdef uint8_t adjust(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Charge the difference, or give it back where it is below 0: 0, or the refusal.

    It is owed already, so funds do not decline it.
    """
    cdef const Claim* taken
    cdef int64_t used = 0
    cdef int64_t charged
    if original is NULL or tap.caused_by > state.total.last:
        return Outcome.ORIGINAL_UNKNOWN
    if not is_charge(original):
        return Outcome.NOT_REFUNDABLE
    if not tap.owns:
        return Outcome.CARD_MISMATCH
    charged = original.amount_fen
    taken = tap.taken
    if taken is not NULL:
        if taken.closed:
            return Outcome.ORIGINAL_CLOSED
        used = taken.used_fen
        charged += taken.adjusted_fen  # it fits: the adjustment was refused otherwise
    check(used >= 0)
    check(charged >= used)
    if tap.amount_fen < used - charged:
        return Outcome.AMOUNT_EXCEEDS_ORIGINAL
    if add_overflows(charged, tap.amount_fen, &charged):
        return Outcome.BALANCE_OVERFLOW
    if tap.amount_fen > 0 and original.funding == Funding.PREPAID:
        if below_floor(tap.account, tap.amount_fen):  # the original's, of a card that is known
            plan.outcome = Outcome.ACCEPTED_BELOW_FLOOR
            plan.effects |= Effect.DENIED
    add_back(state, plan, original, legs, -tap.amount_fen)
    claim(plan, Image.ADJUSTED, original.sequence, charged - original.amount_fen)
    return 0
