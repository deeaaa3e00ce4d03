"""What each kind of tap is: a row a kind, which the rules ask instead of the kind."""

from libc.stdint cimport uint8_t, uint16_t

from onecard.ext.shape.check cimport check
from onecard.ext.shape.numbers cimport KINDS


cdef enum Amount:  # what may be sent as its amount
    NO_AMOUNT = 0  # 0
    ANY_AMOUNT = 1  # 0 or more
    SOME_AMOUNT = 2  # more than 0
    SIGNED_AMOUNT = 3  # anything but 0


cdef enum About:  # which earlier entry it names
    ABOUT_NOTHING = 0
    ABOUT_CHARGE = 1  # by sequence
    ABOUT_HOLD = 2  # by sequence
    ABOUT_IDENTITY = 3  # any, by its terminal's own count, before it came too


cdef enum Rate:  # what it costs
    AS_SENT = 0
    BY_JOURNEY = 1  # from the account's open entry to here


cdef enum Post:  # what it books: each is a function of ext/rule
    BOOKS_NOTHING = 0
    CHARGES = 1
    ENTERS = 2
    TOPS_UP = 3
    REFUNDS = 4
    REVERSES = 5
    HOLDS = 6
    CAPTURES = 7
    RELEASES = 8
    ADJUSTS = 9
    GRANTS = 10
    POSTS = 11


cdef enum Undo:  # what a reversal of it does
    UNDO_NEVER = 0
    UNDO_LEGS = 1  # negates what it booked
    UNDO_ENTERING = 2  # and its journey is not open any more
    UNDO_IF_FUNDS = 3  # and only while the money is still there
    UNDO_IF_WHOLE = 4  # and only while all of its lot is


cdef enum Trait:  # what else it may be, a bit each
    OFFLINE = 1 << 0  # taken by a terminal that could not ask
    DENIABLE = 1 << 1  # refused to a card on the deny list
    REFUNDABLE = 1 << 2  # an ABOUT_CHARGE may name it
    AT_PLACE = 1 << 3  # refused where nobody knows the place
    TRAVELS = 1 << 4  # has line and rider_class
    FARED = 1 << 5  # has face_fen
    AT_CHIP = 1 << 6  # has the chip_ columns
    CAUSED = 1 << 7  # has caused_by
    INTERNAL = 1 << 8  # booked at a virtual terminal, and nowhere else
    AT_SCENE = 1 << 9  # means nothing without one
    CAPPED = 1 << 10  # may not be of more than its scene takes
    SWEPT = 1 << 11  # booked at a virtual terminal too, where its time has come
    LASTING = 1 << 12  # may have an end, and then takes a row
    ANYWHERE = 1 << 13  # booked at a virtual terminal as well as at a device
    IN_LOT = 1 << 14  # has sponsor, programme and ends_us, and takes a row


cdef struct KindRule:
    uint16_t traits
    uint8_t amount
    uint8_t about
    uint8_t rate
    uint8_t post
    uint8_t undo


cdef const KindRule* KIND_RULES  # KINDS of them; of row 0, which is no kind, all is 0


cdef inline const KindRule* rule_of(uint8_t kind) noexcept nogil:
    check(kind < KINDS)
    return &KIND_RULES[kind]


cdef inline bint has(uint8_t kind, int trait) noexcept nogil:
    """Returns True when the kind has the trait."""
    return rule_of(kind).traits & trait != 0


cdef inline bint finishes(uint8_t kind) noexcept nogil:
    """Returns True when it gives back, ends or corrects what an earlier entry began."""
    return rule_of(kind).about != ABOUT_NOTHING


cdef inline bint names_entry(uint8_t kind) noexcept nogil:
    """Returns True when it names an earlier entry by its sequence."""
    return rule_of(kind).about == ABOUT_CHARGE or rule_of(kind).about == ABOUT_HOLD
