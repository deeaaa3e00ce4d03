"""Bytes to columns, decisions to bytes.

A TapBatch whose columns each stand as one packed run is read where it stands. Anything else that
is valid (unpacked values, a column in several runs, groups) is written again in that one form, and
read the same way; so both give the same result. What is valid, and what it says, is as the protobuf
library has it.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, memset

import sys

import cython
import numpy as np

from onecard.ext.wire.fields cimport (
    DONE,
    FIELDS,
    IRREGULAR,
    SCALAR,
    TRUNCATED,
    UNEVEN,
    Found,
    Scan,
    gather_runs,
    scan_runs,
)
from onecard.ext.shape.check cimport check
from onecard.ext.shape.kinds cimport BY_JOURNEY, NO_AMOUNT, KindRule, rule_of
from onecard.ext.shape.numbers cimport KINDS, Flag, Kind
from onecard.ext.shape.numbers import Kind as KindName  # of a number, for a refusal

if sys.byteorder != "little":
    raise ImportError("wire: columns are read in place, which takes a little-endian machine")

# The columns in the order of their fields, the first of which is 2 (request_id is 1). What width
# each has on the wire and where it is read to follow from here; tap.proto says the same to others.
TAP_COLUMNS = {
    "card": "<u8",
    "terminal": "<u4",
    "terminal_seq": "<u4",
    "epoch": "<u4",
    "tapped_at_us": "<i8",
    "kind": "u1",
    "amount_fen": "<i8",
    "flags": "u1",
    "place": "<u4",
    "about": "<u8",
    "about_epoch": "<u4",
    "about_seq": "<u4",
    "line": "<u4",
    "scene": "<u4",
    "rider_class": "u1",
    "media": "u1",
    "face_fen": "<i8",
    "chip_before_fen": "<u4",
    "chip_counter": "<u4",
    "chip_loads": "<u4",
    "caused_by": "<u8",
    "sponsor": "<u4",
    "programme": "<u4",
    "ends_us": "<i8",
}
DECISION_COLUMNS = {
    "outcome": "u1",
    "sequence": "<u8",
    "amount_fen": "<i8",
    "balance_fen": "<i8",
    "repeated": "u1",
}

TAP_NUMBERS = {name: number for number, name in enumerate(TAP_COLUMNS, 2)}
DECISION_NUMBERS = {name: number for number, name in enumerate(DECISION_COLUMNS, 2)}

cdef enum:
    TAP_REQUIRED = 3  # columns, the first: without one of them a tap is none
    DECISION_REQUIRED = 1

cdef int TAP_LAST = 1 + len(TAP_COLUMNS)
cdef int DECISION_LAST = 1 + len(DECISION_COLUMNS)
cdef uint8_t[FIELDS] TAP_WIDTH
cdef uint8_t[FIELDS] DECISION_WIDTH


cdef int _fill_widths(uint8_t* width, dict columns) except -1:
    """Bytes of a value of each field, as the table says."""
    if len(columns) + 2 > FIELDS:
        raise ImportError(f"wire: expected FIELDS of {len(columns) + 2} or more, found {FIELDS}")
    memset(width, 0, FIELDS)
    width[1] = SCALAR
    for field, kind in enumerate(columns.values(), 2):
        width[<int>field] = np.dtype(kind).itemsize
    return 0


_fill_widths(TAP_WIDTH, TAP_COLUMNS)
_fill_widths(DECISION_WIDTH, DECISION_COLUMNS)
if sizeof(Columns) != COLUMNS_AT + len(TAP_COLUMNS) * sizeof(Column):
    raise ImportError(
        f"wire: expected {len(TAP_COLUMNS)} pointers in the struct Columns, "
        f"found {(sizeof(Columns) - COLUMNS_AT) // sizeof(Column)}"
    )


@cython.final
cdef class Taps:
    """One TapBatch, its columns where they stand in the message."""

    @property
    def count(self):
        return self.columns.count

    @property
    def request_id(self):
        return self.columns.request_id

    def column(self, str name):
        """A copy of one column, for tests and tools; zeros where it is absent."""
        kind = np.dtype(TAP_COLUMNS[name])
        cdef int field = TAP_NUMBERS[name]
        cdef const uint8_t* start = _pointers(&self.columns)[field - 2]
        if start == NULL:
            return np.zeros(self.columns.count, kind)
        cdef Py_ssize_t offset = start - <const uint8_t*>PyBytes_AS_STRING(self.message)
        return np.frombuffer(self.message, kind, self.columns.count, offset).copy()


def is_regular(bytes message not None):
    """Returns True when a TapBatch is read where it stands, or is refused at a glance."""
    cdef Found found
    cdef const uint8_t* data = <const uint8_t*>PyBytes_AS_STRING(message)
    return scan_runs(data, len(message), TAP_WIDTH, TAP_LAST, &found) != IRREGULAR


def regular_taps(bytes message not None, Py_ssize_t taps_max):
    """The same TapBatch with each column in one run, and nothing else. Raises as `read_taps`.

    Most of it runs without the GIL, so that a thread beside the others can do it.
    """
    cdef Found found
    return _gather(message, TAP_WIDTH, TAP_LAST, "TapBatch", TAP_COLUMNS, TAP_REQUIRED, taps_max, &found)


def read_taps(bytes message not None, Py_ssize_t taps_max):
    """The columns of a TapBatch.

    Raises ValueError, one line, for what is no TapBatch: the field, the offset, what was
    expected and what was found.
    """
    cdef Found found
    message = _scan(message, TAP_WIDTH, TAP_LAST, "TapBatch", TAP_COLUMNS, TAP_REQUIRED, taps_max, &found)
    cdef Py_ssize_t count = _count_rows(
        &found, TAP_WIDTH, TAP_LAST, TAP_COLUMNS, "TapBatch", TAP_REQUIRED, taps_max
    )
    cdef Taps taps = Taps.__new__(Taps)
    taps.message = message
    cdef const uint8_t* base = <const uint8_t*>PyBytes_AS_STRING(message)
    cdef Column* to = _pointers(&taps.columns)
    cdef Py_ssize_t size = len(message)
    cdef int field
    taps.columns.count = count
    taps.columns.request_id = found.request_id
    taps.columns.later = 0
    for field in range(2, TAP_LAST + 1):
        check(found.runs[field].at >= 0)
        check(found.runs[field].at + found.runs[field].size <= size)
        check(found.runs[field].size <= count * TAP_WIDTH[field])
        to[field - 2] = _at(base, &found, field)
        taps.columns.later += field >= FIRST_LATER and to[field - 2] != NULL
    _check_amounts(count, &taps.columns)
    return taps


cdef inline Column* _pointers(Columns* columns) noexcept nogil:
    """The pointers of the struct, one a column, in the order of TAP_COLUMNS."""
    return <Column*>(<uint8_t*>columns + COLUMNS_AT)


@cython.final
cdef class Decisions:
    """One Decisions message; made for `count` rows, all zero, or read from a server's answer."""

    def __init__(self, Py_ssize_t count, uint64_t request_id):
        if count < 0:
            raise ValueError(f"Decisions: {count} rows, expected 0 or more")
        self.count = count
        self.request_id = request_id
        cdef Py_ssize_t size = 9
        cdef int field
        if count:
            for field in range(2, DECISION_LAST + 1):
                size += _run_bytes(field, DECISION_WIDTH[field] * count)
        self.message = PyBytes_FromStringAndSize(NULL, size)
        cdef uint8_t* start = <uint8_t*>PyBytes_AS_STRING(self.message)
        cdef uint8_t* to = start
        memset(to, 0, size)
        to[0] = 1 << 3 | 1
        memcpy(to + 1, &request_id, 8)
        to += 9
        if count:
            self.outcome = _open_run(&to, 2, count)
            self.sequence = _open_run(&to, 3, 8 * count)
            self.amount_fen = _open_run(&to, 4, 8 * count)
            self.balance_fen = _open_run(&to, 5, 8 * count)
            self.repeated = _open_run(&to, 6, count)
        if to - start != size:
            raise AssertionError(f"Decisions: laid out {to - start} bytes of {size}")

    def column(self, str name):
        """One column as a read-only array over the message; it keeps the message alive."""
        kind = np.dtype(DECISION_COLUMNS[name])
        cdef Column[5] starts = [
            self.outcome, self.sequence, self.amount_fen, self.balance_fen, self.repeated
        ]
        cdef const uint8_t* start = starts[list(DECISION_COLUMNS).index(name)]
        if start == NULL:
            return np.zeros(self.count, kind)
        cdef Py_ssize_t offset = start - <const uint8_t*>PyBytes_AS_STRING(self.message)
        return np.frombuffer(self.message, kind, self.count, offset)


