"""Times as people type them, by the clock of a tariff's zone, summer time and all."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from onecard.core.days import EPOCH_TIME, US
from onecard.core.errors import BadInput, quoted

TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[ T](\d{1,2}:\d\d(?::\d\d)?))?\s*(Z|[+-]\d\d:\d\d)?", re.ASCII
)
FIRST_YEAR, LAST_YEAR = 1970, 2099  # beyond, nobody knows the summer times of a zone
CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d)?", re.ASCII)


def moment_us(text: str, zone: str, what: str, day_of_us: int | None = None) -> int:
    """Microseconds since 1970 UTC of `2026-03-02 08:00`, by the zone's clock unless it names its
    own; of `08:00` on the day of another time. BadInput for anything else, for a time that the
    clock leaves out when summer time begins, and for one it shows twice when it ends."""
    text = text.strip()
    if day_of_us is not None and CLOCK.fullmatch(text):
        text = f"{local(day_of_us, zone).date().isoformat()} {text.zfill(5)}"
    found = TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        day, clock, offset = found.groups()
        moment = datetime.fromisoformat(f"{day}T{_two(clock or '00:00')}{offset or ''}")
    except ValueError:
        raise BadInput(
            f"{what}: expected a time such as 2026-03-02 08:00, found {quoted(text)}"
        ) from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise BadInput(
            f"{what}: expected a time of {FIRST_YEAR} to {LAST_YEAR}, found {quoted(text)}"
        )
    if offset is not None:
        return (moment - EPOCH_TIME) // US
    return (_unambiguous(moment, ZoneInfo(zone), text, what) - EPOCH_TIME) // US


def _two(clock: str) -> str:
    """`9:00` as `09:00`: people leave the zero out."""
    return clock if clock[1] != ":" else f"0{clock}"


def _unambiguous(moment: datetime, zone: ZoneInfo, text: str, what: str) -> datetime:
    early, late = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return early
    if early.utcoffset() < late.utcoffset():  # type: ignore[operator]  # a zone always has one
        raise BadInput(
            f"{what}: expected a time that {zone.key} has, found {quoted(text)}, which its clock "
            "leaves out when summer time begins"
        )
    raise BadInput(
        f"{what}: expected one time, found {quoted(text)}, which {zone.key} has twice when summer "
        f"time ends; say {text}{_offset(early)} or {text}{_offset(late)}"
    )


def _offset(moment: datetime) -> str:
    return moment.isoformat()[-6:]


def local(at_us: int, zone: str) -> datetime:
    """A time by the zone's clock."""
    return (EPOCH_TIME + timedelta(microseconds=at_us)).astimezone(ZoneInfo(zone))


def local_text(at_us: int, zone: str) -> str:
    """As 2026-03-02 08:00, with seconds where they are not 0."""
    moment = local(at_us, zone)
    return moment.strftime("%Y-%m-%d %H:%M:%S" if moment.second else "%Y-%m-%d %H:%M")
