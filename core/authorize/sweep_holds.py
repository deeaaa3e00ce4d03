"""What is held and has ended is released."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onecard.ext.shape.numbers import Kind, SweepKind
from onecard.ext.state.state import State

LOW_BITS = np.uint64(32)


class HoldEnds:
    """A RELEASE a hold; its identity is the hold's sequence, so there is one for ever."""

    kind = SweepKind.HOLD_ENDS

    def is_idle(self, state: State) -> bool:
        return state.holds_open() == 0

    def due(self, state: State, at_us: int, most: int) -> Mapping[str, NDArray[Any]]:
        rows = state.holds_due(at_us, most)
        sequence = rows["sequence"]
        return {
            "card": rows["token"],
            "terminal_seq": (sequence & np.uint64(0xFFFF_FFFF)).astype(np.uint32),
            "epoch": (sequence >> LOW_BITS).astype(np.uint32),
            "kind": np.full(len(rows), Kind.RELEASE, np.uint8),
            "amount_fen": np.zeros(len(rows), np.int64),
            "about": sequence,
        }

    def late(self, state: State, at_us: int) -> tuple[int, int]:
        rows = state.rows("open_holds")
        ends = rows["expires_us"][(rows["sequence"] != 0) & (rows["expires_us"] <= at_us)]
        return len(ends), int(ends.min()) if len(ends) else 0