def read_decisions(bytes message not None):
    """A server's answer. Raises ValueError for what is no Decisions message."""
    cdef Found found
    message = _scan(
        message, DECISION_WIDTH, DECISION_LAST, "Decisions", DECISION_COLUMNS, DECISION_REQUIRED, -1, &found
    )
    cdef Decisions decisions = Decisions.__new__(Decisions)
    decisions.message = message
    decisions.count = _count_rows(
        &found, DECISION_WIDTH, DECISION_LAST, DECISION_COLUMNS, "Decisions", DECISION_REQUIRED, -1
    )
    decisions.request_id = found.request_id
    cdef uint8_t* base = <uint8_t*>PyBytes_AS_STRING(message)
    decisions.outcome = <uint8_t*>_at(base, &found, 2)
    decisions.sequence = <uint8_t*>_at(base, &found, 3)
    decisions.amount_fen = <uint8_t*>_at(base, &found, 4)
    decisions.balance_fen = <uint8_t*>_at(base, &found, 5)
    decisions.repeated = <uint8_t*>_at(base, &found, 6)
    return decisions


# ---- reading ---------------------------------------------------------------------------------


cdef bytes _scan(
    bytes message, const uint8_t* width, int last, str what, dict columns, int required,
    Py_ssize_t rows_max, Found* found
):
    """The message `found` is about: the one given, or as it was gathered."""
    cdef const uint8_t* data = <const uint8_t*>PyBytes_AS_STRING(message)
    cdef Py_ssize_t size = len(message)
    cdef Scan how
    with nogil:
        how = scan_runs(data, size, width, last, found)
    if how == IRREGULAR:
        message = _gather(message, width, last, what, columns, required, rows_max, found)
        data = <const uint8_t*>PyBytes_AS_STRING(message)
        how = scan_runs(data, len(message), width, last, found)
        if how != DONE:
            raise AssertionError(f"{what}: what was gathered is not regular ({how})")
    elif how != DONE:
        _refuse(how, what, found)
    return message


