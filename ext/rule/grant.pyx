"""Money of a sponsor that becomes a lot of an account, and what becomes of that."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from onecard.ext.rule.plan cimport Plan, add_leg, claim
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport LOTS_AN_ACCOUNT, Effect, Funding, Image, Outcome, OwnerKind
from onecard.ext.shape.numbers cimport Purse
from onecard.ext.shape.tables cimport Lot
from onecard.ext.state.state cimport State


cdef uint8_t grant(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Open a lot of the account: 0, or the refusal. That there is a row for it was asked before."""
    cdef uint32_t row = state.lots.free_row()
    cdef uint32_t number = <uint32_t>(state.total.granted + 1)
    if tap.funding != Funding.PREPAID:
        return Outcome.GRANT_NOT_ALLOWED
    if tap.sponsor == 0 or tap.sponsor > state.total.participants:
        return Outcome.SPONSOR_UNKNOWN
    if tap.ends_us != 0 and tap.ends_us <= tap.at_us:
        return Outcome.LOT_ENDED
    if state.lots.count_of(tap.account) >= LOTS_AN_ACCOUNT:
        return Outcome.LOTS_TOO_MANY
    check(row != 0)
    add_leg(plan, OwnerKind.SPONSOR, tap.sponsor, <uint16_t>tap.sponsor, Purse.MAIN, -tap.amount_fen)
    add_leg(plan, OwnerKind.LOT, number, tap.issuer, Purse.MAIN, tap.amount_fen)
    claim(plan, Image.LOT_OPENED, row, number)
    if tap.account.purse == 0:
        plan.effects |= Effect.PURSE_OPENED
    return 0


cdef uint8_t spend_whole(
    State state, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Leave nothing of the lot that a grant opened, where all of it is there: 0, or the refusal."""
    cdef const Lot* lot
    cdef int i
    for i in range(original.legs):
        if legs[i].owner_kind == OwnerKind.LOT:
            lot = state.lots.find(legs[i].owner)
            if lot is NULL or lot.left_fen != original.amount_fen:
                return Outcome.FUNDS
            claim(plan, Image.LOT_SPENT, lot.lot, <int64_t>(lot - state.lots.rows))
    return 0
