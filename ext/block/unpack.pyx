"""Entries of a block back into the one form in memory, of either version.

Nothing read from a file is believed: counts are compared with the size, and what a row says of its
parts with what stands in them. The digests of the block are its reader's to check.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

import numpy as np

from onecard.ext.block.template cimport CHARGE_LEGS, expand
from onecard.ext.shape import dtypes
from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport (
    AfterImage,
    ChipPart,
    Entry,
    EntryRow,
    EntryRow1,
    GrantPart,
    Header,
    Header1,
    Leg,
    SpanPart,
    RatingPart,
    ReferencePart,
    WidePart,
)
from onecard.ext.shape.numbers cimport DAY_S, IMAGES_MAX, LEGS_MAX, PARTS_MAX, SECOND_US
from onecard.ext.shape.numbers cimport Part, Record, Reference, Template

cdef uint64_t PART_BYTES[PARTS_MAX]
memset(PART_BYTES, 0, sizeof(PART_BYTES))
PART_BYTES[<int>Part.REFERENCES] = sizeof(ReferencePart)
PART_BYTES[<int>Part.RATINGS] = sizeof(RatingPart)
PART_BYTES[<int>Part.CHIPS] = sizeof(ChipPart)
PART_BYTES[<int>Part.WIDES] = sizeof(WidePart)
PART_BYTES[<int>Part.SPANS] = sizeof(SpanPart)
PART_BYTES[<int>Part.GRANTS] = sizeof(GrantPart)


def part_bytes(parts) -> int:
    """Bytes of the parts of a block, of which there are so many rows each (PARTS_MAX counts).

    ValueError where there are rows of a part that is not known.
    """
    cdef int part
    size = 0
    for part in range(PARTS_MAX):
        if parts[part] and not PART_BYTES[part]:
            raise ValueError(f"expected no part {part}, found {parts[part]} rows of it")
        size += int(parts[part]) * PART_BYTES[part]
    return size


cdef const char* lay_out(const uint8_t* value, uint64_t size, Entries* out) noexcept nogil:
    """Finds the pieces of a block of entries; NULL, or what of it does not fit."""
    cdef const Header* header = <const Header*>value
    cdef const uint8_t* at
    cdef uint64_t wanted
    cdef int part
    memset(out, 0, sizeof(Entries))
    if size < sizeof(Header1) or (header.version != 1 and size < sizeof(Header)):
        return b"it is too short for a header"
    if header.record != Record.ENTRIES:
        return b"its rows are no entries"
    out.count = header.count
    out.leg_count = header.legs
    out.image_count = header.images
    out.first = header.first
    out.booked_at_us = header.booked_at_us
    wanted = <uint64_t>header.legs * sizeof(Leg) + <uint64_t>header.images * sizeof(AfterImage)
    wanted += header.blob_bytes
    if header.version == 1:
        if header.row_bytes != sizeof(EntryRow1):
            return b"its rows have another size than entries of version 1"
        at = value + sizeof(Header1)
        out.rows_1 = <const EntryRow1*>at
        at += header.count * sizeof(EntryRow1)
        wanted += sizeof(Header1) + <uint64_t>header.count * sizeof(EntryRow1)
    else:
        if header.row_bytes != sizeof(EntryRow):
            return b"its rows have another size than entries of version 2"
        at = value + sizeof(Header)
        out.rows = <const EntryRow*>at
        out.window = header.window
        out.zone_offset_us = header.zone_offset_us
        wanted += sizeof(Header) + <uint64_t>header.count * sizeof(EntryRow)
        for part in range(PARTS_MAX):
            if header.parts[part] != 0 and PART_BYTES[part] == 0:
                return b"it has a part that is not known here"
            out.parts[part] = header.parts[part]
            wanted += header.parts[part] * PART_BYTES[part]
        if wanted != size:
            return b"it has another size than its header says"
        at += header.count * sizeof(EntryRow)
        out.references = <const ReferencePart*>at
        at += out.parts[<int>Part.REFERENCES] * sizeof(ReferencePart)
        out.ratings = <const RatingPart*>at
        at += out.parts[<int>Part.RATINGS] * sizeof(RatingPart)
        out.chips = <const ChipPart*>at
        at += out.parts[<int>Part.CHIPS] * sizeof(ChipPart)
        out.wides = <const WidePart*>at
        at += out.parts[<int>Part.WIDES] * sizeof(WidePart)
        out.spans = <const SpanPart*>at
        at += out.parts[<int>Part.SPANS] * sizeof(SpanPart)
        out.grants = <const GrantPart*>at
        at += out.parts[<int>Part.GRANTS] * sizeof(GrantPart)
    if wanted != size:
        return b"it has another size than its header says"
    out.legs = <const Leg*>at
    out.images = <const AfterImage*>(at + out.leg_count * sizeof(Leg))
    return NULL


cdef void seek(Entries* entries, uint32_t row) noexcept nogil:
    """Set the reader to a row, so that `take` gives this one next."""
    cdef int part
    cdef uint32_t low, high, middle
    cdef const uint8_t* at = <const uint8_t*>entries.references
    if entries.rows is NULL:
        return
    for part in range(PARTS_MAX):
        low = 0
        high = entries.parts[part]
        while low < high:
            middle = low + (high - low) // 2
            if (<const uint32_t*>(at + middle * PART_BYTES[part]))[0] < row:
                low = middle + 1
            else:
                high = middle
        entries.next[part] = low
        at += entries.parts[part] * PART_BYTES[part]


cdef const char* take(Entries* entries, uint32_t row, Piece* out) noexcept nogil:
    """One entry and its legs, rows in ascending order; NULL, or what of it does not fit."""
    cdef Entry* entry = &out.entry
    if row >= entries.count:
        return b"it has no such row"
    memset(entry, 0, sizeof(Entry))
    out.legs = NULL
    if entries.rows_1 is not NULL:
        return take_1(entries, &entries.rows_1[row], row, out)
    take_row(entries, &entries.rows[row], row, entry)
    return take_parts(entries, &entries.rows[row], row, out)


cdef inline void take_row(
    const Entries* entries, const EntryRow* row, uint32_t at, Entry* entry
) noexcept nogil:
    cdef int64_t local_us
    entry.sequence = entries.first + at
    entry.token = row.token
    entry.previous = entry.sequence - row.back if row.back != 0 else 0
    entry.body = row.body
    entry.tapped_at_us = row.tapped_at_us
    entry.booked_at_us = entries.booked_at_us
    entry.amount_fen = row.amount_fen
    entry.balance_fen = row.balance_fen
    entry.face_fen = row.face_fen
    entry.account = row.account
    entry.terminal = row.terminal
    entry.epoch = row.epoch
    entry.terminal_seq = row.terminal_seq
    entry.place = row.place
    entry.line = row.line
    entry.window = entries.window
    local_us = row.tapped_at_us if row.tapped_at_us != 0 else entries.booked_at_us
    # What a file says may be anything, also a sum that does not fit.
    local_us = <int64_t>(<uint64_t>local_us + <uint64_t>entries.zone_offset_us)
    entry.travel_day = <int32_t>(local_us // (<int64_t>DAY_S * SECOND_US))
    entry.operator_id = row.operator_id
    entry.issuer = row.issuer
    entry.effects = row.effects
    entry.marks = row.marks
    entry.scene = row.scene
    entry.rider_class = row.rider_class
    entry.media = row.media
    entry.kind = row.kind
    entry.outcome = row.outcome
    entry.reason = row.reason
    entry.funding = row.funding
    entry.flags = row.flags
    entry.layout = row.layout
    entry.version = 2


cdef inline const char* take_parts(
    Entries* entries, const EntryRow* row, uint32_t at, Piece* out
) noexcept nogil:
    """What a row has more. A part that lacks it, or has more of it, does not fit."""
    cdef Entry* entry = &out.entry
    cdef uint32_t next
    if row.layout > Template.CHARGE or row.layout != Template.EXPLICIT and row.parts & 1 << Part.SPANS:
        return b"a row has a template that is not known, or one and other legs"
    if row.parts & 1 << Part.REFERENCES and not take_references(entries, at, entry):
        return b"a row's references are missing or not known"
    if row.parts & 1 << Part.RATINGS:
        next = entries.next[<int>Part.RATINGS]
        if next >= entries.parts[<int>Part.RATINGS] or entries.ratings[next].row != at:
            return b"a row's rating is missing"
        entry.rule = entries.ratings[next].rule
        entry.tariff = entries.ratings[next].tariff
        entries.next[<int>Part.RATINGS] += 1
    if row.parts & 1 << Part.CHIPS:
        next = entries.next[<int>Part.CHIPS]
        if next >= entries.parts[<int>Part.CHIPS] or entries.chips[next].row != at:
            return b"what a row's chip says is missing"
        entry.chip_before_fen = entries.chips[next].before_fen
        entry.chip_counter = entries.chips[next].counter
        entry.chip_loads = entries.chips[next].loads
        entries.next[<int>Part.CHIPS] += 1
    if row.parts & 1 << Part.WIDES:
        next = entries.next[<int>Part.WIDES]
        if next >= entries.parts[<int>Part.WIDES] or entries.wides[next].row != at:
            return b"a row's wide numbers are missing"
        entry.amount_fen = entries.wides[next].amount_fen
        entry.balance_fen = entries.wides[next].balance_fen
        entry.face_fen = entries.wides[next].face_fen
        entry.previous = entries.wides[next].previous
        entries.next[<int>Part.WIDES] += 1
    if row.parts & 1 << Part.SPANS:
        next = entries.next[<int>Part.SPANS]
        if next >= entries.parts[<int>Part.SPANS] or entries.spans[next].row != at:
            return b"a row's legs are missing"
        entry.legs_at = entries.spans[next].at
        entry.legs = entries.spans[next].legs
        entries.next[<int>Part.SPANS] += 1
        if <uint64_t>entry.legs_at + entry.legs > entries.leg_count or entry.legs > LEGS_MAX:
            return b"a row names legs that the block has not"
        out.legs = &entries.legs[entry.legs_at]
    if row.layout == Template.CHARGE:
        entry.legs = <uint8_t>expand(entry, out.own)
        out.legs = out.own
    if row.parts & 1 << Part.GRANTS:
        next = entries.next[<int>Part.GRANTS]
        if next >= entries.parts[<int>Part.GRANTS] or entries.grants[next].row != at:
            return b"what a row grants is missing"
        entry.sponsor = entries.grants[next].sponsor
        entry.programme = entries.grants[next].programme
        entry.ends_us = entries.grants[next].ends_us
        entries.next[<int>Part.GRANTS] += 1
    return NULL


cdef inline bint take_references(Entries* entries, uint32_t at, Entry* entry) noexcept nogil:
    """Returns True when the row has one at least, and all that it has are known."""
    cdef const ReferencePart* part
    cdef bint found = False
    while entries.next[<int>Part.REFERENCES] < entries.parts[<int>Part.REFERENCES]:
        part = &entries.references[entries.next[<int>Part.REFERENCES]]
        if part.row != at:
            break
        if part.what == Reference.ABOUT:
            entry.about = part.value
        elif part.what == Reference.JOURNEY:
            entry.journey = part.value
        elif part.what == Reference.CAUSED_BY:
            entry.caused_by = part.value
        elif part.what == Reference.ACTOR and part.value < 1 << 16:
            entry.actor = <uint16_t>part.value
        else:
            return False
        found = True
        entries.next[<int>Part.REFERENCES] += 1
    return found


cdef inline const char* take_1(
    const Entries* entries, const EntryRow1* row, uint32_t at, Piece* out
) noexcept nogil:
    """An entry of version 1: all of it stands in its row."""
    cdef Entry* entry = &out.entry
    if row.sequence != entries.first + at:
        return b"a row has another sequence than its place says"
    if <uint64_t>row.legs_at + row.legs > entries.leg_count or row.legs > LEGS_MAX:
        return b"a row names legs that the block has not"
    entry.sequence = row.sequence
    entry.token = row.token
    entry.previous = row.previous
    entry.about = row.about
    entry.journey = row.journey
    entry.body = row.body
    entry.tapped_at_us = row.tapped_at_us
    entry.booked_at_us = row.booked_at_us
    entry.amount_fen = row.amount_fen
    entry.balance_fen = row.balance_fen
    entry.account = row.account
    entry.terminal = row.terminal
    entry.epoch = row.epoch
    entry.terminal_seq = row.terminal_seq
    entry.place = row.place
    entry.window = row.window
    entry.tariff = row.tariff
    entry.legs_at = row.legs_at
    entry.travel_day = row.travel_day
    entry.operator_id = row.operator_id
    entry.issuer = row.issuer
    entry.legs = row.legs
    entry.kind = row.kind
    entry.outcome = row.outcome
    entry.reason = row.reason
    entry.funding = row.funding
    entry.flags = row.flags
    entry.effects = row.effects
    entry.version = 1
    out.legs = &entries.legs[row.legs_at]
    return NULL


cdef uint64_t legs_of(const Entries* entries) noexcept nogil:
    """How many legs the entries have, those of templates included, at most."""
    cdef uint64_t legs = entries.leg_count
    cdef uint32_t row
    if entries.rows is not NULL:
        for row in range(entries.count):
            if entries.rows[row].layout == Template.CHARGE:
                legs += CHARGE_LEGS
    return legs


def all_of(value):
    """(ENTRY rows, LEG legs, AFTER_IMAGE images) of a block of entries, `legs_at` into these legs.

    ValueError, in words that follow the block's name, where it does not fit itself. Parts are
    compared in whole: none may be of no row.
    """
    cdef const uint8_t[::1] view = value
    cdef Entries entries
    cdef Piece piece
    cdef const char* fault = lay_out(&view[0], view.shape[0], &entries)
    cdef Entry[::1] to
    cdef Leg[::1] legs_to
    cdef uint32_t row
    cdef uint64_t leg = 0
    cdef uint64_t explicit = 0  # legs of rows before, that stand in the block
    cdef uint64_t most
    cdef int part
    if fault is not NULL:
        raise ValueError(fault.decode())
    most = legs_of(&entries)
    rows = np.empty(entries.count, dtypes.ENTRY)
    legs = np.zeros(most + 1, dtypes.LEG)
    if entries.count:
        to = rows
        legs_to = legs
        with nogil:
            for row in range(entries.count):
                fault = take(&entries, row, &piece)
                if fault is not NULL:
                    break
                if piece.entry.layout == Template.EXPLICIT and piece.entry.legs:
                    if piece.entry.legs_at != explicit:
                        fault = b"its legs are not in the order of its rows"
                        break
                    explicit += piece.entry.legs
                piece.entry.legs_at = <uint32_t>leg
                if piece.entry.legs:
                    memcpy(&legs_to[leg], piece.legs, piece.entry.legs * sizeof(Leg))
                leg += piece.entry.legs
                to[row] = piece.entry
    if fault is NULL and explicit != entries.leg_count:
        fault = b"it has legs of no row"
    for part in range(PARTS_MAX):
        if fault is NULL and entries.rows is not NULL and entries.next[part] != entries.parts[part]:
            fault = b"it has parts of no row"
    if fault is not NULL:
        raise ValueError(fault.decode())
    images = np.frombuffer(
        value, dtypes.AFTER_IMAGE, entries.image_count,
        <const uint8_t*>entries.images - &view[0],
    )
    rows.flags.writeable = False
    legs = legs[:leg]
    legs.flags.writeable = False
    return rows, legs, images


def some_of(value, const uint64_t[::1] sequences, rows):
    """Fill `rows` (ENTRY) with the entries of `sequences`, ascending, all of this block; their legs.

    ValueError where the block does not fit itself. Nothing else of the block is read.
    """
    cdef const uint8_t[::1] view = value
    cdef Entries entries
    cdef Piece piece
    cdef const char* fault = lay_out(&view[0], view.shape[0], &entries)
    cdef Entry[::1] to = rows
    cdef Leg[::1] legs_to
    cdef Py_ssize_t i
    cdef Py_ssize_t leg = 0
    if fault is not NULL:
        raise ValueError(fault.decode())
    legs = np.zeros(sequences.shape[0] * LEGS_MAX + 1, dtypes.LEG)
    legs_to = legs
    with nogil:
        for i in range(sequences.shape[0]):
            if not entries.first <= sequences[i] < entries.first + entries.count:
                fault = b"it has no such row"
                break
            seek(&entries, <uint32_t>(sequences[i] - entries.first))
            fault = take(&entries, <uint32_t>(sequences[i] - entries.first), &piece)
            if fault is not NULL:
                break
            piece.entry.legs_at = <uint32_t>leg
            if piece.entry.legs:
                memcpy(&legs_to[leg], piece.legs, piece.entry.legs * sizeof(Leg))
            leg += piece.entry.legs
            to[i] = piece.entry
    if fault is not NULL:
        raise ValueError(fault.decode())
    return legs[:leg]


def images_of(value, const uint64_t[::1] sequences, images):
    """Fill `images` (AFTER_IMAGE, IMAGES_MAX a row) with those of the entries of `sequences`,
    ascending, all of this block; what an entry has not keeps its zeros.

    ValueError where the block does not fit itself. Nothing else of the block is read.
    """
    cdef const uint8_t[::1] view = value
    cdef Entries entries
    cdef const char* fault = lay_out(&view[0], view.shape[0], &entries)
    cdef AfterImage[:, ::1] to = images
    cdef Py_ssize_t i
    cdef uint64_t row
    cdef uint32_t low, high, middle
    cdef int kept
    if fault is not NULL:
        raise ValueError(fault.decode())
    if to.shape[0] != sequences.shape[0] or to.shape[1] != IMAGES_MAX:
        raise ValueError(f"{to.shape[0]} rows for the images of {sequences.shape[0]} entries")
    for i in range(sequences.shape[0]):
        if not entries.first <= sequences[i] < entries.first + entries.count:
            raise ValueError("it has no such row")
        row = sequences[i] - entries.first
        low, high = 0, entries.image_count
        while low < high:  # they lie in the order of their rows
            middle = (low + high) // 2
            if entries.images[middle].row < row:
                low = middle + 1
            else:
                high = middle
        kept = 0
        while low < entries.image_count and kept < IMAGES_MAX and entries.images[low].row == row:
            to[i, kept] = entries.images[low]
            kept += 1
            low += 1


@cython.final
cdef class Trace:
    """An account's entries, newest first, into `rows` (ENTRY), block by block; `at` is how many."""

    cdef Entry[::1] rows
    cdef readonly Py_ssize_t at

    def __init__(self, rows not None):
        self.rows = rows
        self.at = 0

    def take(self, value, uint64_t last) -> int:
        """The entry `last` and those that each calls the one before, so long as these are of this
        block and there is room; the sequence that comes next, 0 where none does. `legs_at` of each is 0.

        ValueError where `last` is none of its entries, or where it does not fit itself.
        """
        cdef const uint8_t[::1] view = value
        cdef Entries entries
        cdef Piece piece
        cdef const char* fault = lay_out(&view[0], view.shape[0], &entries)
        if fault is NULL and not entries.first <= last < entries.first + entries.count:
            fault = b"it has no such row"
        with nogil:
            while fault is NULL and self.at < self.rows.shape[0] and last >= entries.first:
                seek(&entries, <uint32_t>(last - entries.first))
                fault = take(&entries, <uint32_t>(last - entries.first), &piece)
                if fault is NULL and piece.entry.previous >= last:
                    fault = b"an entry is before the one that it calls the one before"
                if fault is NULL:
                    piece.entry.legs_at = 0  # they are not read here
                    self.rows[self.at] = piece.entry
                    last = piece.entry.previous
                    self.at += 1
        if fault is not NULL:
            raise ValueError(fault.decode())
        return last


def glance(value):
    """(first, count, record) of a block whose header was checked before."""
    cdef const uint8_t[::1] view = value
    cdef const Header* header = <const Header*>&view[0]
    return header.first, header.count, header.record
