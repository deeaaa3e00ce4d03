"""What is to be booked of one tap: its legs and images, of which no entry has more than the bounds."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport AfterImage, Leg
from onecard.ext.shape.numbers cimport IMAGES_MAX, LEGS_MAX, Funding, OwnerKind, Purse


cdef struct Plan:  # what is to be booked
    uint8_t outcome
    uint8_t reason
    uint8_t layout  # Template: which of its legs follow from the entry, and need not be written
    uint16_t effects
    uint16_t marks
    int64_t amount_fen
    uint64_t about
    uint64_t journey
    uint32_t tariff
    uint32_t rule
    int64_t face_fen
    int legs
    int images
    Leg leg[LEGS_MAX]
    AfterImage image[IMAGES_MAX]


cdef inline void add_leg(
    Plan* plan, uint8_t owner_kind, uint32_t owner, uint16_t party, uint8_t purse, int64_t amount
) noexcept nogil:
    """One leg more; none of zero fen."""
    cdef Leg* leg
    if amount == 0:
        return
    check(plan.legs < LEGS_MAX)
    leg = &plan.leg[plan.legs]
    leg.owner_kind = owner_kind
    leg.owner = owner
    leg.party = party
    leg.purse = purse
    leg.amount_fen = amount
    plan.legs += 1


cdef inline void add_payer_leg(
    Plan* plan, uint8_t funding, uint32_t account, uint16_t issuer, int64_t amount,
    uint8_t purse=Purse.MAIN,
) noexcept nogil:
    """The holder's side: the account here, or the issuer behind the card."""
    if funding == Funding.PREPAID:
        add_leg(plan, OwnerKind.ACCOUNT, account, issuer, purse, amount)
    elif funding == Funding.CHIP:
        add_leg(plan, OwnerKind.FLOAT, issuer, issuer, purse, amount)
    else:
        add_leg(plan, OwnerKind.RECEIVABLE, issuer, issuer, purse, amount)


cdef inline void claim(Plan* plan, uint32_t what, uint64_t key, int64_t value) noexcept nogil:
    """Note what has been taken back of an entry, or the identity that is voided."""
    check(plan.images < IMAGES_MAX)
    plan.image[plan.images].what = what
    plan.image[plan.images].key = key
    plan.image[plan.images].value = value
    plan.images += 1


cdef inline int64_t sum_of(const Plan* plan) noexcept nogil:
    """The sum of its legs, in fen: zero."""
    cdef int64_t sum_fen = 0
    cdef int i
    for i in range(plan.legs):
        sum_fen += plan.leg[i].amount_fen
    return sum_fen
