"""What was taken back of each original and what it was adjusted by, over a whole journal.

By the after-images alone, and written from docs/ledger.md: what was taken back only grows, what it
was adjusted by is the sum of its adjustments, and nothing follows what closed it. So it is held
against each original's images in the order of their entries, sorted by original (runs.py).
"""

from collections.abc import Callable
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from onecard.core.audit.books import OF_ORIGINALS
from onecard.core.audit.runs import Rows, Runs
from onecard.core.errors import LedgerFault
from onecard.core.journal import Block
from onecard.ext.shape.numbers import Image, Record

TAKEN = np.dtype(
    [
        ("original", "<u8"),
        ("entry", "<u8"),
        ("block", "<u8"),  # that has it, by its first sequence
        ("value_fen", "<i8"),
        ("change_fen", "<i8"),  # of an adjustment: its amount
        ("what", "<u4"),
    ]
)


class TakenBack:
    """What the blocks taken so far say of originals. To be closed, which removes its files."""

    def __init__(self) -> None:
        self._runs = Runs(TAKEN, _arrange, lambda row: (int(row["original"]),))

    def __enter__(self) -> "TakenBack":
        return self

    def __exit__(self, *_: object) -> None:
        self._runs.close()

    def take(self, block: Block) -> None:
        """Collect a block's images; Books has checked that each names a row and an original."""
        if block.record != Record.ENTRIES or not len(block.images):
            return
        images = block.images[np.isin(block.images["what"], OF_ORIGINALS)]
        rows = np.empty(len(images), TAKEN)
        rows["original"], rows["what"] = images["key"], images["what"]
        rows["entry"] = images["row"].astype(np.uint64) + np.uint64(block.first)
        rows["block"], rows["value_fen"] = block.first, images["value"]
        rows["change_fen"] = block.rows["amount_fen"][images["row"]]
        self._runs.add(rows)

    def prove(self, where: Callable[[int], str]) -> None:
        """LedgerFault at an image that does not follow from those before it of its original.

        `where` names a block by its first sequence.
        """
        for rows in self._runs.in_order():
            _prove(rows, where)


def _arrange(rows: Rows) -> Rows:
    """By original, and of one in the order of its entries."""
    return rows[np.lexsort((rows["entry"], rows["original"]))]


def _prove(rows: Rows, where: Callable[[int], str]) -> None:
    closed = np.zeros(len(rows), np.bool_)
    closed[1:] = (rows["what"] == Image.CLOSED_ORIGINAL)[:-1] & _same(rows)
    adjusting = rows["what"] == Image.ADJUSTED
    of = rows[adjusting]
    before = _before(of)
    wanted = before + of["change_fen"]  # wraps around where it does not fit, which is wrong as well
    beyond = (before ^ wanted) & (of["change_fen"] ^ wanted) < 0
    for at in np.flatnonzero(beyond | (of["value_fen"] != wanted) | closed[adjusting])[:1]:
        adjusted_fen = int(before[at]) + int(of[at]["change_fen"])
        row, shut = of[at], " of one that is closed" * bool(closed[adjusting][at])
        expected = f"original {row['original']} open and adjusted by {adjusted_fen} fen"
        _refuse(row, where, expected, f"{row['value_fen']} fen{shut}")
    of = rows[~adjusting]
    before = _before(of)
    for at in np.flatnonzero((of["value_fen"] < before) | closed[~adjusting])[:1]:
        row, state = of[at], "closed" if closed[~adjusting][at] else f"at {before[at]} fen"
        expected = f"nothing less of original {row['original']}, {state}"
        _refuse(row, where, expected, f"{row['value_fen']} fen")


def _before(rows: Rows) -> NDArray[np.int64]:
    """Of each row: what the one before it of its original says, 0 where it is the first."""
    before = np.zeros(len(rows), np.int64)
    before[1:] = np.where(_same(rows), rows["value_fen"][:-1], 0)
    return before


def _same(rows: Rows) -> NDArray[np.bool_]:
    """Of each row but the first: whether the one before is of its original."""
    same: NDArray[np.bool_] = rows["original"][1:] == rows["original"][:-1]
    return same


def _refuse(row: np.void, where: Callable[[int], str], expected: str, found: str) -> NoReturn:
    block, entry = where(int(row["block"])), row["entry"]
    raise LedgerFault(f"{block}, entry {entry}: expected {expected}, found {found}")
