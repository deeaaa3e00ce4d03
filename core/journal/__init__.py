"""The append-only record of what happened; everything else is a function of it."""

from onecard.core.journal.block import ROWS, Block, Draft, Tip, parse, seal
from onecard.core.journal.journal import Journal
from onecard.core.journal.local import LocalJournal

__all__ = [
    "ROWS",
    "Block",
    "Draft",
    "Journal",
    "LocalJournal",
    "Tip",
    "parse",
    "seal",
]
