"""Fares by distance: steps and their limits, the shortest way, Beijing's metro as a square."""

import csv
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from onecard.core.days import day_number
from onecard.core.errors import BadInput
from onecard.core.tariff.distance import METRES_MAX, shortest
from onecard.core.tariff.language.networks import fares_of
from onecard.core.tariff.ready import load
from onecard.core.tariff.square import Square, square_of

BEIJING = files("onecard.core.tariff.cities.beijing")

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
UPTO = [(6000, 300), (12000, 400), (22000, 500), (32000, 600)]


@pytest.mark.parametrize("grace", [0, 99])
def test_steps(grace: int) -> None:
    rows = np.array([line.split() for line in STEPS.split("\n") if line], dtype=np.int64)
    metres = np.maximum(rows[:, 0] - grace, 0)
    assert fares_of(metres, UPTO, (20_000, 100)).tolist() == rows[:, 2 if grace else 1].tolist()


def test_without_a_stretch_beyond_there_is_no_fare_there() -> None:
    metres = np.array([0, 32_000, 32_001], np.int64)
    assert fares_of(metres, UPTO, (0, 0)).tolist() == [300, 600, -1]


def test_shortest_way_over_a_loop_and_a_branch() -> None:
    # a loop 0-1-2-3 whose closing link is long, a branch 4 at 2, and 5 to which there is no way
    links = np.array([[0, 1, 10], [1, 2, 20], [2, 3, 30], [3, 0, 100], [2, 4, 0]], dtype=np.int32)
    metres = shortest(6, links)
    assert metres[0].tolist() == [0, 10, 30, 60, 30, METRES_MAX]
    assert (metres == metres.T).all()


# ---- Beijing ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def metro() -> Square:
    return square_of(load("beijing"), "metro")


def test_beijing_as_a_ledger_takes_it(metro: Square) -> None:
    assert metro.name == "beijing-metro"
    assert metro.effective_day == day_number("2014-12-28")  # from midnight of the ledger's zone
    assert metro.entry_min_fen == 300
    assert metro.fares_fen.dtype == np.int32 and metro.fares_fen.shape == (403, 403)
    # The publisher of the distances says that 10 yuan is the highest fare of the network.
    assert (metro.fares_fen.min(), metro.fares_fen.max()) == (300, 1000)
    assert (metro.fares_fen == metro.fares_fen.T).all()


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
def test_beijing_pair(pair: str, metro: Square) -> None:
    start, end, metres, fare_fen = pair.split()
    at = metro.stations.index(start), metro.stations.index(end)
    assert (metro.metres[at], metro.fares_fen[at]) == (int(metres), int(fare_fen))


def test_beijing_loop_is_closed(metro: Square) -> None:
    with BEIJING.joinpath("metro_links.csv").open("r", encoding="utf-8") as file:
        loops = {"2号线": 18, "10号线": 45}
        links = [row["line"] for row in csv.DictReader(file)]
    assert {line: links.count(line) for line in loops} == loops  # as many links as stations
    assert metro.metres[metro.stations.index("西直门"), metro.stations.index("积水潭")] == 1899


# network, what is said of it: of which a ledger takes no square
NO_SQUARE = [
    ("", "expected one network with fares by station, found metro, capital-airport"),
    ("bus", "expected a network with fares by station, found bus; there are metro"),
    ("ferry", "expected a network with fares by station, found ferry"),
]


@pytest.mark.parametrize(("network", "said"), NO_SQUARE)
def test_a_network_without_a_square(network: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        square_of(load("beijing"), network)


def test_a_fare_that_no_ledger_holds(tmp_path: Path) -> None:
    (tmp_path / "st.csv").write_text("id,name\n1,A\n2,B\n")
    (tmp_path / "fares.csv").write_text("from,to,fare\n1,2,2147483648\n")
    (tmp_path / "tariff.toml").write_text(
        'id = "t"\nname = "T"\neffective_from = 2026-01-01\ncurrency = "CNY"\nzone = "UTC"\n'
        '[sources.s]\ntitle = "S"\ndate = 2026-01-01\n'
        '[[class]]\nid = "a"\nname = "A"\nsource = "s"\n'
        '[[network]]\nid = "m"\nname = "M"\nmode = "metro"\nbasis = "table"\nsource = "s"\n'
        'stations = "st.csv"\nfares = "fares.csv"\n'
    )
    with pytest.raises(BadInput, match="expected no fare above 2147483647, found 2147483648"):
        square_of(load(str(tmp_path)))
