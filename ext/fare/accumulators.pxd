"""What a rider paid in a period: tiers, caps and quotas, and limits of a single ride."""

cimport cython
from libc.stdint cimport int32_t, int64_t

from onecard.ext.fare.reasons cimport WHOLE, because, rounded
from onecard.ext.fare.tables cimport (
    BY_CAP, BY_LIMIT, BY_TIER, MASK_BITS, Bracket, Cap, Discount, Fares, Limit, Quote, Rider, Scheme,
    Tier,
)
from onecard.ext.fare.times cimport period_of


cdef inline bint concerns(int64_t mask, int64_t bit) noexcept nogil:
    """Returns True when a mask has a bit; a mask of all has also what has none."""
    if not 0 <= bit < MASK_BITS:
        return mask == -1
    return mask >> bit & 1


cdef inline Scheme* row_of(Rider* rider, int64_t scheme) noexcept nogil:
    return &rider.schemes[scheme]


cdef inline Scheme* current(
    const Fares* fares, Rider* rider, int64_t scheme, int64_t per, int64_t day
) noexcept nogil:
    """A rider's row of a scheme in the period of a day: empty where another period was in it."""
    cdef Scheme* row = row_of(rider, scheme)
    cdef int32_t period = period_of(fares, per, day)
    if row.period != period:
        row.period = period
        row.amount = 0
        row.uses = 0
    return row


cdef inline int64_t tiered(
    const Fares* fares, int64_t bit, int64_t rider_class, int64_t day, Rider* rider,
    int64_t amount, Quote* quote,
) noexcept nogil:
    """Each tier that concerns a ride, by what was paid in its period before it."""
    cdef int64_t at, left, paid
    cdef const Tier* tier
    for at in range(fares.tier_count):
        tier = &fares.tiers[at]
        if not concerns(tier.networks, bit) or not concerns(tier.classes, rider_class):
            continue
        paid = current(fares, rider, tier.scheme, tier.per, day).amount
        if amount <= 0:
            continue
        left = parted(fares, tier, paid, amount) if tier.marginal else whole(
            fares, tier, paid, amount
        )
        if left != amount:
            because(quote, BY_TIER, tier.rule, amount, left, paid, tier.bearer)
            amount = left
    return amount


cdef inline int64_t whole(
    const Fares* fares, const Tier* tier, int64_t paid, int64_t fare
) noexcept nogil:
    """All of a ride has the share that holds where it begins."""
    cdef int64_t at = tier.bracket
    while at + 1 < tier.bracket + tier.brackets and paid >= fares.brackets[at].upto:
        at += 1
    return rounded(fare * fares.brackets[at].basis_points, WHOLE, tier.rounding, 1)


@cython.cdivision(True)  # of numbers that are not below 0, by a share that is above it
cdef inline int64_t parted(
    const Fares* fares, const Tier* tier, int64_t paid, int64_t fare
) noexcept nogil:
    """A ride is parted where what is paid reaches a threshold."""
    cdef int64_t pay = 0
    cdef int64_t at, share, room, takes
    for at in range(tier.bracket, tier.bracket + tier.brackets):
        share = fares.brackets[at].basis_points
        room = fares.brackets[at].upto - paid - pay
        if room <= 0 and at + 1 < tier.bracket + tier.brackets:
            continue
        if at + 1 == tier.bracket + tier.brackets or share == 0:
            return pay + rounded(fare * share, WHOLE, tier.rounding, 1)
        takes = (room * WHOLE + share - 1) / share
        if takes > fare:
            return pay + rounded(fare * share, WHOLE, tier.rounding, 1)
        pay += room
        fare -= takes
    return pay


cdef inline int64_t limited(
    const Fares* fares, int64_t bit, int64_t rider_class, int64_t amount, Quote* quote
) noexcept nogil:
    """The least and the most of a ride that costs something."""
    cdef int64_t at
    cdef int64_t within
    cdef const Limit* limit
    for at in range(fares.limit_count):
        limit = &fares.limits[at]
        if not concerns(limit.networks, bit) or not concerns(limit.classes, rider_class):
            continue
        within = amount
        if limit.most >= 0 and within > limit.most:
            within = limit.most
        if 0 < within < limit.least:
            within = limit.least
        if within != amount:
            because(quote, BY_LIMIT, limit.rule, amount, within, 0, 0)
            amount = within
    return amount


cdef inline int64_t capped(
    const Fares* fares, int64_t bit, int64_t rider_class, int64_t day, Rider* rider,
    int64_t amount, Quote* quote,
) noexcept nogil:
    """What is left below each cap, in their order."""
    cdef int64_t at, left, charged
    cdef const Cap* cap
    for at in range(fares.cap_count):
        cap = &fares.caps[at]
        if not concerns(cap.networks, bit) or not concerns(cap.classes, rider_class):
            continue
        charged = current(fares, rider, cap.scheme, cap.per, day).amount
        left = cap.most - charged if cap.most > charged else 0
        if amount > left:
            because(quote, BY_CAP, cap.rule, amount, left, charged, cap.bearer)
            amount = left
    return amount


cdef inline void take_back(
    const Fares* fares, int64_t bit, int64_t rider_class, int64_t day, Rider* rider
) noexcept nogil:
    """Forget that the last leg was counted: one that goes on with it is counted as one with it."""
    cdef int64_t at
    cdef const Discount* discount
    for at in range(fares.discount_count):
        discount = &fares.discounts[at]
        if discount.uses >= 0 and rider.last.quotas >> discount.scheme & 1:
            current(fares, rider, discount.scheme, discount.per, day).uses -= 1
    for at in range(fares.tier_count):
        if concerns(fares.tiers[at].networks, bit) and concerns(
            fares.tiers[at].classes, rider_class
        ):
            current(
                fares, rider, fares.tiers[at].scheme, fares.tiers[at].per, day
            ).amount -= rider.last.charged
    for at in range(fares.cap_count):
        if concerns(fares.caps[at].networks, bit) and concerns(
            fares.caps[at].classes, rider_class
        ):
            current(
                fares, rider, fares.caps[at].scheme, fares.caps[at].per, day
            ).amount -= rider.last.charged


cdef inline void count(
    const Fares* fares, int64_t bit, int64_t rider_class, int64_t day, Rider* rider,
    int64_t amount,
) noexcept nogil:
    """Add what a ride costs to every tier and cap that concerns it."""
    cdef int64_t at
    for at in range(fares.tier_count):
        if concerns(fares.tiers[at].networks, bit) and concerns(
            fares.tiers[at].classes, rider_class
        ):
            row_of(rider, fares.tiers[at].scheme).amount += amount
    for at in range(fares.cap_count):
        if concerns(fares.caps[at].networks, bit) and concerns(
            fares.caps[at].classes, rider_class
        ):
            row_of(rider, fares.caps[at].scheme).amount += amount
