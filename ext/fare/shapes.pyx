"""The structs of tables.pxd as numpy dtypes, derived from the structs themselves."""

from libc.stdint cimport uint8_t

from onecard.ext.fare.tables cimport (
    MASK_BITS as C_MASK_BITS,
    NOWHERE as C_NOWHERE,
    REASONS_MAX as C_REASONS_MAX,
    SCHEMES_MAX as C_SCHEMES_MAX,
    Bracket,
    Cap,
    DayException,
    Discount,
    Foreign,
    Frame,
    GroupTransfer,
    TariffHeader,
    Join,
    Limit,
    Network,
    Offer,
    Offset,
    Ride,
    RiderClass,
    Service,
    Share,
    Step,
    Tier,
    Transfer,
)

from enum import IntEnum

from onecard.ext.shape.dtypes import derived

cdef extern from *:
    """
    // Cython makes converters of every struct, and takes addresses in them; none is ever called.
    #pragma GCC diagnostic ignored "-Waddress-of-packed-member"
    """

cdef uint8_t[::1] nothing = bytearray(1)
cdef uint8_t* here = &nothing[0]  # a typed array needs an address; nothing is read there

TARIFF_HEADER = derived("TariffHeader", <TariffHeader[:1]><TariffHeader*>here)
NETWORK = derived("Network", <Network[:1]><Network*>here)
OFFER = derived("Offer", <Offer[:1]><Offer*>here)
STEP = derived("Step", <Step[:1]><Step*>here)
BRACKET = derived("Bracket", <Bracket[:1]><Bracket*>here)
DISCOUNT = derived("Discount", <Discount[:1]><Discount*>here)
TRANSFER = derived("Transfer", <Transfer[:1]><Transfer*>here)
GROUP_TRANSFER = derived("GroupTransfer", <GroupTransfer[:1]><GroupTransfer*>here)
LIMIT = derived("Limit", <Limit[:1]><Limit*>here)
CAP = derived("Cap", <Cap[:1]><Cap*>here)
TIER = derived("Tier", <Tier[:1]><Tier*>here)
RIDER_CLASS = derived("RiderClass", <RiderClass[:1]><RiderClass*>here)
FOREIGN = derived("Foreign", <Foreign[:1]><Foreign*>here)
FRAME = derived("Frame", <Frame[:1]><Frame*>here)
SERVICE = derived("Service", <Service[:1]><Service*>here)
DAY_EXCEPTION = derived("DayException", <DayException[:1]><DayException*>here)
JOIN = derived("Join", <Join[:1]><Join*>here)
SHARE = derived("Share", <Share[:1]><Share*>here)
OFFSET = derived("Offset", <Offset[:1]><Offset*>here)

RIDE = derived("Ride", <Ride[:1]><Ride*>here)

TABLES = {  # array -> the struct of its rows; each field is 64 bits
    "header": TARIFF_HEADER,
    "networks": NETWORK,
    "offers": OFFER,
    "steps": STEP,
    "brackets": BRACKET,
    "discounts": DISCOUNT,
    "transfers": TRANSFER,
    "group_transfers": GROUP_TRANSFER,
    "limits": LIMIT,
    "caps": CAP,
    "tiers": TIER,
    "classes": RIDER_CLASS,
    "foreign": FOREIGN,
    "frames": FRAME,
    "services": SERVICE,
    "exceptions": DAY_EXCEPTION,
    "joins": JOIN,
    "shares": SHARE,
    "offsets": OFFSET,
}
LAYOUT = 1
MASK_BITS = C_MASK_BITS
SCHEMES_MAX = C_SCHEMES_MAX
REASONS_MAX = C_REASONS_MAX
NOWHERE = C_NOWHERE


class Basis(IntEnum):
    """What the fare of a network is taken from."""

    CELL = 1
    METRES = 2
    SECONDS = 3
    FACE = 4
    FLAT = 5


class Way(IntEnum):
    """What a discount or a transfer does."""

    SHARE = 1
    OFF = 2
    NOTHING = 3


class Rounding(IntEnum):
    FLOOR = 0
    CEILING = 1
    HALF_UP = 2
    HALF_EVEN = 3


class Per(IntEnum):
    DAY = 1
    WEEK = 2
    MONTH = 3
    YEAR = 4
