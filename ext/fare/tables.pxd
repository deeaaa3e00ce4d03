"""A compiled tariff as it stands in memory and in a file: tables of 64-bit numbers, one array each.

docs/tariffs.md says what each means. A rule is named by its number in the tariff's text, 0 where there
is none; a frame by its number, 0 is always; masks have a bit a network, a class or a medium, and all
bits where it is any.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

cdef enum:
    MASK_BITS = 63  # networks that rules may name, classes, media: a mask is one number
    SCHEMES_MAX = 8  # caps, tiers and quotas of a tariff, as many as a rider's row has room for
    REASONS_MAX = 40  # more than the rules that can speak of one ride

cdef extern from *:
    """
    #define ONECARD_FARE_NOWHERE 0xFFFFFFFFu
    #define ONECARD_FARE_NO_GROUP 0xFFFFFFFFu
    #define ONECARD_FARE_AMOUNT_MAX 1000000000000LL
    """
    const uint32_t NOWHERE "ONECARD_FARE_NOWHERE"  # of a place: not in that network
    # Of a leg whose rule is in no group: nothing is transferred from it.
    const uint32_t NO_GROUP "ONECARD_FARE_NO_GROUP"
    # Ten thousand million yuan: times 10,000 it is still a number.
    const int64_t AMOUNT_MAX "ONECARD_FARE_AMOUNT_MAX"

cdef enum:  # what the fare of a network is taken from
    BY_CELL = 1  # from and to: zones, a table, or the distance between stations
    BY_METRES = 2  # what the terminal measured
    BY_SECONDS = 3  # of what is rented, from begin to end
    BY_FACE = 4  # what the terminal says it is
    BY_FLAT = 5

cdef enum:  # of a discount or a transfer
    PAY_SHARE = 1  # of each bracket of the fare, in basis points
    TAKE_OFF = 2  # an amount, down to nothing
    PAY_NOTHING = 3

cdef enum:  # how an amount is rounded to a whole number
    FLOOR = 0
    CEILING = 1
    HALF_UP = 2
    HALF_EVEN = 3

cdef enum:  # why a ride has an amount, or none
    RATED = 0
    NO_FARE = 1
    NOT_ACCEPTED = 2  # a card of a city that no rule names
    NOT_IN_FORCE = 3
    FACE_MISSING = 4
    METRES_MISSING = 5
    TOO_LARGE = 6
    UNKNOWN = 7  # a network or a place that the tariff has not

cdef enum:  # what a reason is
    CLASS_FOREIGN = 1  # detail is the city
    CLASS_EXPIRED = 2  # the last day of proof
    CLASS_BELIEVED = 3
    INCOMPLETE = 4
    OVERDUE = 5  # seconds in the system, as all four that follow
    SAME_STATION_FREE = 6
    SAME_STATION = 7
    FROM_CELL = 8  # the offer
    FROM_METRES = 9  # metres
    FROM_SECONDS = 10  # seconds
    FROM_FACE = 11
    FROM_FLAT = 12
    BY_TRANSFER = 13  # seconds since the ride before
    BY_DISCOUNT = 14  # rides of the quota, this one included
    BY_TIER = 15  # what was paid so far
    BY_LIMIT = 16
    BY_CAP = 17  # what was charged so far
    BY_OVERTIME = 18  # seconds in the system
    JOINED = 19  # what was charged so far for the leg
    BY_GROUPS = 20  # fare_transfer_type

cdef enum:  # of a cap, a tier or a quota
    PER_DAY = 1  # a service day
    PER_WEEK = 2
    PER_MONTH = 3
    PER_YEAR = 4


cdef packed struct TariffHeader "onecard_fare_header":
    int64_t layout
    int64_t minor_digits
    int64_t effective_day
    int64_t until_day  # the last one
    int64_t service_day_s  # after midnight
    int64_t week_begins  # 0 = Monday
    int64_t stacks  # 1 = discounts are applied one after another, 0 = the best one alone
    int64_t default_class
    int64_t has_priority
    int64_t groups_to  # listed groups of legs to which one transfers, and 0
    int64_t groups_from
    int64_t journey_gap_s  # a leg that begins later than so after the last one begins anew; 0 = never


cdef packed struct Network "onecard_fare_network":
    int64_t rule
    int64_t basis
    int64_t bit  # of masks; -1 = no rule names it
    int64_t sets_row  # of place_sets
    int64_t square  # where its cells begin, -1 = they are looked up in cell_keys
    int64_t key  # of its square there
    int64_t to_sets  # the length of a row of cells
    int64_t flat
    int64_t step  # the first of its steps
    int64_t steps
    int64_t same_station  # 1 = a ride that ends where it began has a fare of its own
    int64_t same_station_free_s  # less than so long, nothing
    int64_t same_station_amount
    int64_t same_station_rule
    int64_t overtime_s  # longer than this in the system; 0 = no such rule
    int64_t overtime_amount
    int64_t overtime_rule
    int64_t overdue_s
    int64_t overdue_amount
    int64_t overdue_rule
    int64_t incomplete_amount  # -1 = none defined
    int64_t incomplete_rule
    int64_t joins  # 1 = legs in it that meet at a station are one leg, 2 = at places of `joins`, 3 = both
    int64_t operator


cdef packed struct Offer "onecard_fare_offer":  # a price of a cell, or of a transfer
    int64_t rule
    int64_t priority
    int64_t from_frame
    int64_t to_frame
    int64_t leg_group  # 0 = none, and then nothing is transferred
    int64_t from_group  # as transfers list it, 0 = none lists it
    int64_t to_group
    int64_t rider_class  # -1 = any
    int64_t media  # -1 = any
    int64_t amount
    int64_t product


cdef packed struct Step "onecard_fare_step":
    int64_t rule
    int64_t upto  # metres or seconds, as far as this amount goes; beyond the last it is `every`
    int64_t amount
    int64_t every  # 0 = nothing is defined beyond
    int64_t each  # what each started `every` adds


cdef packed struct Bracket "onecard_fare_bracket":
    int64_t upto  # as far as this share goes
    int64_t basis_points


cdef packed struct Discount "onecard_fare_discount":
    int64_t rule
    int64_t way
    int64_t networks
    int64_t classes
    int64_t media
    int64_t from_frame
    int64_t to_frame
    int64_t from_places  # a list of places, 0 = any
    int64_t to_places
    int64_t bracket
    int64_t brackets
    int64_t amount
    int64_t rounding
    int64_t unit
    int64_t uses  # -1 = as many as one likes
    int64_t per
    int64_t scheme
    int64_t bearer


cdef packed struct Transfer "onecard_fare_transfer":
    int64_t rule
    int64_t way
    int64_t from_networks
    int64_t to_networks
    int64_t from_line  # 0 = any
    int64_t to_line
    int64_t other_line  # 1 = the line must be another one
    int64_t classes
    int64_t within_s
    int64_t from_end  # 1 = counted from the end of the ride before, 0 = from its beginning
    int64_t amount
    int64_t basis_points
    int64_t rounding
    int64_t after  # 1 = after the discounts, 0 = before
    int64_t links  # -1 = as many as one likes
    int64_t bearer


cdef packed struct GroupTransfer "onecard_fare_group_transfer":  # a row of fare_transfer_rules.txt
    int64_t rule
    int64_t count  # -1 = no limit
    int64_t limit_s  # 0 = none
    int64_t limit_type
    int64_t way  # fare_transfer_type
    int64_t same_group  # 1 = from and to are one group, so that what was before counts
    int64_t offer  # the first of what it costs
    int64_t offers  # 0 = nothing


cdef packed struct Limit "onecard_fare_limit":
    int64_t rule
    int64_t networks
    int64_t classes
    int64_t least
    int64_t most


cdef packed struct Cap "onecard_fare_cap":
    int64_t rule
    int64_t networks
    int64_t classes
    int64_t per
    int64_t most
    int64_t scheme
    int64_t bearer


cdef packed struct Tier "onecard_fare_tier":
    int64_t rule
    int64_t networks
    int64_t classes
    int64_t per
    int64_t marginal  # 1 = a ride is parted where it crosses a threshold
    int64_t bracket
    int64_t brackets
    int64_t rounding
    int64_t scheme
    int64_t bearer


cdef packed struct RiderClass "onecard_fare_class":
    int64_t rule
    int64_t proof  # 1 = it ends with the day to which it is proven


cdef packed struct Foreign "onecard_fare_foreign":  # cards of other cities: a row a city and time
    int64_t rule
    int64_t city
    int64_t from_day
    int64_t until_day
    int64_t rider_class


cdef packed struct Frame "onecard_fare_frame":  # a span of a day, in the zone of the place
    int64_t service
    int64_t begin_s
    int64_t end_s


cdef packed struct Service "onecard_fare_service":  # a set of days
    int64_t from_day
    int64_t until_day
    int64_t weekdays  # bit 0 = Monday
    int64_t exception  # the first of them, by day
    int64_t exceptions


cdef packed struct DayException "onecard_fare_day_exception":
    int64_t day
    int64_t added


cdef packed struct Join "onecard_fare_join":  # legs that meet at two places are one leg
    int64_t network
    int64_t from_place
    int64_t to_place
    int64_t rule


cdef packed struct Share "onecard_fare_share":  # of the money of a ride
    int64_t operator
    int64_t basis_points


cdef packed struct Offset "onecard_fare_offset":  # of a zone from UTC
    int64_t from_us
    int64_t offset_s


# ---- what is rated, and what comes of it --------------------------------------------------------


cdef packed struct Ride "onecard_fare_ride":
    int64_t begin_us
    int64_t end_us  # the same where a ride is one tap
    int64_t face  # -1 = not said
    int64_t metres  # -1 = not said
    uint32_t from_place  # 0 = not known
    uint32_t to_place
    uint32_t line  # 0 = not known
    uint16_t network
    uint8_t media  # 0 = not said
    uint8_t incomplete  # 1 = entry or exit is missing


cdef struct Leg:  # the last one, joined of those that count as one
    int64_t begin_us
    int64_t end_us
    int64_t run_begin_us  # of the first leg in the run of transfers within one group
    int64_t run_end_us
    int64_t charged  # so far, for what is this leg
    uint32_t from_place
    uint32_t to_place
    uint32_t line
    uint32_t to_group  # as offers have it: to and from are listed apart
    uint32_t from_group
    uint16_t network
    uint16_t run  # transfers in it
    uint16_t transfers  # since the last leg that was charged as if none were before
    uint16_t links  # of the tariff's own transfers
    uint8_t there  # 1 = there is such a leg
    uint8_t quotas  # a bit a scheme: of which it used one
    uint8_t reserved[10]  # so that no byte of a row is padding


cdef struct Scheme:
    int64_t amount
    int32_t period  # a day, the first day of a week, or a month or year since 1970
    int32_t uses


cdef struct Rider:
    Leg last
    Leg before  # the one before it: a leg that joins the last one is rated from there
    Scheme schemes[SCHEMES_MAX]
    int32_t class_until_day  # 0 = not said
    uint32_t city  # 0 = of this one
    uint8_t rider_class
    uint8_t reserved[7]


cdef struct Reason:
    int64_t rule
    int64_t before
    int64_t after
    int64_t detail  # as its code says
    int64_t bearer
    int32_t code


cdef struct Quote:
    int64_t amount  # what this ride adds; below 0 where a transfer costs less than was charged
    int64_t fare  # before discounts
    int64_t offer  # -1 = none
    int32_t status
    int32_t reasons
    Reason reason[REASONS_MAX]


cdef struct Fares:  # where the arrays of a tariff are
    const TariffHeader* header
    const Network* networks
    const Offer* offers
    const Step* steps
    const Bracket* brackets
    const Discount* discounts
    const Transfer* transfers
    const GroupTransfer* group_transfers
    const Limit* limits
    const Cap* caps
    const Tier* tiers
    const RiderClass* classes
    const Foreign* foreign
    const Frame* frames
    const Service* services
    const DayException* exceptions
    const Join* joins
    const Offset* offsets
    const uint32_t* cells
    const int64_t* cell_keys
    const uint32_t* cell_lists
    const uint32_t* list_offers
    const uint32_t* place_sets
    const uint32_t* place_station
    const uint16_t* place_zone
    const uint32_t* zone_offsets
    const uint32_t* frame_rows
    const uint8_t* place_lists
    const int64_t* group_keys
    const uint32_t* group_rows
    int64_t network_count
    int64_t discount_count
    int64_t transfer_count
    int64_t limit_count
    int64_t cap_count
    int64_t tier_count
    int64_t class_count
    int64_t foreign_count
    int64_t join_count
    int64_t places  # place 0 counts
    int64_t place_list_bytes
    int64_t cell_key_count
    int64_t group_key_count
