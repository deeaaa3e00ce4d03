"""What a ledger has bounded room for, and how much of it is in use."""

import numpy as np

from onecard.ext.state.state import State
from onecard.ext.state.table import SCENES_MAX


def rows_in_use(state: State) -> dict[str, tuple[int, int]]:
    """Rows in use and rows at most, by what they are (core/watch/metrics.py ROOMS).

    Plain reads of numbers that the engine changes, so any thread may ask.
    """
    total = state.totals[0]
    return {
        "cards": (int(total["credentials"]), state.cards_max),
        "terminals": (int(total["terminals"]), state.terminals_max),
        "card_pasts": (int(total["card_pasts"]), len(state.table("card_pasts")) - 1),
        "lots": (state.lots.live, state.lots_max),
        "terminal_pasts": (int(total["terminal_pasts"]), len(state.table("terminal_pasts")) - 1),
        "open_holds": (state.holds_open(), state.holds_max),
        "travels": (int(total["travels"]), state.cards_max),
        "journeys": (int(total["journeys"]), state.cards_max),
        # Codes between two that are loaded are rows of nothing.
        "scenes": (int(np.count_nonzero(state.rows("scenes")["code"])), SCENES_MAX),
    }
