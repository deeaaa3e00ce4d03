"""Rules of a tariff: classes, discounts, transfers, tiers, limits, caps, foreign cards."""

from __future__ import annotations

from onecard.core.tariff.language.entry import AMOUNT_MAX, SECONDS_MAX, Entry
from onecard.core.tariff.language.frames import Frames
from onecard.core.tariff.language.names import Names
from onecard.core.tariff.language.stations import read_list
from onecard.core.tariff.source import Source
from onecard.ext.fare.shapes import MASK_BITS, Per, Rounding, Way

ROUNDINGS = {
    "floor": Rounding.FLOOR,
    "ceiling": Rounding.CEILING,
    "half_up": Rounding.HALF_UP,
    "half_even": Rounding.HALF_EVEN,
}
PERIODS = {"day": Per.DAY, "week": Per.WEEK, "month": Per.MONTH, "year": Per.YEAR}
BRACKETS_MAX = 64
UPTO_MAX = 1 << 61  # of the last bracket, which goes on
USES_MAX = (1 << 31) - 2
LINKS_MAX = 60_000


def read_class(entry: Entry, names: Names) -> None:
    """`[[class]]`: whom a fare is for."""
    name = entry.text("name") or ""
    proof = entry.flag("proof")
    rule = names.rule(entry, name)
    entry.done()
    if len(names.classes) >= MASK_BITS:
        entry.fault("", f"expected at most {MASK_BITS} classes", "take one out", "many")
        return
    names.classes[str(entry.found.get("id", ""))] = len(names.classes)
    names.building.add("classes", rule=rule, proof=int(proof))
    names.building.words.setdefault("classes", []).append(
        {"id": str(entry.found.get("id", "")), "name": name}
    )


def read_discount(entry: Entry, names: Names, frames: Frames, source: Source) -> None:
    """`[[discount]]`: what is paid of a fare, by whom, when and where."""
    row = _way(entry, names)
    quota = entry.table("quota")
    row["uses"] = -1
    if quota is not None:
        row["uses"] = quota.whole("uses", 0, USES_MAX) or 0
        row["per"] = PERIODS.get(quota.one_of("per", tuple(PERIODS)) or "", Per.YEAR)
        row["scheme"] = names.scheme(entry)
        quota.done()
    for key, frame, places in (
        ("entry", "from_frame", "from_places"),
        ("exit", "to_frame", "to_places"),
    ):
        condition = entry.table(key)
        if condition is not None:
            row[frame] = frames.of(condition)
            row[places] = _places(condition, names, source)
            condition.done()
    row |= {
        "networks": names.network_mask(entry),
        "classes": names.class_mask(entry),
        "media": names.media_mask(entry),
        "bearer": names.bearer(entry),
        "rule": names.rule(entry, entry.text("name", "") or "discount"),
    }
    entry.done()
    names.building.add("discounts", **row)


def read_transfer(entry: Entry, names: Names) -> None:
    """`[[transfer]]`: what is taken off a ride that follows another."""
    row: dict[str, int] = {
        "from_networks": names.network_mask(entry, "from"),
        "to_networks": names.network_mask(entry, "to"),
        "classes": names.class_mask(entry),
        "within_s": entry.whole("within_s", 1, SECONDS_MAX) or 0,
        "from_end": int(entry.one_of("counted_from", ("begin", "end"), "end") == "end"),
        "other_line": int(entry.one_of("line", ("any", "other"), "any") == "other"),
        "after": int(entry.one_of("when", ("before", "after")) == "after"),
        "links": _links(entry),
        "bearer": names.bearer(entry),
        "rule": names.rule(entry, entry.text("name", "") or "transfer"),
    }
    _only_one(entry, ("off", "pay_percent", "free"))
    if entry.has("off"):
        row |= {"way": Way.OFF, "amount": entry.whole("off", 1, AMOUNT_MAX) or 0}
    elif entry.has("pay_percent"):
        row |= {
            "way": Way.SHARE,
            "basis_points": entry.percent("pay_percent") or 0,
            "rounding": _rounding(entry),
        }
    else:
        row["way"] = Way.NOTHING
        entry.flag("free")
    entry.asked |= {"off", "pay_percent", "free", "rounding"}
    pairs = [
        (begin, end)
        for begin in _lines(entry, "from_lines", names)
        for end in _lines(entry, "to_lines", names)
    ]
    entry.done()
    for begin, end in pairs:
        names.building.add("transfers", **row, from_line=begin, to_line=end)


def read_tier(entry: Entry, names: Names) -> None:
    """`[[tier]]`: a share by what was paid so far in a period."""
    shares: list[tuple[int, int]] = []
    steps = entry.tables("steps")
    for at, step in enumerate(steps, start=1):
        last = at == len(steps)
        below = UPTO_MAX if last and not step.has("below") else step.whole("below", 1, AMOUNT_MAX)
        step.asked.add("below")
        points = step.percent("pay_percent")
        step.done()
        if below is None or points is None:
            continue
        if shares and below <= shares[-1][0]:
            step.fault("below", f"expected more than {shares[-1][0]}", "let thresholds rise")
        shares.append((below, points))
    if steps and steps[-1].has("below"):
        entry.fault("steps", "expected a last step without `below`", "say what holds beyond")
    row = {
        "per": PERIODS.get(entry.one_of("per", ("month", "year")) or "", Per.MONTH),
        "marginal": int(entry.one_of("mode", ("next_trip", "marginal")) == "marginal"),
        "networks": names.network_mask(entry),
        "classes": names.class_mask(entry),
        "rounding": _rounding(entry),
        "bearer": names.bearer(entry),
        "scheme": names.scheme(entry),
        "rule": names.rule(entry, entry.text("name", "") or "tier"),
        "bracket": names.building.count("brackets"),
        "brackets": len(shares),
    }
    entry.done()
    if not shares:
        return
    for upto, points in shares:
        names.building.add("brackets", upto=upto, basis_points=points)
    names.building.add("tiers", **row)


