"""A tariff looked at: its rules in words, its fares between stations, and the page of both."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from onecard.core.tariff import facts, matrix, ready
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.page import heat, show
from tests.support.onecard_command import commands
from tests.tariff.page_parser import Page
from tests.tariff.town import compiled_town, write_town

SAYS = [  # of Linhu: kind, rule, what, value
    ("network", "metro", "same station", "free before 1,200 s, then 2.00"),
    ("network", "metro", "overtime", "1.50 more after 7,200 s"),
    ("network", "metro", "overdue", "as incomplete after 28,800 s"),
    ("network", "metro", "incomplete", "9.00"),
    ("network", "ferry", "same station", "1.50"),
    ("network", "tram", "fare", "2.00"),
    ("network", "minibus", "basis", "face"),
    (
        "network",
        "bike",
        "steps",
        "up to 1,800 s 1.00; up to 3,600 s 2.00; each 1,800 s beyond 1.50",
    ),
    ("class", "student", "proof", "ends"),
    ("discount", "early", "pays", "47.50 %, ceiling to 0.10"),
    ("discount", "early", "classes", "adult"),
    (
        "discount",
        "early",
        "entry",
        "at Harbour, Old Gate, Mon-Fri (2 days said otherwise) 05:00-07:00",
    ),
    ("discount", "ferry-evening", "exit", "at Harbour, Island, Fri Sat 20:00-23:00"),
    ("discount", "bus-card", "pays", "80 % up to 2.00; 62.50 % beyond, half_up"),
    ("discount", "bus-card", "media", "card, phone"),
    ("discount", "senior-free", "pays", "nothing"),
    ("discount", "senior-free", "quota", "2 rides a month"),
    ("discount", "senior-free", "bearer", "payer: City of Linhu"),
    ("discount", "holiday-minibus", "entry", "on 1 days said one by one 00:00-24:00"),
    ("transfer", "bus-bus", "within", "3,600 s of its begin"),
    ("transfer", "bus-bus", "links", "2"),
    ("transfer", "bus-bus", "when", "before discounts"),
    ("transfer", "bus-metro", "pays", "33.30 %, ceiling"),
    ("transfer", "bus-metro", "lines", "1 to any"),
    ("tier", "rail-month", "pays", "100 % below 10.00; 80 % below 15.00; 50 % beyond"),
    ("tier", "rail-month", "mode", "marginal"),
    ("limit", "bike-most", "most", "12.00"),
    ("limit", "minibus-least", "most", "any"),
    ("cap", "week", "per", "week"),
    ("foreign", "six-counties", "class", "neighbour"),
    ("foreign", "six-counties", "until", "further notice"),
]


@pytest.fixture(scope="module")
def linhu() -> dict[tuple[str, str], facts.Item]:
    return {(item.kind, item.id): item for item in facts.items(ready.load("linhu"))}


@pytest.mark.parametrize("case", SAYS, ids=lambda case: f"{case[1]} {case[2]}")
def test_rules_in_words(
    case: tuple[str, str, str, str], linhu: dict[tuple[str, str], facts.Item]
) -> None:
    kind, rule, what, value = case
    assert linhu[kind, rule].facts[what] == value


@pytest.mark.parametrize("name", ready.READY)
def test_every_rule_has_its_source(name: str) -> None:
    assert all(item.from_where for item in facts.items(ready.load(name)))


BEIJING = {
    300: 8799, 400: 21344, 500: 45992, 600: 39190, 700: 37726, 800: 8344, 900: 970, 1000: 44,
}  # fmt: skip


def test_fares_of_beijing() -> None:
    compiled = ready.load("beijing")
    _, at_us = matrix.moment(compiled)
    found = matrix.matrix(compiled, 1, 0, at_us)
    assert dict(matrix.counts(found)) == BEIJING and found.left_out == 0
    names = matrix.names(compiled, found)
    begin, end = names.index("苹果园"), names.index("古城")
    assert found.metres is not None
    assert (found.fares[begin, end], found.metres[begin, end]) == (300, 2569)


def test_fares_that_are_not_defined(tmp_path: Path) -> None:
    compiled = compiled_town(tmp_path)
    (network,) = matrix.networks(compiled)
    _, at_us = matrix.moment(compiled)
    found = matrix.matrix(compiled, network, 1, at_us)
    assert matrix.names(compiled, found) == ["Harbour", "Museum", "Hill"]
    assert found.fares.tolist() == [[0, 500, 800], [500, 0, -1], [-1, -1, 0]]


# ---- the page -----------------------------------------------------------------------------------


def whole_page(compiled: Compiled) -> str:
    return show.page(compiled, matrix.networks(compiled), 0)


@pytest.mark.parametrize("name", ready.READY)
def test_the_page_stands_alone(name: str) -> None:
    made = whole_page(ready.load(name))
    parsed = Page(made)
    assert parsed.open == [] and parsed.fetched == []
    assert "url(" not in made and "import" not in heat.SCRIPT and "fetch" not in heat.SCRIPT


def town_of(folder: Path, stations: int, name: str) -> Compiled:
    """A town whose stations are many, the first of them called `name`."""
    write_town(folder)
    rows = ["id,name,aliases", f's0,"{name}",']
    rows += [f"s{at},Stop {at}," for at in range(1, stations)]
    fares = [
        f"s{i},s{j},{100 * (abs(i - j) % 7 + 1)}" for i in range(stations) for j in range(stations)
    ]
    (folder / "stations.csv").write_text("\n".join(rows) + "\n")
    (folder / "fares.csv").write_text("\n".join(["from,to,fare", *fares]) + "\n")
    return ready.load(str(folder))


@pytest.mark.parametrize("stations", [3, 30])
def test_names_are_never_markup(stations: int, tmp_path: Path) -> None:
    compiled = town_of(tmp_path / "town", stations, "<script>alert(1)</script>&amp;")
    made = whole_page(compiled)
    assert "<script>alert" not in made and "alert(1)" in made
    scripts = made.count("<script")
    assert scripts == (1 if stations == 3 else 2)


PICTURES = {  # fares and metres of rides from i to j
    "symmetric": (lambda i, j: 100 * abs(i - j), lambda i, j: 70_000 * abs(i - j)),
    "fares each way": (lambda i, j: 100 if i < j else 200, lambda i, j: abs(i - j)),
    "metres each way": (lambda i, j: 100, lambda i, j: 1000 * i + j),
    "some not defined": (lambda i, j: -1 if (i + j) % 3 else 100, None),
    "more fares than a byte has": (lambda i, j: 20 * i + j, None),
}


@pytest.mark.parametrize("case", PICTURES)
def test_the_picture_holds_the_fares(case: str) -> None:
    fare, way = PICTURES[case]
    side = 20
    cells = np.arange(side)
    fares = np.vectorize(fare, otypes=[np.int64])(cells[:, None], cells)
    metres = None if way is None else np.vectorize(way)(cells[:, None], cells).astype(np.int64)
    found = matrix.Matrix(1, 0, 0, list(range(1, side + 1)), fares, metres, 0)
    made = heat.heat(found, [f"Stop {at}" for at in range(side)], "CNY", 2)
    data = json.loads(made.split('class="data">')[1].split("</script>")[0])
    upper = data["symmetric"]
    assert upper == (
        case not in ("fares each way", "metres each way", "more fares than a byte has")
    )
    assert data["wide"] == (case == "more fares than a byte has")

    def unpacked(text: str, width: int) -> list[int]:
        content = np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, width)
        return [int.from_bytes(bytes(row), "little") for row in content]

    def expected(values: np.ndarray) -> list[int]:
        return (values[np.triu_indices(side)] if upper else values.reshape(-1)).tolist()

    index = unpacked(data["fares"], 2 if data["wide"] else 1)
    said = [
        "no fare" if one < 0 else f"{one // 100}.{one % 100:02d} CNY" for one in expected(fares)
    ]
    assert [data["amounts"][at] for at in index] == said
    if metres is None:
        assert data["metres"] is None
    else:
        assert unpacked(data["metres"], 3) == expected(metres)
    undefined = [at for at, one in enumerate(data["amounts"]) if one == "no fare"]
    assert [data["colours"][at] for at in undefined] == [list(heat.UNDEFINED)] * len(undefined)
    light = [sum(one) for at, one in enumerate(data["colours"]) if at not in undefined]
    assert light == sorted(light, reverse=True)  # a higher fare is darker


def test_the_picture_of_beijing_is_small() -> None:
    assert len(whole_page(ready.load("beijing"))) < 1 << 20


# ---- the command --------------------------------------------------------------------------------


def test_the_command(tmp_path: Path) -> None:
    write_town(tmp_path / "town")
    with commands(tmp_path) as onecard:
        done = onecard("tariff", "show", "town", "--html", "town.html")
        assert done.status == 0
        assert "card\tpays 90 %, floor; networks metro, bus; classes adult" in done.out
        assert "source: Made up for a test, 2026-01-01" in done.out
        assert "8.00\t1\n" in done.out
        Page((tmp_path / "town.html").read_text())
        assert (
            onecard("tariff", "show", "town", "--network", "rail", "--class", "guest").status == 0
        )
        for wrong in (["--network", "bus"], ["--network", "no"], ["--class", "no"]):
            done = onecard("tariff", "show", "town", *wrong)
            assert done.status == 2 and done.err.count("\n") == 1, (wrong, done)
        done = onecard("tariff", "show", "town", "--html", "none/town.html")
        assert done.status == 2 and "make it first" in done.err
