"""The arrays of a compiled feed: no larger than they need be; what is too large is refused."""

import numpy as np
import pytest

from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.gtfs import cells, offers
from onecard.core.tariff.gtfs.cells import Rectangle, lay_out
from onecard.core.tariff.gtfs.trips import networks_between
from onecard.ext.fare import shapes
from onecard.ext.fare.rate import Code
from tests.tariff.small_feed import FEED, Files, Rider, add, change, compiled, sound

LEGS = "fare_leg_rules.txt"


def rows(tariff: Compiled, table: str) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
    dtype = shapes.TABLES[table]
    count = int(tariff.arrays["counts"][list(shapes.TABLES).index(table)])
    return tariff.arrays[table].reshape(-1).view(dtype)[:count]


def test_areas_that_no_rule_lists_are_one_set() -> None:
    areas = "".join(f"e{at},E\n" for at in range(20))
    stops = "".join(f"s{at},S,0,,\n" for at in range(20))
    of = "".join(f"e{at},s{at}\n" for at in range(20))
    files = add(add(add(FEED, "areas.txt", areas), "stops.txt", stops), "stop_areas.txt", of)
    few, many = sound(FEED), sound(files)
    assert len(many.arrays["cells"]) == len(few.arrays["cells"]) * (5 / 4) ** 2
    assert rows(many, "networks")[0]["to_sets"] == 5  # a, b, c, d, all others


def test_networks_that_no_rule_lists_share_a_square() -> None:
    names = "".join(f"n{at},N\n" for at in range(9))
    tariff = sound(add(FEED, "networks.txt", names))
    squares = [int(row["square"]) for row in rows(tariff, "networks")]
    assert len(squares) == 12 and len(set(squares)) == 3
    assert len(set(squares[2:])) == 1
    assert [word["id"] for word in tariff.words["networks"]][-1] == ""


def test_lists_that_come_to_the_same_are_one() -> None:
    tariff = sound(FEED)
    assert sorted(set(tariff.arrays["cells"].tolist())) == [0, 1, 2, 3, 4, 5]
    assert tariff.arrays["list_offers"].tolist()[:2] == [0, 0]
    assert tariff.arrays["list_offers"][-1] == 2 + 2 + 2 + 1 + 1
    assert rows(tariff, "group_transfers")["offer"].tolist() == [8, 9]


def test_what_is_always_hidden_is_no_offer() -> None:
    """A rule without a timeframe hides all of a lower priority; one with a timeframe does not."""
    header = FEED[LEGS].split("\n")[0]
    legs = "\n".join([
        header + ",rule_priority", "g,,,,,,short,1", "g,,,,,,long,0", "g,,,,peak,,train,2", ""
    ])  # fmt: skip
    tariff, notices = compiled({**FEED, LEGS: legs})
    assert tariff is not None
    first = int(tariff.arrays["list_offers"][1])
    last = int(tariff.arrays["list_offers"][2])
    assert rows(tariff, "offers")["priority"][first:last].tolist() == [1, 1, 2]
    assert [(one.code, one.line) for one in notices.found if one.code == "no_effect"] == [
        ("no_effect", 3)
    ]


def test_rules_know_their_row_and_source() -> None:
    tariff = sound(FEED)
    rule = tariff.words["rules"][int(rows(tariff, "offers")[0]["rule"]) - 1]
    assert (rule["file"], rule["line"], rule["kind"]) == (LEGS, 2, "leg")
    assert rule["source"] == {
        "title": "GTFS of Publisher, version 7",
        "date": "2026-01-01",
        "url": "https://publisher.example",
    }


def test_a_join_names_its_row() -> None:
    tariff = sound(add(FEED, LEGS, "rail,rail,b,b,,,early\n"))
    rider = Rider(tariff)
    rider.ride("rail hub1 hub2 10:00 10:10")
    reasons = rider.ride("rail hub2 east 10:30 10:50").reasons
    (joined,) = [one for one in reasons if one.code == Code.JOINED]
    rule = tariff.words["rules"][joined.rule - 1]
    assert (rule["file"], rule["line"]) == ("fare_leg_join_rules.txt", 2)


