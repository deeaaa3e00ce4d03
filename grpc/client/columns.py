"""A TapBatch message out of columns: each converted by its own type, exactly or not at all."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from onecard.core.errors import BadInput
from onecard.ext.wire import batch as wire


def columns_message(request_id: int = 0, /, **columns: ArrayLike) -> bytes:
    """A TapBatch out of columns, one value a tap; they are named as in tap.proto.

    A column is a sequence of integers or an array of an integer type, of any width: it is
    converted by the column's own type, never by way of another. card, terminal and terminal_seq
    are required. BadInput, naming column and row, for a value that is no integer (floats,
    booleans, objects) or does not fit; for a name that is no column; for unequal lengths.
    """
    parts = [b"\x09" + _request_id(request_id).to_bytes(8, "little")] if request_id else []
    rows = -1
    for name, given in columns.items():
        if name not in wire.TAP_NUMBERS:
            raise BadInput(f"column {name!r}: expected one of {', '.join(wire.TAP_NUMBERS)}")
        packed = column_of(name, given, wire.TAP_COLUMNS[name])
        if rows not in (-1, len(packed)):
            raise BadInput(f"column {name}: expected {rows} rows, found {len(packed)}")
        rows = len(packed)
        parts.append(wire.packed_run(wire.TAP_NUMBERS[name], packed.tobytes()))
    return b"".join(parts)


def column_of(name: str, given: ArrayLike, kind: str) -> NDArray[Any]:
    """The values as an array of the dtype `kind`, each the same number as given; BadInput."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        return _of_array(name, given, kind)
    # One look at the types and not at each value: a list of a batch costs microseconds so.
    if not all(
        issubclass(one, (int, np.integer)) and one is not bool for one in set(map(type, given))
    ):
        row = next(row for row, value in enumerate(given) if not _is_integer_of_column(value))
        raise _not_integer_of_column(name, row, type(given[row]).__name__)
    try:
        # With the type said, every value goes straight into it; left to guess, numpy takes
        # integers on both sides of 2^63 for floats and rounds them.
        return np.array([int(value) for value in given], np.dtype(kind))
    except OverflowError:
        raise _out_of_range(name, [int(value) for value in given], kind) from None


def square_of(name: str, given: ArrayLike) -> NDArray[Any]:
    """The values as an array of two dimensions; BadInput."""
    try:
        values = np.asanyarray(given)
    except ValueError:
        raise BadInput(f"{name}: expected rows of one length, found others") from None
    if values.ndim != 2:
        raise BadInput(f"{name}: expected rows of rows, found {values.ndim} dimensions")
    return values


def _of_array(name: str, given: ArrayLike, kind: str) -> NDArray[Any]:
    values = np.asanyarray(given)
    if values.ndim != 1:
        raise BadInput(f"column {name}: expected one value a tap, found {values.ndim} dimensions")
    if values.dtype.kind not in "iu":
        raise _not_integer_of_column(name, 0, str(values.dtype))
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        row = int(np.flatnonzero(np.ma.getmaskarray(values))[0])
        raise _not_integer_of_column(name, row, "a masked value")
    limits = np.iinfo(kind)
    if len(values) and not (
        int(values.min()) >= int(limits.min) and int(values.max()) <= int(limits.max)
    ):
        raise _out_of_range(name, values.tolist(), kind)
    return np.ascontiguousarray(values, np.dtype(kind))


def _is_integer_of_column(value: object) -> bool:
    """Returns True when a value is an integer and not a truth value."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _not_integer_of_column(name: str, row: int, found: str) -> BadInput:
    return BadInput(
        f"column {name}, row {row}: expected an integer, found {found}; convert it before, "
        "where the number is still whole"
    )


def _out_of_range(name: str, values: list[int], kind: str) -> BadInput:
    """The value itself stays out: it may be a card's."""
    limits = np.iinfo(kind)
    low, high = int(limits.min), int(limits.max)
    row = next(row for row, value in enumerate(values) if not low <= value <= high)
    side = "below" if values[row] < low else "above"
    return BadInput(f"column {name}, row {row}: expected {low} to {high}, found a number {side} it")


def _request_id(value: int) -> int:
    if not _is_integer_of_column(value) or not 0 <= value < 1 << 64:
        raise BadInput(f"request_id: expected an integer of 0 to 2^64 - 1, found {value!r:.40}")
    return int(value)
