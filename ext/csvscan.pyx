"""Lines of comma-separated text to columns of integers, or where the first wrong byte is."""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

cdef enum:
    SIGNED_MAX_TENTH = 922337203685477580  # 2^63 - 1 without its last digit, which is 7

GOOD = 0
MARK = 1  # a line that begins with '#': not a row; the scan stopped before it
FIELDS_FEW = 2
FIELDS_MANY = 3
EMPTY = 4
NOT_INTEGER = 5
TOO_LARGE = 6  # does not fit in 64 bits with a sign
QUOTE_OPEN = 7  # a quoted field that does not end on its line
QUOTE_TAIL = 8  # something other than a comma after the closing quote
LINE_LONG = 9

LINE_BYTES_MAX = 1 << 16  # far above any line of ours; no line may cost more than a chunk


def scan(const uint8_t[::1] text, const int32_t[::1] column_of, int64_t[:, ::1] columns):
    """Read whole lines into `columns` (columns x rows).

    `text` ends with a newline. `column_of` says for each field of a line which column it is, -1
    for none; a quoted field may hold commas but no newline. Returns (rows read, bytes read, code,
    field): the code is GOOD at the end of the text; otherwise `bytes read` is the start of the
    line at fault and `field` its field, from 0.
    """
    cdef int64_t rows = 0
    cdef int64_t at = 0
    cdef int64_t end
    cdef int64_t size = text.shape[0]
    cdef int64_t rows_max = columns.shape[1]
    cdef int32_t field = 0
    cdef int code = 0
    cdef int32_t i
    cdef int64_t line_max = LINE_BYTES_MAX
    if size and text[size - 1] != 10:
        raise ValueError("the text does not end with a newline")
    for i in range(<int32_t>column_of.shape[0]):
        if column_of[i] >= columns.shape[0]:
            raise ValueError(f"field {i} is column {column_of[i]} of {columns.shape[0]}")
    with nogil:
        while at < size and rows < rows_max:
            if text[at] == 35:
                code = 1
                break
            end = _line(text, at, column_of, columns, rows, &field, &code)
            if end - at > line_max:
                field = 0
                code = 9
            if code:
                break
            at = end
            rows += 1
    return rows, at, code, field


@cython.boundscheck(False)  # scan() saw the newline that stops every walk
cdef int64_t _line(
    const uint8_t[::1] text, int64_t at, const int32_t[::1] column_of, int64_t[:, ::1] columns,
    int64_t row, int32_t* field, int* code,
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
            while text[at] != 44 and text[at] != 10:
                at += 1
            stop = at
            if text[at] == 10 and stop > start and text[stop - 1] == 13:
                stop -= 1
        if text[at] == 13 and text[at + 1] == 10:
            at += 1
        if text[at] != 44 and text[at] != 10:
            code[0] = 8
            return at
        last = text[at] == 10
        at += 1
        if column_of[i] >= 0:
            code[0] = _integer(text, start, stop, &columns[column_of[i], row])
            if code[0]:
                # An empty line is a line with too few fields rather than one empty field.
                if i == 0 and last and fields > 1:
                    code[0] = 2
                return at
    if not last:
        field[0] = fields
        code[0] = 3
    return at


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
cdef inline int _integer(
    const uint8_t[::1] text, int64_t start, int64_t stop, int64_t* value
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
