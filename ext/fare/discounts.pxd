"""Discounts and the tariff's own transfers: who has them, and what they leave of a fare."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from onecard.ext.fare.accumulators cimport concerns, current
from onecard.ext.fare.reasons cimport WHOLE, because, rounded, share_of
from onecard.ext.fare.tables cimport (
    BY_DISCOUNT, BY_TRANSFER, PAY_SHARE, TAKE_OFF, Discount, Fares, Leg, Quote, Ride, Rider,
    Scheme, Transfer,
)
from onecard.ext.fare.times cimport SECOND_US, holds


cdef inline bint has_place(const Fares* fares, int64_t places, uint32_t place) noexcept nogil:
    """Returns True when a place is in a list; list 0 is any."""
    if places == 0:
        return True
    return fares.place_lists[places * fares.place_list_bytes + (place >> 3)] >> (place & 7) & 1


cdef inline int64_t left_by(const Fares* fares, const Discount* discount, int64_t fare) noexcept nogil:
    """What a discount leaves of a fare."""
    if discount.way == PAY_SHARE:
        return share_of(
            fares, fare, discount.bracket, discount.brackets, discount.rounding, discount.unit
        )
    if discount.way == TAKE_OFF:
        return fare - discount.amount if fare > discount.amount else 0
    return 0


cdef inline bint is_due(
    const Fares* fares, const Discount* discount, const Ride* ride, int64_t bit,
    int64_t rider_class, int64_t day, Rider* rider,
) noexcept nogil:
    """Returns True when all that is said of a discount holds, and its quota is not used up."""
    cdef Scheme* scheme
    if not concerns(discount.networks, bit) or not concerns(discount.classes, rider_class):
        return False
    if discount.media != -1 and not concerns(discount.media, ride.media):
        return False
    if not has_place(fares, discount.from_places, ride.from_place):
        return False
    if not has_place(fares, discount.to_places, ride.to_place):
        return False
    if not holds(fares, discount.from_frame, 0, ride.begin_us):
        return False
    if not holds(fares, discount.to_frame, 0, ride.end_us):
        return False
    if discount.uses < 0:
        return True
    scheme = current(fares, rider, discount.scheme, discount.per, day)
    return scheme.uses < discount.uses


cdef inline int64_t discounted(
    const Fares* fares, const Ride* ride, int64_t bit, int64_t rider_class, int64_t day,
    Rider* rider, int64_t amount, Leg* leg, Quote* quote,
) noexcept nogil:
    """The best discount alone, or each after the one before. A ride of nothing has none."""
    cdef int64_t at, left
    cdef int64_t best = -1
    cdef int64_t least = amount
    if amount <= 0:
        return amount
    for at in range(fares.discount_count):
        if not is_due(fares, &fares.discounts[at], ride, bit, rider_class, day, rider):
            continue
        if fares.header.stacks:
            amount = applied(fares, at, amount, left_by(fares, &fares.discounts[at], amount),
                             day, rider, leg, quote)
            continue
        left = left_by(fares, &fares.discounts[at], amount)
        if left < least:
            best = at
            least = left
    if best < 0:
        return amount
    return applied(fares, best, amount, least, day, rider, leg, quote)


cdef inline int64_t applied(
    const Fares* fares, int64_t at, int64_t amount, int64_t left, int64_t day, Rider* rider,
    Leg* leg, Quote* quote,
) noexcept nogil:
    """Take a discount, use its quota, and say so. One that takes nothing off is none."""
    cdef const Discount* discount = &fares.discounts[at]
    cdef int64_t uses = 0
    cdef Scheme* scheme
    if left >= amount:
        return amount
    if discount.uses >= 0:
        scheme = current(fares, rider, discount.scheme, discount.per, day)
        scheme.uses += 1
        uses = scheme.uses
        leg.quotas = <uint8_t>(leg.quotas | 1 << discount.scheme)
    because(quote, BY_DISCOUNT, discount.rule, amount, left, uses, discount.bearer)
    return left


# ---- transfers ----------------------------------------------------------------------------------


cdef inline bint is_transfer(
    const Fares* fares, const Transfer* transfer, const Ride* ride, int64_t bit,
    int64_t rider_class, const Leg* last,
) noexcept nogil:
    """Returns True when all that is said of a transfer holds between a ride and the one before."""
    cdef int64_t last_bit = fares.networks[last.network - 1].bit
    cdef int64_t gap_us
    if not concerns(transfer.from_networks, last_bit) or not concerns(transfer.to_networks, bit):
        return False
    if not concerns(transfer.classes, rider_class):
        return False
    gap_us = ride.begin_us - (last.end_us if transfer.from_end else last.begin_us)
    if not 0 <= gap_us <= transfer.within_s * SECOND_US:
        return False
    if transfer.other_line and last.line == ride.line and last.network == ride.network:
        return False
    if transfer.from_line != 0 and transfer.from_line != last.line:
        return False
    if transfer.to_line != 0 and transfer.to_line != ride.line:
        return False
    return transfer.links < 0 or last.links < transfer.links


cdef inline int64_t transfer_of(
    const Fares* fares, const Ride* ride, int64_t bit, int64_t rider_class, const Leg* last
) noexcept nogil:
    """The first transfer that holds, -1 where none does."""
    cdef int64_t at
    if not last.there or not 1 <= last.network <= fares.network_count:
        return -1
    for at in range(fares.transfer_count):
        if is_transfer(fares, &fares.transfers[at], ride, bit, rider_class, last):
            return at
    return -1


cdef inline int64_t transferred(
    const Fares* fares, int64_t at, const Ride* ride, const Leg* last, int64_t amount, Quote* quote
) noexcept nogil:
    """What a transfer leaves of an amount."""
    cdef const Transfer* transfer = &fares.transfers[at]
    cdef int64_t left = 0
    cdef int64_t gap_us = ride.begin_us - (last.end_us if transfer.from_end else last.begin_us)
    if amount <= 0:
        return amount
    if transfer.way == PAY_SHARE:
        left = rounded(amount * transfer.basis_points, WHOLE, transfer.rounding, 1)
    elif transfer.way == TAKE_OFF:
        left = amount - transfer.amount if amount > transfer.amount else 0
    because(
        quote, BY_TRANSFER, transfer.rule, amount, left, gap_us // SECOND_US, transfer.bearer
    )
    return left
