"""What one tap does: the rules of docs/ledger.md, in their order. Nothing is changed here."""

from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.adjust cimport adjust
from onecard.ext.rule.admit cimport admit
from onecard.ext.rule.charge cimport charge, top_up
from onecard.ext.rule.give_back cimport is_target, refund, reverse
from onecard.ext.rule.hold cimport finish_hold, hold
from onecard.ext.rule.journey cimport enter, leave
from onecard.ext.rule.plan cimport Plan, add_leg
from onecard.ext.rule.tap cimport ABOUT, Tap, among
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport Flag, Kind, Outcome, OwnerKind, Purse, Template
from onecard.ext.state.state cimport State


cdef void decide(
    State state, const Tap* tap, const Entry* original, const Leg* legs, int64_t now_us, Plan* plan
) noexcept nogil:
    """Rules 15 on: fills a plan that was zeroed. `original` is NULL where there is none; `legs` are
    its own."""
    cdef uint8_t refusal = admit(state, tap, now_us)
    if among(ABOUT, tap.kind):
        plan.about = tap.about
    elif tap.kind == Kind.REVERSAL and original is not NULL and is_target(tap, original):
        plan.about = original.sequence
    if refusal == 0:
        refusal = by_kind(state, tap, original, legs, plan)
    if refusal == 0:
        return
    plan.outcome = refusal
    plan.amount_fen = tap.amount_fen
    plan.effects = 0
    plan.legs = 0
    plan.images = 0
    plan.journey = 0
    plan.layout = Template.EXPLICIT
    if tap.flags & Flag.OFFLINE and refusal != Outcome.BALANCE_OVERFLOW:
        suspend(tap, refusal, plan)


cdef inline void suspend(const Tap* tap, uint8_t refusal, Plan* plan) noexcept nogil:
    """Book a completed offline tap where something mendable is missing."""
    plan.outcome = Outcome.ACCEPTED_SUSPENSE
    plan.reason = refusal
    if tap.amount_fen != 0:
        add_leg(plan, OwnerKind.SUSPENSE, tap.operator_id, tap.operator_id, Purse.DUE, -tap.amount_fen)
        add_leg(plan, OwnerKind.SUSPENSE, tap.operator_id, tap.operator_id, Purse.OWED, tap.amount_fen)


cdef inline uint8_t by_kind(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Fill the plan; 0, or the refusal."""
    plan.outcome = Outcome.ACCEPTED
    if tap.kind == Kind.RIDE or tap.kind == Kind.PURCHASE:
        return charge(tap, tap.amount_fen, plan)
    if tap.kind == Kind.ENTRY:
        return enter(state, tap, plan)
    if tap.kind == Kind.EXIT:
        return leave(state, tap, plan)
    if tap.kind == Kind.CHECK:
        return 0
    if tap.kind == Kind.TOP_UP:
        return top_up(tap, plan)
    if tap.kind == Kind.REFUND:
        return refund(state, tap, original, plan)
    if tap.kind == Kind.REVERSAL:
        return reverse(state, tap, original, legs, plan)
    if tap.kind == Kind.HOLD:
        return hold(tap, plan)
    if tap.kind == Kind.ADJUST:
        return adjust(state, tap, original, plan)
    return finish_hold(state, tap, original, plan)
