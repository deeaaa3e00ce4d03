"""An earlier entry undone whole, or its identity voided before it comes."""

from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.charge cimport below_floor
from onecard.ext.rule.hold cimport free_row
from onecard.ext.rule.grant cimport spend_whole
from onecard.ext.rule.journey cimport end
from onecard.ext.rule.original cimport add_back, is_reversible, is_target
from onecard.ext.rule.plan cimport Plan, add_leg, claim
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.kinds cimport HOLDS, UNDO_ENTERING, UNDO_IF_FUNDS, UNDO_IF_WHOLE, KindRule
from onecard.ext.shape.kinds cimport rule_of
from onecard.ext.shape.numbers cimport Funding, Image, Outcome
from onecard.ext.shape.tables cimport Claim, Journey
from onecard.ext.state.state cimport State


cdef uint8_t reverse(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Undo an entry whole, or void its identity before it comes: 0, or the refusal."""
    cdef const KindRule* rule
    cdef const Claim* taken
    cdef const Journey* journey
    cdef int64_t adjusted = 0
    if original is NULL:
        plan.outcome = Outcome.TOMBSTONED
        claim(plan, Image.VOIDED_IDENTITY, tap.target, 0)
        return 0
    if not is_target(tap, original):
        return Outcome.ORIGINAL_CLOSED  # bound by a tombstone
    if not tap.owns:
        return Outcome.CARD_MISMATCH
    if original.outcome > Outcome.TOMBSTONED:
        return 0
    if original.operator_id != tap.operator_id:
        return Outcome.ORIGINAL_FOREIGN
    if not is_reversible(original):
        return Outcome.NOT_REVERSIBLE
    rule = rule_of(original.kind)
    taken = tap.taken
    if taken is not NULL:
        if taken.closed or taken.used_fen != 0:
            return Outcome.ORIGINAL_CLOSED
        adjusted = taken.adjusted_fen
    if (
        rule.undo == UNDO_IF_FUNDS
        and original.funding == Funding.PREPAID
        and below_floor(tap.account, original.amount_fen)
    ):
        return Outcome.FUNDS
    if rule.undo == UNDO_IF_WHOLE and spend_whole(state, original, legs, plan) != 0:
        return Outcome.FUNDS
    check(original.sequence <= state.total.last)
    plan.amount_fen = original.amount_fen + adjusted
    negate(original, legs, plan)
    add_back(state, plan, original, legs, adjusted)
    claim(plan, Image.CLOSED_ORIGINAL, original.sequence, plan.amount_fen)
    if rule.post == HOLDS:
        free_row(state, original, plan)
    if rule.undo == UNDO_ENTERING:
        journey = state.travels.opened_by(tap.account, tap.account_id, original.sequence)
        if journey is not NULL:
            end(state, journey, plan)
    return 0


cdef inline void negate(const Entry* original, const Leg* legs, Plan* plan) noexcept nogil:
    """What was recorded, each leg negated, in its order: whatever the kind booked."""
    cdef int i
    for i in range(original.legs):
        # A leg of the least number there is cannot have been booked: its sums would not fit.
        add_leg(
            plan, legs[i].owner_kind, legs[i].owner, legs[i].party, legs[i].purse,
            -legs[i].amount_fen,
        )
