"""An earlier entry that a tap is about: what it was, and what may become of it."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t

from onecard.ext.rule.payee cimport payee_of
from onecard.ext.rule.plan cimport Plan, add_leg, add_payer_leg
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.kinds cimport (
    HOLDS,
    REFUNDABLE,
    UNDO_NEVER,
    has,
    rule_of,
)
from onecard.ext.shape.numbers cimport Outcome, OwnerKind, Purse
from onecard.ext.state.state cimport State


cdef inline bint is_target(const Tap* tap, const Entry* original) noexcept nogil:
    """Returns True when a reversal names the key of the entry itself, and not of a tombstone."""
    return ((<uint64_t>original.epoch << 32) | original.terminal_seq) == tap.target


cdef inline bint is_charge(const Entry* original) noexcept nogil:
    """Returns True when it is an accepted charge: what can be refunded, and adjusted."""
    return has(original.kind, REFUNDABLE) and original.outcome <= Outcome.ACCEPTED_BELOW_FLOOR


cdef inline bint is_hold(const Entry* original) noexcept nogil:
    """Returns True when it is an accepted hold: what can be captured, and released."""
    return rule_of(original.kind).post == HOLDS and original.outcome == Outcome.ACCEPTED


cdef inline bint is_reversible(const Entry* original) noexcept nogil:
    """Returns True when an accepted entry is of a kind that can be reversed."""
    return rule_of(original.kind).undo != UNDO_NEVER


cdef inline void add_back(
    State state, Plan* plan, const Entry* original, const Leg* legs, int64_t amount
) noexcept nogil:
    """So much of a charge to whoever paid it, from whoever got it; `legs` are the charge's own."""
    cdef uint16_t payee = payee_of(state, original, legs)
    add_payer_leg(plan, original.funding, original.account, original.issuer, amount)
    add_leg(plan, OwnerKind.PAYABLE, payee, payee, Purse.MAIN, -amount)
