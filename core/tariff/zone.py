"""A time zone as the rating function reads it: what is added to UTC, and since when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from onecard.core.errors import BadInput, quoted

FIRST = datetime(1990, 1, 1, tzinfo=UTC)
LAST = datetime(2100, 1, 1, tzinfo=UTC)
ALWAYS_US = -(1 << 62)  # before every time that is asked about
STRIDE = timedelta(days=6)  # no zone left and came back within a week since 1990
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAME_CHARACTERS_MAX = 64


@lru_cache(maxsize=64)  # a feed's stops name few; scanning a century takes some milliseconds
def offsets(zone: str) -> list[tuple[int, int]]:
    """(from_us, offset_s) by time, microseconds since 1970 in UTC: each holds until the next.

    The first holds since always, with what was so at the beginning of 1990; changes up to 2100 are
    in it. BadInput where the system knows no such zone. The list is shared: read it only.
    """
    place = _zone(zone)
    found = [(ALWAYS_US, _offset_s(place, FIRST))]
    at = FIRST
    while at < LAST:
        later = at + STRIDE
        if _offset_s(place, later) != found[-1][1]:
            change = _change(place, at, later)
            found.append(((change - EPOCH) // timedelta(microseconds=1), _offset_s(place, change)))
            at = change
        else:
            at = later
    return found


def is_zone(zone: str) -> bool:
    """Returns True when the system knows a zone of this name."""
    try:
        _zone(zone)
    except BadInput:
        return False
    return True


def _zone(zone: str) -> ZoneInfo:
    if 0 < len(zone) <= NAME_CHARACTERS_MAX:
        try:
            return ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass  # a name that leads out of the folder of zones, or to a folder in it
    raise BadInput(f"zone: expected a time zone as Asia/Shanghai, found {quoted(zone)}")


def _change(place: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second from which the offset is no more what it is at `before`."""
    low, high = 0, int((after - before).total_seconds())
    was = _offset_s(place, before)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_s(place, before + timedelta(seconds=middle)) == was:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def _offset_s(place: ZoneInfo, at: datetime) -> int:
    offset = at.astimezone(place).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
