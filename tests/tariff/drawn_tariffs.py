"""Tariffs that nobody has: folders of random rules from a seed, by docs/tariffs.md."""

import json
import random
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

Table = dict[str, Any]
STATIONS = [f"s{number}" for number in range(1, 9)]
CITIES = [341821, 310000, 330100, 440300]
ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "UTC"]
MEDIA = ["card", "phone", "paper"]
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
SCHEMES_MAX = 8  # caps, tiers and quotas that a tariff may have
SOURCE = "drawn"


class Drawing:
    """One tariff as it is drawn; `tables` are its CSV files."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.seed = seed
        self.tables: dict[str, list[Table]] = {}
        self.schemes = 0
        self.classes = [f"c{number}" for number in range(self.rng.randint(1, 4))]
        self.networks: list[str] = []
        self.modes: list[str] = []
        self.known: list[str] = []  # stations of any network
        self.lines: list[int] = []

    # ---- what many rules say

    def maybe(self, chance: float = 0.5) -> bool:
        """Returns True when a coin that falls so often does."""
        return self.rng.random() < chance

    def some(self, of: list[Any]) -> list[Any]:
        """At least one of them, in their order."""
        taken = [one for one in of if self.maybe()]
        return taken or [self.rng.choice(of)]

    def percent(self) -> int | str:
        return self.rng.choice([0, 25, 50, 65, 80, 95, 100, "97.5", "33.33", "0.01", "66.6"])

    def fare(self) -> int:
        return self.rng.choice([0, 1, 90, 100, 133, 199, 250, 300, 333, 700, 1001])

    def scope(self) -> Table:
        """Networks and classes that a rule is of."""
        said: Table = {}
        if self.maybe(0.4):
            said["networks"] = self.some([*self.networks, *self.modes])
        if self.maybe(0.4):
            said["classes"] = self.some(self.classes)
        return said

    def rounding(self, units: bool) -> Table:
        said: Table = {}
        if self.maybe():
            said["rounding"] = self.rng.choice(["floor", "ceiling", "half_up", "half_even"])
        if units and self.maybe(0.3):
            said["unit"] = self.rng.choice([5, 10, 100])
        return said

    def bearer(self) -> Table:
        bearers = ["operator", "pro_rata", "payer: The city"]
        return {"bearer": self.rng.choice(bearers)} if self.maybe() else {}

    def has_room(self) -> bool:
        """Returns True when the tariff may have another cap, tier or quota, and takes it."""
        room = self.schemes < SCHEMES_MAX
        self.schemes += room
        return room

    # ---- the tables of tariff.toml

    def head(self) -> Table:
        said: Table = {
            "id": f"drawn-{self.seed}",
            "name": f"Drawn from {self.seed}",
            "effective_from": date(2026, 1, 1),
            "currency": self.rng.choice(["CNY", "JPY", "KWD"]),
            "zone": self.rng.choice(ZONES),
        }
        if self.maybe(0.3):
            said["effective_until"] = date(2026, 11, 30)
        if self.maybe():
            said["holidays"] = "holidays.csv"
            days = [f"2026-{month:02}-{day:02}" for month in (3, 4, 10) for day in range(1, 31, 3)]
            kinds = [self.rng.choice(["holiday", "workday"]) for _ in days]
            self.tables["holidays.csv"] = [
                {"day": day, "kind": kind} for day, kind in zip(days, kinds, strict=True)
            ]
        if self.maybe():
            said["service_day_starts"] = self.rng.choice(["04:30", "03:00", "00:00", "12:00"])
        if self.maybe():
            said["week_starts"] = self.rng.choice(["monday", "saturday", "sunday"])
        if self.maybe(0.8):
            said["combine"] = self.rng.choice(["best", "stack"])
        if self.maybe():
            said["default_class"] = self.rng.choice(self.classes)
        return said

    def rider(self, name: str) -> Table:
        proof = {"proof": True} if self.maybe() else {}
        return {"id": name, "name": name.upper(), "source": SOURCE, **proof}

    def steps(self, unit: int) -> Table:
        ends = sorted(self.rng.sample(range(1, 40), self.rng.randint(1, 4)))
        fares = sorted(self.fare() for _ in ends)
        said: Table = {
            "steps": [
                {"upto": end * unit, "fare": fare} for end, fare in zip(ends, fares, strict=True)
            ]
        }
        if self.maybe():
            said["beyond"] = {"every": self.rng.randint(1, 9) * unit, "add": self.fare()}
        return said

    def stations(self, network: Table, zones: bool) -> list[str]:
        name = network["stations"] = f"{network['id']}-stations.csv"
        mine = [one for one in STATIONS if self.maybe(0.7)] or STATIONS[:2]
        rows = [{"id": one, "name": f"Station {one}"} for one in mine]
        if zones:
            rows = [{**row, "zone": "AB"[at % 2]} for at, row in enumerate(rows)]
        self.tables[name] = rows
        self.known = sorted({*self.known, *mine})
        return mine

    def cells(self, network: Table, ends: list[str]) -> None:
        name = network["fares"] = f"{network['id']}-fares.csv"
        by_class = self.maybe()
        rows: list[Table] = []
        for begin in ends:
            for end in ends:
                for who in ["", *(self.classes if by_class else [])]:
                    if self.maybe(0.9 if who == "" else 0.3):
                        row = {"from": begin, "to": end, "fare": self.fare()}
                        rows.append({**row, "class": who} if by_class else row)
        if not rows:
            rows = [{"from": ends[0], "to": ends[0], "fare": 100}]
            rows = [{**row, "class": ""} for row in rows] if by_class else rows
        self.tables[name] = rows

    def links(self, network: Table, stations: list[str]) -> None:
        name = network["links"] = f"{network['id']}-links.csv"
        rows = [
            {"line": line, "from": begin, "to": end, "metres": self.rng.choice([0, 500, 999, 1000])}
            for line in ("1", "2")
            for begin, end in pairwise(stations)
            if self.maybe(0.6)
        ]
        if not rows:
            rows = [{"line": "1", "from": stations[0], "to": stations[-1], "metres": 700}]
        self.tables[name] = rows

    def network(self, name: str) -> Table:
        basis = self.rng.choice(["flat", "zones", "table", "distance", "metres", "seconds", "face"])
        said: Table = {"id": name, "name": name.upper(), "mode": self.rng.choice(["metro", "bus"])}
        said |= {"operator": f"{name} company", "basis": basis, "source": SOURCE}
        if basis == "flat":
            said["fare"] = self.fare()
        if basis in ("zones", "table"):
            mine = self.stations(said, basis == "zones")
            self.cells(said, ["A", "B"] if basis == "zones" else mine)
        if basis == "distance":
            self.links(said, self.stations(said, False))
        if basis in ("distance", "metres", "seconds"):
            said |= self.steps(600 if basis == "seconds" else 250)
        if basis in ("distance", "metres") and self.maybe():
            said["grace_metres"] = self.rng.choice([1, 99, 500])
        if self.maybe():
            name = said["lines"] = f"{said['id']}-lines.csv"
            self.lines = [1, 2, 3]
            self.tables[name] = [{"line": one, "name": f"Line {one}"} for one in self.lines]
        self.ends(said)
        return said

    def ends(self, said: Table) -> None:
        """What the end of a ride may cost by itself."""
        is_open = said["basis"] == "face" or "beyond" in said
        if self.maybe():
            said["same_station"] = {"free_s": 1200} if self.maybe() else {}
            if said["basis"] == "face" or self.maybe(0.3):
                said["same_station"]["fare"] = self.fare()
        if self.maybe():
            said["overtime"] = {"after_s": 7200, "add": 300}
        if self.maybe(0.7):
            said["incomplete"] = {"fare": 900} if is_open or self.maybe() else {}
            if self.maybe():
                said["overdue"] = {"after_s": 10_800}

    # ---- rules

    def there(self) -> Table:
        """Where and when one enters or leaves."""
        said: Table = {}
        if self.known and self.maybe():
            said["stations"] = self.some(self.known)
            if self.maybe(0.3):
                name = f"list-{len(self.tables)}.csv"
                self.tables[name] = [{"id": one} for one in said["stations"]]
                said["stations"] = name
        if self.maybe():
            said["days"] = self.rng.choice(["workday", "restday", "holiday", self.some(WEEK)])
        if self.maybe() or not said:
            begin = self.rng.randint(0, 20)
            end = self.rng.randint(begin + 1, 24)
            said |= {"from": f"{begin:02}:00", "before": f"{end:02}:00"}
        return said

    def way(self, discount: bool) -> Table:
        """How a discount or a transfer lowers a fare."""
        which = self.rng.choice(["pay", "off", "free", *(["brackets"] * discount)])
        if which == "off":
            return {"off": self.rng.choice([1, 40, 100, 400])}
        if which == "free":
            return {"free": True}
        if which == "pay":
            return {"pay_percent": self.percent(), **self.rounding(discount)}
        ends = sorted(self.rng.sample([50, 100, 250, 300, 600], self.rng.randint(1, 3)))
        parts: list[Table] = [{"upto": end, "pay_percent": self.percent()} for end in ends]
        return {"brackets": [*parts, {"pay_percent": self.percent()}], **self.rounding(True)}

    def discount(self, name: str) -> Table:
        said: Table = {"id": name, "source": SOURCE, **self.way(True), **self.scope()}
        if self.maybe(0.3):
            said["media"] = self.some(MEDIA)
        if self.maybe(0.4):
            said["entry"] = self.there()
        if self.maybe(0.2):
            said["exit"] = self.there()
        if self.maybe(0.3) and self.has_room():
            per = self.rng.choice(["day", "week", "month", "year"])
            said["quota"] = {"uses": self.rng.randint(1, 4), "per": per}
        return said | self.bearer()

    def transfer(self, name: str) -> Table:
        said: Table = {"id": name, "source": SOURCE, "within_s": self.rng.choice([1200, 5400])}
        either = [*self.networks, *self.modes]
        said |= {"from": self.some(either), "to": self.some(either)}
        said |= {"when": self.rng.choice(["before", "after"]), **self.way(False)}
        if self.maybe():
            said["counted_from"] = self.rng.choice(["begin", "end"])
        if self.maybe(0.4):
            said["line"] = "other"
        if self.maybe(0.3):
            said["classes"] = self.some(self.classes)
        for key in ("from_lines", "to_lines"):
            if self.lines and self.maybe(0.2):
                said[key] = self.some(self.lines)
        if self.maybe():
            said["links"] = self.rng.randint(1, 3)
        return said | self.bearer()

    def tier(self, name: str) -> Table:
        ends = sorted(self.rng.sample([300, 500, 1000, 1999, 4000], self.rng.randint(1, 3)))
        steps: list[Table] = [{"below": end, "pay_percent": self.percent()} for end in ends]
        said: Table = {"id": name, "source": SOURCE, "per": self.rng.choice(["month", "year"])}
        said |= {"mode": self.rng.choice(["next_trip", "marginal"]), **self.scope()}
        said["steps"] = [*steps, {"pay_percent": self.percent()}]
        return said | self.rounding(False) | self.bearer()

    def limit(self, name: str) -> Table:
        said: Table = {"id": name, "source": SOURCE, **self.scope()}
        if self.maybe():
            said["least"] = self.rng.choice([1, 50, 100, 400])
        if "least" not in said or self.maybe():
            said["most"] = self.rng.choice([400, 500, 800])
        return said

    def cap(self, name: str) -> Table:
        said: Table = {
            "id": name,
            "source": SOURCE,
            "per": self.rng.choice(["day", "week", "month"]),
        }
        return said | {"most": self.rng.choice([500, 1000, 2500])} | self.scope() | self.bearer()

    def foreign(self, name: str) -> Table:
        rows = self.tables.setdefault("regions.csv", [])
        for city in self.rng.sample(CITIES, 2):
            spans = [[("", "")], [("2026-03-01", "")], [("", "2026-03-05"), ("2026-04-01", "")]]
            for begin, end in self.rng.choice(spans):
                rows.append({"region": name, "city": city, "from": begin, "until": end})
        who = self.rng.choice(self.classes)
        return {"id": f"foreign-{name}", "source": SOURCE, "regions": name, "class": who}

    def share(self, network: Table) -> Table:
        """Parts of what is paid for some pairs of a network's stations."""
        name = f"{network['id']}-shares.csv"
        stations = [row["id"] for row in self.tables[network["stations"]]]
        rows: list[Table] = []
        for begin in stations:
            for end in self.some(stations):
                ends = sorted({0, 10_000, *self.rng.choices([1, 3333, 5000, 6667, 9999], k=2)})
                for at, (low, high) in enumerate(pairwise(ends)):
                    rows.append({"from": begin, "to": end, "operator": f"Company {at}"})
                    rows[-1]["basis_points"] = high - low
        self.tables[name] = rows
        said = {"id": f"share-{network['id']}", "source": SOURCE, "network": network["id"]}
        return {**said, "table": name}

    # ---- the folder

    def draw(self) -> Table:
        said = self.head()
        self.networks = [f"n{number}" for number in range(1, self.rng.randint(2, 6))]
        said["sources"] = {SOURCE: {"title": "Drawn by a test", "date": date(2026, 1, 1)}}
        said["class"] = [self.rider(name) for name in self.classes]
        said["network"] = [self.network(name) for name in self.networks]
        self.modes = sorted({f"mode:{network['mode']}" for network in said["network"]})
        for kind, most in (("discount", 4), ("transfer", 3), ("tier", 2), ("limit", 2), ("cap", 2)):
            drawn = []
            for number in range(self.rng.randint(0, most)):
                if kind in ("tier", "cap") and not self.has_room():
                    break
                drawn.append(getattr(self, kind)(f"{kind}-{number}"))
            if drawn:
                said[kind] = drawn
        if self.maybe(0.4):
            said["foreign"] = [self.foreign(name) for name in ("near", "far")]
        with_stations = [one for one in said["network"] if "stations" in one and self.maybe()]
        if with_stations:
            said["share"] = [self.share(one) for one in with_stations]
        return said

    def write_tables(self, folder: Path) -> None:
        """The CSV files beside the rules."""
        for name, rows in self.tables.items():
            lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
            (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_tariff(folder: Path, seed: int) -> None:
    """Draws the tariff of a seed and writes it into an empty folder."""
    drawing = Drawing(seed)
    (folder / "tariff.toml").write_text(as_toml(drawing.draw()), encoding="utf-8")
    drawing.write_tables(folder)


def as_toml(said: Table) -> str:
    """Plain keys, then tables, then arrays of tables."""
    lines = [f"{key} = {value(one)}" for key, one in said.items() if isinstance(one, str | date)]
    for name, table in said.get("sources", {}).items():
        lines += ["", f"[sources.{name}]", *(f"{key} = {value(one)}" for key, one in table.items())]
    for kind, tables in said.items():
        if isinstance(tables, list):
            for table in tables:
                lines += [
                    "",
                    f"[[{kind}]]",
                    *(f"{key} = {value(one)}" for key, one in table.items()),
                ]
    return "\n".join(lines) + "\n"


def value(one: Any) -> str:
    """As TOML writes it."""
    if isinstance(one, dict):
        inside = ", ".join(f"{key} = {value(each)}" for key, each in one.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(one, list):
        return f"[{', '.join(value(each) for each in one)}]"
    return one.isoformat() if isinstance(one, date) else json.dumps(one)
