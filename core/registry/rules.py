"""The ledger's own rules: what tap is too old, too early, too large; which zone its days are in."""

from dataclasses import dataclass

import numpy as np

from onecard.core.days import DAY_US
from onecard.core.errors import BadInput
from onecard.core.journal.block import Draft
from onecard.core.registry.cards import AMOUNT_MAX_FEN
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Record
from onecard.ext.state.state import State

RULES = ("go_live_us", "age_max_us", "ahead_max_us", "amount_max_fen", "zone_offset_us")


@dataclass(frozen=True)
class PutRules:
    """The ledger's own rules from now on; answers whether they changed."""

    go_live_us: int = 946_684_800_000_000  # 2000-01-01
    age_max_us: int = 60 * DAY_US
    ahead_max_us: int = DAY_US // 24
    amount_max_fen: int = 1_000_000
    zone_offset_us: int = DAY_US // 3  # Asia/Shanghai

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], bool]:
        row = np.zeros(1, dtypes.CONFIG_RECORD)
        row["sequence"] = sequence
        for name, low, high in (
            ("go_live_us", 0, 1 << 62),
            ("age_max_us", 0, 1 << 62),
            ("ahead_max_us", 0, 1 << 62),
            ("amount_max_fen", 1, AMOUNT_MAX_FEN),
            ("zone_offset_us", -DAY_US, DAY_US),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadInput(f"rule {name}: expected {low} to {high}, found {value}")
            row[name] = value
        same = all(row[name][0] == state.totals[name][0] for name in RULES)
        if same and int(state.totals["last"][0]) > 0:
            return [], False
        return [Draft.of(Record.CONFIGS, row, booked_at_us)], True
