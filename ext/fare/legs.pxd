"""Legs of a feed: which are one, and what a transfer between groups of legs adds (Fares v2)."""

from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t

from onecard.ext.fare.face cimport highest, is_for, is_offered, list_of
from onecard.ext.fare.keys cimport place_of
from onecard.ext.fare.reasons cimport because
from onecard.ext.fare.tables cimport (
    BY_GROUPS, FROM_CELL, NO_FARE, NO_GROUP, RATED, Fares, GroupTransfer, Join, Leg, Network, Offer, Quote,
    Ride, Rider,
)
from onecard.ext.fare.times cimport SECOND_US

cdef struct Priced:
    int64_t amount  # what it adds to what was charged before
    int64_t fare
    int64_t offer  # -1 = none
    int64_t row  # of group_transfers, -1 = none


cdef inline bint is_new_journey(const Fares* fares, const Ride* ride, const Leg* last) noexcept nogil:
    """Returns True when a ride begins too late to go on with the last one."""
    cdef int64_t gap_s = fares.header.journey_gap_s
    return gap_s > 0 and ride.begin_us - last.end_us > gap_s * SECOND_US


cdef inline bint is_known(const Fares* fares, const Leg* leg) noexcept nogil:
    """Returns True when there is such a leg and it is one of this tariff: a rider's row may be from
    another."""
    return (
        leg.there and 1 <= leg.network <= fares.network_count
        and leg.from_place < fares.places and leg.to_place < fares.places
    )


cdef inline bint is_at(const Fares* fares, int64_t named, uint32_t place) noexcept nogil:
    """Returns True when a place is the one that is named, or a platform of it."""
    return named == place or named == fares.place_station[place]


cdef inline bint joins(
    const Fares* fares, const Network* network, const Ride* ride, const Leg* last
) noexcept nogil:
    """Returns True when a ride goes on with the last one as the same leg."""
    cdef int64_t at
    cdef const Join* join
    if not network.joins or not is_known(fares, last) or last.network != ride.network:
        return False
    if last.to_place == 0 or ride.from_place == 0 or is_new_journey(fares, ride, last):
        return False
    if network.joins & 1 and (
        fares.place_station[last.to_place] == fares.place_station[ride.from_place]
    ):
        return True
    if network.joins & 2:
        for at in range(fares.join_count):
            join = &fares.joins[at]
            if join.network == ride.network and is_at(fares, join.from_place, last.to_place) and (
                is_at(fares, join.to_place, ride.from_place)
            ):
                return True
    return False


cdef inline bint is_within(
    const GroupTransfer* transfer, const Ride* ride, int64_t leg_begin_us, const Leg* before
) noexcept nogil:
    """Returns True when a transfer is within its limit, counted from the first leg of its run."""
    cdef int64_t begin_us = before.begin_us
    cdef int64_t end_us = before.end_us
    cdef int64_t took_us
    if transfer.limit_s == 0:
        return True
    if transfer.same_group:
        begin_us = before.run_begin_us
        end_us = before.run_end_us
    if transfer.limit_type == 0:
        took_us = ride.end_us - begin_us
    elif transfer.limit_type == 1:
        took_us = leg_begin_us - begin_us
    elif transfer.limit_type == 2:
        took_us = leg_begin_us - end_us
    else:
        took_us = ride.end_us - end_us
    return took_us <= transfer.limit_s * SECOND_US


cdef inline bint costs(
    const Fares* fares, const GroupTransfer* transfer, int64_t rider_class, int64_t media,
    int64_t* cost,
) noexcept nogil:
    """Returns True when a rider may have a transfer, and the least it costs him."""
    cdef int64_t at
    cdef bint found = False
    cost[0] = 0
    if transfer.offers == 0:
        return True
    for at in range(transfer.offer, transfer.offer + transfer.offers):
        if is_for(&fares.offers[at], rider_class, media):
            if not found or fares.offers[at].amount < cost[0]:
                cost[0] = fares.offers[at].amount
                found = True
    return found


cdef inline int64_t adds(
    const GroupTransfer* transfer, const Leg* before, int64_t cost, int64_t fare
) noexcept nogil:
    """What a leg adds: AB, AB + B, or AB instead of what was charged for the first leg."""
    if transfer.way == 1:
        return cost + fare
    if transfer.way == 2 and before.transfers == 0:
        return cost - before.charged
    return cost


