"""Every number that is journalled or sent: numbered for ever, never reused."""


cpdef enum Kind:
    RIDE = 1  # rated by the terminal
    ENTRY = 2  # rated by the engine at the exit
    EXIT = 3
    PURCHASE = 4
    REFUND = 5
    REVERSAL = 6
    TOP_UP = 7
    HOLD = 8
    CAPTURE = 9
    RELEASE = 10
    CHECK = 11
    ADJUST = 12  # the ledger's own, at a virtual terminal: what an earlier entry charged, corrected
    EVENT = 13  # something that happened and costs nothing: a door, a book; its scene says what
    GRANT = 14  # the ledger's own: money of a sponsor becomes a lot of the card's account


cpdef enum Outcome:
    # final and accepted
    ACCEPTED = 1
    ACCEPTED_BELOW_FLOOR = 2  # offline or ADJUST; the card is on the deny list now
    ACCEPTED_SUSPENSE = 3  # offline only; `reason` says what is missing
    TOMBSTONED = 4  # a reversal that came before its original
    # final and declined
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
    VOIDED = 42  # its identity was reversed before it came
    SCENE_UNKNOWN = 43  # not loaded, in a ledger that has scenes
    SCENE_CLOSED = 44
    AMOUNT_ABOVE_SCENE = 45  # more than its scene takes of one tap
    HOLD_EXPIRED = 46  # captured at its end or later
    GRANT_NOT_ALLOWED = 48  # to a card that draws on no account here
    SPONSOR_UNKNOWN = 49
    LOT_ENDED = 50  # its end is not after the grant
    LOTS_TOO_MANY = 51  # on one account
    # not taken: nothing journalled, may be sent again
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
    CONFLICT = 113  # this identity is bound to another body
    COLUMN_UNEXPECTED = 114  # a column that the kind does not use is not 0, or has no such value
    KIND_NOT_ALLOWED = 115  # an ADJUST at a device, or what no virtual terminal books at one
    SCENE_MISSING = 116  # of an EVENT, which means nothing without one
    HOLDS_FULL = 117  # a hold with an end, and holds_max of them are open
    HOLD_NOT_EXPIRED = 118  # released at a virtual terminal before its end, or without one
    LOTS_FULL = 119  # a GRANT, and there are lots_max lots
    JOURNEYS_FULL = 120  # an ENTRY of one more mode, and there is no row for its journey
    FLAG_NOT_ALLOWED = 121  # RATED, of what is no EXIT


cpdef enum OwnerKind:
    ACCOUNT = 1  # a card account here: prepaid liability
    FLOAT = 2  # an issuer's float behind chip purses
    RECEIVABLE = 3  # an issuer that pays for bank and QR credentials
    PAYABLE = 4  # an operator or merchant
    COLLECTED = 5  # top-up money in an agent's hands
    SUSPENSE = 6  # booked, and something is missing
    LOT = 7  # money with a purpose and an end, of a holder
    CONCESSION = 8  # who pays what a class of riders does not
    SPONSOR = 9  # a budget that lots are paid from
    CUSTODY = 10  # money at a bank
    IN_TRANSIT = 11  # money on its way
    FEE = 12
    DEBT = 13  # what a holder owes
    RETURNED = 14  # a payout that came back
    PASS = 15  # sold, and not travelled yet
    SPARE = 16  # numbered, so that a state has room for it


cpdef enum Purse:
    MAIN = 0
    HELD = 1
    DUE = 2  # suspense: who pays is not known yet
    OWED = 3  # suspense: what the operator gets once it is


cpdef enum Funding:
    PREPAID = 1
    CHIP = 2
    CREDIT = 3


cpdef enum Status:
    ACTIVE = 1
    BLOCKED = 2
    CLOSED = 3
    INTERNAL = 4  # a virtual terminal: none is active or blocked before or after


cpdef enum Record:
    ENTRIES = 1
    PARTICIPANTS = 2
    TERMINALS = 3
    CARDS = 4
    WINDOWS = 5
    DECLARATIONS = 6
    TARIFFS = 7
    CONFIGS = 8
    # Reserved for what is known to come: adding its rows then is no step of the format.
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


cpdef enum Policy:
    # what is loaded to decide by
    OD_FARES = 1  # a fare from every station to every station
    HOLDS = 2  # who may hold, for how long, and how it is captured


cpdef enum SweepKind:
    # of what is due at a time and done by itself; its virtual terminal has its name
    HOLD_ENDS = 1  # what is held and has ended is released


cpdef enum DayClass:
    # of the days of a calendar
    WORKDAY = 1  # a weekend's that is worked instead of a holiday's, too
    REST = 2  # a weekend
    HOLIDAY = 3


cpdef enum ArrayType:
    # of the arrays of a policy, little-endian
    INT32 = 1
    INT64 = 2
    UINT8 = 3
    UINT16 = 4
    UINT32 = 5


cpdef enum Effect:
    JOURNEY_OPENED = 1
    JOURNEY_CLOSED = 2
    DENIED = 4
    UNDENIED = 8
    PURSE_OPENED = 16  # the account's first lot: it has a purse from now on
    JOURNEY_APART = 32  # an image says where the journey stands, and of which mode it is


