"""One tap as the rules read it."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from onecard.ext.shape.tables cimport Account, Claim


cdef struct Tap:  # one row, read once
    uint64_t token
    uint64_t about
    uint64_t key  # epoch << 32 | terminal_seq
    uint64_t target  # of a reversal: the key it voids
    uint64_t caused_by  # the entry that made this one necessary
    int64_t tapped_at_us
    int64_t at_us  # tapped_at_us, or the booking time
    int64_t amount_fen
    int64_t face_fen  # the fare before anything was taken off it
    int64_t ends_us  # of a grant: the end of its lot, 0 none
    int64_t card  # row of the credential, -1 unknown
    Account* account  # the card's at that time, or of what is finished; NULL: the card is unknown
    const Claim* taken  # what was taken back of the entry it is about; NULL: it is about none
    uint32_t account_id
    uint32_t terminal
    uint32_t place
    uint32_t line
    uint32_t scene  # as sent; one above SCENE_MAX is not taken
    uint32_t chip_before_fen  # what the chip said of itself: its balance before,
    uint32_t chip_counter  # its counter of payments
    uint32_t chip_loads  # and that of its loads
    uint32_t sponsor  # of a grant: whose money it is
    uint32_t programme  # and what it is for
    uint16_t operator_id  # whose the terminal was at that time
    uint16_t issuer  # who answers for the payer's leg
    uint16_t network  # of the terminal at that time
    uint8_t mode  # likewise
    uint8_t funding
    uint8_t terminal_status
    uint8_t owns  # 1: what it is about is of its card or of its card's account
    uint8_t kind
    uint8_t flags
    uint8_t rider_class
    uint8_t media
    bint later  # one of the columns that clients of before do not send is not 0


cdef enum:
    SCENE_MAX = 65_535  # an entry has 16 bits for it
