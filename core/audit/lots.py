"""What is left of each lot, and which row it has, over a whole journal.

By the legs and after-images alone, and written from docs/ledger.md: lots are numbered from 1 on, a
row holds one of them, none is ever below 0, and who leaves nothing of one says so. It takes 8 bytes
a lot that there ever was, and an item a lot that something is left of.
"""

from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import LedgerFault
from onecard.core.journal import Block
from onecard.ext.shape.numbers import Image, Kind, OwnerKind, Record
from onecard.ext.state.state import State


class Lots:
    """Takes the blocks of a ledger in order, each after Books; LedgerFault at the first fault."""

    def __init__(self) -> None:
        self.granted = 0  # lots that there ever were
        self.left_fen = np.zeros(1 << 10, np.int64)  # by number
        self.rows: dict[int, int] = {}  # to the number of the lot that has each

    def take(self, block: Block) -> None:
        """Check a block against all before it, then count it in."""
        if block.record != Record.ENTRIES:
            return
        ended: list[tuple[int, int]] = []  # an entry's place in the block, and the lot it leaves
        for row, what, key, value in block.images.tolist():
            if what == Image.LOT_OPENED:
                self._open(block, row, key, value)
            elif what == Image.LOT_SPENT:
                if self.rows.pop(value, None) != key:
                    _refuse(block, row, f"lot {key} in row {value}", "another or none")
                ended.append((row, key))
        legs = block.legs[block.legs["owner_kind"] == OwnerKind.LOT]
        if not len(legs):
            if ended:
                _refuse(block, ended[0][0], "legs of the lot that it leaves", "none")
            return
        numbers = np.unique(legs["owner"])
        if int(numbers[0]) == 0 or int(numbers[-1]) > self.granted:
            _refuse(block, 0, f"legs of lots 1 to {self.granted}", numbers.tolist())
        np.add.at(self.left_fen, legs["owner"], legs["amount_fen"])
        self._check(block, numbers, ended)

    def _open(self, block: Block, row: int, key: int, value: int) -> None:
        entry = block.rows[row]
        if entry["kind"] != Kind.GRANT or value != self.granted + 1 or not entry["account"]:
            _refuse(block, row, f"a grant of lot {self.granted + 1}", f"lot {value}")
        if key in self.rows or key == 0:
            _refuse(block, row, "a row that is free", key)
        self.granted = value
        self.rows[key] = value
        if value >= len(self.left_fen):
            more = np.zeros(len(self.left_fen), np.int64)
            self.left_fen = np.concatenate((self.left_fen, more))

    def _check(
        self, block: Block, numbers: NDArray[np.uint32], ended: list[tuple[int, int]]
    ) -> None:
        """After a block something is left of each lot, and nothing of those that are spent."""
        spent = {lot for _, lot in ended}
        for lot in numbers.tolist():
            left_fen = int(self.left_fen[lot])
            if left_fen < 0 or (left_fen == 0) != (lot in spent):
                wanted = "nothing left of it" if lot in spent else "something left of it"
                _refuse(block, 0, f"lot {lot} with {wanted}", f"{left_fen} fen")

    def agree(self, state: State) -> None:
        """LedgerFault unless a replayed state has the same lots, and balances that are the sums."""
        rows = state.rows("lots")
        found = {row: int(rows["lot"][row]) for row in np.flatnonzero(rows["lot"]).tolist()}
        if found != self.rows:
            raise LedgerFault(
                f"lots: expected {len(self.rows)} in the rows that their entries say, found "
                f"{len(found)} in the replayed state, or in other rows"
            )
        live = rows[rows["lot"] != 0]
        wrong = np.flatnonzero(live["left_fen"] != self.left_fen[live["lot"]])
        if len(wrong):
            lot = live[wrong[0]]
            raise LedgerFault(
                f"lot {lot['lot']}: expected the fold of its legs, "
                f"{self.left_fen[lot['lot']]} fen, found {lot['left_fen']} in the replayed state"
            )
        issuer = state.rows("accounts")["issuer"][live["account"]]
        for party, row in enumerate(state.rows("participants")):
            left_fen = sum(live["left_fen"][issuer == party].tolist())
            balance_fen = int(row["balance_fen"][OwnerKind.LOT])
            if left_fen != balance_fen:
                raise LedgerFault(
                    f"participant {party}: expected {left_fen} fen, which is left of the lots of "
                    f"its accounts, found a balance of {balance_fen} in the replayed state"
                )


def _refuse(block: Block, row: int, expected: str, found: object) -> NoReturn:
    raise LedgerFault(
        f"{block.where}, entry {block.first + row}: expected {expected}, found {found}"
    )
