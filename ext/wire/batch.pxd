"""A batch as it stands on the wire: columns in, decisions out, no object per tap."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy


ctypedef const uint8_t* Column


cdef enum:
    COLUMNS_AT = 24  # where the pointers of Columns start
    FIRST_LATER = 14  # field of the first column that clients of before do not send


cdef struct Columns:
    # Each pointer is to `count` little-endian values inside the message, unaligned: read them with
    # the functions below. NULL is an absent column: its default, 0, on every row. amount_fen is
    # absent only where no row's kind needs it. They stand in the order of TAP_COLUMNS.
    Py_ssize_t count
    uint64_t request_id
    uint64_t later  # how many of the columns from FIRST_LATER on are there
    const uint8_t* card  # u64
    const uint8_t* terminal  # u32
    const uint8_t* terminal_seq  # u32
    const uint8_t* epoch  # u32
    const uint8_t* tapped_at_us  # i64
    const uint8_t* kind  # u8
    const uint8_t* amount_fen  # i64
    const uint8_t* flags  # u8
    const uint8_t* place  # u32
    const uint8_t* about  # u64
    const uint8_t* about_epoch  # u32
    const uint8_t* about_seq  # u32
    const uint8_t* line  # u32
    const uint8_t* scene  # u32
    const uint8_t* rider_class  # u8
    const uint8_t* media  # u8
    const uint8_t* face_fen  # i64
    const uint8_t* chip_before_fen  # u32
    const uint8_t* chip_counter  # u32
    const uint8_t* chip_loads  # u32
    const uint8_t* caused_by  # u64
    const uint8_t* sponsor  # u32
    const uint8_t* programme  # u32
    const uint8_t* ends_us  # i64


cdef class Taps:
    """One TapBatch; lives as long as its columns are read."""

    cdef Columns columns
    cdef bytes message  # what the columns point into


cdef class Decisions:
    """One Decisions message of its final size; the judge writes each row in place."""

    cdef readonly bytes message
    cdef readonly Py_ssize_t count
    cdef readonly uint64_t request_id
    cdef uint8_t* outcome
    cdef uint8_t* sequence  # u64: put_u64
    cdef uint8_t* amount_fen  # i64: put_i64
    cdef uint8_t* balance_fen  # i64: put_i64
    cdef uint8_t* repeated


cdef inline uint8_t u8_at(const uint8_t* column, Py_ssize_t row) noexcept nogil:
    return column[row] if column != NULL else 0


cdef inline uint32_t u32_at(const uint8_t* column, Py_ssize_t row) noexcept nogil:
    cdef uint32_t value = 0
    if column != NULL:
        memcpy(&value, column + row * 4, 4)
    return value


cdef inline uint64_t u64_at(const uint8_t* column, Py_ssize_t row) noexcept nogil:
    cdef uint64_t value = 0
    if column != NULL:
        memcpy(&value, column + row * 8, 8)
    return value


cdef inline int64_t i64_at(const uint8_t* column, Py_ssize_t row) noexcept nogil:
    cdef int64_t value = 0
    if column != NULL:
        memcpy(&value, column + row * 8, 8)
    return value


cdef inline void put_u64(uint8_t* column, Py_ssize_t row, uint64_t value) noexcept nogil:
    memcpy(column + row * 8, &value, 8)


cdef inline void put_i64(uint8_t* column, Py_ssize_t row, int64_t value) noexcept nogil:
    memcpy(column + row * 8, &value, 8)


cdef inline uint64_t get_u64(const uint8_t* column, Py_ssize_t row) noexcept nogil:
    cdef uint64_t value = 0
    memcpy(&value, column + row * 8, 8)
    return value
