"""What stands before the rules of a tariff: names, days, currency, zone, sources, holidays."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from onecard.core.days import EPOCH
from onecard.core.errors import quoted
from onecard.core.tariff.currency import minor_digits
from onecard.core.tariff.language.entry import DAY_S, Entry
from onecard.core.tariff.language.toml import read_document
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.source import Source
from onecard.core.tariff.table import read_table
from onecard.core.tariff.zone import is_zone

RULES = "tariff.toml"
ID = re.compile(r"[a-z0-9][a-z0-9-]{0,35}")
LAST_DAY = 2_932_896  # 9999-12-31
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
KINDS = (
    "class", "network", "discount", "transfer", "tier", "limit", "cap", "foreign", "share",
)  # fmt: skip
HOLIDAY_KINDS = {"holiday": True, "workday": False}


@dataclass(frozen=True, slots=True)
class Head:
    """`entries` are the tables of rules by kind, in the file's order; `sources` by name."""

    id: str
    name: str
    from_day: int
    until_day: int
    currency: str
    digits: int
    zone: str
    service_day_s: int
    week_begins: int
    stacks: bool
    default_class: str
    holidays: dict[int, bool]
    holidays_file: str
    sources: dict[str, dict[str, str]]
    entries: dict[str, list[Entry]]


def read_head(source: Source, notices: Notices) -> Head | None:
    """What tariff.toml says before its rules; None where it cannot be read as one."""
    read = read_document(source, RULES, notices)
    if read is None:
        return None
    document, lines = read
    top = Entry(RULES, "", 0, document, lines, notices)
    entries = read_entries(top, KINDS)
    sources = read_sources(top)
    head = Head(
        id=_id(top),
        name=top.text("name") or "",
        from_day=top.day("effective_from") or 0,
        until_day=top.day("effective_until", LAST_DAY) or LAST_DAY,
        currency=top.text("currency") or "",
        digits=_digits(top),
        zone=_zone(top),
        service_day_s=service_day(top),
        week_begins=WEEK.index(top.one_of("week_starts", WEEK, "monday") or "monday"),
        stacks=top.one_of("combine", ("best", "stack"), "best") == "stack",
        default_class=top.text("default_class", "?") or "?",
        holidays=read_holidays(top, source),
        holidays_file=str(document.get("holidays", "")),
        sources=sources,
        entries=entries,
    )
    if head.until_day < head.from_day:
        top.fault("effective_until", "expected no day before effective_from", "mend one of them")
    top.done()
    return head


def read_entries(top: Entry, kinds: tuple[str, ...]) -> dict[str, list[Entry]]:
    """The tables of rules by kind, each with an id that no other has."""
    entries: dict[str, list[Entry]] = {}
    ids: dict[str, int] = {}
    for kind in kinds:
        top.asked.add(kind)
        found = top.found.get(kind, [])
        if type(found) is not list or not all(type(one) is dict for one in found):
            top.fault(kind, "expected tables", f"write them as [[{kind}]]")
            found = []
        entries[kind] = [
            Entry(top.file, kind, at, one, top.lines, top.notices) for at, one in enumerate(found)
        ]
        for entry in entries[kind]:
            name = entry.text("id")
            if name is not None and name in ids:
                line = ids[name]
                entry.fault(
                    "id", f"{quoted(name)} stands in line {line} too", "rename one", "twice"
                )
            elif name is not None:
                ids[name] = entry.line("id")
    return entries


def read_sources(top: Entry) -> dict[str, dict[str, str]]:
    """`[sources.NAME]`: where the numbers are from, and as of when."""
    top.asked.add("sources")
    found = top.found.get("sources", {})
    if type(found) is not dict or not all(type(one) is dict for one in found.values()):
        top.fault("sources", "expected tables", "write them as [sources.NAME]")
        return {}
    sources = {}
    for name, one in found.items():
        entry = Entry(top.file, f"sources.{name}", 0, one, top.lines, top.notices)
        day = entry.day("date")
        said = {"title": entry.text("title") or ""}
        said["date"] = "" if day is None else date.fromordinal(EPOCH.toordinal() + day).isoformat()
        if entry.has("url"):
            said["url"] = entry.text("url") or ""
        entry.done()
        sources[name] = said
    return sources


def service_day(top: Entry) -> int:
    """Seconds after midnight at which a service day starts."""
    seconds = top.time("service_day_starts", 0)
    if seconds is not None and seconds >= DAY_S:
        top.wrong("service_day_starts", 'a time before "24:00"')
    return seconds or 0


def read_holidays(top: Entry, source: Source) -> dict[int, bool]:
    """Day -> True where it is a day off, False where a day of a weekend is worked."""
    file = top.text("holidays", "") if top.has("holidays") else ""
    top.asked.add("holidays")
    if not file:
        return {}
    table = read_table(source, file, top.notices, ("day", "kind"), ("name",))
    holidays: dict[int, bool] = {}
    for line, (text, kind) in table.each("day", "kind") if table else ():
        day = day_of(text)
        if day is None or kind not in HOLIDAY_KINDS:
            found = f"expected a day and holiday or workday, found {quoted(text)} {quoted(kind)}"
            top.notices.error("holiday", file, line, found, "write them as 2026-10-01,holiday")
        elif day in holidays:
            top.notices.error("twice", file, line, f"{quoted(text)} stands twice", "remove one")
        else:
            holidays[day] = HOLIDAY_KINDS[kind]
    return holidays


def day_of(text: str) -> int | None:
    """Days since 1970-01-01 of `2026-01-31`, None where it is no day."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        return None
    try:
        return (date.fromisoformat(text) - EPOCH).days
    except ValueError:
        return None


def _id(top: Entry) -> str:
    found = top.text("id")
    if found is not None and not ID.fullmatch(found):
        top.wrong("id", "1 to 36 of a-z, 0-9 and -", "write it with these alone, as linhu-2026")
    return found or ""


def _digits(top: Entry) -> int:
    currency = top.found.get("currency")
    digits = minor_digits(currency) if isinstance(currency, str) else None
    if digits is None and isinstance(currency, str):
        top.wrong("currency", "a code of ISO 4217 as CNY", "write its three capital letters")
    return digits or 0


def _zone(top: Entry) -> str:
    found = top.text("zone")
    if found is not None and not is_zone(found):
        top.wrong("zone", "a zone as Asia/Shanghai", "write its name in the IANA list")
        return "UTC"
    return found or "UTC"
