"""An audit as a page: what was explained by what, and each charge that was not."""

from __future__ import annotations

from onecard.core.tariff.audit.report import Report
from onecard.core.tariff.audit.words import file_names, reason_words, station_lines
from onecard.core.tariff.currency import format_amount, minor_digits
from onecard.core.tariff.page import document

ROWS_SHOWN = 2000  # of a list: a browser lays out no more at once; --json has all


def page(report: Report) -> str:
    """The whole page."""
    unexplained = report.charges - report.explained
    facts = [
        ("charges", f"{report.charges:,}"),
        ("explained", f"{report.explained:,}"),
        ("not explained", f"{unexplained:,}"),
        ("rows that could not be read", f"{report.refused:,}"),
    ]
    counts = [
        (reason_words(reason), count, False) for reason, count in report.reasons.most_common()
    ]
    parts = [
        document.heading(
            f"Charges held against {report.tariff}",
            f"{report.rows + report.refused:,} rows; an entry of nothing is no charge",
        ),
        document.tiles(facts),
        document.section("By what each charge is explained"),
        document.bars(
            [*counts, ("not explained", unexplained, unexplained > 0)], "charges by reason"
        ),
        *_operators(report),
        *_unexplained(report),
        *_same_station(report),
    ]
    return document.document(f"Audit of fares: {report.tariff}", parts)


def _operators(report: Report) -> list[str]:
    if not report.operators:
        return []
    names = ", ".join(f"{name} ({count:,})" for name, count in report.operators.most_common())
    return [document.paragraph(f"Operators with a rule of their own: {names}", "soft")]


def _unexplained(report: Report) -> list[str]:
    digits = minor_digits(report.currency) or 0
    called = file_names(one.file for one in report.unexplained)
    rows = [
        (
            f"{called[one.file]}:{one.line}",
            format_amount(one.charged, digits),
            "no fare" if one.right is None else format_amount(one.right, digits),
            one.why,
        )
        for one in report.unexplained[:ROWS_SHOWN]
    ]
    title = document.section("Not explained")
    if not rows:
        return [title, document.paragraph("None: every charge is what the tariff says.")]
    columns = ("line", f"charged {report.currency}", f"right {report.currency}", "why")
    return [
        title,
        document.table(columns, rows, columns[1:3]),
        *_left_out(report.charges - report.explained),
    ]


def _same_station(report: Report) -> list[str]:
    same = report.same_station
    lines = station_lines(same)
    if not lines:
        return []
    digits = minor_digits(report.currency) or 0
    called = file_names(row["file"] for row in same.listed)
    rows = [
        (
            f"{called[row['file']]}:{row['line']}",
            str(row["station"]),
            f"{row['seconds']:,}",
            format_amount(row["charged"], digits),
        )
        for row in same.listed[:ROWS_SHOWN]
    ]
    columns = ("line", "station", "seconds", f"charged {report.currency}")
    parts = [document.section("Exits at the station of entry")]
    parts += [document.paragraph(line) for line in lines]
    if rows:
        listed = [document.table(columns, rows, columns[2:]), *_left_out(len(same.listed))]
        parts.append(document.folded("Those that were paid", listed))
    return parts


def _left_out(count: int) -> list[str]:
    if count <= ROWS_SHOWN:
        return []
    return [
        document.paragraph(f"{count - ROWS_SHOWN:,} more are not shown; --json has them", "soft")
    ]
