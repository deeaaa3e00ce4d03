from enum import IntEnum

class Kind(IntEnum):
    RIDE = 1
    ENTRY = 2
    EXIT = 3
    PURCHASE = 4
    REFUND = 5
    REVERSAL = 6
    TOP_UP = 7
    HOLD = 8
    CAPTURE = 9
    RELEASE = 10
    CHECK = 11
    ADJUST = 12
    EVENT = 13
    GRANT = 14

class Outcome(IntEnum):
    ACCEPTED = 1
    ACCEPTED_BELOW_FLOOR = 2
    ACCEPTED_SUSPENSE = 3
    TOMBSTONED = 4
    CARD_UNKNOWN = 20
    CARD_BLOCKED = 21
    CARD_DENIED = 22
    FUNDS = 23
    TIME_TOO_OLD = 24
    TIME_IN_FUTURE = 25
    PLACE_UNKNOWN = 26
    TARIFF_UNKNOWN = 27
    FARE_UNKNOWN = 28
    NO_OPEN_JOURNEY = 29
    EXIT_BEFORE_ENTRY = 30
    ORIGINAL_UNKNOWN = 31
    ORIGINAL_FOREIGN = 32
    ORIGINAL_CLOSED = 33
    CARD_MISMATCH = 34
    NOT_REFUNDABLE = 35
    NOT_REVERSIBLE = 36
    NOT_A_HOLD = 37
    AMOUNT_EXCEEDS_ORIGINAL = 38
    TOP_UP_NOT_ALLOWED = 39
    HOLD_NOT_ALLOWED = 40
    BALANCE_OVERFLOW = 41
    VOIDED = 42
    SCENE_UNKNOWN = 43
    SCENE_CLOSED = 44
    AMOUNT_ABOVE_SCENE = 45
    HOLD_EXPIRED = 46
    GRANT_NOT_ALLOWED = 48
    SPONSOR_UNKNOWN = 49
    LOT_ENDED = 50
    LOTS_TOO_MANY = 51
    TERMINAL_UNKNOWN = 100
    TERMINAL_FOREIGN = 101
    TERMINAL_BLOCKED = 102
    KIND_UNKNOWN = 103
    CARD_ZERO = 104
    AMOUNT_NEGATIVE = 105
    AMOUNT_BEYOND_LIMIT = 106
    AMOUNT_ZERO = 107
    AMOUNT_UNEXPECTED = 108
    FLAG_UNKNOWN = 109
    OFFLINE_NOT_ALLOWED = 110
    ABOUT_MISSING = 111
    TIME_IMPOSSIBLE = 112
    CONFLICT = 113
    COLUMN_UNEXPECTED = 114
    KIND_NOT_ALLOWED = 115
    SCENE_MISSING = 116
    HOLDS_FULL = 117
    HOLD_NOT_EXPIRED = 118
    LOTS_FULL = 119
    JOURNEYS_FULL = 120
    FLAG_NOT_ALLOWED = 121

class OwnerKind(IntEnum):
    ACCOUNT = 1
    FLOAT = 2
    RECEIVABLE = 3
    PAYABLE = 4
    COLLECTED = 5
    SUSPENSE = 6
    LOT = 7
    CONCESSION = 8
    SPONSOR = 9
    CUSTODY = 10
    IN_TRANSIT = 11
    FEE = 12
    DEBT = 13
    RETURNED = 14
    PASS = 15
    SPARE = 16

class Purse(IntEnum):
    MAIN = 0
    HELD = 1
    DUE = 2
    OWED = 3

class Funding(IntEnum):
    PREPAID = 1
    CHIP = 2
    CREDIT = 3

class Status(IntEnum):
    ACTIVE = 1
    BLOCKED = 2
    CLOSED = 3
    INTERNAL = 4

class Record(IntEnum):
    ENTRIES = 1
    PARTICIPANTS = 2
    TERMINALS = 3
    CARDS = 4
    WINDOWS = 5
    DECLARATIONS = 6
    TARIFFS = 7
    CONFIGS = 8
    NETWORKS = 9
    TARIFF_SETS = 10
    ACTORS = 11
    ACT = 12
    CALENDARS = 13
    SCENES = 14
    HOLDERS = 15
    CONSENTS = 16
    PROGRAMMES = 17
    BATCHES = 18
    BREAKS = 19
    SIGNATURES = 20
    INSTITUTIONS = 21

class Policy(IntEnum):
    OD_FARES = 1
    HOLDS = 2

class SweepKind(IntEnum):
    HOLD_ENDS = 1

class DayClass(IntEnum):
    WORKDAY = 1
    REST = 2
    HOLIDAY = 3

class ArrayType(IntEnum):
    INT32 = 1
    INT64 = 2
    UINT8 = 3
    UINT16 = 4
    UINT32 = 5

class Effect(IntEnum):
    JOURNEY_OPENED = 1
    JOURNEY_CLOSED = 2
    DENIED = 4
    UNDENIED = 8
    PURSE_OPENED = 16
    JOURNEY_APART = 32

class Mark(IntEnum):
    PROVISIONAL = 1
    LATE = 2
    RERATED = 4
    CAPPED = 8
    TRANSFER = 16
    DIFFERS = 32
    TRAVEL = 64
    GATE_RATED = 128

class Part(IntEnum):
    REFERENCES = 0
    RATINGS = 1
    CHIPS = 2
    WIDES = 3
    SPANS = 4
    GRANTS = 5

class Reference(IntEnum):
    ABOUT = 1
    JOURNEY = 2
    CAUSED_BY = 3
    ACTOR = 4

class Template(IntEnum):
    EXPLICIT = 0
    CHARGE = 1

class Image(IntEnum):
    VOIDED_IDENTITY = 1
    CLAIMED = 2
    CLOSED_ORIGINAL = 3
    ADJUSTED = 4
    HOLD_OPENED = 5
    HOLD_CLOSED = 6
    LOT_OPENED = 7
    LOT_SPENT = 8
    JOURNEY_PLACED = 9
    JOURNEY_LEFT = 10

class Space(IntEnum):
    IDENTITIES = 0
    TAKEN_BACK = 1
    CORRECTED = 2
    SPENT_LOTS = 3
    JOURNEYS = 4

class Flag(IntEnum):
    OFFLINE = 1
    RATED = 2

class Role(IntEnum):
    OPERATOR = 1
    ISSUER = 2
    AGENT = 3

class Hash(IntEnum):
    SHA256 = 1
    SM3 = 2

class Tokens(IntEnum):
    BLAKE2B = 1
    HMAC_SM3 = 2

class Store(IntEnum):
    AES_GCM = 1
    SM4_GCM = 2

class Heads(IntEnum):
    ED25519 = 1
    SM2 = 2

class ActKind(IntEnum):
    CLOCK = 101
    LOAD = 102
    JOURNAL = 103
    ASK = 104

class ActOutcome(IntEnum):
    DONE = 1
    REFUSED = 2

class ActorRole(IntEnum):
    SYSTEM = 1
    SECURITY = 2
    AUDIT = 4
    MAKER = 8
    CHECKER = 16
    READER = 32

KINDS: int
LEGS_MAX: int
IMAGES_MAX: int
LOTS_AN_ACCOUNT: int
PARTS_MAX: int
REFERENCES_MAX: int
OWNER_KINDS: int
SECOND_US: int
DAY_S: int
CALENDAR_FIRST_DAY: int
CALENDAR_DAYS_MAX: int