cdef bytes _gather(
    bytes message, const uint8_t* width, int last, str what, dict columns, int required,
    Py_ssize_t rows_max, Found* found
):
    """The message again, its columns each in one run: counted first, refused if they are too many
    or unequal, then copied."""
    cdef const uint8_t* data = <const uint8_t*>PyBytes_AS_STRING(message)
    cdef Py_ssize_t size = len(message)
    cdef Scan how
    cdef int field
    with nogil:
        how = gather_runs(data, size, width, last, found, NULL)
    if how != DONE:
        _refuse(how, what, found)
    _count_rows(found, width, last, columns, what, required, rows_max)
    cdef Py_ssize_t whole = 9 if found.identified else 0
    for field in range(2, last + 1):
        if found.runs[field].size:
            whole += _run_bytes(field, found.runs[field].size)
    cdef bytes regular = PyBytes_FromStringAndSize(NULL, whole)
    cdef uint8_t* start = <uint8_t*>PyBytes_AS_STRING(regular)
    cdef uint8_t* to = start
    cdef (uint8_t*)[FIELDS] columns_at
    if found.identified:
        to[0] = 1 << 3 | 1
        memcpy(to + 1, &found.request_id, 8)
        to += 9
    for field in range(2, last + 1):
        columns_at[field] = NULL
        if found.runs[field].size:
            columns_at[field] = _open_run(&to, field, found.runs[field].size)
    if to - start != whole:
        raise AssertionError(f"{what}: laid out {to - start} bytes of {whole}")
    with nogil:
        how = gather_runs(data, size, width, last, found, columns_at)
    if how != DONE:
        raise AssertionError(f"{what}: read twice and found another ({how})")
    return regular


cdef _refuse(Scan how, str what, Found* found):
    if how == TRUNCATED:
        raise ValueError(
            f"{what}: truncated at {_name(found.field, what)}, byte {found.at}: expected "
            f"{found.expected} more bytes, found {found.actual}; send the whole message"
        )
    if how == UNEVEN:
        raise ValueError(
            f"{what}: {_name(found.field, what)} at byte {found.at}: expected whole values of "
            f"{found.expected} bytes, found {found.actual} bytes"
        )
    raise ValueError(
        f"{what}: {_name(found.field, what)} at byte {found.at}: expected a field of {what}, "
        f"found wire type {found.wire} in what is no protobuf message"
    )


cdef inline const uint8_t* _at(const uint8_t* base, const Found* found, int field) noexcept nogil:
    return base + found.runs[field].at if found.runs[field].size else NULL


