"""Windows and the positions in them: closed ones as they were cut, the open one so far."""

from onecard.core.journal import Journal
from onecard.core.settlement.window import Position as Position
from onecard.core.settlement.window import WindowView as WindowView
from onecard.core.settlement.window import window_view
from onecard.ext.state.state import State


def open_number(state: State) -> int:
    """The number of the open window."""
    return int(state.totals["window"][0])


def window_of(state: State, journal: Journal, number: int) -> WindowView:
    """A window by its number. NotFound; Overloaded where its closing is not durable yet."""
    return window_view(state, journal, number)


def every_window(state: State, journal: Journal) -> list[WindowView]:
    """All of them, the open one last."""
    numbers = [*state.rows("windows")["window"].tolist(), open_number(state)]
    return [window_of(state, journal, number) for number in numbers]


def last_closed_us(state: State) -> int | None:
    """When the newest closed window was closed; None where none ever was."""
    closed = int(state.totals["windows"][0])
    return int(state.table("windows")[closed - 1]["closed_at_us"]) if closed else None
