"""Plays the tables beside it (`*_tables.py`) on the twin, and on engine and twin together."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from onecard.ext.shape.numbers import Outcome
from tests.rules import (
    adjustment_tables,
    edge_tables,
    gate_rated_tables,
    hold_tables,
    network_tables,
    rule_tables,
    scene_tables,
)
from tests.rules.adjustment_tables import ADJUSTED_BELOW_FLOOR
from tests.rules.event_tables import EVENT
from tests.rules.journey_tables import CARDS, JOURNEYS_FULL
from tests.rules.lot_tables import GRANTS, LOTS_FULL
from tests.rules.rule_tables import CLOCK_STEPS, DENY_LIST
from tests.rules.taptable import METRO, NOW_US, Play
from tests.support.engine import SMALL, opened

TABLES = rule_tables.TABLES | adjustment_tables.TABLES | {"EVENT": EVENT}
TABLES |= hold_tables.TABLES | network_tables.TABLES | scene_tables.TABLES
TABLES |= edge_tables.TABLES | gate_rated_tables.TABLES
TABLES |= {"GRANTS": GRANTS, "LOTS_FULL": LOTS_FULL, "JOURNEYS_FULL": JOURNEYS_FULL}
ROOM = {"JOURNEYS_FULL": replace(SMALL, cards_max=CARDS)}  # of others, that of all tests


@pytest.fixture(params=("twin", "engine"))
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    name = request.node.callspec.params.get("name")
    with opened(request.param, NOW_US, ROOM.get(name, SMALL)) as side:
        yield Play(side)


@pytest.mark.parametrize("name", TABLES)
def test_table(play: Play, name: str) -> None:
    play.run(TABLES[name])


def test_every_outcome_is_in_a_table() -> None:
    said = {word for table in TABLES.values() for word in table.split()}
    assert set(Outcome.__members__) <= said


def test_booking_time_strictly_increases(play: Play) -> None:
    play.run(CLOCK_STEPS)
    records = [play.record(label) for label in "abcdef"]
    times = [record["booked_at_us"] for record in records]
    assert times == sorted(set(times))
    assert times[4] == play.now_us + 86_400_000_000
    assert [record["window"] for record in records] == [1, 1, 1, 1, 1, 2]


def test_deny_list_versions(play: Play) -> None:
    play.run(DENY_LIST)
    changed = {label: play.record(label)["effects"] for label in "deabg"}
    assert changed == {"d": 4, "e": 4, "a": 0, "b": 8, "g": 4}


def test_an_adjustment_below_the_floor_is_of_whoever_charged(play: Play) -> None:
    play.run(ADJUSTED_BELOW_FLOOR)
    changed = {label: play.record(label)["effects"] for label in "dgm"}
    assert changed == {"d": 0, "g": 4, "m": 8}
    entry = play.record("g")
    assert (entry["operator_id"], entry["terminal"], entry["amount_fen"]) == (METRO, 6, 500)
