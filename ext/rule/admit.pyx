"""Whether the form of a tap is one that is taken at all."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from onecard.ext.rule.tap cimport SCENE_MAX, Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.kinds cimport (
    ABOUT_IDENTITY,
    AT_CHIP,
    AT_SCENE,
    BY_JOURNEY,
    CAPPED,
    CAUSED,
    FARED,
    IN_LOT,
    NO_AMOUNT,
    OFFLINE,
    SIGNED_AMOUNT,
    SOME_AMOUNT,
    TRAVELS,
    KindRule,
    has,
    names_entry,
    rule_of,
)
from onecard.ext.shape.numbers cimport KINDS, Flag, Kind, Outcome, Status
from onecard.ext.shape.tables cimport Scene
from onecard.ext.state.state cimport State
from onecard.ext.state.table cimport SCENES

cdef int64_t YEAR_2000_US = 946684800000000
cdef int64_t YEAR_2100_US = 4102444800000000


cdef uint8_t form(State state, const Tap* tap) noexcept nogil:
    """Rules 1-9: 0, or why the row is not taken."""
    cdef const KindRule* rule
    if tap.kind < Kind.RIDE or tap.kind >= KINDS:
        return Outcome.KIND_UNKNOWN
    rule = rule_of(tap.kind)
    if tap.token == 0:
        return Outcome.CARD_ZERO
    if tap.flags & ~<uint8_t>(Flag.OFFLINE | Flag.RATED):
        return Outcome.FLAG_UNKNOWN
    if tap.flags & Flag.OFFLINE and not rule.traits & OFFLINE:
        return Outcome.OFFLINE_NOT_ALLOWED
    if tap.flags & Flag.RATED and rule.rate != BY_JOURNEY:
        return Outcome.FLAG_NOT_ALLOWED
    if tap.amount_fen < 0 and rule.amount != SIGNED_AMOUNT:
        return Outcome.AMOUNT_NEGATIVE
    if tap.amount_fen != 0 and rule.amount == NO_AMOUNT and not tap.flags & Flag.RATED:
        return Outcome.AMOUNT_UNEXPECTED
    if tap.amount_fen == 0 and (rule.amount == SOME_AMOUNT or rule.amount == SIGNED_AMOUNT):
        return Outcome.AMOUNT_ZERO
    if tap.about == 0 and names_entry(tap.kind):
        return Outcome.ABOUT_MISSING
    if rule.about == ABOUT_IDENTITY and tap.target == tap.key:
        return Outcome.ABOUT_MISSING
    if tap.scene == 0 and rule.traits & AT_SCENE:
        return Outcome.SCENE_MISSING
    if tap.tapped_at_us != 0 and not YEAR_2000_US <= tap.tapped_at_us < YEAR_2100_US:
        return Outcome.TIME_IMPOSSIBLE
    return 0


cdef bint is_later_expected(const Tap* tap) noexcept nogil:
    """Returns True when the kind uses each column from `line` on that is not 0, and it may be that."""
    if tap.scene > SCENE_MAX or tap.face_fen < 0:
        return False
    if (tap.line != 0 or tap.rider_class != 0) and not has(tap.kind, TRAVELS):
        return False
    if tap.face_fen != 0 and not has(tap.kind, FARED):
        return False
    if (tap.chip_before_fen | tap.chip_counter | tap.chip_loads) != 0 and not has(tap.kind, AT_CHIP):
        return False
    if (tap.sponsor | tap.programme | <uint64_t>tap.ends_us) != 0 and not has(tap.kind, IN_LOT):
        return False
    if tap.ends_us != 0 and not YEAR_2000_US <= tap.ends_us < YEAR_2100_US:
        return False
    return tap.caused_by == 0 or has(tap.kind, CAUSED)


cdef uint8_t at_scene(State state, const Tap* tap) noexcept nogil:
    """Rules 20-22, of a tap that says its scene in a ledger that has some: 0, or the refusal."""
    cdef const Scene* scene
    if tap.scene > state.total.scenes:
        return Outcome.SCENE_UNKNOWN
    check(tap.scene < state.tables[SCENES].rows_max)
    scene = &state.scenes[tap.scene]
    if scene.code == 0:
        return Outcome.SCENE_UNKNOWN
    if scene.status == Status.CLOSED and tap.at_us >= scene.closed_us:
        return Outcome.SCENE_CLOSED
    if scene.most_fen != 0 and tap.amount_fen > scene.most_fen and has(tap.kind, CAPPED):
        return Outcome.AMOUNT_ABOVE_SCENE
    return 0