cpdef enum Mark:
    PROVISIONAL = 1
    LATE = 2
    RERATED = 4
    CAPPED = 8
    TRANSFER = 16
    DIFFERS = 32
    TRAVEL = 64
    GATE_RATED = 128


cpdef enum Part:
    # Of a block of entries: what most rows do not have.
    REFERENCES = 0
    RATINGS = 1
    CHIPS = 2
    WIDES = 3
    SPANS = 4  # of legs
    GRANTS = 5


cpdef enum Reference:
    ABOUT = 1
    JOURNEY = 2
    CAUSED_BY = 3
    ACTOR = 4


cpdef enum Template:
    EXPLICIT = 0  # the legs stand in the block
    CHARGE = 1


cpdef enum Image:
    VOIDED_IDENTITY = 1  # key: epoch << 32 | terminal_seq on the entry's terminal
    CLAIMED = 2  # key: sequence, value: used_fen afterwards
    CLOSED_ORIGINAL = 3  # key: sequence, value: used_fen afterwards
    ADJUSTED = 4  # key: sequence, value: adjusted_fen afterwards
    HOLD_OPENED = 5  # key: the row of open_holds that is its own from now on, value: expires_us
    HOLD_CLOSED = 6  # key: the row that is free from now on, value: sequence of the hold
    LOT_OPENED = 7  # key: the row of lots that is its own from now on, value: its number
    LOT_SPENT = 8  # key: number of the lot, value: the row that is free from now on
    JOURNEY_PLACED = 9  # key: its row of journeys, 0 the account's travel row, value: its mode
    JOURNEY_LEFT = 10  # key: the row of journeys that is free from now on, value: its mode


cpdef enum Space:
    # of the index of what left memory: the highest four bits of a key
    IDENTITIES = 0  # (terminal, epoch, terminal_seq): the entry that bound it, for ever the same
    TAKEN_BACK = 1  # sequence of an original: the last entry that took something back of it
    CORRECTED = 2  # sequence of an original: the last entry that adjusted it
    SPENT_LOTS = 3  # number of a lot: the last entry that left nothing of it
    JOURNEYS = 4  # sequence of an ENTRY whose journey is over: the entry that ended it


cpdef enum Flag:
    OFFLINE = 1
    RATED = 2  # of an exit: its amount is what the gate charged


cpdef enum Role:
    OPERATOR = 1
    ISSUER = 2
    AGENT = 3


# The algorithms of a ledger, chosen when it is made: named in ledger.toml, said in every block.

cpdef enum Hash:
    # of blocks: 32 bytes
    SHA256 = 1
    SM3 = 2


cpdef enum Tokens:
    # of card numbers: a keyed hash, 64 bits of it
    BLAKE2B = 1
    HMAC_SM3 = 2


cpdef enum Store:
    # of the erasable store: what its values are sealed with
    AES_GCM = 1
    SM4_GCM = 2


cpdef enum Heads:
    # of heads that are signed
    ED25519 = 1
    SM2 = 2


cpdef enum ActKind:
    # what was done: below 100 it is the Record that it wrote; here what is not that alone
    CLOCK = 101  # a clock in doubt was confirmed; writes CONFIGS
    LOAD = 102  # a load that was refused before it said of what
    JOURNAL = 103  # the journal was asked for
    ASK = 104  # a question or taps; on record only where it was refused


cpdef enum ActOutcome:
    DONE = 1
    REFUSED = 2  # by who asked; what was asked is not done


cpdef enum ActorRole:
    # a sum
    SYSTEM = 1  # the ledger's rules and its clock
    SECURITY = 2  # who the actors are, and what they may
    AUDIT = 4  # reads the journal whole
    MAKER = 8  # registers, loads tariffs, closes windows
    CHECKER = 16  # says yes to what another made
    READER = 32  # asks, and changes nothing


# ---- how many, and how long: what C and Python both count by ---------------------------------

cpdef enum:
    KINDS = Kind.GRANT + 1  # rows of what is kept a kind; row 0 is of kinds that are not known
    # Of one entry: a fare shared between some operators out of some purses. A charge has two less of
    # its own: reversed, it gives back what it was adjusted by as well.
    LEGS_MAX = 16
    PARTS_MAX = 8  # a row has a bit for each
    REFERENCES_MAX = 4  # of one entry: one of each
    IMAGES_MAX = 2  # of one entry: what it says of a claim, and of the row of a hold or a lot
    # Each tap that spends lots walks them, so they are few: ten programmes that give something each
    # month, and two years until it ends.
    LOTS_AN_ACCOUNT = 240
    OWNER_KINDS = OwnerKind.SPARE + 1  # balances a participant has room for; 0 is no kind
    SECOND_US = 1_000_000
    DAY_S = 86_400
    CALENDAR_FIRST_DAY = 10_957  # 2000-01-01: a tap has no earlier time, and a window no earlier day
    CALENDAR_DAYS_MAX = 36_525  # to 2099-12-31