def test_few_keys_stand_for_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = sound(FEED)
    monkeypatch.setattr(cells, "DENSE_CELLS_MAX", 8)
    sparse = sound(FEED)
    assert len(sparse.arrays["cell_keys"]) == np.count_nonzero(dense.arrays["cells"])
    for network in ("bus", "rail", "-"):
        for begin in ("north", "south", "hub", "hub1", "east"):
            for end in ("north", "south", "hub2", "east"):
                ride = f"{network} {begin} {end} 07:30 07:40"
                assert Rider(sparse).amounts(ride) == Rider(dense).amounts(ride), ride


@pytest.mark.parametrize("limit", ["KEYS_MAX", "ENTRIES_MAX"])
def test_more_keys_than_a_tariff_holds_are_refused(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "DENSE_CELLS_MAX", 8)
    monkeypatch.setattr(cells, limit, 4)
    tariff, notices = compiled(FEED)
    assert tariff is None
    assert [one.code for one in notices.found] == ["too_many"]


def test_more_offers_than_a_tariff_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers, "OFFERS_MAX", 3)
    tariff, notices = compiled(FEED)
    assert tariff is None
    assert [one.code for one in notices.found] == ["too_many"]


def test_rectangles_laid_over_each_other() -> None:
    """Against a list of rules for each cell, made one by one."""
    random = np.random.default_rng(7)
    sets, kinds = 9, 3
    made = [
        Rectangle(
            sorted({int(kind) for kind in random.integers(kinds, size=2)}),
            np.unique(random.integers(sets, size=random.integers(1, 6))),
            np.unique(random.integers(sets, size=random.integers(1, 6))),
            (at,),
        )
        for at in range(60)
    ]
    found = lay_out(made, kinds, sets)
    assert found is not None and found.lists[0] == ()
    for kind in range(kinds):
        for begin in range(sets):
            for end in range(sets):
                rules = [
                    at
                    for at, one in enumerate(made)
                    if kind in one.kinds and begin in one.from_sets and end in one.to_sets
                ]
                said = found.lists[found.cells[(kind * sets + begin) * sets + end]]
                assert said == tuple(rules)


# ---- which trips call where ---------------------------------------------------------------------

BETWEEN = [
    ("north", "south", ["bus"]),
    ("north", "hub", ["bus"]),
    ("north", "hub2", ["bus"]),  # a platform is its station's
    ("south", "north", []),
    ("hub", "south", ["bus"]),
    ("hub1", "east", ["rail"]),
    ("south", "east", [""]),
    ("north", "east", []),
    ("north", "north", []),
]


@pytest.mark.parametrize(("begin", "end", "networks"), BETWEEN)
def test_networks_of_trips_that_call_at_both(begin: str, end: str, networks: list[str]) -> None:
    assert between(FEED, begin, end) == networks


TIMES = "stop_times.txt"
WAYS = [
    ("rows in any order", [(TIMES, "t3,,,south,1\nt3,,,east,2", "t3,,,east,2\nt3,,,south,1")],
     "south", "east", [""]),
    ("the other direction", [(TIMES, "t3,,,south,1", "t3,,,south,3")], "east", "south", [""]),
    ("a loop that comes back", [(TIMES, "t3,,,east,2", "t3,,,east,2\nt3,,,south,9")],
     "east", "south", [""]),
    ("trips of two networks", [("trips.txt", "", "r2,work,t4\n"),
                               (TIMES, "", "t4,,,south,1\nt4,,,east,2\n")],
     "south", "east", ["rail", ""]),
    ("a place on demand is none", [(TIMES, "t3,,,south,1", "t3,,,,1")], "south", "east", []),
]  # fmt: skip


@pytest.mark.parametrize("row", WAYS, ids=lambda row: row[0])
def test_ways(row: tuple[str, list[tuple[str, str, str]], str, str, list[str]]) -> None:
    _, changes, begin, end, networks = row
    files: Files = FEED
    for file, old, new in changes:
        files = change(files, file, old, new) if old else add(files, file, new)
    assert between(files, begin, end) == networks


def test_without_trips_no_network_is_known() -> None:
    header = FEED[TIMES].split("\n")[0]
    assert between({**FEED, TIMES: header}, "north", "south") == []


def between(files: Files, begin: str, end: str) -> list[str]:
    tariff = sound(files)
    ids = [word["id"] for word in tariff.words["places"]]
    found = networks_between(tariff, ids.index(begin) + 1, ids.index(end) + 1)
    return [tariff.words["networks"][number - 1]["id"] for number in found]
