"""Whether a tap is taken at all, and whether its time and its card allow it."""

from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.tap cimport ABOUT, AMOUNT, DENIABLE, FINISHING, NO_AMOUNT, OFFLINE_KINDS, Tap, among
from onecard.ext.shape.check cimport check
from onecard.ext.shape.numbers cimport KINDS, Flag, Kind, Outcome, Status
from onecard.ext.state.state cimport State

cdef int64_t YEAR_2000_US = 946684800000000
cdef int64_t YEAR_2100_US = 4102444800000000


cdef uint8_t form(State state, const Tap* tap) noexcept nogil:
    """Rules 1-9: 0, or why the row is not taken."""
    if tap.kind < Kind.RIDE or tap.kind >= KINDS:
        return Outcome.KIND_UNKNOWN
    if tap.token == 0:
        return Outcome.CARD_ZERO
    if tap.flags & ~<uint8_t>Flag.OFFLINE:
        return Outcome.FLAG_UNKNOWN
    if tap.flags and not among(OFFLINE_KINDS, tap.kind):
        return Outcome.OFFLINE_NOT_ALLOWED
    if tap.amount_fen < 0:
        return Outcome.AMOUNT_NEGATIVE
    if tap.amount_fen != 0 and among(NO_AMOUNT, tap.kind):
        return Outcome.AMOUNT_UNEXPECTED
    if tap.amount_fen == 0 and among(AMOUNT, tap.kind):
        return Outcome.AMOUNT_ZERO
    if tap.about == 0 and among(ABOUT, tap.kind):
        return Outcome.ABOUT_MISSING
    if tap.kind == Kind.REVERSAL and tap.target == tap.key:
        return Outcome.ABOUT_MISSING
    if tap.tapped_at_us != 0 and not YEAR_2000_US <= tap.tapped_at_us < YEAR_2100_US:
        return Outcome.TIME_IMPOSSIBLE
    return 0


cdef uint8_t admit(State state, const Tap* tap, int64_t now_us) noexcept nogil:
    """Rules 15-19: 0, or the refusal."""
    cdef bint offline = tap.flags & Flag.OFFLINE
    check(tap.kind < KINDS)
    check(tap.card < <int64_t>state.total.credentials)
    cdef uint8_t status
    if tap.at_us < state.total.go_live_us or now_us - tap.at_us > state.total.age_max_us:
        return Outcome.TIME_TOO_OLD
    if tap.at_us - now_us > state.total.ahead_max_us:
        return Outcome.TIME_IN_FUTURE
    if tap.card < 0:
        return Outcome.CARD_UNKNOWN
    status = state.credentials[tap.card].status
    if status != Status.ACTIVE and not among(FINISHING, tap.kind):
        if not offline or tap.at_us > state.credentials[tap.card].since_us:
            return Outcome.CARD_BLOCKED
    if state.credentials[tap.card].denied and not offline and among(DENIABLE, tap.kind):
        return Outcome.CARD_DENIED
    return 0
