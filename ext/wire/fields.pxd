"""A protobuf message of columns, field by field: where each column stands, however it was written."""

from libc.stdint cimport uint8_t, uint64_t

# Field numbers start at 1, request_id; the columns follow.
cdef enum:
    FIELDS = 26  # room for those of a TapBatch, and field 0
    SCALAR = 255  # width of request_id: a fixed64 that is no column


cdef enum Scan:
    DONE
    IRREGULAR  # not the one form: it is gathered first
    MALFORMED
    TRUNCATED
    UNEVEN  # a packed run that is not whole values


cdef struct Run:
    Py_ssize_t at  # offset of the first value; 0 = absent
    Py_ssize_t size  # bytes


cdef struct Found:
    uint64_t request_id
    bint identified  # request_id was there
    Run[FIELDS] runs
    # Of what stopped the scan:
    Py_ssize_t field
    Py_ssize_t wire
    Py_ssize_t at
    Py_ssize_t expected
    Py_ssize_t actual


# `width` is of each field up to `last`, in bytes; bytes columns have 1.
cdef Scan scan_runs(
    const uint8_t* data, Py_ssize_t size, const uint8_t* width, int last, Found* found
) noexcept nogil
cdef Scan gather_runs(
    const uint8_t* data, Py_ssize_t size, const uint8_t* width, int last, Found* found, uint8_t** to
) noexcept nogil
