"""What one tap does: the rules of docs/ledger.md, in their order. Nothing is changed here."""

from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.adjust cimport adjust
from onecard.ext.rule.admit cimport admit
from onecard.ext.rule.charge cimport charge
from onecard.ext.rule.event cimport book_nothing
from onecard.ext.rule.grant cimport grant
from onecard.ext.rule.hold cimport capture, hold, release
from onecard.ext.rule.journey cimport compare, enter, fare_of_journey
from onecard.ext.rule.original cimport is_target
from onecard.ext.rule.plan cimport Plan, add_leg
from onecard.ext.rule.refund cimport refund
from onecard.ext.rule.reverse cimport reverse
from onecard.ext.rule.tap cimport Tap
from onecard.ext.rule.top_up cimport top_up
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.kinds cimport (
    ABOUT_IDENTITY,
    ADJUSTS,
    AT_PLACE,
    BOOKS_NOTHING,
    BY_JOURNEY,
    CAPTURES,
    CHARGES,
    ENTERS,
    GRANTS,
    HOLDS,
    POSTS,
    REFUNDS,
    RELEASES,
    REVERSES,
    TOPS_UP,
    KindRule,
    names_entry,
    rule_of,
)
from onecard.ext.shape.numbers cimport Flag, Mark, Outcome, OwnerKind, Purse, Template
from onecard.ext.state.state cimport State

ctypedef uint8_t (*Planned)(
    State, const Tap*, const Entry*, const Leg*, Plan*
) noexcept nogil

cdef Planned[POSTS] _by_post
_by_post[<int>BOOKS_NOTHING] = book_nothing
_by_post[<int>CHARGES] = charge
_by_post[<int>ENTERS] = enter
_by_post[<int>TOPS_UP] = top_up
_by_post[<int>REFUNDS] = refund
_by_post[<int>REVERSES] = reverse
_by_post[<int>HOLDS] = hold
_by_post[<int>CAPTURES] = capture
_by_post[<int>RELEASES] = release
_by_post[<int>ADJUSTS] = adjust
_by_post[<int>GRANTS] = grant


cdef void decide(
    State state, const Tap* tap, const Entry* original, const Leg* legs, int64_t now_us, Plan* plan
) noexcept nogil:
    """Rules 15 on: fills a plan that was zeroed. `original` is NULL where there is none; `legs` are
    its own."""
    cdef uint8_t refusal = admit(state, tap, now_us)
    if tap.flags & Flag.RATED:
        plan.marks = Mark.GATE_RATED
    if names_entry(tap.kind):
        plan.about = tap.about
    elif (
        rule_of(tap.kind).about == ABOUT_IDENTITY
        and original is not NULL
        and is_target(tap, original)
    ):
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
    cdef const KindRule* rule = rule_of(tap.kind)
    cdef uint8_t refusal
    plan.outcome = Outcome.ACCEPTED
    plan.amount_fen = tap.amount_fen
    if tap.place == 0 and rule.traits & AT_PLACE:
        return Outcome.PLACE_UNKNOWN
    if tap.flags & Flag.RATED:
        compare(state, tap, plan)
    elif rule.rate == BY_JOURNEY:
        refusal = fare_of_journey(state, tap, plan)
        if refusal != 0:
            return refusal
    return _by_post[rule.post](state, tap, original, legs, plan)
