"""What is journalled: blocks as they stand on disk for ever. dtypes.pyx has the same for numpy."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef packed struct Header:  # starts every block; `hash` covers the bytes before it
    uint32_t magic
    uint16_t version
    uint16_t record  # Record: what the rows are
    uint8_t ledger[16]
    uint32_t epoch  # raised by every restore
    uint16_t row_bytes
    uint16_t hash_algorithm  # 1 = SHA-256
    uint32_t count
    uint32_t legs
    uint32_t images
    uint32_t blob_bytes
    uint64_t first  # sequence of the first row
    int64_t booked_at_us
    uint8_t body[32]  # SHA-256 of all bytes after the header
    uint8_t previous[32]  # hash of the block before
    uint8_t hash[32]  # SHA-256 of the header up to here


cdef packed struct Entry:
    uint64_t sequence
    uint64_t token
    uint64_t previous  # the entry before of the same account, 0 = none
    uint64_t about  # the entry refunded, captured, released or reversed
    uint64_t journey  # of an exit: the sequence of its entry tap
    uint64_t body  # digest of the whole tap as it was sent
    int64_t tapped_at_us  # device time as sent, 0 = none
    int64_t booked_at_us
    int64_t amount_fen
    int64_t balance_fen  # available on the account after this entry
    uint32_t account
    uint32_t terminal
    uint32_t epoch
    uint32_t terminal_seq
    uint32_t place
    uint32_t window
    uint32_t tariff
    uint32_t legs_at  # index of the first leg in the block's legs
    int32_t travel_day  # days since 1970-01-01 in the ledger's zone
    uint16_t operator_id
    uint16_t issuer
    uint8_t legs
    uint8_t kind
    uint8_t outcome
    uint8_t reason  # why an offline tap went to suspense: the outcome it would have had
    uint8_t funding
    uint8_t flags  # as sent: OFFLINE
    uint8_t effects  # after-images: JOURNEY_OPENED, JOURNEY_CLOSED, DENIED, UNDENIED
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


cdef packed struct TerminalRecord:
    uint64_t sequence
    uint32_t terminal
    uint32_t place
    uint16_t operator_id
    uint8_t mode
    uint8_t status
    uint8_t counterless  # its sequences are derived, not counted: no gaps to look for
    uint8_t number_bytes
    uint8_t number[26]  # printed on the terminal, UTF-8


cdef packed struct CardRecord:
    uint64_t sequence
    uint64_t token
    int64_t since_us  # when the status took effect
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


cdef packed struct ConfigRecord:
    uint64_t sequence
    int64_t go_live_us
    int64_t age_max_us
    int64_t ahead_max_us
    int64_t amount_max_fen
    int64_t zone_offset_us
