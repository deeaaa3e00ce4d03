"""Steps over the fields of a message as the protobuf library does; see fields.pxd."""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, memset

cdef enum:
    # More than any regular message has, with room for fields of a newer client; a message of
    # millions of them is not looked through twice.
    REGULAR_MAX = 64
    DEPTH_MAX = 100  # of groups in groups: the protobuf library's own limit


cdef Scan scan_runs(
    const uint8_t* data, Py_ssize_t size, const uint8_t* width, int last, Found* found
) noexcept nogil:
    """Finds each column's one run. Strict: whatever it is not sure of is IRREGULAR."""
    cdef const uint8_t* at = data
    cdef const uint8_t* end = data + size
    cdef uint64_t tag = 0
    cdef uint64_t length = 0
    cdef int field, wire
    cdef int fields = 0
    memset(found, 0, sizeof(Found))
    while at < end:
        found.at = at - data
        found.field = found.wire = 0
        fields += 1
        if fields > REGULAR_MAX or not _varint(&at, end, 5, &tag):
            return _stop(found, IRREGULAR, 0, 0)
        field = <int>(tag >> 3) if tag >> 3 < 1 << 29 else 0
        wire = <int>(tag & 7)
        found.field = field
        found.wire = wire
        if field == 0:
            return _stop(found, IRREGULAR, 0, 0)
        if wire == 2:
            if not _varint(&at, end, 5, &length):
                return _stop(found, IRREGULAR, 0, 0)
            if length > <uint64_t>(end - at):
                # Beyond 2^31 it is no length at all; the library says so as well.
                return _stop(found, TRUNCATED, <Py_ssize_t>length, end - at)
        elif wire == 1 or wire == 5:
            length = 8 if wire == 1 else 4
            if length > <uint64_t>(end - at):
                return _stop(found, TRUNCATED, <Py_ssize_t>length, end - at)
        elif wire == 0:
            if not _varint(&at, end, 9, &length):
                return _stop(found, IRREGULAR, 0, 0)
            length = 0
        else:
            return _stop(found, IRREGULAR, 0, 0)
        if field <= last:
            if width[field] == SCALAR and wire == 1 and not found.identified:
                memcpy(&found.request_id, at, 8)
                found.identified = True
            elif width[field] == SCALAR or wire != 2 or found.runs[field].at != 0:
                return _stop(found, IRREGULAR, 0, 0)
            elif length % width[field] != 0:
                return _stop(found, UNEVEN, width[field], <Py_ssize_t>length)
            else:
                found.runs[field].at = at - data
                found.runs[field].size = <Py_ssize_t>length
        at += length
    return DONE


cdef inline bint _varint(const uint8_t** at, const uint8_t* end, int most, uint64_t* value) noexcept nogil:
    cdef int shift = 0
    cdef uint8_t byte
    value[0] = 0
    while at[0] < end and shift < 7 * most:
        byte = at[0][0]
        at[0] += 1
        value[0] |= <uint64_t>(byte & 0x7F) << shift
        if byte < 0x80:
            return True
        shift += 7
    return False


cdef inline Scan _stop(Found* found, Scan how, Py_ssize_t expected, Py_ssize_t actual) noexcept nogil:
    found.expected = expected
    found.actual = actual
    return how


cdef Scan gather_runs(
    const uint8_t* data, Py_ssize_t size, const uint8_t* width, int last, Found* found, uint8_t** to
) noexcept nogil:
    """Adds up each column's bytes, however they stand; with `to`, copies them there instead.

    As the protobuf library reads them: values of a column one after the other, of bytes and of
    request_id the last; a field in another wire type than its own is an unknown one.
    """
    cdef const uint8_t* at = data
    cdef const uint8_t* end = data + size
    cdef uint64_t tag = 0
    cdef uint64_t length = 0
    cdef int field, wire
    cdef Run* run
    cdef Scan how
    memset(found, 0, sizeof(Found))
    while at < end:
        found.at = at - data
        found.field = found.wire = 0
        if not _varint(&at, end, 5, &tag) or tag >> 32 != 0:
            return _stop(found, MALFORMED, 0, 0)
        field = <int>(tag >> 3)
        wire = <int>(tag & 7)
        found.field = field
        found.wire = wire
        if field == 0 or wire == 4:
            return _stop(found, MALFORMED, 0, 0)
        if wire == 3:
            how = _skip_group(&at, end, tag, found)
            if how != DONE:
                return how
            continue
        how = _measure(&at, end, wire, &length, found)
        if how != DONE:
            return how
        if field <= last:
            run = &found.runs[field]
            if width[field] == SCALAR:
                if wire == 1:
                    memcpy(&found.request_id, at, 8)
                    found.identified = True
            elif width[field] == 1:
                if wire == 2:
                    run.at = at - data  # the last one counts, so it is copied at the end
                    run.size = <Py_ssize_t>length
            elif wire == 2 or wire == (1 if width[field] == 8 else 5):
                if length % width[field] != 0:
                    return _stop(found, UNEVEN, width[field], <Py_ssize_t>length)
                if to != NULL and length != 0:
                    memcpy(to[field] + run.size, at, length)
                run.size += <Py_ssize_t>length
        at += length
    if to != NULL:
        for field in range(2, last + 1):
            if width[field] == 1 and found.runs[field].size != 0:
                memcpy(to[field], data + found.runs[field].at, found.runs[field].size)
    return DONE


cdef inline Scan _measure(
    const uint8_t** at, const uint8_t* end, int wire, uint64_t* length, Found* found
) noexcept nogil:
    """Bytes of a field's value, all there from `at` on; a varint is stepped over instead."""
    if wire == 0:
        if not _varint(at, end, 10, length):
            return _stop(found, MALFORMED, 0, 0)
        length[0] = 0
        return DONE
    if wire == 1 or wire == 5:
        length[0] = 8 if wire == 1 else 4
    elif wire != 2 or not _varint(at, end, 5, length):
        return _stop(found, MALFORMED, 0, 0)
    if length[0] > <uint64_t>(end - at[0]):
        return _stop(found, TRUNCATED, <Py_ssize_t>length[0], end - at[0])
    return DONE


cdef Scan _skip_group(
    const uint8_t** at, const uint8_t* end, uint64_t opened, Found* found
) noexcept nogil:
    """Steps over a group and the groups in it, up to its own end."""
    cdef uint64_t[DEPTH_MAX] open_tags
    cdef int depth = 1
    cdef uint64_t tag = 0
    cdef uint64_t length = 0
    cdef int wire
    cdef Scan how
    open_tags[0] = opened
    while depth > 0:
        if not _varint(at, end, 5, &tag) or tag >> 32 != 0:
            return _stop(found, MALFORMED, 0, 0)
        wire = <int>(tag & 7)
        if wire == 3:
            if depth == DEPTH_MAX:
                return _stop(found, MALFORMED, 0, 0)
            open_tags[depth] = tag
            depth += 1
        elif wire == 4:
            depth -= 1
            if tag != open_tags[depth] + 1:  # the end's wire type is one more than the start's
                return _stop(found, MALFORMED, 0, 0)
        else:
            how = _measure(at, end, wire, &length, found)
            if how != DONE:
                return how
            at[0] += length
    return DONE
