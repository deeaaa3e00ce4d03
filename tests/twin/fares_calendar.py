"""Days and times of a tariff for the slow twin: service days, weeks, holidays, times of entry."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.twin.fares_folder import Tariff, day_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS_OF_A_DAY = 86_400
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def local(zone: str, at_us: int) -> datetime:
    """The time that clocks show there."""
    return (EPOCH + timedelta(microseconds=at_us)).astimezone(ZoneInfo(zone))


def second_of_day(at: datetime) -> int:
    """What the clock shows, as seconds from 00:00."""
    return at.hour * 3600 + at.minute * 60 + at.second


def seconds(text: str) -> int:
    """Of a time as `"04:30"` or `"24:00:00"`, from 00:00."""
    parts = [int(part) for part in text.split(":")]
    return sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))


def service_day(tariff: Tariff, at_us: int) -> date:
    """The day of a time; what is earlier than the day's start is the day before."""
    at = local(tariff["zone"], at_us)
    early = second_of_day(at) < seconds(tariff.get("service_day_starts", "00:00"))
    return at.date() - timedelta(days=1) if early else at.date()


def period(tariff: Tariff, per: str, day: date) -> tuple[str, date]:
    """The day, week, month or year that a service day is in, by its first day."""
    if per == "week":
        starts = WEEKDAYS.index(tariff.get("week_starts", "monday"))
        return per, day - timedelta(days=(day.weekday() - starts) % 7)
    if per == "month":
        return per, day.replace(day=1)
    if per == "year":
        return per, day.replace(month=1, day=1)
    return per, day


def is_workday(tariff: Tariff, day: date) -> bool:
    """Returns True when the day is worked: Monday to Friday, but for `holidays`."""
    kind = kind_of_day(tariff, day)
    if kind is not None:
        return kind == "workday"
    return day.weekday() < 5


def kind_of_day(tariff: Tariff, day: date) -> str | None:
    """What `holidays` says of a day, if it does."""
    rows = tariff["tables"][tariff["holidays"]] if "holidays" in tariff else []
    for row in rows:
        if day_of(row["day"]) == day:
            return row["kind"]
    return None


def is_of_days(tariff: Tariff, days: Any, day: date) -> bool:
    """Returns True when a day is one of `days` of a discount."""
    if days == "workday":
        return is_workday(tariff, day)
    if days == "restday":
        return not is_workday(tariff, day)
    if days == "holiday":
        return kind_of_day(tariff, day) == "holiday"
    return WEEK[day.weekday()] in days


def holds_there(tariff: Tariff, said: dict[str, Any], station: str | None, at_us: int) -> bool:
    """Returns True when `entry` or `exit` of a discount holds of a station and a time."""
    if "stations" in said:
        stations = said["stations"]
        if isinstance(stations, str):
            stations = [row["id"] for row in tariff["tables"][stations]]
        if station not in stations:
            return False
    at = local(tariff["zone"], at_us)
    if "days" in said and not is_of_days(tariff, said["days"], at.date()):
        return False
    begin, end = said.get("from", "00:00"), said.get("before", "24:00")
    return seconds(begin) <= second_of_day(at) < seconds(end)
