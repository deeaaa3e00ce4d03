"""A small tariff's folder, and one thing changed in it."""

from pathlib import Path

FILES = {
    "tariff.toml": """\
id = "small"
name = "Small"
effective_from = 2026-01-01
effective_until = 2026-12-31
currency = "CNY"
zone = "Asia/Shanghai"
holidays = "holidays.csv"
service_day_starts = "04:30"
default_class = "adult"

[sources.book]
title = "Book"
date = 2026-01-01

[[class]]
id = "adult"
name = "Adult"
source = "book"

[[class]]
id = "student"
name = "Student"
proof = true
source = "book"

[[network]]
id = "metro"
name = "Metro"
mode = "metro"
basis = "distance"
stations = "stations.csv"
links = "links.csv"
steps = [{ upto = 6000, fare = 300 }, { upto = 12000, fare = 400 }]
beyond = { every = 20000, add = 100 }
same_station = { free_s = 600 }
overtime = { after_s = 14400, add = 300 }
overdue = { after_s = 86400 }
incomplete = { fare = 900 }
source = "book"

[[network]]
id = "ferry"
name = "Ferry"
mode = "ferry"
basis = "zones"
stations = "piers.csv"
fares = "fares.csv"
lines = "lines.csv"
source = "book"

[[discount]]
id = "early"
networks = ["metro"]
classes = ["adult"]
pay_percent = 50
entry = { stations = ["1"], days = "workday", before = "07:00" }
quota = { uses = 3, per = "year" }
source = "book"

[[discount]]
id = "part"
networks = ["ferry"]
brackets = [{ upto = 300, pay_percent = 80 }, { pay_percent = "62.5" }]
source = "book"

[[transfer]]
id = "change"
from = ["metro"]
to = ["ferry"]
to_lines = [2]
within_s = 5400
off = 100
when = "after"
links = 1
source = "book"

[[tier]]
id = "month"
per = "month"
mode = "next_trip"
steps = [{ below = 10000, pay_percent = 100 }, { pay_percent = 80 }]
source = "book"

[[limit]]
id = "bounds"
least = 50
most = 2000
source = "book"

[[cap]]
id = "day"
per = "day"
most = 1000
bearer = "payer: City"
source = "book"

[[foreign]]
id = "near"
regions = "near"
class = "adult"
source = "book"

[[share]]
id = "parts"
network = "metro"
table = "parts.csv"
source = "book"
""",
    "stations.csv": "id,name\n1,A\n2,B\n3,C\n",
    "links.csv": "line,from,to,metres\nred,1,2,6099\nred,2,3,7000\n",
    "piers.csv": "id,name,zone\np,Pier,1\nq,Quay,2\n",
    "fares.csv": "from,to,fare,class\n1,2,500,\n2,1,500,\n1,2,200,student\n",
    "lines.csv": "line,name\n2,Line two\n",
    "holidays.csv": "day,kind\n2026-02-17,holiday\n2026-02-28,workday\n",
    "regions.csv": "region,city,from,until\nnear,310000,2026-01-01,\n",
    "parts.csv": "from,to,operator,basis_points\n1,3,Red,7000\n1,3,Blue,3000\n",
}


def write(folder: Path, file: str = "", was: str = "", now: str = "") -> Path:
    """All files; `was` stands in one of them and is replaced by `now`, once."""
    folder.mkdir(exist_ok=True)
    for name, text in FILES.items():
        if name == file:
            assert text.count(was) >= 1, f"{was!r} is not in {file}"
            text = text.replace(was, now, 1)
        (folder / name).write_bytes(text.encode())
    return folder