cdef Py_ssize_t _count_rows(
    Found* found, const uint8_t* width, int last, dict columns, str what, int required,
    Py_ssize_t rows_max
) except -1:
    """Rows of all columns; they are equal, and the first `required` ones are there. No more than
    `rows_max`, where that is not negative."""
    cdef Py_ssize_t count = 0
    cdef Py_ssize_t rows
    cdef int field
    cdef int first = 0
    for field in range(2, last + 1):
        rows = found.runs[field].size // width[field]
        if rows == 0:
            continue
        if first == 0:
            first = field
            count = rows
        elif rows != count:
            raise ValueError(
                f"{what}: columns of unequal length: {_name(first, what)} has {count} rows, "
                f"{_name(field, what)} has {rows}; send one value a tap or leave the column out"
            )
    for field in range(2, required + 2):
        if count and found.runs[field].size == 0:
            raise ValueError(
                f"{what}: required column {_name(field, what)} is missing, "
                f"while {_name(first, what)} has {count} rows"
            )
    if 0 <= rows_max < count:
        raise ValueError(
            f"{what}: {count} taps, at most {rows_max} a message; split it and send it again"
        )
    return count


cdef void _check_amounts(
    Py_ssize_t count, const Columns* columns
) except *:
    """ValueError where the amounts are left out and a row needs one: 0 fen would be booked."""
    cdef const uint8_t* kind = columns.kind
    cdef const uint8_t* flags = columns.flags
    cdef Py_ssize_t row
    if columns.amount_fen != NULL:
        return
    for row in range(count):
        if kind == NULL or _has_amount(kind[row], 0 if flags == NULL else flags[row]):
            raise ValueError(
                f"TapBatch: column {_name(TAP_NUMBERS['amount_fen'], 'TapBatch')} is missing, while row {row} (counted "
                f"from 0) is a {_kind_name(kind[row] if kind != NULL else 0)}, "
                "which needs an amount; send the column, with 0 for a free ride"
            )


cdef str _kind_name(uint8_t kind):
    """Of a kind that needs an amount, or does where its flags say that the gate rated it."""
    if kind == 0:
        kind = Kind.RIDE
    return ("gate-rated " if rule_of(kind).amount == NO_AMOUNT else "") + KindName(kind).name


cdef inline bint _has_amount(uint8_t kind, uint8_t flags) noexcept nogil:
    cdef const KindRule* rule
    if kind == 0:
        kind = Kind.RIDE
    if kind >= KINDS:
        return False
    rule = rule_of(kind)
    return rule.amount != NO_AMOUNT or (flags & Flag.RATED and rule.rate == BY_JOURNEY)


cdef str _name(Py_ssize_t field, str what):
    if field == 1:
        return "request_id (field 1)"
    names = list(TAP_COLUMNS if what == "TapBatch" else DECISION_COLUMNS)
    return f"{names[field - 2]} (field {field})" if 2 <= field < len(names) + 2 else f"field {field}"


# ---- writing ---------------------------------------------------------------------------------


cdef inline int _varint_bytes(uint64_t value) noexcept nogil:
    cdef int size = 1
    while value >= 0x80:
        value >>= 7
        size += 1
    return size


cdef inline Py_ssize_t _run_bytes(int field, Py_ssize_t size) noexcept nogil:
    """Bytes of a whole run: its tag, its length, its values."""
    return _varint_bytes(field << 3 | 2) + _varint_bytes(size) + size


cdef inline void _put_varint(uint8_t** to, uint64_t value) noexcept nogil:
    while value >= 0x80:
        to[0][0] = <uint8_t>(value & 0x7F | 0x80)
        to[0] += 1
        value >>= 7
    to[0][0] = <uint8_t>value
    to[0] += 1


def packed_run(int field, bytes content):
    """A column as it is sent: its tag, its length, its values."""
    cdef Py_ssize_t size = len(content)
    cdef bytearray run = bytearray(_run_bytes(field, size))
    cdef uint8_t* to = <uint8_t*><char*>run
    memcpy(_open_run(&to, field, size), <const char*>content, size)
    return bytes(run)


cdef inline uint8_t* _open_run(uint8_t** to, int field, uint64_t size) noexcept nogil:
    """Writes a run's tag and length, and gives where its values go."""
    _put_varint(to, field << 3 | 2)
    _put_varint(to, size)
    cdef uint8_t* start = to[0]
    to[0] = start + size
    return start
