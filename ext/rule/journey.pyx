"""From an entry to its exit, in one network and mode: the tariff of the entry rates the exit, or says
whether the gate did so rightly."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from onecard.ext.rule.charge cimport below_floor
from onecard.ext.rule.plan cimport Plan, claim
from onecard.ext.rule.rated_by cimport rated_by
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport Effect, Flag, Funding, Image, Mark, Outcome, Policy
from onecard.ext.shape.tables cimport Journey
from onecard.ext.state.state cimport State


cdef uint8_t enter(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Open a journey at a place that the tariff knows: 0, or the refusal."""
    cdef int64_t row = state.policy_at(Policy.OD_FARES, rated_by(state, tap), tap.at_us)
    if row < 0:
        return Outcome.TARIFF_UNKNOWN
    plan.tariff = state.policies[row].version
    if tap.place > state.policies[row].stations:
        return Outcome.FARE_UNKNOWN
    if (
        tap.funding == Funding.PREPAID
        and not tap.flags & Flag.OFFLINE
        and below_floor(tap.account, state.policies[row].entry_min_fen)
    ):
        return Outcome.FUNDS
    plan.effects = Effect.JOURNEY_OPENED
    stand(state, tap, plan)
    return 0


cdef uint8_t fare_of_journey(State state, const Tap* tap, Plan* plan) noexcept nogil:
    """Rate the open journey, which ends where its fare is booked: 0, or the refusal."""
    cdef const Journey* journey = state.travels.to_exit(tap.account, tap.account_id, tap.mode)
    cdef uint8_t refusal
    if journey is NULL or journey.network != rated_by(state, tap):
        return Outcome.NO_OPEN_JOURNEY
    if tap.at_us < journey.at_us:
        return Outcome.EXIT_BEFORE_ENTRY
    refusal = fare_to(state, journey, tap, &plan.tariff, &plan.amount_fen)
    if refusal != 0:
        return refusal
    plan.journey = journey.sequence
    end(state, journey, plan)
    return 0


cdef void compare(State state, const Tap* tap, Plan* plan) noexcept nogil:
    """A gate charged it already: end the journey, where there is one that it ends, and mark another
    amount than its tariff says."""
    cdef const Journey* journey = state.travels.to_exit(tap.account, tap.account_id, tap.mode)
    cdef uint32_t tariff = 0
    cdef int64_t fare_fen = 0
    if journey is NULL or journey.network != rated_by(state, tap) or tap.at_us < journey.at_us:
        return
    if fare_to(state, journey, tap, &tariff, &fare_fen) == 0:
        plan.tariff = tariff
        if fare_fen != tap.amount_fen:
            plan.marks |= Mark.DIFFERS
    plan.journey = journey.sequence
    end(state, journey, plan)


cdef inline uint8_t fare_to(
    State state, const Journey* journey, const Tap* tap, uint32_t* tariff, int64_t* fare_fen
) noexcept nogil:
    """The fare of a journey that ends here, and the version that has it: 0, or why there is none."""
    cdef int64_t row = state.policy_at(Policy.OD_FARES, journey.network, journey.at_us)
    cdef uint64_t stations
    cdef int64_t found_fen
    if row < 0:
        return Outcome.TARIFF_UNKNOWN
    tariff[0] = state.policies[row].version
    stations = state.fares[row].stations
    if tap.place > stations or journey.place > stations:
        return Outcome.FARE_UNKNOWN
    if journey.place == 0:
        return Outcome.FARE_UNKNOWN
    check(state.fares[row].fen is not NULL)
    check(state.policies[row].stations == stations)
    found_fen = state.fares[row].fen[(journey.place - 1) * stations + tap.place - 1]
    if found_fen < 0:
        return Outcome.FARE_UNKNOWN
    fare_fen[0] = found_fen
    return 0


cdef inline void stand(State state, const Tap* tap, Plan* plan) noexcept nogil:
    """Which journey this one replaces; and where it stands, unless that follows: of no mode, and in the
    account's travel row."""
    cdef const Journey* open = state.travels.journey_of(tap.account, tap.account_id, tap.mode)
    cdef int64_t row = state.travels.row_for(tap.account, tap.account_id, tap.mode)
    check(row >= 0)  # such an entry is not taken
    if open is not NULL:
        plan.journey = open.sequence
    if row != 0 or tap.mode != 0:
        plan.effects |= Effect.JOURNEY_APART
        claim(plan, Image.JOURNEY_PLACED, <uint64_t>row, tap.mode)


cdef void end(State state, const Journey* journey, Plan* plan) noexcept nogil:
    """The journey is over, and the row of the pool free that it has."""
    cdef uint32_t row = state.travels.row_of(journey)
    plan.effects = Effect.JOURNEY_CLOSED
    if row != 0:
        plan.effects |= Effect.JOURNEY_APART
        claim(plan, Image.JOURNEY_LEFT, row, <int64_t>(journey.key & 0xFF))
