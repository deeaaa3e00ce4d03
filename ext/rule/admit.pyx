"""Whether the form of a tap is one that is taken at all."""

from libc.stdint cimport int64_t, uint8_t

from onecard.ext.rule.tap cimport (
    ABOUT,
    AMOUNT,
    AT_CHIP,
    CAUSED,
    FARED,
    NO_AMOUNT,
    OFFLINE_KINDS,
    SCENE_MAX,
    TRAVELLING,
    Tap,
    among,
)
from onecard.ext.shape.numbers cimport KINDS, Flag, Kind, Outcome
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
    if tap.amount_fen < 0 and tap.kind != Kind.ADJUST:
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


cdef bint is_later_expected(const Tap* tap) noexcept nogil:
    """Returns True when the kind uses each column from `line` on that is not 0, and it may be that."""
    if tap.scene > SCENE_MAX or tap.face_fen < 0:
        return False
    if (tap.line != 0 or tap.rider_class != 0) and not among(TRAVELLING, tap.kind):
        return False
    if tap.face_fen != 0 and not among(FARED, tap.kind):
        return False
    if (tap.chip_before_fen | tap.chip_counter | tap.chip_loads) != 0 and not among(AT_CHIP, tap.kind):
        return False
    return tap.caused_by == 0 or among(CAUSED, tap.kind)
