"""The append-only record of what happened; everything else is a function of it."""

from onecard.core.journal.block import ROWS, Block, Draft, Tip, parse, seal
from onecard.core.journal.chain import SEGMENT_BYTES, WATERMARK_BYTES, Journal

__all__ = [
    "ROWS",
    "SEGMENT_BYTES",
    "WATERMARK_BYTES",
    "Block",
    "Draft",
    "Journal",
    "Tip",
    "parse",
    "seal",
]