cdef inline void transfer_to(
    const Fares* fares, const Offer* offer, const Ride* ride, int64_t begin_us,
    int64_t rider_class, const Leg* before, Priced* priced,
) noexcept nogil:
    """The transfer from a leg to an offer, where a rule has one: of those within their limit the
    least count that is enough, then what adds least. A new journey has only those with a limit."""
    cdef int64_t at, key, count, added
    cdef int64_t cost = 0
    cdef int64_t least = -1
    cdef bint anew
    cdef const GroupTransfer* transfer
    if not before.there or before.from_group == NO_GROUP or offer.leg_group == 0:
        return
    anew = is_new_journey(fares, ride, before)
    key = place_of(
        fares.group_keys, fares.group_key_count,
        before.from_group * fares.header.groups_to + offer.to_group,
    )
    if key < 0:
        return
    for at in range(fares.group_rows[key], fares.group_rows[key + 1]):
        transfer = &fares.group_transfers[at]
        count = transfer.count if transfer.count > 0 else 0x7FFFFFFF
        if transfer.same_group and before.run + 1 > count:
            continue
        if anew and transfer.limit_s == 0:
            continue
        if not is_within(transfer, ride, begin_us, before):
            continue
        if least >= 0 and count > least:
            continue
        if not costs(fares, transfer, rider_class, ride.media, &cost):
            continue
        added = adds(transfer, before, cost, offer.amount)
        if priced.row < 0 or count < least or added < priced.amount:
            priced.amount = added
            priced.row = at
            least = count


cdef inline int cheapest(
    const Fares* fares, const Network* network, const Ride* ride, int64_t begin_us,
    int64_t rider_class, const Leg* before, Priced* best,
) noexcept nogil:
    """The offer that adds least, of those of the highest priority; of equals the first."""
    cdef uint32_t found = list_of(fares, network, ride.from_place, ride.to_place)
    cdef int64_t first = fares.list_offers[found]
    cdef int64_t end = fares.list_offers[found + 1] if found else first
    cdef int64_t at, priority
    cdef Priced priced
    cdef const Offer* offer
    best.amount = 0
    best.offer = -1
    if first == end:
        return NO_FARE
    priority = highest(fares, ride, begin_us, first, end)
    for at in range(first, end):
        offer = &fares.offers[at]
        if offer.priority != priority or not is_for(offer, rider_class, ride.media):
            continue
        if not is_offered(fares, offer, ride, begin_us):
            continue
        priced.amount = offer.amount
        priced.fare = offer.amount
        priced.offer = at
        priced.row = -1
        if fares.group_key_count:
            transfer_to(fares, offer, ride, begin_us, rider_class, before, &priced)
        if best.offer < 0 or priced.amount < best.amount:
            best[0] = priced
    return RATED if best.offer >= 0 else NO_FARE


cdef inline int64_t say_groups(
    const Fares* fares, const Priced* priced, Quote* quote
) noexcept nogil:
    """Reasons of an offer and of the transfer to it; answers what both add."""
    cdef const Offer* offer = &fares.offers[priced.offer]
    cdef const GroupTransfer* transfer
    quote.offer = priced.offer
    quote.fare = priced.fare
    because(quote, FROM_CELL, offer.rule, 0, priced.fare, priced.offer, 0)
    if priced.row >= 0:
        transfer = &fares.group_transfers[priced.row]
        because(quote, BY_GROUPS, transfer.rule, priced.fare, priced.amount, transfer.way, 0)
    return priced.amount


cdef inline void go_on(
    const Fares* fares, const Priced* priced, const Leg* before, Leg* leg
) noexcept nogil:
    """Of a leg that was rated: its groups, its run, and how many transfers led to it."""
    cdef const Offer* offer
    leg.run = 0
    leg.transfers = 0
    leg.run_begin_us = leg.begin_us
    leg.run_end_us = leg.end_us
    leg.from_group = NO_GROUP
    if priced.offer < 0:
        return
    offer = &fares.offers[priced.offer]
    if offer.leg_group != 0:
        leg.from_group = <uint32_t>offer.from_group
    if priced.row < 0:
        return
    leg.transfers = <uint16_t>(before.transfers + 1)
    if fares.group_transfers[priced.row].same_group:
        leg.run = <uint16_t>(before.run + 1)
        leg.run_begin_us = before.run_begin_us
        leg.run_end_us = before.run_end_us
