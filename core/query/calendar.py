"""Which days the calendar has, and of which class."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from onecard.core.days import midnight_us
from onecard.core.registry.calendar import calendar_of
from onecard.ext.shape.numbers import DayClass
from onecard.ext.state.state import State


@dataclass(frozen=True)
class Run:
    """Days in a row of one class, first and last included (days since 1970-01-01)."""

    first_day: int
    last_day: int
    day_class: DayClass


def runs(state: State) -> Iterator[Run]:
    """The whole calendar, as runs."""
    days = calendar_of(state)
    day = days.first_day
    for day_class, run in groupby(days.classes):
        count = len(list(run))
        yield Run(day, day + count - 1, DayClass(day_class))
        day += count


def calendar_ends_us(state: State) -> int | None:
    """When its last day ends, in the ledger's zone; None where no day is loaded.

    Plain reads of numbers that the engine changes, so any thread may ask.
    """
    rows = state.rows("calendar_days")
    if len(rows) == 1:
        return None
    return midnight_us(int(rows["day"][-1]) + 1, int(state.totals["zone_offset_us"][0]))
