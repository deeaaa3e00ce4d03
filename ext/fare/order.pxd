"""The order of a ride, as docs/tariffs.md has it: from the class of its rider to what it costs."""

from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint8_t
from libc.string cimport memset

from onecard.ext.fare.accumulators cimport capped, count, limited, take_back, tiered
from onecard.ext.fare.discounts cimport discounted, transfer_of, transferred
from onecard.ext.fare.face cimport measured
from onecard.ext.fare.legs cimport Priced, cheapest, go_on, joins, say_groups
from onecard.ext.fare.reasons cimport because
from onecard.ext.fare.tables cimport (
    AMOUNT_MAX, BY_CELL, BY_OVERTIME, CLASS_BELIEVED, CLASS_EXPIRED, CLASS_FOREIGN, INCOMPLETE,
    JOINED, NO_FARE, NOT_ACCEPTED, NOT_IN_FORCE, OVERDUE, RATED, SAME_STATION, SAME_STATION_FREE,
    TOO_LARGE, UNKNOWN, Fares, Leg, Network, Quote, Ride, Rider,
)
from onecard.ext.fare.times cimport DAY_S, SECOND_US, local_s, service_day


cdef inline int rate(
    const Fares* fares, const Ride* ride, Rider* rider, Quote* quote
) noexcept nogil:
    """What a ride adds, why, and the rider's row after it: a function of these and nothing else.

    The row is as it was where the answer is not RATED: nothing is written before all is known.
    """
    quote.amount = 0
    quote.fare = 0
    quote.offer = -1
    quote.reasons = 0
    quote.status = rated(fares, ride, rider, quote)
    return quote.status


cdef inline int rated(
    const Fares* fares, const Ride* ride, Rider* rider, Quote* quote
) noexcept nogil:
    cdef const Network* network
    cdef int64_t at_s, day, rider_class, long_us
    cdef int status
    if not 1 <= ride.network <= fares.network_count or ride.end_us < ride.begin_us:
        return UNKNOWN
    if ride.from_place >= fares.places or ride.to_place >= fares.places:
        return UNKNOWN
    network = &fares.networks[ride.network - 1]
    at_s = local_s(fares, 0, ride.begin_us)
    day = at_s // DAY_S
    if not fares.header.effective_day <= day <= fares.header.until_day:
        return NOT_IN_FORCE
    day = service_day(fares, at_s)
    rider_class = class_of(fares, rider, day, quote)
    if rider_class < 0:
        return NOT_ACCEPTED
    long_us = ride.end_us - ride.begin_us
    if ride.incomplete:
        return most_of(network, INCOMPLETE, network.incomplete_rule, long_us, quote)
    if network.overdue_s > 0 and long_us > network.overdue_s * SECOND_US:
        return most_of(network, OVERDUE, network.overdue_rule, long_us, quote)
    status = along(fares, network, ride, rider_class, day, rider, quote)
    if status == RATED and network.overtime_s > 0 and long_us > network.overtime_s * SECOND_US:
        because(
            quote, BY_OVERTIME, network.overtime_rule, quote.amount,
            quote.amount + network.overtime_amount, long_us // SECOND_US, 0,
        )
        quote.amount += network.overtime_amount
    return status


cdef inline int64_t class_of(
    const Fares* fares, const Rider* rider, int64_t day, Quote* quote
) noexcept nogil:
    """Whom a rider is taken for on a service day; -1 = his card is not accepted."""
    cdef int64_t at
    cdef int64_t rider_class = rider.rider_class
    if rider.city != 0:
        for at in range(fares.foreign_count):
            if fares.foreign[at].city == rider.city and (
                fares.foreign[at].from_day <= day <= fares.foreign[at].until_day
            ):
                rider_class = fares.foreign[at].rider_class
                because(
                    quote, CLASS_FOREIGN, fares.foreign[at].rule, 0, rider_class, rider.city, 0
                )
                break
        else:
            return -1
    if rider_class >= fares.class_count:
        return fares.header.default_class
    if fares.classes[rider_class].proof:
        if rider.class_until_day == 0:
            because(
                quote, CLASS_BELIEVED, fares.classes[rider_class].rule, rider_class, rider_class,
                0, 0,
            )
        elif day > rider.class_until_day:
            because(
                quote, CLASS_EXPIRED, fares.classes[rider_class].rule, rider_class,
                fares.header.default_class, rider.class_until_day, 0,
            )
            return fares.header.default_class
    return rider_class


