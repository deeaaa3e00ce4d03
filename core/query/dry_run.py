"""What would become of an act of the registry; nothing does."""

from typing import Any, Protocol, TypeVar

from onecard.ext.state.state import State

Answer = TypeVar("Answer", covariant=True)


class Act(Protocol[Answer]):
    """An act that says what it does."""

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[Any, Answer]: ...


def would_put(state: State, act: Act[Answer], now_us: int) -> Answer:
    """What it would answer now; BadInput where it would be refused."""
    return act.apply(state, int(state.totals["last"][0]) + 1, now_us)[1]
