"""Two tariffs compared, as a page: which fares change by how much, worst first, and which rules."""

from __future__ import annotations

from onecard.core.tariff.currency import format_amount
from onecard.core.tariff.diff import Change, Diff
from onecard.core.tariff.page import document

ROWS_SHOWN = 500


def page(found: Diff, names: tuple[str, str]) -> str:
    """The whole page; `names` are what a person called the two."""
    dearer = sum(one.dearer for one in found.compared)
    cheaper = sum(one.cheaper for one in found.compared)
    rules = len(found.rules) + len(found.added) + len(found.removed)
    facts = [
        ("fares compared", f"{sum(one.rides for one in found.compared):,}"),
        ("change", f"{found.changed:,}"),
        ("dearer", f"{dearer:,}"),
        ("cheaper", f"{cheaper:,}"),
        ("changes of rules", f"{rules:,}"),
    ]
    below = "Rides of riders without a past, at noon of a Wednesday; changes of rules say the rest."
    parts = [
        document.heading(f"From {names[0]} to {names[1]}", below),
        document.tiles(facts),
    ]
    if found.is_same:
        parts.append(document.paragraph("They are the same."))
    parts += [document.paragraph(line, "soft") for line in left_out_lines(found)]
    parts += [*_classes(found), *_worst(found), *_rules(found), *_stations(found)]
    return document.document(f"Tariffs compared: {names[0]}, {names[1]}", parts)


def left_out_lines(found: Diff) -> list[str]:
    """Of which networks not every station was compared, in sentences."""
    return [
        f"Network {network or 'all'}: of stations that no rule tells apart one stands for all; "
        f"{count:,} are left out."
        for network, count in found.left_out.items()
    ]


def signed(amount: int | None, digits: int) -> str:
    """A change with its sign, "" where one of the fares is not defined."""
    if amount is None:
        return ""
    return f"{'+' if amount > 0 else ''}{format_amount(amount, digits)}"


def money(amount: int | None, digits: int) -> str:
    return "no fare" if amount is None else format_amount(amount, digits)


def row_of(change: Change, digits: int) -> tuple[str, str, str, str, str, str]:
    """Class, network, ride, before, after, by."""
    return (
        change.rider_class or "any",
        change.network or "all",
        change.ride,
        money(change.before, digits),
        money(change.after, digits),
        signed(change.by, digits),
    )


def _classes(found: Diff) -> list[str]:
    rows = [
        (
            one.rider_class or "any",
            one.network or "all",
            f"{one.rides:,}",
            f"{one.changed:,}",
            f"{one.dearer:,}",
            f"{one.cheaper:,}",
            signed(one.by_most, found.digits),
        )
        for one in found.compared
        if one.changed
    ]
    if not rows:
        return []
    columns = ("class", "network", "rides", "change", "dearer", "cheaper", f"most {found.currency}")
    return [document.section("By class and network"), document.table(columns, rows, columns[2:])]


def _worst(found: Diff) -> list[str]:
    if not found.worst:
        return []
    columns = ("class", "network", "ride", "before", "after", f"by {found.currency}")
    rows = [row_of(change, found.digits) for change in found.worst[:ROWS_SHOWN]]
    parts = [document.section("Fares that change, worst first")]
    parts.append(document.table(columns, rows, columns[3:]))
    if found.changed > len(rows):
        parts.append(
            document.paragraph(f"{found.changed - len(rows):,} more are not shown", "soft")
        )
    return parts


def _rules(found: Diff) -> list[str]:
    rows = [(one.kind, one.id, "added", "", "") for one in found.added]
    rows += [(one.kind, one.id, "removed", "", "") for one in found.removed]
    rows += [(one.kind, one.id, one.what, one.before, one.after) for one in found.rules]
    if not rows:
        return []
    columns = ("kind", "rule", "what", "before", "after")
    return [document.section("Rules that change"), document.table(columns, rows[:ROWS_SHOWN])]


def _stations(found: Diff) -> list[str]:
    rows = []
    for network, (added, removed) in found.stations.items():
        rows += [(network, name, "added") for name in added]
        rows += [(network, name, "removed") for name in removed]
    if not rows:
        return []
    columns = ("network", "station", "what")
    return [document.section("Stations"), document.table(columns, rows[:ROWS_SHOWN])]
