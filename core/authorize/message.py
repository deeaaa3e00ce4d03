"""Reads a TapBatch for the engine, and makes one of the ledger's own: ext/wire does it."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from onecard.core.errors import BadInput
from onecard.ext.wire import batch as wire

# From here on a message that is not regular is worth a thread: less is gathered in microseconds.
GATHER_BYTES_MIN = 1 << 16


def read_taps(message: bytes, taps_max: int) -> wire.Taps:
    """The columns of one message; BadInput says which field, where, what was expected and found."""
    try:
        return wire.read_taps(message, taps_max)
    except ValueError as error:
        raise BadInput(str(error)) from None


def is_slow(message: bytes) -> bool:
    """Returns True when a thread beside should make a message regular before it is read."""
    return len(message) > GATHER_BYTES_MIN and not wire.is_regular(message)


def regular_taps(message: bytes, taps_max: int) -> bytes:
    """The same message with each column in one run and unknown fields gone. BadInput."""
    try:
        return wire.regular_taps(message, taps_max)
    except ValueError as error:
        raise BadInput(str(error)) from None


def taps_message(columns: Mapping[str, NDArray[Any]]) -> bytes:
    """A TapBatch of columns of one length, named as in tap.proto, their values in range."""
    return b"".join(
        wire.packed_run(number, columns[name].astype(wire.TAP_COLUMNS[name]).tobytes())
        for name, number in wire.TAP_NUMBERS.items()
        if name in columns
    )
