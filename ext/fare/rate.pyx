"""The rating function as Python calls it, a ride at a time: for quotes, audits and tests."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memset

from onecard.ext.fare.fare_set cimport FareSet as Held
from onecard.ext.fare.order cimport class_of, rate
from onecard.ext.fare.face cimport highest, is_for, is_offered, list_of
from onecard.ext.fare.tables cimport BY_CELL, NO_GROUP, Fares, Network, Quote, Rider
from onecard.ext.fare.tables cimport Ride as CRide
from onecard.ext.fare.times cimport local_s, service_day

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from onecard.ext.fare import shapes

RIDER_BYTES = sizeof(Rider)


class Status(IntEnum):
    RATED = 0
    NO_FARE = 1
    NOT_ACCEPTED = 2
    NOT_IN_FORCE = 3
    FACE_MISSING = 4
    METRES_MISSING = 5
    TOO_LARGE = 6
    UNKNOWN = 7


class Code(IntEnum):
    CLASS_FOREIGN = 1
    CLASS_EXPIRED = 2
    CLASS_BELIEVED = 3
    INCOMPLETE = 4
    OVERDUE = 5
    SAME_STATION_FREE = 6
    SAME_STATION = 7
    CELL = 8
    METRES = 9
    SECONDS = 10
    FACE = 11
    FLAT = 12
    TRANSFER = 13
    DISCOUNT = 14
    TIER = 15
    LIMIT = 16
    CAP = 17
    OVERTIME = 18
    JOINED = 19
    GROUP_TRANSFER = 20


class Ride(NamedTuple):
    """A ride as tapped; tables.pxd. Times are microseconds since 1970 UTC."""

    network: int
    begin_us: int
    end_us: int
    from_place: int = 0
    to_place: int = 0
    line: int = 0
    face: int = -1
    metres: int = -1
    media: int = 0
    incomplete: int = 0


class Reason(NamedTuple):
    """Why: the rule by number, an amount before and after it, and what `detail` is of its code."""

    code: Code
    rule: int
    before: int
    after: int
    detail: int
    bearer: int


class Rated(NamedTuple):
    """What a ride adds, in minor units, and the rider's row after it. Amounts mean something where
    `status` is RATED."""

    status: Status
    amount: int
    fare: int
    offer: int
    reasons: list
    rider: bytes


def new_rider(int rider_class, int class_until_day=0, int city=0):
    """The row of a rider who has not ridden yet."""
    cdef Rider row
    memset(&row, 0, sizeof(Rider))
    row.rider_class = rider_class
    row.class_until_day = class_until_day
    row.city = city
    row.last.from_group = NO_GROUP
    row.before.from_group = NO_GROUP
    return (<const char*>&row)[: sizeof(Rider)]


cdef CRide as_ride(object ride) except *:
    cdef CRide row
    row.begin_us = ride.begin_us
    row.end_us = ride.end_us
    row.face = ride.face
    row.metres = ride.metres
    row.from_place = ride.from_place
    row.to_place = ride.to_place
    row.line = ride.line
    row.network = ride.network
    row.media = ride.media
    row.incomplete = ride.incomplete
    return row


cdef Rider as_rider(bytes rider) except *:
    cdef Rider row
    cdef const uint8_t* content = rider
    if len(rider) != sizeof(Rider):
        raise ValueError(f"expected a rider's row of {sizeof(Rider)} bytes, found {len(rider)}")
    row = (<const Rider*>content)[0]
    return row


class FareSet:
    """A tariff that is ready to rate. ValueError where its arrays are none."""

    def __init__(self, arrays):
        self._held = Held(arrays)

    def rate(self, ride, bytes rider):
        """What a ride adds for a rider, as docs/tariffs.md has it."""
        cdef Held held = self._held
        cdef CRide row = as_ride(ride)
        cdef Rider state = as_rider(rider)
        cdef Quote quote
        cdef int32_t at
        rate(&held.fares, &row, &state, &quote)
        reasons = []
        for at in range(quote.reasons):
            reason = quote.reason[at]
            reasons.append(
                Reason(
                    Code(reason.code), reason.rule, reason.before, reason.after, reason.detail,
                    reason.bearer,
                )
            )
        after = (<const char*>&state)[: sizeof(Rider)]
        return Rated(
            Status(quote.status), quote.amount, quote.fare, quote.offer, reasons, after
        )

    def offers(self, ride, bytes rider):
        """Which offers match a ride and may be bought, of the highest priority, by number."""
        cdef Held held = self._held
        cdef CRide row = as_ride(ride)
        cdef Rider state = as_rider(rider)
        cdef Quote quote
        cdef const Network* network
        cdef int64_t rider_class
        cdef uint32_t found
        cdef int64_t priority
        if not 1 <= row.network <= held.fares.network_count:
            return []
        if row.from_place >= held.fares.places or row.to_place >= held.fares.places:
            return []
        network = &held.fares.networks[row.network - 1]
        if network.basis != BY_CELL:
            return []
        quote.reasons = 0
        rider_class = class_of(
            &held.fares, &state,
            service_day(&held.fares, local_s(&held.fares, 0, row.begin_us)), &quote,
        )
        found = list_of(&held.fares, network, row.from_place, row.to_place)
        if found == 0:
            return []
        priority = highest(
            &held.fares, &row, row.begin_us, held.fares.list_offers[found],
            held.fares.list_offers[found + 1],
        )
        return [
            at
            for at in range(held.fares.list_offers[found], held.fares.list_offers[found + 1])
            if held.fares.offers[at].priority == priority
            and is_for(&held.fares.offers[at], rider_class, row.media)
            and is_offered(&held.fares, &held.fares.offers[at], &row, row.begin_us)
        ]

    def rate_each(self, rides, bytes rider):
        """What each ride of an array of RIDE would cost a rider who is the same before each:
        amounts (int64) and statuses (int32)."""
        cdef Held held = self._held
        cdef const uint8_t[::1] content = np.ascontiguousarray(rides, shapes.RIDE).view(np.uint8)
        cdef Py_ssize_t count = content.shape[0] // <Py_ssize_t>sizeof(CRide)
        amounts = np.zeros(count, np.int64)
        statuses = np.zeros(count, np.int32)
        cdef int64_t[::1] amount = amounts
        cdef int32_t[::1] status = statuses
        cdef Rider fresh = as_rider(rider)
        if count:
            with nogil:
                rate_all(
                    &held.fares, <const CRide*>&content[0], &fresh, count, &amount[0], &status[0]
                )
        return amounts, statuses


cdef void rate_all(
    const Fares* fares, const CRide* rides, const Rider* fresh, Py_ssize_t count, int64_t* amounts,
    int32_t* statuses,
) noexcept nogil:
    cdef Rider row
    cdef Quote quote
    cdef Py_ssize_t at
    for at in range(count):
        row = fresh[0]
        statuses[at] = rate(fares, &rides[at], &row, &quote)
        amounts[at] = quote.amount


def walk(const uint32_t[::1] table, Py_ssize_t steps):
    """Look up `steps` places of a table, each the one that the look-up before found: what a random
    look-up costs on this machine, by which benchmarks judge what rating costs. `table` is a
    permutation; answers where the walk ended."""
    cdef Py_ssize_t size = table.shape[0]
    cdef uint32_t at = 0
    if size == 0:
        raise ValueError("expected a table, found nothing")
    with nogil:
        while steps > 0 and at < size:
            at = table[at]
            steps -= 1
    return at
