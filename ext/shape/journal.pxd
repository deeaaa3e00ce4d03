"""What is journalled: blocks as they stand on disk for ever. dtypes.pyx has the same for numpy."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from onecard.ext.shape.numbers cimport PARTS_MAX


cdef packed struct Header:  # starts every block of version 2; `hash` covers the bytes before it
    uint32_t magic
    uint16_t version
    uint16_t record  # Record: what the rows are
    uint8_t ledger[16]
    uint32_t epoch  # raised by every restore
    uint16_t row_bytes
    uint16_t hash_algorithm  # of `body`, `previous` and `hash`: chosen when the ledger was made
    uint32_t count
    uint32_t legs
    uint32_t images
    uint32_t blob_bytes
    uint64_t first  # sequence of the first row
    int64_t booked_at_us
    uint16_t token_algorithm  # of card numbers
    uint16_t store_algorithm  # of the erasable store
    uint16_t head_algorithm  # of signed heads
    uint16_t unused
    uint32_t window  # of entries: the open one
    uint32_t parts[PARTS_MAX]  # rows of each part that entries have: Part
    int64_t zone_offset_us  # of entries: a travel day begins by it
    uint8_t body[32]  # digest of all bytes after the header
    uint8_t previous[32]  # hash of the block before
    uint8_t hash[32]  # digest of the header up to here


cdef packed struct Header1:  # of version 1: the same up to booked_at_us, always SHA-256
    uint32_t magic
    uint16_t version
    uint16_t record
    uint8_t ledger[16]
    uint32_t epoch
    uint16_t row_bytes
    uint16_t hash_algorithm
    uint32_t count
    uint32_t legs
    uint32_t images
    uint32_t blob_bytes
    uint64_t first
    int64_t booked_at_us
    uint8_t body[32]
    uint8_t previous[32]
    uint8_t hash[32]


cdef packed struct Entry:  # the one form in memory, of every version; nothing on disk looks so
    uint64_t sequence
    uint64_t token
    uint64_t previous  # the entry before of the same account, 0 = none
    uint64_t about  # the entry refunded, captured, released or reversed
    uint64_t journey  # of an exit: the sequence of its entry tap
    uint64_t caused_by  # the entry that made this one necessary
    uint64_t body  # digest of the whole tap as it was sent
    int64_t tapped_at_us  # device time as sent, 0 = none
    int64_t booked_at_us
    int64_t amount_fen
    int64_t balance_fen  # available on the account after this entry
    int64_t face_fen  # the fare before what is taken off it, as sent or rated
    int64_t ends_us  # of a grant, as sent: the end of its lot
    uint32_t account
    uint32_t terminal
    uint32_t epoch
    uint32_t terminal_seq
    uint32_t place
    uint32_t line
    uint32_t window
    uint32_t tariff
    uint32_t rule  # cell of the tariff
    uint32_t legs_at  # index of the first leg in the legs that stand beside the entries
    uint32_t chip_before_fen  # what the chip said of itself: its balance before,
    uint32_t chip_counter  # its counter of purchases
    uint32_t chip_loads  # and that of its loads
    uint32_t sponsor  # of a grant, as sent: whose money it is
    uint32_t programme  # and what it is for
    int32_t travel_day  # days since 1970-01-01 in the ledger's zone
    uint16_t operator_id
    uint16_t issuer  # who answers for the payer's leg
    uint16_t effects  # after-images: Effect
    uint16_t marks  # Mark
    uint16_t scene
    uint16_t actor  # who had it booked, 0 = the terminal alone
    uint8_t legs
    uint8_t kind
    uint8_t outcome
    uint8_t reason  # why an offline tap went to suspense: the outcome it would have had
    uint8_t funding
    uint8_t flags  # as sent: Flag
    uint8_t rider_class
    uint8_t media
    uint8_t layout  # Template: which legs follow from the entry itself
    uint8_t version  # of the block it came from: bodies of version 1 have another digest
    uint16_t unused


cdef packed struct EntryRow:  # an entry as it stands in a block of version 2
    uint64_t token
    uint64_t body
    int64_t tapped_at_us
    int32_t amount_fen
    int32_t balance_fen
    int32_t face_fen
    uint32_t back  # how many sequences before this one `previous` is, 0 = none
    uint32_t account
    uint32_t terminal
    uint32_t epoch
    uint32_t terminal_seq
    uint32_t place
    uint32_t line
    uint16_t operator_id
    uint16_t issuer
    uint16_t effects
    uint16_t marks
    uint16_t scene
    uint8_t rider_class
    uint8_t media
    uint8_t kind
    uint8_t outcome
    uint8_t reason
    uint8_t funding
    uint8_t flags
    uint8_t layout
    uint8_t parts  # a bit a Part in which the row has more


cdef packed struct ReferencePart:  # `row` of each part is that of the entry in its block, ascending
    uint32_t row
    uint32_t what  # Reference
    uint64_t value


cdef packed struct RatingPart:
    uint32_t row
    uint32_t rule
    uint32_t tariff


cdef packed struct ChipPart:
    uint32_t row
    uint32_t before_fen
    uint32_t counter
    uint32_t loads


cdef packed struct WidePart:  # instead of what the row has in 32 bits, where one of them is too few
    uint32_t row
    uint32_t unused
    int64_t amount_fen
    int64_t balance_fen
    int64_t face_fen
    uint64_t previous


cdef packed struct SpanPart:
    uint32_t row
    uint32_t at  # index of its first leg in the block's legs; those of a template are not there
    uint8_t legs


cdef packed struct GrantPart:
    uint32_t row
    uint32_t sponsor
    uint32_t programme
    int64_t ends_us


cdef packed struct EntryRow1:  # an entry as it stands in a block of version 1
    uint64_t sequence
    uint64_t token
    uint64_t previous
    uint64_t about
    uint64_t journey
    uint64_t body
    int64_t tapped_at_us
    int64_t booked_at_us
    int64_t amount_fen
    int64_t balance_fen
    uint32_t account
    uint32_t terminal
    uint32_t epoch
    uint32_t terminal_seq
    uint32_t place
    uint32_t window
    uint32_t tariff
    uint32_t legs_at
    int32_t travel_day
    uint16_t operator_id
    uint16_t issuer
    uint8_t legs
    uint8_t kind
    uint8_t outcome
    uint8_t reason
    uint8_t funding
    uint8_t flags
    uint8_t effects
    uint8_t unused


cdef packed struct Leg:
    uint32_t owner  # an account for ACCOUNT, a participant otherwise
    uint16_t party  # the participant whose net position it moves
    uint8_t owner_kind
    uint8_t purse
    int64_t amount_fen  # positive: we owe the owner more


cdef packed struct AfterImage:
    uint32_t row  # index of the entry in its block
    uint32_t what  # Image: which state it is an after-image of
    uint64_t key
    int64_t value


cdef packed struct ParticipantRecord:
    uint64_t sequence
    uint16_t participant
    uint8_t kind
    uint8_t status
    uint32_t name_bytes
    uint8_t name[88]  # UTF-8


cdef packed struct TerminalRecord:  # was_*: what ends with it; was_operator 0 = nothing ends
    uint64_t sequence
    int64_t from_us  # what it says of owner, place, network, mode and status is true from then on
    uint32_t terminal
    uint32_t place
    uint32_t was_place
    uint32_t was_past  # row of the past before that one, 0 = none
    uint16_t operator_id
    uint16_t network
    uint16_t was_operator
    uint16_t was_network
    uint8_t was_status
    uint8_t mode
    uint8_t status
    uint8_t counterless  # its sequences are derived, not counted: no gaps to look for
    uint8_t number_bytes
    uint8_t number[26]  # printed on the terminal, UTF-8
    uint8_t was_mode


cdef packed struct TerminalRecord1:  # of blocks before there were times: true from the booking on
    uint64_t sequence
    uint32_t terminal
    uint32_t place
    uint16_t operator_id
    uint8_t mode
    uint8_t status
    uint8_t counterless
    uint8_t number_bytes
    uint8_t number[26]


# was_*: what ends with it, what it drew on or a spell; was_account and was_status 0 = nothing ends.
cdef packed struct CardRecord:
    uint64_t sequence
    uint64_t token
    int64_t since_us  # when the status took effect
    # What it says of account, issuer and funding is true from then on; where a spell ends, since when
    # the card had that status.
    int64_t from_us
    int64_t floor_fen  # of the account
    uint64_t holder
    uint32_t account
    uint32_t was_account
    uint32_t was_past  # row of the past before that one, 0 = none
    int32_t expires_day  # days since 1970-01-01, 0 = never said
    uint16_t issuer
    uint16_t home_issuer  # of the account
    uint16_t was_issuer
    uint16_t key_version  # of the key that made its token
    uint8_t was_funding
    uint8_t funding
    uint8_t status
    uint8_t bank_status  # of its second function, 0 = as the status
    uint8_t generation  # of the card that carries it
    uint8_t was_status  # that ends at `since_us`, for now the card is ACTIVE
    uint8_t unused[2]


cdef packed struct CardRecord1:  # of blocks before there were times: true from the booking on
    uint64_t sequence
    uint64_t token
    int64_t since_us
    int64_t floor_fen
    uint32_t account
    uint16_t issuer
    uint8_t funding
    uint8_t status


cdef packed struct WindowRecord:  # one row a participant
    uint64_t sequence
    uint64_t first  # first sequence of the window
    uint64_t cut  # last sequence of the window
    int64_t closed_at_us
    int64_t in_fen
    int64_t out_fen
    uint64_t legs
    uint32_t window
    int32_t business_day
    uint16_t participant
    uint8_t unused[6]


cdef packed struct DeclarationRecord:
    uint64_t sequence
    int64_t sum_fen
    uint64_t taps
    uint32_t terminal
    int32_t day


cdef packed struct TariffRecord:  # the blob holds stations * stations int32 fares, row = from
    uint64_t sequence
    int64_t effective_from_us
    uint32_t version
    uint32_t stations
    int32_t entry_min_fen
    uint8_t name[36]


cdef packed struct PolicyRecord:  # of TARIFF_SETS; the blob holds an ArrayRow an array, and the arrays
    uint64_t sequence
    int64_t effective_from_us
    uint32_t version
    uint16_t network
    uint16_t policy  # Policy: what is decided by it
    uint16_t arrays
    uint8_t name[36]
    uint8_t unused[2]


cdef packed struct ArrayRow:
    uint8_t name[16]
    uint32_t shape[4]  # the last dimension runs fastest; 0 in those it has not
    uint32_t offset  # from the start of the blob
    uint32_t bytes
    uint32_t check  # CRC-32 of its bytes
    uint8_t type  # ArrayType
    uint8_t rank
    uint8_t unused[2]


cdef packed struct ConfigRecord:
    uint64_t sequence
    int64_t go_live_us
    int64_t age_max_us
    int64_t ahead_max_us
    int64_t amount_max_fen
    int64_t zone_offset_us


cdef packed struct ActorRecord:
    uint64_t sequence
    int64_t from_us  # since when it is so
    uint8_t secret[32]  # SHA-256 of what it signs in with
    uint32_t roles  # a sum of ActorRole
    uint16_t actor  # 0: not one, but what holds for all: four_eyes
    uint16_t participant  # for whom it acts; 0 = whoever runs the ledger
    uint8_t status
    uint8_t four_eyes  # of actor 0 alone: 1 = what is listed on the page needs a checker
    uint8_t name_bytes
    uint8_t name[64]  # UTF-8
    uint8_t unused[5]


cdef packed struct SceneRecord:
    uint64_t sequence
    int64_t from_us  # since when it is so
    int64_t most_fen  # of one tap; 0 = what the ledger takes
    int64_t closed_us  # since when it is CLOSED; 0 = it is not
    uint16_t code
    uint16_t payee  # who earns instead of the terminal's operator; 0 = that one
    uint16_t mcc  # merchant category code, 0 = none said
    uint16_t rated_by  # the network whose tariffs rate its journeys; 0 = the terminal's
    uint8_t status
    uint8_t purse_count
    uint8_t purses[8]  # which pay, in this order: Purse
    uint8_t name_bytes
    uint8_t name[64]  # UTF-8
    uint8_t unused[5]


cdef packed struct CalendarRecord:  # the blob holds a byte a day, DayClass, of first_day on
    uint64_t sequence
    int64_t from_us  # since when it is so
    int32_t first_day  # days since 1970-01-01
    uint32_t days
    uint16_t calendar  # there is one, 0
    uint8_t unused[6]


cdef packed struct ActRecord:  # the blob holds the reasons, one after the other
    uint64_t sequence
    uint64_t subject  # first sequence of what was done; 0 of a refusal
    uint16_t actor  # who did it; 0 = whoever runs the ledger, not named
    uint16_t checker  # who said yes to it; 0 = nobody was asked
    uint16_t participant  # for whom; 0 = whoever runs the ledger
    uint16_t act  # a Record, or an ActKind
    uint16_t blocks  # that were written, from `subject` on
    uint16_t reason_bytes  # of its part of the blob
    uint8_t outcome
    uint8_t unused[3]
