"""Fares by distance: the steps and their limits, the shortest way, Beijing as compiled."""

import csv
import time
from pathlib import Path

import numpy as np
import pytest

from onecard.core.calendar import day_number
from onecard.core.errors import BadInput
from onecard.core.tariff import distance

DATA = Path(__file__).parent.parent / "../shared/data/beijing_subway"

# metres, fen: the published steps without the grace, and with the 99 metres of the data
STEPS = """
       0    300    300
    6000    300    300
    6001    400    300
    6099    400    300
    6100    400    400
   12000    400    400
   12001    500    400
   12099    500    400
   12100    500    500
   22000    500    500
   22001    600    500
   22099    600    500
   22100    600    600
   32000    600    600
   32001    700    600
   32099    700    600
   32100    700    700
   52000    700    700
   52001    800    700
   52100    800    800
   72100    900    900
   92100   1000   1000
  112099   1100   1000
  112100   1100   1100
"""


@pytest.mark.parametrize("grace", [0, 99])
def test_steps(grace: int) -> None:
    rows = np.array([line.split() for line in STEPS.split("\n") if line], dtype=np.int32)
    upto = ((6000, 300), (12000, 400), (22000, 500), (32000, 600))
    steps = distance.Steps(upto, 20_000, 100, grace)
    assert distance.fares(rows[:, 0], steps).tolist() == rows[:, 2 if grace else 1].tolist()


def test_shortest_way_over_a_loop_and_a_branch() -> None:
    # a loop 0-1-2-3 whose closing link is long, and a branch 4 at 2
    links = np.array([[0, 1, 10], [1, 2, 20], [2, 3, 30], [3, 0, 100], [2, 4, 0]], dtype=np.int32)
    metres = distance.shortest(5, links)
    assert metres[0].tolist() == [0, 10, 30, 60, 30]
    assert (metres == metres.T).all()


# what one line of a folder is replaced with, and what the refusal says
REFUSED = [
    ("stations.csv", "2,B", "3,B", "line 3: expected station 2"),
    ("stations.csv", "2,B", "2,A", "line 3: expected station 2"),
    ("stations.csv", "2,B", "2", "line 3: expected 2 columns"),
    ("stations.csv", "station,name", "name", "expected columns station,name"),
    ("links.csv", "1号线,B,C,7000", "1号线,B,X,7000", "line 3: expected a known station, found X"),
    ("links.csv", "1号线,B,C,7000", "1号线,B,C,-1", "line 3: expected metres, found -1"),
    ("links.csv", "1号线,B,C,7000", "1号线,A,B,7000", "no way from A to C"),
    ("fares.toml", "metres = 12000", "metres = 5000", "rising metres"),
    ("fares.toml", "grace_metres", "zone_hours = 8\ngrace_metres", "midnight of the ledger's zone"),
    ("fares.toml", "2014-12-28", "2014-12-28T08:00:00", "expected a day as 2026-01-31"),
    ("fares.toml", "effective_from", "effective", "effective_from: expected a day"),
]


def folder(path: Path) -> Path:
    (path / "stations.csv").write_text("station,name\n1,A\n2,B\n3,C\n")
    (path / "links.csv").write_text("line,from,to,metres\n1号线,A,B,6099\n1号线,B,C,7000\n")
    (path / "fares.toml").write_text(distance.BEIJING.joinpath("fares.toml").read_text("utf-8"))
    return path


def test_compile(tmp_path: Path) -> None:
    tariff = distance.compile_tariff(folder(tmp_path))
    assert tariff.fares_fen.tolist() == [[300, 300, 500], [300, 300, 400], [500, 400, 300]]
    assert tariff.effective_day == day_number("2014-12-28")  # from midnight of the ledger's zone
    assert tariff.entry_min_fen == 300


@pytest.mark.parametrize(("name", "was", "now", "reason"), REFUSED)
def test_refused(name: str, was: str, now: str, reason: str, tmp_path: Path) -> None:
    path = folder(tmp_path) / name
    assert was in path.read_text()
    path.write_text(path.read_text().replace(was, now))
    with pytest.raises(BadInput, match=reason):
        distance.compile_tariff(tmp_path)


# ---- Beijing ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def beijing() -> distance.Compiled:
    return distance.compile_tariff(distance.BEIJING)


def test_beijing_pairs(beijing: distance.Compiled) -> None:
    count = len(beijing.stations)
    assert (count, count * (count - 1)) == (403, 162_006)
    assert beijing.fares_fen.dtype == np.int32 and beijing.fares_fen.shape == (403, 403)
    # The publisher of the distances says that 10 yuan is the highest fare of the network.
    assert (beijing.fares_fen.min(), beijing.fares_fen.max()) == (300, 1000)
    assert (beijing.fares_fen == beijing.fares_fen.T).all()
    assert beijing.name.encode().__len__() <= 36  # what a TariffRecord holds


# one line's own metres, added by hand; a pair on each side of each limit
PAIRS = """
  西直门      车公庄            910   300
  苹果园      古城             2569   300
  和平门      南锣鼓巷         6100   400
  知春里      清华东路西口     6098   300
  公益西桥    周家庄          12099   400
  管庄        陶然亭          22099   500
  国家图书馆  褡裢坡          22100   600
  褡裢坡      回龙观东大街    32099   600
  朝阳公园    永丰            32100   700
  积水潭      马各庄          52098   700
  复兴门      太平桥              0   300
"""


@pytest.mark.parametrize("pair", PAIRS.strip().splitlines())
def test_beijing_pair(pair: str, beijing: distance.Compiled) -> None:
    start, end, metres, fare_fen = pair.split()
    at = beijing.stations.index(start), beijing.stations.index(end)
    assert (beijing.metres[at], beijing.fares_fen[at]) == (int(metres), int(fare_fen))


def test_beijing_loop_is_closed(beijing: distance.Compiled) -> None:
    with distance.BEIJING.joinpath("links.csv").open("r", encoding="utf-8") as file:
        loops = {"2号线": 18, "10号线": 45}
        links = [row["line"] for row in csv.DictReader(file)]
    assert {line: links.count(line) for line in loops} == loops  # as many links as stations
    assert (
        beijing.metres[beijing.stations.index("西直门"), beijing.stations.index("积水潭")] == 1899
    )


def test_beijing_compiles_in_time() -> None:
    start = time.perf_counter()
    distance.compile_tariff(distance.BEIJING)
    assert time.perf_counter() - start < 10


@pytest.mark.data
@pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data/beijing_subway")
def test_beijing_is_what_the_data_says(tmp_path: Path) -> None:
    from runpy import run_path

    run_path(str(Path(__file__).parent.parent / "bench/carry_beijing.py"))["main"](DATA, tmp_path)
    for name in ("stations.csv", "links.csv"):
        assert (tmp_path / name).read_bytes() == distance.BEIJING.joinpath(name).read_bytes()
