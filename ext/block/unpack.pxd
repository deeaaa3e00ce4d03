from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from onecard.ext.shape.journal cimport (
    AfterImage,
    ChipPart,
    Entry,
    EntryRow,
    EntryRow1,
    GrantPart,
    Leg,
    SpanPart,
    RatingPart,
    ReferencePart,
    WidePart,
)
from onecard.ext.shape.numbers cimport PARTS_MAX


cdef struct Entries:  # where the pieces of a block of entries stand, and how far a reader is
    const EntryRow1* rows_1  # of version 1, else NULL
    const EntryRow* rows
    const ReferencePart* references
    const RatingPart* ratings
    const ChipPart* chips
    const WidePart* wides
    const SpanPart* spans
    const GrantPart* grants
    const Leg* legs
    const AfterImage* images
    uint32_t count
    uint32_t leg_count
    uint32_t image_count
    uint32_t parts[PARTS_MAX]  # rows of each part
    uint32_t next[PARTS_MAX]  # the first of each part that no entry before had
    uint64_t first
    int64_t booked_at_us
    int64_t zone_offset_us
    uint32_t window


cdef struct Piece:  # one entry and its legs, wherever these stand
    Entry entry
    const Leg* legs
    Leg own[2]  # of a template


cdef const char* lay_out(const uint8_t* value, uint64_t size, Entries* out) noexcept nogil
cdef const char* take(Entries* entries, uint32_t row, Piece* out) noexcept nogil
cdef void seek(Entries* entries, uint32_t row) noexcept nogil
