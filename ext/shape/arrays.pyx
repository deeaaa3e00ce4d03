"""Named, typed, checksummed arrays in the blob of a block: a directory, then what it says.

docs/ledger.md, Policies, is the rule. Nothing is read by a directory before all of it fits the blob:
a block comes from a file.
"""

import re
import zlib

import numpy as np

from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import ArrayType

TYPES = {
    ArrayType.INT32: np.dtype("<i4"),
    ArrayType.INT64: np.dtype("<i8"),
    ArrayType.UINT8: np.dtype("u1"),
    ArrayType.UINT16: np.dtype("<u2"),
    ArrayType.UINT32: np.dtype("<u4"),
}
ALIGNMENT = 8  # so that numbers of any type stand where they may be read as they are
NAME_BYTES_MAX = dtypes.ARRAY_ROW["name"].itemsize
RANK_MAX = dtypes.ARRAY_ROW["shape"].shape[0]
NAME = re.compile(rb"[a-z0-9_]{1,%d}" % NAME_BYTES_MAX)


def aligned(size):
    return -(-size // ALIGNMENT) * ALIGNMENT


def packed(arrays):
    """A blob of arrays by name, in their order; each of one of TYPES and 1 to RANK_MAX dimensions."""
    numbers = {dtype: number for number, dtype in TYPES.items()}
    rows = np.zeros(len(arrays), dtypes.ARRAY_ROW)
    end = rows.nbytes
    parts = []
    for row, (name, array) in zip(rows, arrays.items()):
        content = np.ascontiguousarray(array).tobytes()
        gap = aligned(end) - end
        row["name"] = name.encode()
        row["shape"][: array.ndim] = array.shape
        row["offset"] = end + gap
        row["bytes"] = len(content)
        row["check"] = zlib.crc32(content)
        row["type"] = numbers[array.dtype]
        row["rank"] = array.ndim
        parts += [bytes(gap), content]
        end += gap + len(content)
    return rows.tobytes() + b"".join(parts)


def unpacked(blob, count):
    """Copies of the arrays of a blob by name; ValueError, naming the array, where it is not what its
    directory says."""
    size = count * dtypes.ARRAY_ROW.itemsize
    if count == 0 or size > len(blob):
        raise ValueError(f"expected a directory of {count} arrays in {len(blob)} bytes")
    rows = np.frombuffer(blob, dtypes.ARRAY_ROW, count)
    names = _names(rows)
    end = size
    for row, name in zip(rows, names):
        end = _end(row, name, blob, end)
    if end != len(blob):
        raise ValueError(f"expected its arrays to end the {len(blob)} bytes, found {end}")
    found = {}
    for row, name in zip(rows, names):
        dtype, begin = TYPES[int(row["type"])], int(row["offset"])
        content = blob[begin : begin + int(row["bytes"])]
        if zlib.crc32(content) != int(row["check"]):
            raise ValueError(f"array {name}: its checksum is not that of its bytes")
        shape = row["shape"][: int(row["rank"])].tolist()
        found[name] = np.frombuffer(content, dtype).reshape(shape).copy()
    return found


def _names(rows):
    """The names of all arrays: they must be names, and each there once."""
    names = []
    for row in rows:
        # numpy drops the zeros at the end of a text, and keeps those within it.
        name = bytes(row["name"])
        if NAME.fullmatch(name) is None or name.decode() in names:
            raise ValueError(f"array {len(names)}: expected a name of its own, found {name!r}")
        names.append(name.decode())
    return names


def _end(row, name, blob, before):
    """Where an array ends that follows what ends at `before`, each field of its row checked."""
    if int(row["type"]) not in TYPES:
        raise ValueError(f"array {name}: unknown type {row['type']}")
    rank = int(row["rank"])
    shape = row["shape"].tolist()
    if not 1 <= rank <= RANK_MAX or 0 in shape[:rank] or any(shape[rank:]) or any(bytes(row["unused"])):
        raise ValueError(f"array {name}: expected a shape of its rank {rank}, found {shape}")
    size = TYPES[int(row["type"])].itemsize
    for length in shape[:rank]:  # Python's numbers have no end, so no product is too large
        size *= length
    if int(row["bytes"]) != size:
        raise ValueError(f"array {name}: expected {size} bytes by its shape, found {row['bytes']}")
    begin = aligned(before)
    if int(row["offset"]) != begin or begin + size > len(blob):
        raise ValueError(
            f"array {name}: expected its {size} bytes at {begin} of {len(blob)}, found {row['offset']}"
        )
    if any(blob[before:begin]):
        raise ValueError(f"array {name}: expected zeros before it")
    return begin + size
