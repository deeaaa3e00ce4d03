"""A GTFS feed looked at and compared: its legs in words, its fares between stations, and rows that
moved."""

import pytest

from onecard.core.days import day_number
from onecard.core.tariff import facts, matrix, ready
from onecard.core.tariff.diff import as_json, diff
from onecard.core.tariff.page import show
from onecard.core.tariff.page.diff import page
from tests.tariff.page_parser import Page
from tests.tariff.small_feed import FEED, at_us, change, sound

LEGS = {  # by line of fare_leg_rules.txt
    2: "3.00: Adult, 1.50: Child",
    3: "3.00: Adult, 1.50: Child",
    4: "4.00: cash, 3.60: City card",
    5: "5.00",
    6: "6.00",
}


def test_legs_in_words() -> None:
    found = {item.id: item for item in facts.items(sound(FEED)) if item.kind == facts.LEG}
    assert {int(id.split(":")[1]): item.facts["fares"] for id, item in found.items()} == LEGS
    assert all("Publisher" in item.from_where for item in found.values())


def test_transfers_in_words() -> None:
    found = [item.facts for item in facts.items(sound(FEED)) if item.kind == facts.LEG_TRANSFER]
    assert found == [
        {"type": "1", "costs": "-1.00", "within": "any time", "count": "any"},
        {"type": "0", "costs": "nothing", "within": "3,600 s, counted by 1", "count": "2"},
    ]


def test_stations_are_one_of_their_platforms() -> None:
    compiled = sound(FEED)
    ids = [one["id"] for one in compiled.words["networks"]]
    found = matrix.stations(compiled, ids.index("bus") + 1)
    assert [compiled.words["places"][at - 1]["id"] for at in found] == [
        "north", "south", "east", "hub",
    ]  # fmt: skip


MOMENTS = [  # a tariff, its first Wednesday, whose noon is meant
    ("beijing", "2014-12-31", 4),
    ("linhu", "2026-01-07", 4),
    ("shenzhen-2018", "2018-01-03", 4),
]


@pytest.mark.parametrize(("name", "day", "hour_utc"), MOMENTS)
def test_moments(name: str, day: str, hour_utc: int) -> None:
    number = day_number(day)
    expected = number, (number * 24 + hour_utc) * 3_600_000_000
    assert matrix.moment(ready.load(name)) == expected


def test_the_moment_of_a_feed_is_in_its_calendar() -> None:
    assert matrix.moment(sound(FEED)) == (day_number("2026-01-07"), at_us("2026-01-07T12:00"))
    later = change(FEED, "calendar.txt", "20260101,20261231", "20280701,20281231")
    assert matrix.moment(sound(later)) == (day_number("2028-07-05"), at_us("2028-07-05T12:00"))


def test_the_page() -> None:
    compiled = sound(FEED)
    made = show.page(compiled, matrix.networks(compiled), 0)
    parsed = Page(made)
    assert parsed.open == [] and parsed.fetched == []
    assert "fare_leg_rules.txt:4" in made and ">3.60<" in made and "no fare" in made
    assert "background:#c4c8ce" in made  # of a pair without a fare, which no fare's colour is


def test_a_row_put_before_changes_no_rule() -> None:
    before = "leg_group_id,network_id,from_area_id,to_area_id,\
from_timeframe_group_id,to_timeframe_group_id,fare_product_id\n"
    found = diff(
        sound(FEED),
        sound(change(FEED, "fare_leg_rules.txt", before, before + "rail,rail,d,b,,,train\n")),
    )
    assert found.rules == [] and found.removed == []
    assert [item.kind for item in found.added] == [facts.LEG]
    assert {(one.network, one.ride, one.before, one.after) for one in found.worst} == {
        ("rail", "East → Hub", None, 500)
    }


def test_a_price() -> None:
    other = sound(change(FEED, "fare_products.txt", "child,,1.50", "child,,1.20"))
    found = as_json(diff(sound(FEED), other, "child"))
    assert {(one["network"], one["ride"], one["by"]) for one in found["fares"]} == {
        ("bus", "North → Hub", -30),
        ("bus", "Hub → North", -30),
    }
    rows = [(one["id"], one["what"]) for one in found["rules"]["changed"]]
    assert rows == [("fare_leg_rules.txt:2", "fares"), ("fare_leg_rules.txt:3", "fares")]


def test_stations_that_no_rule_tells_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    files = change(FEED, "stops.txt", "east,East,0,,\n", "east,East,0,,\nnorth2,North 2,0,,\n")
    files = change(files, "stop_areas.txt", "a,north\n", "a,north\na,north2\n")
    compiled = sound(files)
    monkeypatch.setattr(matrix, "STATIONS_MAX", 4)
    shown = matrix.matrix(compiled, 1, 0, matrix.moment(compiled)[1])
    assert matrix.names(compiled, shown) == ["North", "South", "East", "Hub"]
    assert shown.left_out == 1
    found = diff(compiled, compiled)
    assert found.is_same and set(found.left_out.values()) == {1}
    assert "one stands for all; 1 are left out" in page(found, ("a", "b"))
