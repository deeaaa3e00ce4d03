"""From an entry to its exit, in one network: the tariff of the entry rates the exit."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from onecard.ext.rule.charge cimport below_floor
from onecard.ext.rule.plan cimport Plan
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport Effect, Flag, Funding, Outcome, Policy
from onecard.ext.state.state cimport State


cdef uint8_t enter(
    State state, const Tap* tap, const Entry* original, const Leg* legs, Plan* plan
) noexcept nogil:
    """Open a journey at a place that the tariff knows: 0, or the refusal."""
    cdef int64_t row = state.policy_at(Policy.OD_FARES, tap.network, tap.at_us)
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
    return 0


cdef uint8_t fare_of_journey(State state, const Tap* tap, Plan* plan) noexcept nogil:
    """Rate the open journey, which ends where its fare is booked: 0, or the refusal."""
    cdef int64_t row
    cdef uint64_t stations
    cdef int64_t fare_fen
    if tap.account.journey == 0 or tap.account.journey_network != tap.network:
        return Outcome.NO_OPEN_JOURNEY
    if tap.at_us < tap.account.journey_at_us:
        return Outcome.EXIT_BEFORE_ENTRY
    row = state.policy_at(Policy.OD_FARES, tap.network, tap.account.journey_at_us)
    if row < 0:
        return Outcome.TARIFF_UNKNOWN
    plan.tariff = state.policies[row].version
    stations = state.fares[row].stations
    if tap.place > stations or tap.account.journey_place > stations:
        return Outcome.FARE_UNKNOWN
    if tap.account.journey_place == 0:
        return Outcome.FARE_UNKNOWN
    check(state.fares[row].fen is not NULL)
    check(state.policies[row].stations == stations)
    fare_fen = state.fares[row].fen[
        (tap.account.journey_place - 1) * stations + tap.place - 1
    ]
    if fare_fen < 0:
        return Outcome.FARE_UNKNOWN
    plan.amount_fen = fare_fen
    plan.journey = tap.account.journey
    plan.effects = Effect.JOURNEY_CLOSED
    return 0
