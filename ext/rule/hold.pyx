"""Money set aside, and what becomes of it: as the policy says that was in force when it was held."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from onecard.ext.rule.charge cimport below_floor
from onecard.ext.rule.original cimport is_hold
from onecard.ext.rule.payee cimport payee_at
from onecard.ext.rule.plan cimport Plan, add_leg, add_payer_leg, claim
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.kinds cimport RELEASES, rule_of
from onecard.ext.shape.numbers cimport SECOND_US, Funding, Image, Outcome, OwnerKind, Policy, Purse
from onecard.ext.shape.tables cimport PolicyRow
from onecard.ext.state.state cimport State


cdef bint lasts(State state, const Tap* tap) noexcept nogil:
    """Returns True when what the tap holds would have an end, and so takes a row."""
    cdef const PolicyRow* terms = _terms(state, tap)
    return terms is not NULL and terms.life_s != 0


cdef bint is_too_early(State state, const Tap* tap, const Entry* original) noexcept nogil:
    """Returns True when a virtual terminal would release a hold that has not ended."""
    return (
        rule_of(tap.kind).post == RELEASES
        and is_hold(original)
        and not _has_ended(state, tap, original)
    )


cdef void free_row(State state, const Entry* original, Plan* plan) noexcept nogil:
    """The row of a hold that is open is free, where it has an end and so a row."""
    cdef const PolicyRow* terms = _terms_of(state, original)
    cdef uint32_t row = 0
    if terms is not NULL and terms.life_s != 0:
        row = state.row_of_hold(original.sequence)
    if row != 0:
        claim(plan, Image.HOLD_CLOSED, row, <int64_t>original.sequence)


cdef uint8_t hold(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Set the amount aside: 0, or the refusal. Only money that is here can be too little."""
    cdef const PolicyRow* terms = _terms(state, tap)
    cdef uint8_t fundings = 1 << Funding.PREPAID
    if terms is not NULL:
        plan.tariff = terms.version
        fundings = terms.fundings
    if not fundings & (1 << tap.funding):
        return Outcome.HOLD_NOT_ALLOWED
    if tap.funding == Funding.PREPAID and below_floor(tap.account, tap.amount_fen):
        return Outcome.FUNDS
    add_payer_leg(plan, tap.funding, tap.account_id, tap.issuer, -tap.amount_fen)
    add_payer_leg(plan, tap.funding, tap.account_id, tap.issuer, tap.amount_fen, Purse.HELD)
    if terms is not NULL and terms.life_s != 0:
        check(state.free_hold() != 0)  # else the row was not taken
        claim(plan, Image.HOLD_OPENED, state.free_hold(), _end_us(terms, tap.at_us))
    return 0


cdef uint8_t capture(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Charge so much of what is held: 0, or the refusal. What is left is given back, unless more may
    be captured."""
    cdef const PolicyRow* terms
    cdef int64_t left
    cdef uint8_t refusal = _finishable(state, tap, original, plan)
    if refusal != 0:
        return refusal
    terms = _terms_of(state, original)
    if _has_ended(state, tap, original):
        return Outcome.HOLD_EXPIRED
    left = original.amount_fen - tap.taken.used_fen
    if tap.amount_fen > left:
        return Outcome.AMOUNT_EXCEEDS_ORIGINAL
    if terms is NULL or not terms.partial:
        _move(state, tap, original, left, tap.amount_fen, plan)
        _close(state, original, tap.amount_fen, plan)
        return 0
    _move(state, tap, original, tap.amount_fen, tap.amount_fen, plan)
    if tap.amount_fen == left:
        _close(state, original, original.amount_fen, plan)
    else:
        claim(plan, Image.CLAIMED, original.sequence, tap.taken.used_fen + tap.amount_fen)
    return 0


cdef uint8_t release(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Give back what is still held: 0, or the refusal."""
    cdef uint8_t refusal = _finishable(state, tap, original, plan)
    if refusal != 0:
        return refusal
    plan.amount_fen = original.amount_fen - tap.taken.used_fen
    _move(state, tap, original, plan.amount_fen, 0, plan)
    _close(state, original, original.amount_fen, plan)
    return 0


cdef inline uint8_t _finishable(
    State state, const Tap* tap, const Entry* original, Plan* plan
) noexcept nogil:
    """0 where it is a hold that this card and operator may finish, or the refusal."""
    if original is NULL:
        return Outcome.ORIGINAL_UNKNOWN
    if not is_hold(original):
        return Outcome.NOT_A_HOLD
    plan.tariff = original.tariff
    if not tap.owns:
        return Outcome.CARD_MISMATCH
    if original.operator_id != tap.operator_id:
        return Outcome.ORIGINAL_FOREIGN
    if tap.taken.closed:
        return Outcome.ORIGINAL_CLOSED
    check(tap.taken.used_fen >= 0)
    check(tap.taken.used_fen < original.amount_fen)
    check(original.sequence <= state.total.last)
    return 0


cdef inline void _move(
    State state, const Tap* tap, const Entry* original, int64_t held, int64_t taken, Plan* plan
) noexcept nogil:
    """So much of what is held is held no more: a part to whoever earns at the hold's scene, the rest
    back to the payer."""
    cdef uint8_t funding = original.funding
    cdef uint16_t payee = payee_at(state, original.scene, tap.operator_id)
    add_payer_leg(plan, funding, original.account, original.issuer, -held, Purse.HELD)
    add_leg(plan, OwnerKind.PAYABLE, payee, payee, Purse.MAIN, taken)
    add_payer_leg(plan, funding, original.account, original.issuer, held - taken)


cdef inline void _close(
    State state, const Entry* original, int64_t used_fen, Plan* plan
) noexcept nogil:
    """Nothing more may become of a hold."""
    claim(plan, Image.CLOSED_ORIGINAL, original.sequence, used_fen)
    free_row(state, original, plan)


# ---- the policy of a hold ---------------------------------------------------------------------


cdef inline const PolicyRow* _terms(State state, const Tap* tap) noexcept nogil:
    """By what a tap would hold; NULL where its network has no such policy at its time."""
    cdef int64_t row = state.policy_at(Policy.HOLDS, tap.network, tap.at_us)
    return NULL if row < 0 else &state.policies[row]


cdef inline const PolicyRow* _terms_of(State state, const Entry* original) noexcept nogil:
    """By what it was held, whatever was loaded since; NULL where there was no such policy."""
    if original.tariff == 0 or original.tariff > state.total.policies:
        return NULL
    return &state.policies[original.tariff - 1]


cdef inline int64_t _end_us(const PolicyRow* terms, int64_t held_us) noexcept nogil:
    return held_us + <int64_t>terms.life_s * SECOND_US


cdef inline bint _has_ended(State state, const Tap* tap, const Entry* original) noexcept nogil:
    """Returns True when a hold has an end, and the tap is of that time or later."""
    cdef const PolicyRow* terms = _terms_of(state, original)
    cdef int64_t held_us = original.tapped_at_us or original.booked_at_us
    return terms is not NULL and terms.life_s != 0 and tap.at_us >= _end_us(terms, held_us)
