"""Entries out of arrays into the bytes of a block: for tools and tests; the judge packs its own."""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

import numpy as np

from onecard.ext.shape import dtypes
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
from onecard.ext.shape.numbers cimport PARTS_MAX, REFERENCES_MAX


def packed(rows):
    """(bytes, counts) of ENTRY rows as a block of version 2 holds them: the rows, then the parts.

    `legs_at` counts into the legs of the block, which the caller puts behind; rows of a template
    have none there. ValueError where an entry is not after the one it calls the one before.
    """
    cdef Py_ssize_t count = len(rows)
    cdef Parts parts
    cdef Entry[::1] entries
    cdef EntryRow[::1] to
    cdef ReferencePart[::1] references
    cdef RatingPart[::1] ratings
    cdef ChipPart[::1] chips
    cdef WidePart[::1] wides
    cdef SpanPart[::1] spans
    cdef GrantPart[::1] grants
    cdef Py_ssize_t i
    if count == 0:
        return b"", [0] * PARTS_MAX
    if (rows["previous"] >= rows["sequence"]).any():
        raise ValueError("expected each entry after its previous one, found otherwise")
    memset(&parts, 0, sizeof(Parts))
    packed_rows = np.zeros(count, dtypes.ENTRY_ROW)
    sizes = (REFERENCES_MAX * count, count, count, count, count, count)
    arrays = [np.zeros(size, dtype) for size, dtype in zip(sizes, dtypes.PARTS)]
    references, ratings, chips, wides, spans, grants = arrays
    parts.references = &references[0]
    parts.ratings = &ratings[0]
    parts.chips = &chips[0]
    parts.wides = &wides[0]
    parts.spans = &spans[0]
    parts.grants = &grants[0]
    entries = np.ascontiguousarray(rows)
    to = packed_rows
    for i in range(count):
        pack(&entries[i], &to[i], <uint32_t>i, entries[i].legs_at, &parts)
    counts = [parts.counts[part] for part in range(PARTS_MAX)]
    pieces = [packed_rows.tobytes()]
    for array, used in zip(arrays, counts):
        pieces.append(array[:used].tobytes())
    return b"".join(pieces), counts
