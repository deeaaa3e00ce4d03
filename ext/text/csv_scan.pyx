"""Lines of separated text to columns of integers, or where the first wrong byte is.

A number may also be written as a spreadsheet writes it: what was met is told by a bit of `seen`.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

import numpy as np

cdef enum:
    SIGNED_MAX_TENTH = 922337203685477580  # 2^63 - 1 without its last digit, which is 7
    DIGITS_MAX = 64  # of a field that is read again: leading zeros, commas and all

GOOD = 0
MARK = 1  # a line that begins with '#': not a row; the scan stopped before it
FIELDS_FEW = 2
FIELDS_MANY = 3
EMPTY = 4
NOT_INTEGER = 5
TOO_LARGE = 6  # does not fit in 64 bits with a sign
QUOTE_OPEN = 7  # a quoted field that does not end on its line
QUOTE_TAIL = 8  # something other than a delimiter after the closing quote
LINE_LONG = 9
NOT_DECIMAL = 10  # a number of another form than its column has

LINE_BYTES_MAX = 1 << 16  # far above any line of ours; no line may cost more than a chunk

# How the numbers of a column are written; a decimal one is read in hundredths.
WHOLE = 0
TWO_DECIMALS = 1  # 12.30
DECIMALS = 2  # 12.3 and 12 as well: a spreadsheet leaves zeros out

# Bits of `seen`.
SEEN_CR = 1
SEEN_PADDED = 2  # empty fields after the last
SEEN_THOUSANDS = 4
SEEN_APOSTROPHE = 8  # before a number, so that it stays text
SEEN_GUARD = 16  # ="123", likewise
SEEN_CENTS = 32  # a decimal one that is not whole


def scan(
    const uint8_t[::1] text, const int32_t[::1] column_of, int64_t[:, ::1] columns,
    uint8_t delimiter=44, const int32_t[::1] forms=None,
):
    """Read whole lines into `columns` (columns x rows).

    `text` ends with a newline. `column_of` says for each field of a line which column it is, -1
    for none; a quoted field may hold delimiters but no newline. `forms`: of each column, WHOLE
    where not given. Returns (rows read, bytes read, code, field, seen): the code is GOOD at the
    end of the text; otherwise `bytes read` is the start of the line at fault and `field` its
    field, from 0.
    """
    cdef int64_t rows = 0
    cdef int64_t at = 0
    cdef int64_t end
    cdef int64_t size = text.shape[0]
    cdef int64_t rows_max = columns.shape[1]
    cdef int32_t field = 0
    cdef int code = 0
    cdef uint32_t seen = 0
    cdef int32_t i
    cdef int64_t line_max = LINE_BYTES_MAX
    if forms is None:
        forms = np.zeros(columns.shape[0], np.int32)
    if size and text[size - 1] != 10:
        raise ValueError("the text does not end with a newline")
    if forms.shape[0] != columns.shape[0]:
        raise ValueError(f"{forms.shape[0]} forms of {columns.shape[0]} columns")
    for i in range(<int32_t>column_of.shape[0]):
        if column_of[i] >= columns.shape[0]:
            raise ValueError(f"field {i} is column {column_of[i]} of {columns.shape[0]}")
    with nogil:
        while at < size and rows < rows_max:
            if text[at] == 35:
                code = 1
                break
            end = _line(
                text, at, delimiter, column_of, forms, columns, rows, &field, &code, &seen
            )
            if end - at > line_max:
                field = 0
                code = 9
            if code:
                break
            at = end
            rows += 1
    return rows, at, code, field, seen


@cython.boundscheck(False)  # scan() saw the newline that stops every walk
cdef int64_t _line(
    const uint8_t[::1] text, int64_t at, uint8_t delimiter, const int32_t[::1] column_of,
    const int32_t[::1] forms, int64_t[:, ::1] columns, int64_t row, int32_t* field, int* code,
    uint32_t* seen,
) noexcept nogil:
    """One line from `at`; returns the start of the next. The newline at the end stops it."""
    cdef int32_t fields = <int32_t>column_of.shape[0]
    cdef int32_t i
    cdef int64_t start, stop
    cdef bint last = False
    for i in range(fields):
        field[0] = i
        if last:
            code[0] = 2
            return at
        start = at
        if text[at] == 34:
            start = at + 1
            at = _quoted(text, start, code)
            if code[0]:
                return at
            stop = at - 1
        else:
            while text[at] != delimiter and text[at] != 10:
                at += 1
            stop = at
            if text[at] == 10 and stop > start and text[stop - 1] == 13:
                seen[0] |= 1
                stop -= 1
        if text[at] == 13 and text[at + 1] == 10:
            seen[0] |= 1
            at += 1
        if text[at] != delimiter and text[at] != 10:
            code[0] = 8
            return at
        last = text[at] == 10
        at += 1
        if column_of[i] >= 0:
            code[0] = _number(
                text, start, stop, forms[column_of[i]], &columns[column_of[i], row], seen
            )
            if code[0]:
                # An empty line is a line with too few fields rather than one empty field.
                if i == 0 and last and fields > 1:
                    code[0] = 2
                return at
    if not last:
        field[0] = fields
        return _padding(text, at, delimiter, code, seen)
    return at


@cython.boundscheck(False)  # scan() saw the newline that stops every walk
cdef int64_t _padding(
    const uint8_t[::1] text, int64_t at, uint8_t delimiter, int* code, uint32_t* seen
) noexcept nogil:
    """Past the empty fields that a spreadsheet puts after the last one; else FIELDS_MANY."""
    while text[at] == delimiter:
        at += 1
    if text[at] == 13 and text[at + 1] == 10:
        seen[0] |= 1
        at += 1
    if text[at] != 10:
        code[0] = 3
        return at
    seen[0] |= 2
    return at + 1


@cython.boundscheck(False)  # scan() saw the newline that stops every walk
cdef inline int64_t _quoted(const uint8_t[::1] text, int64_t at, int* code) noexcept nogil:
    """Past the closing quote of a field whose first byte is at `at`; two quotes are one."""
    while True:
        if text[at] == 10:
            code[0] = 7
            return at
        if text[at] == 34:
            if text[at + 1] != 34:
                return at + 1
            at += 1
        at += 1


@cython.boundscheck(False)  # scan() saw the newline that stops every walk
cdef inline int _number(
    const uint8_t[::1] text, int64_t start, int64_t stop, int32_t form, int64_t* value,
    uint32_t* seen,
) noexcept nogil:
    """A number of a column; what is not plain digits is looked at again."""
    cdef int code
    if form == 0:
        code = _integer(&text[0], start, stop, value)
        if code != 5:
            return code
    elif start == stop:
        return 4
    return _written(text, start, stop, form, value, seen)


@cython.boundscheck(False)  # scan() saw the newline that stops every walk
cdef int _written(
    const uint8_t[::1] text, int64_t start, int64_t stop, int32_t form, int64_t* value,
    uint32_t* seen,
) noexcept nogil:
    """A number as a spreadsheet writes it: '123, ="123", 1,234 and, by `form`, decimals."""
    cdef uint8_t digits[DIGITS_MAX]
    cdef int count = 0
    cdef int decimals = -1  # after the point, -1: there is none
    cdef int in_group = -1  # digits since the last comma, -1: there is none
    cdef uint32_t met = 0
    cdef int64_t negative
    cdef uint8_t byte
    cdef int code
    if start < stop and text[start] == 39:
        met |= 8
        start += 1
    elif start + 1 < stop and text[start] == 61 and text[start + 1] == 34:
        met |= 16
        start += 1
        while start < stop and text[start] == 34:
            start += 1
        while stop > start and text[stop - 1] == 34:
            stop -= 1
    negative = start < stop and text[start] == 45
    start += negative
    if stop - start > DIGITS_MAX - 2 or start == stop:
        return 5
    while start < stop:
        byte = text[start]
        start += 1
        if byte == 46 and decimals < 0 and count > 0 and (in_group == -1 or in_group == 3):
            decimals = 0
            continue
        if byte == 44 and decimals < 0 and ((in_group == -1 and 1 <= count <= 3) or in_group == 3):
            met |= 4
            in_group = 0
            continue
        if byte < 48 or byte > 57:
            return 5
        if decimals >= 0:
            decimals += 1
        elif in_group >= 0:
            in_group += 1
        digits[count] = byte
        count += 1
    if (in_group != -1 and in_group != 3) or decimals == 0:
        return 5
    if form == 0 and decimals > 0:
        return 5
    if decimals > 2 or (form == 1 and decimals != 2):
        return 10
    if form > 0:
        if decimals > 0 and (digits[count - 1] != 48 or (decimals == 2 and digits[count - 2] != 48)):
            met |= 32
        decimals = max(decimals, 0)
        while decimals < 2:
            digits[count] = 48
            count += 1
            decimals += 1
    code = _integer(digits, 0, count, value)
    if code:
        return code
    if negative:
        value[0] = -value[0]
    seen[0] |= met
    return 0


cdef inline int _integer(
    const uint8_t* text, int64_t start, int64_t stop, int64_t* value
) noexcept nogil:
    """An optional minus and digits that fit in 64 bits with a sign."""
    cdef bint negative = start < stop and text[start] == 45
    cdef uint64_t total = 0
    cdef uint64_t digit
    if start == stop:
        return 4
    start += negative
    if start == stop:
        return 5
    while start < stop:
        digit = <uint64_t>text[start] - 48
        if digit > 9:
            return 5
        if total > <uint64_t>SIGNED_MAX_TENTH or (
            total == <uint64_t>SIGNED_MAX_TENTH and digit > 7
        ):
            return 6
        total = total * 10 + digit
        start += 1
    value[0] = -<int64_t>total if negative else <int64_t>total
    return 0
