"""What a compiled tariff says, rule by rule and field by field, in words that people compare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from onecard.core.days import day_text
from onecard.core.tariff.building import EVERY
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.currency import format_amount
from onecard.core.tariff.notice import listed
from onecard.core.tariff.read_back import Row, rows
from onecard.ext.fare.shapes import Basis, Per, Rounding, Way

GOES_ON = 1 << 60  # a bracket or a step up to so much is the last one
OPEN = ("any", "all", "none", "any number", "none needed")
AMOUNTS_SAID = 12
NAMES_SAID = 8
UNNAMED = "foreign card"
LEG, LEG_TRANSFER = "leg", "leg transfer"
OF_FEEDS = (LEG, LEG_TRANSFER)  # whose id is the line of a row
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
RUNS = {0b0011111: "Mon-Fri", 0b1100000: "Sat-Sun", 0b1111111: "every day"}
NEVER_DAY = 2_932_896  # 9999-12-31: a tariff without a last day


@dataclass(frozen=True, slots=True)
class Item:
    """One rule. `facts` are what it says by field; `source` has title, date and, perhaps, url."""

    kind: str
    id: str
    name: str
    facts: dict[str, str]
    source: dict[str, str]

    @property
    def said(self) -> dict[str, str]:
        """The facts without those that leave everything open."""
        return {what: value for what, value in self.facts.items() if value not in OPEN}

    @property
    def from_where(self) -> str:
        """Title and date of the source, "" where the rule has none."""
        return ", ".join(self.source[key] for key in ("title", "date") if self.source.get(key))


def items(compiled: Compiled) -> list[Item]:
    """Every rule, in the order of the page: networks, classes, and so on."""
    said = _Said(compiled)
    return [
        *said.networks(),
        *said.legs(),
        *said.classes(),
        *said.discounts(),
        *said.transfers(),
        *said.group_transfers(),
        *said.tiers(),
        *said.limits(),
        *said.caps(),
        *said.foreign(),
    ]


def head(compiled: Compiled) -> dict[str, str]:
    """What holds for all of it."""
    (row,) = rows(compiled.arrays, "header")
    starts = row["service_day_s"]
    words = compiled.words
    return {
        "name": words["name"],
        "currency": words["currency"],
        "zone": words["zone"],
        "effective": _days_of(row["effective_day"], row["until_day"]),
        "service day": f"from {starts // 3600:02d}:{starts // 60 % 60:02d}",
        "discounts": "one after another" if row["stacks"] else "the best one",
        "default class": words["classes"][row["default_class"]]["id"] or "any",
    }


def _days_of(first: int, last: int) -> str:
    if first <= 0 and last >= NEVER_DAY:
        return "always"
    return f"{_day(first)} to {_day(last)}"


def _day(day: int) -> str:
    if day >= NEVER_DAY:
        return "further notice"
    return day_text(day) if day > 0 else "always"


class _Said:
    """A tariff's numbers in words."""

    def __init__(self, compiled: Compiled) -> None:
        self._arrays = compiled.arrays
        self._words = compiled.words
        (header,) = rows(compiled.arrays, "header")
        self._digits = header["minor_digits"]
        self._networks = rows(compiled.arrays, "networks")
        self._brackets = rows(compiled.arrays, "brackets")
        self._offers = rows(compiled.arrays, "offers")
        self._cells = self._cells_by_network()

    # ---- rules, a kind each ---------------------------------------------------------------------

    def networks(self) -> Iterator[Item]:
        steps = rows(self._arrays, "steps")
        for row, words in zip(self._networks, self._words["networks"], strict=False):
            if not words["id"] and not row["rule"] and len(self._networks) > 1:
                continue  # of a feed's routes in no network
            basis = Basis(row["basis"])
            facts = {
                "basis": words.get("basis") or basis.name.lower(),
                "mode": words["mode"],
                "operator": self._operator(row["operator"]),
            }
            if basis == Basis.FLAT:
                facts["fare"] = self._money(row["flat"])
            elif basis == Basis.CELL:
                facts["fares"] = self._of_cells(words["id"])
            elif row["steps"]:
                unit = "m" if basis == Basis.METRES else "s"
                facts["steps"] = self._steps(steps[row["step"] :][: row["steps"]], unit)
            yield self._item("network", row["rule"], {**facts, **self._beside(row)}, words)

    def classes(self) -> Iterator[Item]:
        for row, words in zip(rows(self._arrays, "classes"), self._words["classes"], strict=True):
            facts = {"proof": "ends" if row["proof"] else "none needed"}
            yield self._item("class", row["rule"], facts, words)

    def legs(self) -> Iterator[Item]:
        """Rules of a feed: each with its prices."""
        prices: dict[int, list[str]] = {}
        for offer in self._offers:
            rule = self._rule(offer["rule"])
            if rule is not None and rule["kind"] == "leg":
                prices.setdefault(offer["rule"], []).append(self._offer(offer))
        for number, said in prices.items():
            facts = {"fares": listed(dict.fromkeys(said), AMOUNTS_SAID)}
            yield self._item(LEG, number, facts)

    def discounts(self) -> Iterator[Item]:
        for row in rows(self._arrays, "discounts"):
            facts = {
                "pays": self._way(row),
                **self._whom(row),
                "media": self._media(row["media"]),
                "entry": self._when(row["from_frame"], row["from_places"]),
                "exit": self._when(row["to_frame"], row["to_places"]),
                "quota": "none"
                if row["uses"] < 0
                else f"{row['uses']} rides a {Per(row['per']).name.lower()}",
                "bearer": self._bearer(row["bearer"]),
            }
            yield self._item("discount", row["rule"], facts)

    def transfers(self) -> Iterator[Item]:
        """Rows of one rule are one: a row each pair of lines."""
        lines: dict[int, list[str]] = {}
        found = rows(self._arrays, "transfers")
        for row in found:
            begin, end = row["from_line"] or "any", row["to_line"] or "any"
            lines.setdefault(row["rule"], []).append(f"{begin} to {end}")
        for rule, pairs in lines.items():
            row = next(one for one in found if one["rule"] == rule)
            facts = {
                "pays": self._way(row),
                "from": self._of_networks(row["from_networks"]),
                "to": self._of_networks(row["to_networks"]),
                "within": f"{row['within_s']:,} s of its {'end' if row['from_end'] else 'begin'}",
                "classes": self._of_classes(row["classes"]),
                "lines": ("another; " if row["other_line"] else "") + listed(pairs, NAMES_SAID),
                "when": f"{'after' if row['after'] else 'before'} discounts",
                "links": "any number" if row["links"] < 0 else str(row["links"]),
                "bearer": self._bearer(row["bearer"]),
            }
            yield self._item("transfer", rule, facts)

    def group_transfers(self) -> Iterator[Item]:
        for row in rows(self._arrays, "group_transfers"):
            prices = [self._offer(one) for one in self._offers[row["offer"] :][: row["offers"]]]
            facts = {
                "type": str(row["way"]),
                "costs": listed(dict.fromkeys(prices), AMOUNTS_SAID) if prices else "nothing",
                "within": f"{row['limit_s']:,} s, counted by {row['limit_type']}"
                if row["limit_s"]
                else "any time",
                "count": str(row["count"]) if row["count"] > 0 else "any",
            }
            yield self._item(LEG_TRANSFER, row["rule"], facts)

    def tiers(self) -> Iterator[Item]:
        for row in rows(self._arrays, "tiers"):
            facts = {
                "pays": self._shares(row, "below"),
                "per": Per(row["per"]).name.lower(),
                "mode": "marginal" if row["marginal"] else "next_trip",
                **self._whom(row),
                "rounding": Rounding(row["rounding"]).name.lower(),
                "bearer": self._bearer(row["bearer"]),
            }
            yield self._item("tier", row["rule"], facts)

    def limits(self) -> Iterator[Item]:
        for row in rows(self._arrays, "limits"):
            most = "any" if row["most"] < 0 else self._money(row["most"])
            facts = {"least": self._money(row["least"]), "most": most, **self._whom(row)}
            yield self._item("limit", row["rule"], facts)

    def caps(self) -> Iterator[Item]:
        for row in rows(self._arrays, "caps"):
            facts = {
                "most": self._money(row["most"]),
                "per": Per(row["per"]).name.lower(),
                **self._whom(row),
                "bearer": self._bearer(row["bearer"]),
            }
            yield self._item("cap", row["rule"], facts)

    def foreign(self) -> Iterator[Item]:
        """Rows of one rule are one: a row each city and time."""
        cities: dict[int, list[Row]] = {}
        for row in rows(self._arrays, "foreign"):
            cities.setdefault(row["rule"], []).append(row)
        for rule, found in cities.items():
            facts = {
                "cities": listed([str(row["city"]) for row in found], NAMES_SAID),
                "class": self._words["classes"][found[0]["rider_class"]]["id"],
                "from": listed(dict.fromkeys(_day(row["from_day"]) for row in found)),
                "until": listed(dict.fromkeys(_day(row["until_day"]) for row in found)),
            }
            yield self._item("foreign", rule, facts)

    # ---- parts of rules -------------------------------------------------------------------------

    def _item(
        self, kind: str, number: int, facts: dict[str, str], words: dict[str, Any] | None = None
    ) -> Item:
        rule = self._rule(number) or {"id": "", "words": "", "source": None}
        known = words or {"id": rule["id"], "name": rule["words"]}
        said = {name: value for name, value in facts.items() if value}
        # A rule without a name of its own is called by its kind, which stands above it already.
        name = "" if known["name"] in (kind, UNNAMED) else known["name"]
        return Item(kind, known["id"] or rule["id"], name, said, rule["source"] or {})

    def _rule(self, number: int) -> dict[str, Any] | None:
        rule: dict[str, Any] | None = self._words["rules"][number - 1] if number else None
        return rule

    def _money(self, amount: int) -> str:
        return format_amount(amount, self._digits)

    def _of_cells(self, network: str) -> str:
        """Amounts of the cells of a network, by what its rules say of them."""
        return "; ".join(
            f"{words} {listed(map(self._money, sorted(found)), AMOUNTS_SAID)}"
            for words, found in self._cells.get(network, {}).items()
        )

    def _cells_by_network(self) -> dict[str, dict[str, set[int]]]:
        found: dict[str, dict[str, set[int]]] = {}
        for offer in self._offers:
            rule = self._rule(offer["rule"])
            if rule is not None and rule["kind"] == "network":
                amounts = found.setdefault(rule["id"], {})
                amounts.setdefault(rule["words"], set()).add(offer["amount"])
        return found

    def _steps(self, steps: list[Row], unit: str) -> str:
        said = [f"up to {step['upto']:,} {unit} {self._money(step['amount'])}" for step in steps]
        last = steps[-1]
        if last["every"]:
            said.append(f"each {last['every']:,} {unit} beyond {self._money(last['each'])}")
        return "; ".join(said)

    def _beside(self, row: Row) -> dict[str, str]:
        """What a network charges beside the fare."""
        facts: dict[str, str] = {}
        if row["same_station"]:
            free = f"free before {row['same_station_free_s']:,} s, then "
            facts["same station"] = (free if row["same_station_free_s"] else "") + self._money(
                row["same_station_amount"]
            )
        if row["overtime_s"]:
            more = self._money(row["overtime_amount"])
            facts["overtime"] = f"{more} more after {row['overtime_s']:,} s"
        if row["overdue_s"]:
            facts["overdue"] = f"as incomplete after {row['overdue_s']:,} s"
        if row["incomplete_amount"] >= 0:
            facts["incomplete"] = self._money(row["incomplete_amount"])
        return facts

    def _offer(self, offer: Row) -> str:
        classes, media = self._words["classes"], self._words["media"]
        said = [self._money(offer["amount"])]
        if offer["rider_class"] >= 0 and classes[offer["rider_class"]]["id"]:
            said.append(_called(classes[offer["rider_class"]]))
        if offer["media"] > 0:
            said.append(_called(media[offer["media"] - 1]))
        return ": ".join([said[0], " ".join(said[1:])] if said[1:] else said)

    def _way(self, row: Row) -> str:
        if row["way"] == Way.OFF:
            return f"{self._money(row['amount'])} less"
        if row["way"] == Way.NOTHING:
            return "nothing"
        share = self._shares(row, "up to") if "brackets" in row else _percent(row["basis_points"])
        rounding = Rounding(row["rounding"]).name.lower()
        unit = f" to {self._money(row['unit'])}" if row.get("unit", 1) != 1 else ""
        return f"{share}, {rounding}{unit}"

    def _shares(self, row: Row, until: str) -> str:
        brackets = self._brackets[row["bracket"] :][: row["brackets"]]
        said = [
            _percent(one["basis_points"])
            + ("" if one["upto"] >= GOES_ON else f" {until} {self._money(one['upto'])}")
            for one in brackets
        ]
        return f"{'; '.join(said)} beyond" if len(said) > 1 else "".join(said)

    def _whom(self, row: Row) -> dict[str, str]:
        return {
            "networks": self._of_networks(row["networks"]),
            "classes": self._of_classes(row["classes"]),
        }

    def _of_networks(self, mask: int) -> str:
        named = zip(self._networks, self._words["networks"], strict=False)
        return _masked(mask, [(row["bit"], words["id"]) for row, words in named])

    def _of_classes(self, mask: int) -> str:
        return _masked(mask, [(at, one["id"]) for at, one in enumerate(self._words["classes"])])

    def _media(self, mask: int) -> str:
        named = enumerate(self._words["media"], start=1)
        return _masked(mask, [(at, one["id"]) for at, one in named])

    def _operator(self, number: int) -> str:
        operators = self._words["operators"]
        return str(operators[number]) if number < len(operators) else ""

    def _bearer(self, number: int) -> str:
        bearers = self._words["bearers"]
        return str(bearers[number]) if number < len(bearers) else ""

    def _when(self, frame: int, places: int) -> str:
        said = []
        if places:
            bits = self._arrays["place_lists"][places]
            names = [
                str(one["name"])
                for number, one in enumerate(self._words["places"], start=1)
                if int(bits[number >> 3]) >> (number & 7) & 1
            ]
            said.append(f"at {listed(names, NAMES_SAID)}")
        if frame:
            said += self._spans(frame)
        return ", ".join(said) or "any"

    def _spans(self, frame: int) -> Iterator[str]:
        frames, services = rows(self._arrays, "frames"), rows(self._arrays, "services")
        first, end = self._arrays["frame_rows"][frame : frame + 2].tolist()
        for span in frames[first:end]:
            service = services[span["service"]]
            days = _days(service["weekdays"], service["exceptions"])
            begin, until = span["begin_s"] // 60, span["end_s"] // 60
            yield (f"{days} {begin // 60:02d}:{begin % 60:02d}-{until // 60:02d}:{until % 60:02d}")


def _called(known: dict[str, Any]) -> str:
    return str(known["name"] or known["id"])


def _masked(mask: int, named: list[tuple[int, str]]) -> str:
    if mask == EVERY:
        return "all"
    return ", ".join(name for bit, name in named if bit >= 0 and mask >> bit & 1)


def _days(weekdays: int, exceptions: int) -> str:
    """Days of the week, and how many days are said one by one."""
    names = [day for at, day in enumerate(WEEKDAYS) if weekdays >> at & 1]
    if not names:
        return f"on {exceptions} days said one by one"
    said = RUNS.get(weekdays) or " ".join(names)
    return f"{said} ({exceptions} days said otherwise)" if exceptions else said


def _percent(basis_points: int) -> str:
    whole, part = divmod(basis_points, 100)
    return f"{whole}.{part:02d} %" if part else f"{whole} %"
