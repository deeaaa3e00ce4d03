"""Fares by distance: the steps and their limits, the shortest way, Beijing as compiled."""

import csv
import os
import time
from pathlib import Path

import numpy as np
import pytest

from onecard.core.days import day_number
from onecard.core.errors import BadInput
from onecard.core.tariff import distance
from onecard.core.tariff.folder import Steps, read_rules

DATA = Path(__file__).resolve().parent.parent.parent / "../shared/data/beijing_subway"

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
    steps = Steps(upto, 20_000, 100, grace)
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
    (
        "links.csv",
        "1号线,B,C,7000",
        "1号线,B,C,-1",
        "line 3: expected metres, 0 to 536870911, found -1",
    ),
    ("links.csv", "1号线,B,C,7000", "1号线,A,B,7000", "no way from A to C"),
    ("stations.csv", "2,B", '2,"B', "stations.csv: line 3: expected CSV, found otherwise: unexpec"),
    ("stations.csv", "2,B", "2,", "line 3: expected station 2 and a new name"),
    ("stations.csv", "2,B\n3,C\n", "", "stations.csv: expected 2 to 1024 stations, found 1"),
    ("links.csv", "6099", "٣", "links.csv: line 2: expected metres, 0 to 536870911, found ٣"),
    ("links.csv", "6099", "9" * 5000, "line 2: expected metres, 0 to 536870911, found 9{60}..."),
    ("links.csv", "6099", "60.5", "line 2: expected metres, 0 to 536870911, found 60.5"),
    ("fares.toml", "metres = 12000", "metres = 5000", "rising metres, found 5000 after 6000"),
    ("fares.toml", "grace_metres", "zone_hours = 8\ngrace_metres", "midnight of the ledger's zone"),
    ("fares.toml", "2014-12-28", "2014-12-28T08:00:00", "expected a day as 2026-01-31"),
    ("fares.toml", "effective_from", "effective", "effective_from: expected a day"),
    # Money: half a fen, a truth, a text, less than nothing, more than a ledger's fare holds.
    ("fares.toml", "= 300", "= 3.5", "step 1: fare_fen: expected a whole number .*, found 3.5"),
    ("fares.toml", "= 300", "= true", "step 1: fare_fen: expected a whole number .*, found True"),
    ("fares.toml", "= 400", "= '400'", "step 2: fare_fen: expected a whole .*, found '400'"),
    ("fares.toml", "= 400", "= -1", "step 2: fare_fen: expected .* 0 to 2147483647, found -1"),
    ("fares.toml", "= 400", "= 2147483648", "step 2: fare_fen: .*, found 2147483648"),
    ("fares.toml", "= 400", "= nan", "step 2: fare_fen: expected a whole number .*, found nan"),
    ("fares.toml", "fare_fen = 100 ", "fare_fen = 1.5 ", "beyond: fare_fen: .*, found 1.5"),
    (
        "fares.toml",
        "= 20000",
        "= 0",
        "beyond: metres: expected a whole number from 1 to .* found 0",
    ),
    ("fares.toml", "metres = 20000, ", "", "beyond: metres: expected a whole number .* found none"),
    ("fares.toml", "metres = 6000,", "metres = '6km',", "step 1: metres: .*, found '6km'"),
    ("fares.toml", "metres = 6000,", "metres = -1,", "step 1: metres: expected .*, found -1"),
    ("fares.toml", "{ metres = 6000, fare_fen = 300 }", "{ metres = 6 }", "step 1: fare_fen: "),
    ("fares.toml", "{ metres = 6000, fare_fen = 300 }", "7", "step 1: expected { metres = 6000"),
    ("fares.toml", "fare_fen = 500 ", "fare_fen = 500, max = 9 ", "step 3: expected only metres, "),
    ("fares.toml", "= 99", "= 99.0", "grace_metres: expected a whole number .*, found 99.0"),
    ("fares.toml", "grace_metres = 99", "", "grace_metres: expected a whole number .* found none"),
    ("fares.toml", "steps =", "step =", "expected only name, effective_from, .*, found step"),
    ("fares.toml", "steps = [", "steps = 5\nz = [", "expected only .*, found z"),
    ("fares.toml", "beyond = {", "# {", "beyond: expected { metres = 6000, .*, found none"),
    ("fares.toml", '"beijing-metro"', "5", "name: expected a text as .metro., found 5"),
    ("fares.toml", 'name = "beijing-metro"', "", "name: expected a text as .metro., found none"),
    ("fares.toml", "beijing-metro", "", "name: expected 1 to 36 bytes of UTF-8, found 0"),
    ("fares.toml", "= 99", "=", "fares.toml: expected TOML .*line 5"),
    ("fares.toml", "2014-12-28", "2014-13-28", "fares.toml: expected TOML .*line 4"),
    ("fares.toml", "= 99", "= " + "9" * 5000, "fares.toml: expected TOML"),
    ("fares.toml", "= 99", "= " + "[" * 5000, "fares.toml: expected TOML"),
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
    assert tariff.fares_fen.dtype == np.int32