cdef inline int most_of(
    const Network* network, int32_t code, int64_t rule, int64_t long_us, Quote* quote
) noexcept nogil:
    """The fare of a ride whose entry or exit is not known, or came too late."""
    if network.incomplete_amount < 0:
        return NO_FARE
    quote.fare = network.incomplete_amount
    quote.amount = network.incomplete_amount
    because(quote, code, rule, 0, quote.amount, long_us // SECOND_US, 0)
    return RATED


cdef inline bint is_same_station(
    const Fares* fares, const Network* network, const Ride* ride
) noexcept nogil:
    """Returns True when a ride ends where it began, and the network has a rule for that."""
    if not network.same_station or ride.from_place == 0 or ride.to_place == 0:
        return False
    return fares.place_station[ride.from_place] == fares.place_station[ride.to_place]


cdef inline int along(
    const Fares* fares, const Network* network, const Ride* ride, int64_t rider_class,
    int64_t day, Rider* rider, Quote* quote,
) noexcept nogil:
    """The fare of a complete ride, then all that is taken off it; the rider's row goes on."""
    cdef bint joined = joins(fares, network, ride, &rider.last)
    cdef const Leg* before = &rider.before if joined else &rider.last
    cdef Ride whole = ride[0]
    cdef Leg leg
    cdef Priced priced
    cdef int status
    if is_same_station(fares, network, ride) and not joined:
        if at_same_station(network, ride, quote):
            return RATED
        priced.offer = -1
        priced.row = -1
    else:
        if joined:
            whole.begin_us = rider.last.begin_us
            whole.from_place = rider.last.from_place
        status = fare_of(fares, network, &whole, rider_class, before, &priced, quote)
        if status != RATED:
            return status
    if not -AMOUNT_MAX <= quote.fare <= AMOUNT_MAX:
        return TOO_LARGE
    if joined:  # the legs are one, of the day on which it began
        day = service_day(fares, local_s(fares, 0, whole.begin_us))
        take_back(fares, network.bit, rider_class, day, rider)
    memset(&leg, 0, sizeof(leg))  # a rider's row has the same bytes after the same rides
    leg.begin_us = whole.begin_us
    leg.end_us = ride.end_us
    leg.from_place = whole.from_place
    leg.to_place = ride.to_place
    leg.line = ride.line
    leg.network = ride.network
    leg.there = 1
    leg.links = taken_off(fares, network, &whole, rider_class, day, rider, before, &leg, quote)
    leg.charged = quote.amount
    go_on(fares, &priced, before, &leg)
    if joined:
        already(network, &rider.last, quote)
    else:
        rider.before = rider.last
    rider.last = leg
    count(fares, network.bit, rider_class, day, rider, leg.charged)
    return RATED


cdef inline bint at_same_station(
    const Network* network, const Ride* ride, Quote* quote
) noexcept nogil:
    """Returns True when a ride that ends where it began is free; else it has the least fare."""
    cdef int64_t long_s = (ride.end_us - ride.begin_us) // SECOND_US
    if long_s < network.same_station_free_s:
        because(quote, SAME_STATION_FREE, network.same_station_rule, 0, 0, long_s, 0)
        return True
    quote.fare = network.same_station_amount
    quote.amount = quote.fare
    because(quote, SAME_STATION, network.same_station_rule, 0, quote.fare, long_s, 0)
    return False


cdef inline int fare_of(
    const Fares* fares, const Network* network, const Ride* ride, int64_t rider_class,
    const Leg* before, Priced* priced, Quote* quote,
) noexcept nogil:
    """The fare by the basis of the network, with what a transfer between groups makes of it."""
    cdef int status
    priced.offer = -1
    priced.row = -1
    if network.basis != BY_CELL:
        status = measured(fares, network, ride, quote)
        quote.amount = quote.fare
        return status
    status = cheapest(fares, network, ride, ride.begin_us, rider_class, before, priced)
    if status == RATED:
        quote.amount = say_groups(fares, priced, quote)
    return status


cdef inline void already(const Network* network, const Leg* last, Quote* quote) noexcept nogil:
    """A leg that goes on adds what it costs now less what was charged for it so far."""
    cdef int64_t adds = quote.amount - last.charged
    because(quote, JOINED, network.rule, quote.amount, adds, last.charged, 0)
    quote.amount = adds


cdef inline uint16_t taken_off(
    const Fares* fares, const Network* network, const Ride* ride, int64_t rider_class,
    int64_t day, Rider* rider, const Leg* before, Leg* leg, Quote* quote,
) noexcept nogil:
    """Transfer and discounts, tiers, limits, caps, in this order; answers how many rides in a row
    had a transfer."""
    cdef int64_t amount = quote.amount
    cdef int64_t at = -1
    cdef uint16_t links = 0
    cdef bint after = False
    if fares.transfer_count:
        at = transfer_of(fares, ride, network.bit, rider_class, before)
    if at >= 0:
        links = <uint16_t>(before.links + 1)
        after = fares.transfers[at].after
        if not after:
            amount = transferred(fares, at, ride, before, amount, quote)
    amount = discounted(fares, ride, network.bit, rider_class, day, rider, amount, leg, quote)
    if after:
        amount = transferred(fares, at, ride, before, amount, quote)
    if fares.tier_count:
        amount = tiered(fares, network.bit, rider_class, day, rider, amount, quote)
    if fares.limit_count:
        amount = limited(fares, network.bit, rider_class, amount, quote)
    if fares.cap_count:
        amount = capped(fares, network.bit, rider_class, day, rider, amount, quote)
    quote.amount = amount
    return links
