"""Days and times as people write them: days strictly YYYY-MM-DD, both in the ledger's own zone.

A day is a number of days since 1970-01-01, a time microseconds since 1970 UTC, a zone the
microseconds it is ahead of UTC (the rule `zone_offset_us`). The clock is not read here.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone

from onecard.core.errors import BadInput

EPOCH = date(1970, 1, 1)
EPOCH_TIME = datetime(1970, 1, 1, tzinfo=UTC)
US = timedelta(microseconds=1)
DAY_US = 86_400_000_000
# 2000-01-01 to 2100-01-01 UTC, the times a tap may have; no other time need be outside of them.
TIME_MIN_US, TIME_MAX_US = 946_684_800_000_000, 4_102_444_800_000_000
# What date.fromisoformat takes besides, 20260131 and 2026-W05-1, is more often a slip than meant.
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[ T]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)(Z|[+-][0-9]{2}:[0-9]{2})?)?",
    re.ASCII,
)


def day_text(day: int) -> str:
    """Days since 1970-01-01 as YYYY-MM-DD."""
    try:
        return (EPOCH + timedelta(days=day)).isoformat()
    except OverflowError:
        return f"day {day}"


def day_number(text: str, what: str = "business day") -> int:
    """YYYY-MM-DD as days since 1970-01-01; BadInput where it is no such day."""
    try:
        if DAY.fullmatch(text):
            return (date.fromisoformat(text) - EPOCH).days
    except ValueError:
        pass
    raise BadInput(f"{what}: expected YYYY-MM-DD, found {text[:40]!r}")


def midnight_us(day: int, zone_offset_us: int) -> int:
    """When a day begins in a zone."""
    return day * DAY_US - zone_offset_us


def day_of(at_us: int, zone_offset_us: int) -> int:
    """The day that a time falls on in a zone."""
    return (at_us + zone_offset_us) // DAY_US


def instant_us(text: str, zone_offset_us: int, what: str = "time") -> int:
    """A day (its midnight) or a day and a time, in the zone given unless it names its own.

    2026-11-22, 2026-11-22 08:30, 2026-11-22T08:30:05, 2026-11-22 00:30Z, 2026-11-22 08:30+08:00,
    and whatever `instant_text` says.
    BadInput for anything else.
    """
    found = TIME.fullmatch(text)
    try:
        if found is not None:
            day, time, zone = found.groups()
            moment = datetime.fromisoformat(f"{day}T{time or '00:00'}{zone or 'Z'}")
            at_us = (moment - EPOCH_TIME) // US
            return at_us if zone else at_us - zone_offset_us
    except ValueError:
        pass
    raise BadInput(
        f"{what}: expected a day or time such as 2026-11-22 or 2026-11-22 08:30, "
        f"found {text[:40]!r}"
    )


def instant_text(at_us: int, zone_offset_us: int = 0) -> str:
    """A time with its zone, as 2026-11-22 08:30:05+08:00, and with its microseconds where they are
    not 0: a bound that a refusal names must be one that is taken when it is typed."""
    try:
        moment = EPOCH_TIME + timedelta(microseconds=at_us)
        zone = timezone(timedelta(microseconds=zone_offset_us))
        return moment.astimezone(zone).isoformat(" ", "auto")
    except (OverflowError, ValueError):
        return f"{at_us} us since 1970"
