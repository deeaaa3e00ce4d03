"""What would become of an act of the registry; nothing does."""

from typing import Any, Protocol

from onecard.core.registry.row_change import Put
from onecard.ext.state.state import State


class Act(Protocol):
    """An act whose answer is a Put."""

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[Any, Put]: ...


def would_put(state: State, act: Act, now_us: int) -> Put:
    """What would become of each of its rows now; BadInput where it would be refused."""
    return act.apply(state, int(state.totals["last"][0]) + 1, now_us)[1]
