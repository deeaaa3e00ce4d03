"""Days and times as people type them: one form, in the zone that is said."""

import pytest

from onecard.core.days import (
    day_number,
    day_of,
    day_text,
    instant_text,
    instant_us,
    midnight_us,
)
from onecard.core.errors import BadInput

DAY = 20_000  # 2024-10-04
HOUR_US = 3_600_000_000
EAST_US, WEST_US = 8 * HOUR_US, -5 * HOUR_US
NOT_DAYS = (
    *("2024-13-01", "2026-02-29", "yesterday", "", "20260131", "2026-W05-1", "2026-1-31"),
    *("2026-01-31 ", "\n2026-01-31", "2026-01-31\n", "２026-01-31", "+026-01-31", "0000-01-01"),
)
INSTANTS = (  # text, zone, microseconds since 1970 UTC
    ("2026-11-22", 0, 1_795_305_600_000_000),
    ("2026-11-22", EAST_US, 1_795_305_600_000_000 - EAST_US),
    ("2026-11-22", WEST_US, 1_795_305_600_000_000 - WEST_US),
    ("2026-11-22 08:30", EAST_US, 1_795_305_600_000_000 + HOUR_US // 2),
    ("2026-11-22T08:30:05", EAST_US, 1_795_305_605_000_000 + HOUR_US // 2),
    ("2026-11-22 08:30Z", EAST_US, 1_795_305_600_000_000 + 17 * HOUR_US // 2),
    ("2026-11-22 08:30:00+08:00", WEST_US, 1_795_305_600_000_000 + HOUR_US // 2),
    ("2026-11-22 08:30:05.5", EAST_US, 1_795_305_605_500_000 + HOUR_US // 2),
    ("2026-11-22 08:30:05.000001+08:00", 0, 1_795_305_605_000_001 + HOUR_US // 2),
    ("2026-11-22 08:30-05:00", EAST_US, 1_795_305_600_000_000 + 27 * HOUR_US // 2),
)
NOT_INSTANTS = (
    *("", "2026-11-22 8:30", "2026-11-22 24:01", "2026-11-22 08", "2026-11-22Z", "20261122"),
    *(
        "2026-11-22 08:30 +08:00",
        "2026-11-22 08:30:05.",
        "2026-11-22 08:30.5",
        "2026-11-31 08:30",
        "1795305600",
    ),
)


def test_a_day_is_read_as_it_is_written() -> None:
    assert day_text(DAY) == "2024-10-04" and day_number("2024-10-04") == DAY
    assert day_text(1 << 40) == f"day {1 << 40}"


@pytest.mark.parametrize("text", NOT_DAYS)
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(BadInput, match="expected YYYY-MM-DD, found"):
        day_number(text)


@pytest.mark.parametrize(("text", "zone_offset_us", "at_us"), INSTANTS)
def test_a_time_is_read_in_its_zone(text: str, zone_offset_us: int, at_us: int) -> None:
    assert instant_us(text, zone_offset_us) == at_us
    assert instant_us(instant_text(at_us, zone_offset_us), WEST_US) == at_us


@pytest.mark.parametrize("text", NOT_INSTANTS)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(BadInput, match="expected a day or time such as"):
        instant_us(text, 0)


def test_a_day_begins_at_midnight_of_its_zone() -> None:
    for zone_offset_us in (0, EAST_US, WEST_US):
        at_us = midnight_us(DAY, zone_offset_us)
        assert instant_us("2024-10-04", zone_offset_us) == at_us
        assert day_of(at_us, zone_offset_us) == DAY
        assert day_of(at_us - 1, zone_offset_us) == DAY - 1
