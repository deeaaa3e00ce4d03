"""The calendar: which days are worked, by day."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onecard.core.days import day_text
from onecard.core.errors import BadInput
from onecard.core.journal.block import Draft
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import (
    CALENDAR_DAYS_MAX,
    CALENDAR_FIRST_DAY,
    DayClass,
    Record,
)
from onecard.ext.state.state import State

DAY_MAX = CALENDAR_FIRST_DAY + CALENDAR_DAYS_MAX - 1
CLASSES = tuple(map(int, DayClass))


@dataclass(frozen=True)
class Days:
    """Days in a row from `first_day` on (days since 1970-01-01), a byte a DayClass each; none where
    `classes` is empty."""

    first_day: int = 0
    classes: bytes = b""

    @property
    def last_day(self) -> int:
        return self.first_day + len(self.classes) - 1


@dataclass(frozen=True)
class CalendarPut:
    """How many days have another class than before, or their first one; what there is then."""

    changed: int
    calendar: Days


@dataclass(frozen=True)
class PutCalendar:
    """Give days their classes; answers a CalendarPut. What says nothing new journals nothing."""

    days: Days
    calendar: int = 0

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most."""
        return len(self.days.classes) + dtypes.CALENDAR_RECORD.itemsize

    def apply(
        self, state: State, sequence: int, booked_at_us: int
    ) -> tuple[list[Draft], CalendarPut]:
        self._check()
        known = calendar_of(state)
        after = _joined(known, self.days)
        _check_closed(state, known, self.days)
        changed = sum(
            _class_on(known, day) != day_class
            for day, day_class in enumerate(self.days.classes, self.days.first_day)
        )
        answer = CalendarPut(changed, after)
        if not changed:
            return [], answer
        row = np.zeros(1, dtypes.CALENDAR_RECORD)
        row["sequence"], row["from_us"] = sequence, booked_at_us
        row["first_day"], row["days"] = self.days.first_day, len(self.days.classes)
        draft = Draft.of(Record.CALENDARS, row, booked_at_us, blob=self.days.classes)
        return [draft], answer

    def _check(self) -> None:
        """BadInput unless it is what a calendar may have, whatever is loaded."""
        days = self.days
        if self.calendar != 0:
            raise BadInput(f"calendar: expected 0, the one there is, found {self.calendar}")
        if not days.classes:
            raise BadInput("calendar: expected at least one day, found none")
        if not CALENDAR_FIRST_DAY <= days.first_day <= days.last_day <= DAY_MAX:
            raise BadInput(
                f"calendar: expected days of {day_text(CALENDAR_FIRST_DAY)} to "
                f"{day_text(DAY_MAX)}, found {day_text(days.first_day)} to "
                f"{day_text(days.last_day)}"
            )
        for day, day_class in enumerate(days.classes, days.first_day):
            if day_class not in CLASSES:
                raise BadInput(
                    f"calendar, {day_text(day)}: expected a class of 1 to {max(CLASSES)} "
                    f"({', '.join(one.name.lower() for one in DayClass)}), found {day_class}"
                )


def calendar_of(state: State) -> Days:
    """What is loaded, as one run of days."""
    rows: NDArray[np.void] = state.rows("calendar_days")
    loaded = rows["day_class"]
    first = int(np.argmax(loaded != 0))  # row 0 is nobody, so 0 says that there is none
    return Days(int(rows["day"][first]), loaded[first:].tobytes()) if first else Days()


def _joined(known: Days, said: Days) -> Days:
    """Both, as one run; BadInput where days would be missing between them."""
    if not known.classes:
        return said
    if said.first_day > known.last_day + 1 or said.last_day < known.first_day - 1:
        raise BadInput(
            f"calendar: expected days beside or among {day_text(known.first_day)} to "
            f"{day_text(known.last_day)}, which are loaded, found {day_text(said.first_day)} to "
            f"{day_text(said.last_day)}; load the days between them too"
        )
    first = min(known.first_day, said.first_day)
    classes = bytearray(max(known.last_day, said.last_day) - first + 1)
    for days in (known, said):
        at = days.first_day - first
        classes[at : at + len(days.classes)] = days.classes
    return Days(first, bytes(classes))


def _check_closed(state: State, known: Days, said: Days) -> None:
    """BadInput where a day of a closed window would have another class than it had."""
    windows = state.rows("windows")
    if not len(windows):
        return
    closed = int(windows["business_day"].max())
    for day, day_class in enumerate(said.classes, said.first_day):
        was = _class_on(known, day)
        if day <= closed and was and was != day_class:
            raise BadInput(
                f"calendar, {day_text(day)}: expected {DayClass(was).name.lower()}, as it was when "
                f"a window was closed for {day_text(closed)}, found "
                f"{DayClass(day_class).name.lower()}; only later days may change"
            )


def _class_on(days: Days, day: int) -> int:
    """The class of a day, 0 where it has none."""
    at = day - days.first_day
    return days.classes[at] if 0 <= at < len(days.classes) else 0
