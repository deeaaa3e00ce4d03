"""One entry into the next row of a block and its parts. Inlined where every tap comes by."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport (
    ChipPart,
    Entry,
    EntryRow,
    GrantPart,
    SpanPart,
    RatingPart,
    ReferencePart,
    WidePart,
)
from onecard.ext.shape.numbers cimport PARTS_MAX, Part, Reference, Template


cdef struct Parts:  # what the rows of a block have more, and how much of it there is
    ReferencePart* references
    RatingPart* ratings
    ChipPart* chips
    WidePart* wides
    SpanPart* spans
    GrantPart* grants
    uint32_t counts[PARTS_MAX]


cdef inline bint fits(int64_t value) noexcept nogil:
    """Returns True when 32 bits hold it."""
    return value == <int32_t>value


cdef inline void refer(
    Parts* parts, EntryRow* row, uint32_t at, uint32_t what, uint64_t value
) noexcept nogil:
    """Note one reference of a row; none that is 0."""
    cdef ReferencePart* part
    if value == 0:
        return
    part = &parts.references[parts.counts[<int>Part.REFERENCES]]
    part.row = at
    part.what = what
    part.value = value
    parts.counts[<int>Part.REFERENCES] += 1
    row.parts |= 1 << Part.REFERENCES


cdef inline void pack(
    const Entry* entry, EntryRow* row, uint32_t at, uint32_t legs_at, Parts* parts
) noexcept nogil:
    """The row numbered `at` of a block, whose explicit legs begin at `legs_at` of the block's."""
    cdef uint64_t back = entry.sequence - entry.previous if entry.previous != 0 else 0
    check(entry.previous < entry.sequence)
    row.token = entry.token
    row.body = entry.body
    row.tapped_at_us = entry.tapped_at_us
    row.amount_fen = <int32_t>entry.amount_fen
    row.balance_fen = <int32_t>entry.balance_fen
    row.face_fen = <int32_t>entry.face_fen
    row.back = <uint32_t>back
    row.account = entry.account
    row.terminal = entry.terminal
    row.epoch = entry.epoch
    row.terminal_seq = entry.terminal_seq
    row.place = entry.place
    row.line = entry.line
    row.operator_id = entry.operator_id
    row.issuer = entry.issuer
    row.effects = entry.effects
    row.marks = entry.marks
    row.scene = entry.scene
    row.rider_class = entry.rider_class
    row.media = entry.media
    row.kind = entry.kind
    row.outcome = entry.outcome
    row.reason = entry.reason
    row.funding = entry.funding
    row.flags = entry.flags
    row.layout = entry.layout
    row.parts = 0
    if entry.layout == Template.EXPLICIT and entry.legs != 0:
        row.parts |= 1 << Part.SPANS
        parts.spans[parts.counts[<int>Part.SPANS]].row = at
        parts.spans[parts.counts[<int>Part.SPANS]].at = legs_at
        parts.spans[parts.counts[<int>Part.SPANS]].legs = entry.legs
        parts.counts[<int>Part.SPANS] += 1
    if not fits(entry.amount_fen) or not fits(entry.balance_fen) or not fits(entry.face_fen) or (
        back >> 32 != 0
    ):
        widen(entry, row, at, parts)
    if entry.about | entry.journey | entry.caused_by | entry.actor:
        refer(parts, row, at, Reference.ABOUT, entry.about)
        refer(parts, row, at, Reference.JOURNEY, entry.journey)
        refer(parts, row, at, Reference.CAUSED_BY, entry.caused_by)
        refer(parts, row, at, Reference.ACTOR, entry.actor)
    if entry.tariff | entry.rule:
        rate(entry, row, at, parts)
    if entry.chip_before_fen | entry.chip_counter | entry.chip_loads:
        tell_chip(entry, row, at, parts)
    if entry.sponsor | entry.programme | <uint64_t>entry.ends_us:
        tell_grant(entry, row, at, parts)


cdef inline void widen(const Entry* entry, EntryRow* row, uint32_t at, Parts* parts) noexcept nogil:
    cdef WidePart* part = &parts.wides[parts.counts[<int>Part.WIDES]]
    part.row = at
    part.unused = 0
    part.amount_fen = entry.amount_fen
    part.balance_fen = entry.balance_fen
    part.face_fen = entry.face_fen
    part.previous = entry.previous
    parts.counts[<int>Part.WIDES] += 1
    row.amount_fen = 0
    row.balance_fen = 0
    row.face_fen = 0
    row.back = 0
    row.parts |= 1 << Part.WIDES


cdef inline void rate(const Entry* entry, EntryRow* row, uint32_t at, Parts* parts) noexcept nogil:
    cdef RatingPart* part = &parts.ratings[parts.counts[<int>Part.RATINGS]]
    part.row = at
    part.rule = entry.rule
    part.tariff = entry.tariff
    parts.counts[<int>Part.RATINGS] += 1
    row.parts |= 1 << Part.RATINGS


cdef inline void tell_chip(
    const Entry* entry, EntryRow* row, uint32_t at, Parts* parts
) noexcept nogil:
    cdef ChipPart* part = &parts.chips[parts.counts[<int>Part.CHIPS]]
    part.row = at
    part.before_fen = entry.chip_before_fen
    part.counter = entry.chip_counter
    part.loads = entry.chip_loads
    parts.counts[<int>Part.CHIPS] += 1
    row.parts |= 1 << Part.CHIPS


cdef inline void tell_grant(
    const Entry* entry, EntryRow* row, uint32_t at, Parts* parts
) noexcept nogil:
    cdef GrantPart* part = &parts.grants[parts.counts[<int>Part.GRANTS]]
    part.row = at
    part.sponsor = entry.sponsor
    part.programme = entry.programme
    part.ends_us = entry.ends_us
    parts.counts[<int>Part.GRANTS] += 1
    row.parts |= 1 << Part.GRANTS
