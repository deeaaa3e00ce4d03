"""The fare of a ride before anything is taken off it, by the basis of its network."""

cimport cython
from libc.stdint cimport int64_t, uint32_t

from onecard.ext.fare.keys cimport place_of
from onecard.ext.fare.reasons cimport because
from onecard.ext.fare.tables cimport (
    AMOUNT_MAX, BY_CELL, BY_FACE, BY_FLAT, BY_METRES, FACE_MISSING, FROM_FACE, FROM_FLAT,
    FROM_METRES, FROM_SECONDS, METRES_MISSING, NO_FARE, NOWHERE, RATED, TOO_LARGE, Fares, Network,
    Offer, Quote, Ride, Rider, Step,
)
from onecard.ext.fare.times cimport SECOND_US, holds


cdef inline uint32_t list_of(
    const Fares* fares, const Network* network, uint32_t from_place, uint32_t to_place
) noexcept nogil:
    """The list of offers from a place to a place, 0 where there is none."""
    cdef const uint32_t* sets = fares.place_sets + network.sets_row * fares.places
    cdef uint32_t begin = sets[from_place]
    cdef uint32_t end = sets[to_place]
    cdef int64_t at
    if begin == NOWHERE or end == NOWHERE:
        return 0
    if network.square >= 0:
        return fares.cells[network.square + begin * network.to_sets + end]
    at = place_of(
        fares.cell_keys, fares.cell_key_count, (network.key + begin) * network.to_sets + end
    )
    return fares.cell_lists[at] if at >= 0 else 0


cdef inline bint is_offered(
    const Fares* fares, const Offer* offer, const Ride* ride, int64_t begin_us
) noexcept nogil:
    """Returns True when the times of a leg are those of an offer."""
    if offer.from_frame == 0 and offer.to_frame == 0:
        return True
    return holds(fares, offer.from_frame, ride.from_place, begin_us) and holds(
        fares, offer.to_frame, ride.to_place, ride.end_us
    )


cdef inline bint is_for(const Offer* offer, int64_t rider_class, int64_t media) noexcept nogil:
    """Returns True when a rider with this medium may buy it; media 0 is any."""
    if offer.rider_class >= 0 and offer.rider_class != rider_class:
        return False
    return media == 0 or offer.media < 0 or offer.media == media


cdef inline int64_t highest(
    const Fares* fares, const Ride* ride, int64_t begin_us, int64_t first, int64_t end
) noexcept nogil:
    """The highest priority of the offers that match, whoever may buy them; -1 where none does."""
    cdef int64_t most = -1
    cdef int64_t at
    for at in range(first, end):
        if fares.offers[at].priority > most and is_offered(
            fares, &fares.offers[at], ride, begin_us
        ):
            most = fares.offers[at].priority
    return most


cdef inline int measured(
    const Fares* fares, const Network* network, const Ride* ride, Quote* quote
) noexcept nogil:
    """The fare by metres, by seconds, by what the terminal says, or the flat one."""
    cdef int64_t much
    if network.basis == BY_FLAT:
        quote.fare = network.flat
        because(quote, FROM_FLAT, network.rule, 0, quote.fare, 0, 0)
        return RATED
    if network.basis == BY_FACE:
        if ride.face < 0:
            return FACE_MISSING
        if ride.face > AMOUNT_MAX:
            return TOO_LARGE
        quote.fare = ride.face
        because(quote, FROM_FACE, network.rule, 0, quote.fare, 0, 0)
        return RATED
    if network.basis == BY_METRES:
        if ride.metres < 0:
            return METRES_MISSING
        much = ride.metres
    else:
        much = (ride.end_us - ride.begin_us) // SECOND_US
    return by_steps(fares, network, much, quote)


cdef inline int by_steps(
    const Fares* fares, const Network* network, int64_t much, Quote* quote
) noexcept nogil:
    """The first step that reaches so far; beyond the last, what each started stretch adds."""
    cdef int64_t at, over
    cdef const Step* step
    cdef int code = FROM_METRES if network.basis == BY_METRES else FROM_SECONDS
    if much < 0 or much > AMOUNT_MAX:
        return TOO_LARGE
    for at in range(network.step, network.step + network.steps):
        step = &fares.steps[at]
        if much <= step.upto:
            quote.fare = step.amount
            because(quote, code, step.rule, 0, quote.fare, much, 0)
            return RATED
    step = &fares.steps[network.step + network.steps - 1]
    if step.every == 0:
        return NO_FARE
    over = stretches(much - step.upto, step.every)
    if step.each > 0 and over > stretches(AMOUNT_MAX // 4, step.each):
        return TOO_LARGE
    quote.fare = step.amount + over * step.each
    because(quote, code, step.rule, 0, quote.fare, much, 0)
    return RATED


@cython.cdivision(True)  # of numbers that are not below 0
cdef inline int64_t stretches(int64_t over, int64_t every) noexcept nogil:
    """How many stretches were started."""
    return (over + every - 1) // every