def read_limit(entry: Entry, names: Names) -> None:
    """`[[limit]]`: the least and the most of a ride."""
    least = entry.whole("least", 0, AMOUNT_MAX, 0) or 0
    most = entry.whole("most", 0, AMOUNT_MAX, -1)
    if most is not None and 0 <= most < least:
        entry.fault("most", f"expected at least {least}", "mend one of them")
    if not entry.has("least") and not entry.has("most"):
        entry.fault("", "expected `least` or `most`", "say one, or remove the limit")
    names.building.add(
        "limits",
        least=least,
        most=-1 if most is None else most,
        networks=names.network_mask(entry),
        classes=names.class_mask(entry),
        rule=names.rule(entry, entry.text("name", "") or "limit"),
    )
    entry.done()


def read_cap(entry: Entry, names: Names) -> None:
    """`[[cap]]`: the most that is charged in a period."""
    names.building.add(
        "caps",
        per=PERIODS.get(entry.one_of("per", ("day", "week", "month")) or "", Per.DAY),
        most=entry.whole("most", 0, AMOUNT_MAX) or 0,
        networks=names.network_mask(entry),
        classes=names.class_mask(entry),
        bearer=names.bearer(entry),
        scheme=names.scheme(entry),
        rule=names.rule(entry, entry.text("name", "") or "cap"),
    )
    entry.done()


# ---- parts of rules -----------------------------------------------------------------------------


def _way(entry: Entry, names: Names) -> dict[str, int]:
    """What a discount does, with the brackets of its shares."""
    row: dict[str, int] = {"bracket": names.building.count("brackets"), "unit": 1}
    _only_one(entry, ("pay_percent", "brackets", "off", "free"))
    if entry.has("brackets"):
        row |= {"way": Way.SHARE, "brackets": _brackets(entry, names)}
    elif entry.has("pay_percent"):
        points = entry.percent("pay_percent")
        names.building.add("brackets", upto=UPTO_MAX, basis_points=points or 0)
        row |= {"way": Way.SHARE, "brackets": 1}
    elif entry.has("off"):
        row |= {"way": Way.OFF, "amount": entry.whole("off", 1, AMOUNT_MAX) or 0}
    else:
        entry.flag("free")
        row["way"] = Way.NOTHING
    if row["way"] == Way.SHARE:
        row["rounding"] = _rounding(entry)
        row["unit"] = entry.whole("unit", 1, 1_000_000, 1) or 1
    entry.asked |= {"pay_percent", "brackets", "off", "free", "rounding", "unit"}
    return row


def _brackets(entry: Entry, names: Names) -> int:
    found = entry.tables("brackets")
    before = 0
    for at, one in enumerate(found, start=1):
        last = at == len(found)
        upto = UPTO_MAX if last and not one.has("upto") else one.whole("upto", 1, AMOUNT_MAX)
        one.asked.add("upto")
        points = one.percent("pay_percent")
        one.done()
        if upto is not None and upto <= before:
            one.fault("upto", f"expected more than {before}", "let brackets rise")
        before = upto or before
        names.building.add("brackets", upto=upto or 0, basis_points=points or 0)
    if len(found) > BRACKETS_MAX:
        entry.fault("brackets", f"expected at most {BRACKETS_MAX}", "take some out")
    if found and found[-1].has("upto"):
        entry.fault("brackets", "expected a last one without `upto`", "say what holds beyond")
    return len(found)


def _only_one(entry: Entry, keys: tuple[str, ...]) -> None:
    said = [key for key in keys if entry.has(key) and entry.found[key] is not False]
    if len(said) != 1:
        there = " and ".join(said) or "none"
        entry.fault("", f"expected one of {', '.join(keys)}, found {there}", "say one")


def _rounding(entry: Entry) -> int:
    return ROUNDINGS.get(entry.one_of("rounding", tuple(ROUNDINGS), "floor") or "", 0)


def _links(entry: Entry) -> int:
    if not entry.has("links"):
        entry.asked.add("links")
        return -1
    return entry.whole("links", 1, LINKS_MAX) or 1


def _lines(entry: Entry, key: str, names: Names) -> list[int]:
    """Lines by number; 0 for any."""
    entry.asked.add(key)
    if not entry.has(key):
        return [0]
    value = entry.found[key]
    if type(value) is not list or not value or not all(type(one) is int for one in value):
        entry.wrong(key, "a list of line numbers as [1, 2]")
        return []
    unknown = [one for one in value if one not in names.lines]
    if unknown:
        entry.fault(key, f"expected lines of `lines`, found {unknown[0]}", "add it", "unknown")
    return [one for one in value if one not in unknown]


def _places(entry: Entry, names: Names, source: Source) -> int:
    """Stations of a condition: a file of ids, or a list of them; 0 for any."""
    if not entry.has("stations"):
        entry.asked.add("stations")
        return 0
    if type(entry.found["stations"]) is list:
        if not names.places.is_whole:
            entry.asked.add("stations")
            return 0
        found = entry.names("stations", names.places.at, "station ids") or []
        return names.place_list([names.places.at[id] for id in found])
    file = entry.text("stations")
    return names.place_list(read_list(source, file, names.places, entry.notices)) if file else 0