@pytest.mark.parametrize(("name", "was", "now", "reason"), REFUSED)
def test_refused(name: str, was: str, now: str, reason: str, tmp_path: Path) -> None:
    path = folder(tmp_path) / name
    assert was in path.read_text()
    path.write_text(path.read_text().replace(was, now))
    with pytest.raises(BadInput, match=reason) as raised:
        distance.compile_tariff(tmp_path)
    said = str(raised.value)
    assert said.startswith(name if "no way" not in said else "links.csv")
    assert said.isprintable() and len(said) < 250


def test_steps_are_wanted(tmp_path: Path) -> None:
    """Left out, none, or no list."""
    whole = (folder(tmp_path) / "fares.toml").read_text()
    before, _, after = whole.partition("steps = [")
    rest = after.partition("\n]\n")[2]
    for steps, found in (("", "none"), ("steps = []\n", "0"), ("steps = 5\n", "5")):
        (tmp_path / "fares.toml").write_text(before + steps + rest)
        with pytest.raises(BadInput, match=f"steps: expected a list of 1 to .* found {found}$"):
            distance.compile_tariff(tmp_path)


def test_a_fare_that_no_tap_holds(tmp_path: Path) -> None:
    file = folder(tmp_path) / "fares.toml"
    beyond = "{ metres = 1, fare_fen = 2147483647 }"
    text = file.read_text().replace("{ metres = 20000, fare_fen = 100 }", beyond)
    file.write_text(text.replace("metres = 32000,", "metres = 22001,"))
    (tmp_path / "links.csv").write_text("line,from,to,metres\n1,A,B,6099\n1,B,C,536800000\n")
    with pytest.raises(
        BadInput, match=r"no fare above 2147483647 fen, found .* for 536806099 metre"
    ):
        distance.compile_tariff(tmp_path)


@pytest.mark.parametrize("name", ["stations.csv", "links.csv", "fares.toml"])
def test_files_as_they_come(name: str, tmp_path: Path) -> None:
    """A mark of UTF-8 and Windows' line ends are taken; other encodings and pipes are refused."""
    wanted = distance.compile_tariff(folder(tmp_path)).fares_fen.tolist()
    file = tmp_path / name
    content = file.read_bytes()
    file.write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
    assert distance.compile_tariff(tmp_path).fares_fen.tolist() == wanted
    file.write_bytes(content + "# 公交".encode("gb18030"))
    with pytest.raises(BadInput, match=rf"{name}: line \d+: expected UTF-8, found byte 0xb9"):
        distance.compile_tariff(tmp_path)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(BadInput, match=f"{name}: expected a regular file"):
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

    run_path(str(Path(__file__).resolve().parent.parent.parent / "bench/carry_beijing.py"))["main"](
        DATA, tmp_path
    )
    for name in ("stations.csv", "links.csv"):
        assert (tmp_path / name).read_bytes() == distance.BEIJING.joinpath(name).read_bytes()


def test_the_page_computes_what_the_program_does(tmp_path: Path) -> None:
    """The example in docs/tariffs.md is one that is taken, and its fares are these."""
    page = (Path(__file__).resolve().parent.parent.parent / "docs/tariffs.md").read_text("utf-8")
    (folder(tmp_path) / "fares.toml").write_text(page.split("```toml\n")[1].split("```")[0])
    steps = read_rules(tmp_path).steps
    metres = np.array([6_099, 6_100, 12_099, 12_100, 32_099, 32_100], np.int32)
    assert distance.fares(metres, steps).tolist() == [300, 400, 400, 500, 500, 600]
