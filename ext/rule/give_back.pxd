"""What an earlier entry moved, moved back; and of what that may be at all."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from onecard.ext.rule.plan cimport Plan, add_leg, add_payer_leg
from onecard.ext.rule.tap cimport FINISHING, REFUNDABLE, Tap, among
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport Kind, Outcome, OwnerKind, Purse
from onecard.ext.state.state cimport State


cdef inline bint is_target(const Tap* tap, const Entry* original) noexcept nogil:
    """Returns True when a reversal names the key of the entry itself, and not of a tombstone."""
    return ((<uint64_t>original.epoch << 32) | original.terminal_seq) == tap.target


cdef inline bint is_charge(const Entry* original) noexcept nogil:
    """Returns True when it is an accepted charge: what can be refunded, and adjusted."""
    return among(REFUNDABLE, original.kind) and original.outcome <= Outcome.ACCEPTED_BELOW_FLOOR


cdef inline bint is_hold(const Entry* original) noexcept nogil:
    """Returns True when it is an accepted hold: what can be captured, and released."""
    return original.kind == Kind.HOLD and original.outcome == Outcome.ACCEPTED


cdef inline bint is_reversible(const Entry* original) noexcept nogil:
    """Returns True when an accepted entry is of a kind that can be reversed."""
    return not among(FINISHING, original.kind)


cdef inline bint takes_back(uint8_t kind, const Entry* original) noexcept nogil:
    """Returns True when a tap of this kind may have a claim on what it names."""
    if kind == Kind.REVERSAL:
        return original.outcome <= Outcome.TOMBSTONED and is_reversible(original)
    if kind == Kind.REFUND or kind == Kind.ADJUST:
        return is_charge(original)
    return is_hold(original)


cdef inline void add_back(Plan* plan, const Entry* original, int64_t amount) noexcept nogil:
    """So much of a charge to whoever paid it, from whoever got it."""
    add_payer_leg(plan, original.funding, original.account, original.issuer, amount)
    add_leg(
        plan, OwnerKind.PAYABLE, original.operator_id, original.operator_id, Purse.MAIN, -amount
    )


cdef uint8_t refund(
    State state, const Tap* tap, const Entry* original, Plan* plan
) noexcept nogil
cdef uint8_t reverse(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil
