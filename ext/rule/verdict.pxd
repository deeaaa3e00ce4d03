from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from onecard.ext.shape.journal cimport AfterImage, Entry, Leg
from onecard.ext.shape.numbers cimport IMAGES_MAX, LEGS_MAX
from onecard.ext.shape.tables cimport Account
from onecard.ext.state.state cimport State


cdef struct Tap:  # one row, read once
    uint64_t token
    uint64_t about
    uint64_t key  # epoch << 32 | terminal_seq
    uint64_t target  # of a reversal: the key it voids
    int64_t tapped_at_us
    int64_t at_us  # tapped_at_us, or the booking time
    int64_t amount_fen
    int64_t card  # row of the credential, -1 unknown
    Account* account  # NULL where the card is unknown
    uint32_t account_id
    uint32_t terminal
    uint32_t place
    uint16_t operator_id
    uint8_t kind
    uint8_t flags


cdef struct Plan:  # what is to be booked
    uint8_t outcome
    uint8_t reason
    uint8_t effects
    int64_t amount_fen
    uint64_t about
    uint64_t journey
    uint32_t tariff
    int legs
    int images
    Leg leg[LEGS_MAX]
    AfterImage image[IMAGES_MAX]


cdef uint8_t form(State state, const Tap* tap) noexcept nogil
cdef void decide(
    State state, const Tap* tap, const Entry* original, int64_t now_us, Plan* plan
) noexcept nogil
