"""A small made-up tariff that an audit is tried on, and recorded charges as tables."""

from pathlib import Path

from onecard.core.tariff import ready
from onecard.core.tariff.audit.report import Report, audit
from onecard.core.tariff.compiled import Compiled

TOWN = """
id = "town"
name = "Town"
effective_from = 2026-01-01
currency = "CNY"
zone = "Asia/Shanghai"
default_class = "adult"

[sources.made]
title = "Made up for a test"
date = 2026-01-01

[[class]]
id = "student"
name = "Student"
source = "made"
[[class]]
id = "adult"
name = "Adult"
source = "made"
[[class]]
id = "guest"
name = "Guest"
source = "made"

[[network]]
id = "metro"
name = "Metro"
mode = "metro"
operator = "Metro Company"
basis = "face"
source = "made"
[[network]]
id = "bus"
name = "Bus"
mode = "bus"
operator = "City Bus"
basis = "face"
source = "made"
[[network]]
id = "own"
name = "Own Bus"
mode = "bus"
operator = "Own Bus"
basis = "face"
source = "made"
[[network]]
id = "rail"
name = "Rail"
mode = "rail"
operator = "Rail Company"
basis = "table"
stations = "stations.csv"
fares = "fares.csv"
same_station = { free_s = 600 }
incomplete = { fare = 900 }
overdue = { after_s = 7200 }
source = "made"

[[network]]
id = "van"
name = "Van"
mode = "van"
operator = "Van Company"
basis = "metres"
steps = [{ upto = 5000, fare = 200 }, { upto = 10000, fare = 300 }]
source = "made"

[[discount]]
id = "card"
networks = ["metro", "bus"]
classes = ["adult"]
pay_percent = 90
source = "made"
[[discount]]
id = "half"
networks = ["metro", "bus"]
classes = ["student"]
pay_percent = 50
source = "made"
[[discount]]
id = "nothing"
networks = ["metro", "bus"]
classes = ["guest"]
free = true
source = "made"

[[transfer]]
id = "change"
from = ["metro", "bus"]
to = ["bus"]
within_s = 3600
line = "other"
classes = ["adult"]
off = 40
when = "after"
source = "made"

[[transfer]]
id = "from-rail"
from = ["rail"]
to = ["bus"]
within_s = 3600
classes = ["adult"]
off = 100
when = "after"
source = "made"

[[cap]]
id = "day"
per = "day"
networks = ["rail"]
most = 1200
source = "made"
"""
STATIONS = "id,name,aliases\na,Harbour,Port|The Port\nb,Museum,\nc,Hill,\n"
FARES = "from,to,fare\na,b,500\nb,a,500\na,c,800\n"
COLUMNS = "at,card,company,network,line,kind,station,face,charged,mark,end,to"


def write_town(folder: Path) -> Path:
    """The tariff's files in a folder that is made."""
    folder.mkdir(exist_ok=True)
    (folder / "tariff.toml").write_text(TOWN)
    (folder / "stations.csv").write_text(STATIONS)
    (folder / "fares.csv").write_text(FARES)
    return folder


def compiled_town(folder: Path) -> Compiled:
    return ready.load(str(write_town(folder / "town")))


def held(tmp_path: Path, compiled: Compiled, text: str) -> tuple[Report, list[str]]:
    """The report of a file, and what was said of its rows."""
    path = tmp_path / "charges.csv"
    path.write_text(text, encoding="utf-8")
    said: list[str] = []
    return audit([path], compiled, said.append), said


def csv_of(table: str) -> str:
    """A table as CSV: `.` is blank, times of 2026-03-02, columns as COLUMNS."""
    rows = [line.split() for line in table.strip().splitlines()]
    lines = [COLUMNS]
    for row in rows:
        at, *others, end, to = ["" if value == "." else value for value in row]
        end = f"2026-03-02 {end}" if end else ""
        lines.append(",".join([f"2026-03-02 {at}", *others, end, to]).replace("_", " "))
    return "\n".join(lines) + "\n"
