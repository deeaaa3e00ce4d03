"""Offsets of time zones, held against zoneinfo itself."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from onecard.core.errors import BadInput
from onecard.core.tariff.zone import EPOCH, is_zone, offsets

ZONES = [
    ("UTC", 1),
    ("Asia/Shanghai", 5),  # summer time until 1991
    ("Europe/Warsaw", 221),
    ("Africa/Casablanca", 150),  # another time in Ramadan
    ("Australia/Lord_Howe", 200),  # half an hour
]


@pytest.mark.parametrize(("zone", "at_least"), ZONES)
def test_offsets_are_those_of_zoneinfo(zone: str, at_least: int) -> None:
    found = offsets(zone)
    begins = [begin for begin, _ in found]
    assert len(found) >= at_least and begins == sorted(set(begins))
    random = Random(zone)
    times = [
        EPOCH + timedelta(seconds=random.randrange(631152000, 4102444800)) for _ in range(2000)
    ]
    for begin in begins[1:]:
        change = EPOCH + timedelta(microseconds=begin)
        times += [change - timedelta(seconds=1), change]
    for time in times:
        us = (time - EPOCH) // timedelta(microseconds=1)
        said = found[bisect_right(begins, us) - 1][1]
        assert timedelta(seconds=said) == time.astimezone(ZoneInfo(zone)).utcoffset(), time


def test_a_time_before_the_first_change_has_an_offset() -> None:
    assert offsets("Asia/Shanghai")[0][1] == 8 * 3600
    assert offsets("Asia/Shanghai")[0][0] < datetime(1900, 1, 1, tzinfo=UTC).timestamp() * 1_000_000


@pytest.mark.parametrize("zone", ["", "Mars/Base", "Europe", "../etc/passwd", "Asia/\0", "a" * 65])
def test_a_zone_that_is_none_is_said(zone: str) -> None:
    assert not is_zone(zone)
    with pytest.raises(BadInput, match="expected a time zone as Asia/Shanghai, found"):
        offsets(zone)
