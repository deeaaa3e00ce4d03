"""How days get their classes, for the slow twin."""

from onecard.ext.shape.numbers import DayClass, Record
from tests.twin.acts import Acting, Refused
from tests.twin.state import Book, CalendarDay

YEAR_2000, YEAR_2100 = 10_957, 47_482  # their first days


def put_calendar(book: Book, first_day: int, classes: bytes, booked_at_us: int) -> int:
    """How many days have another class than before."""
    acting = Acting(book, Record.CALENDARS, booked_at_us)
    said = dict(enumerate(classes, first_day))
    if not said or not all(YEAR_2000 <= day < YEAR_2100 for day in said):
        raise Refused
    if not set(classes) <= set(map(int, DayClass)):
        raise Refused
    known = {day: one.day_class for day, one in book.calendar_days.items()}
    days = sorted(known | said)
    if days[-1] - days[0] >= len(days):  # there is a gap
        raise Refused
    closed = max((window.business_day for window in book.windows), default=0)
    if any(day <= closed and known.get(day, one) != one for day, one in said.items()):
        raise Refused
    changed = sum(known.get(day) != one for day, one in said.items())
    if changed:
        record = acting.next_sequence()
        for day, one in said.items():
            book.calendar_days[day] = CalendarDay(record, one)
    return changed
