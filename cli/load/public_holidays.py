"""The days of a country and which of them are worked, out of a library that knows them."""

import re
from datetime import date, timedelta
from importlib import import_module
from typing import Any

from onecard.core.days import EPOCH
from onecard.core.errors import BadInput, NotFound
from onecard.core.registry.calendar import Days
from onecard.ext.shape.numbers import DayClass

COUNTRY = "CN"  # docs/calendar.md says why this library, and what of other countries
MISSING = (
    "--of CN: expected the library chinesecalendar, found none; "
    "install it: pip install 'onecard[calendar]'"
)
YEARS = re.compile(r"(2[0-9]{3})(?:-(2[0-9]{3}))?", re.ASCII)


def days_of(country: str, years: str) -> Days:
    """Every day of the years, `2026` or `2026-2027`. BadInput; NotFound where the library is not
    installed or does not know a year."""
    if country != COUNTRY:
        raise BadInput(f"--of: expected {COUNTRY}, found {country[:10]!r}; load others from a file")
    found = YEARS.fullmatch(years)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if first > last:
        raise BadInput(f"--years: expected such as 2026 or 2026-2027, found {years[:20]!r}")
    try:
        library: Any = import_module("chinese_calendar")
    except ImportError:
        raise NotFound(MISSING) from None
    start, end = date(first, 1, 1), date(last + 1, 1, 1)
    every = [start + timedelta(days=day) for day in range((end - start).days)]
    return Days((start - EPOCH).days, bytes(_class_of(library, day) for day in every))


def _class_of(library: Any, day: date) -> DayClass:
    try:
        if library.is_workday(day):
            return DayClass.WORKDAY
        _, name = library.get_holiday_detail(day)
    except NotImplementedError:
        raise NotFound(
            f"--years: expected years that chinesecalendar knows, found {day.year}; a year is "
            "announced in the November before it: update the library (pip install --upgrade "
            "chinesecalendar), or load a file"
        ) from None
    return DayClass.REST if name is None else DayClass.HOLIDAY
