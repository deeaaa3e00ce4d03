"""Reads a TapBatch for the engine: ext/wire does it, with the protobuf library at hand."""

from onecard.core.errors import BadInput
from onecard.ext import wire
from onecard.v1 import tap_pb2


def read_taps(message: bytes, taps_max: int) -> wire.Taps:
    """The columns of one message; BadInput says which field, where, what was expected and found."""
    try:
        return wire.read_taps(message, taps_max, rewrite_taps)
    except ValueError as error:
        raise BadInput(str(error)) from None


def read_decisions(message: bytes) -> wire.Decisions:
    """The columns of one answer, for clients."""
    try:
        return wire.read_decisions(message, rewrite_decisions)
    except ValueError as error:
        raise BadInput(str(error)) from None


def rewrite_taps(message: bytes) -> bytes:
    """The same batch with each column in one run and unknown fields gone."""
    batch = tap_pb2.TapBatch.FromString(message)
    batch.DiscardUnknownFields()
    return batch.SerializeToString()


def rewrite_decisions(message: bytes) -> bytes:
    """The same answer with each column in one run and unknown fields gone."""
    decisions = tap_pb2.Decisions.FromString(message)
    decisions.DiscardUnknownFields()
    return decisions.SerializeToString()
