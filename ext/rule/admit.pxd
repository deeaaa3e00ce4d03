"""What comes before the kind of a tap. Inlined where every tap comes by: calls between modules go
through a pointer.
"""

from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.kinds cimport ABOUT_IDENTITY, DENIABLE, finishes, has, names_entry, rule_of
from onecard.ext.shape.numbers cimport KINDS, Flag, Outcome, Status
from onecard.ext.state.state cimport State, within_spell


cdef uint8_t form(State state, const Tap* tap) noexcept nogil
cdef bint is_later_expected(const Tap* tap) noexcept nogil
cdef uint8_t at_scene(State state, const Tap* tap) noexcept nogil


cdef inline uint8_t columns_used(const Tap* tap) noexcept nogil:
    """Rule 12a: 0, or COLUMN_UNEXPECTED. Most taps say nothing of what is asked here."""
    if tap.about != 0 and not names_entry(tap.kind):
        return Outcome.COLUMN_UNEXPECTED
    if tap.target != 0 and rule_of(tap.kind).about != ABOUT_IDENTITY:
        return Outcome.COLUMN_UNEXPECTED
    if tap.later and not is_later_expected(tap):
        return Outcome.COLUMN_UNEXPECTED
    return 0


cdef inline uint8_t admit(State state, const Tap* tap, int64_t now_us) noexcept nogil:
    """Rules 15-22: 0, or the refusal."""
    cdef bint offline = tap.flags & Flag.OFFLINE
    cdef uint8_t status
    check(tap.kind < KINDS)
    check(tap.card < <int64_t>state.total.credentials)
    if tap.at_us < state.total.go_live_us or now_us - tap.at_us > state.total.age_max_us:
        return Outcome.TIME_TOO_OLD
    if tap.at_us - now_us > state.total.ahead_max_us:
        return Outcome.TIME_IN_FUTURE
    if tap.card < 0:
        return Outcome.CARD_UNKNOWN
    status = state.credentials[tap.card].status
    if status != Status.ACTIVE and not finishes(tap.kind):
        if not offline or tap.at_us > state.credentials[tap.card].since_us:
            return Outcome.CARD_BLOCKED
    if state.credentials[tap.card].past != 0 and not finishes(tap.kind):
        if within_spell(state, state.credentials[tap.card].past, tap.at_us):
            return Outcome.CARD_BLOCKED
    if state.credentials[tap.card].denied and not offline and has(tap.kind, DENIABLE):
        return Outcome.CARD_DENIED
    if tap.scene != 0 and state.total.scenes != 0 and not finishes(tap.kind):
        return at_scene(state, tap)
    return 0
