"""`onecard audit`: what others recorded, held against what should have been."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from onecard.cli import output
from onecard.cli.exit_status import Exit
from onecard.cli.table import print_rows
from onecard.core.tariff import ready
from onecard.core.tariff.audit.report import Report, as_json, audit
from onecard.core.tariff.audit.words import file_names, reason_words, station_lines
from onecard.core.tariff.currency import format_amount, minor_digits
from onecard.core.tariff.page.audit import page

ROWS_SHOWN = 1000  # of what a person reads; --json has all
PAID_SHOWN = 100
FAULTS_SHOWN = 100  # of rows that cannot be read; the others are counted

app = typer.Typer(no_args_is_help=True, help="Hold what others recorded against what is right.")


@app.callback()
def _audit() -> None:
    """Hold what others recorded against what is right."""


@app.command()
def fares(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="CSV or JSON; seen by content.")
    ],
    tariff: Annotated[
        str, typer.Option(metavar="NAME|DIR|ZIP", help="One that comes with onecard, or yours.")
    ],
    as_json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Also write it as a page to look at.")
    ] = None,
) -> None:
    """Explain every recorded charge by a rule of a tariff, or list it with what is right.

    Files are Shenzhen's open data, or CSV with the columns at, card, network or company, line,
    kind (entry, exit or ride), station, face, charged, and, where one has them, end, to, metres,
    mark. A card has one rider class over all files. Numbers of cards are never shown.

    Exit status 0: all explained; 1: some are not, or a row could not be read; 2: a wrong call.

    Example: onecard audit fares taps.csv --tariff shenzhen-2018 --html audit.html
    """
    if html is not None:
        output.check_folder(html)
        for file in files:
            output.check_other(html, file)
    faults = _Faults()
    report = audit(files, ready.load(tariff), faults.say)
    faults.end()
    if html is not None:
        with output.written(html) as out:
            out.write(page(report))
    if as_json_:
        typer.echo(json.dumps(as_json(report), ensure_ascii=False))
    else:
        show(report)
    if not report.is_clean:
        raise typer.Exit(Exit.DIFFERS)


class _Faults:
    """Rows that cannot be read, a line each on standard error, as far as anybody reads."""

    def __init__(self) -> None:
        self._count = 0

    def say(self, line: str) -> None:
        self._count += 1
        if self._count <= FAULTS_SHOWN:
            print(f"onecard: {line}", file=sys.stderr)

    def end(self) -> None:
        if self._count > FAULTS_SHOWN:
            print(f"onecard: and {self._count - FAULTS_SHOWN:,} rows more", file=sys.stderr)


def show(report: Report) -> None:
    """The same for people, at 80 columns."""
    unexplained = report.charges - report.explained
    said = f"{report.explained:,} explained by {report.tariff}, {unexplained:,} not"
    rows_were = "row" if report.refused == 1 else "rows"
    refused = f"; {report.refused:,} {rows_were} could not be read" if report.refused else ""
    _say(f"{report.charges:,} charges: {said}{refused}")
    counts = [
        {"explained by": reason_words(reason), "charges": f"{count:,}"}
        for reason, count in report.reasons.most_common()
    ]
    print_rows("", counts, ("explained by", "charges"))
    for name, count in report.operators.most_common():
        _say(f"the operator's own rule: {name}, {count:,}")
    for line in station_lines(report.same_station):
        _say(line)
    _say_paid(report)
    digits = minor_digits(report.currency) or 0
    called = file_names(one.file for one in report.unexplained)
    rows = [
        {
            "line": f"{called[one.file]}:{one.line}",
            "charged": format_amount(one.charged, digits),
            "right": "no fare" if one.right is None else format_amount(one.right, digits),
            "why": one.why,
        }
        for one in report.unexplained[:ROWS_SHOWN]
    ]
    columns = ("line", "charged", "right", "why")
    print_rows(f"not explained, {report.currency}", rows, columns, prose="why")
    if unexplained > ROWS_SHOWN:
        _say(f"{unexplained - ROWS_SHOWN:,} more are not shown; --json has them")


def _say_paid(report: Report) -> None:
    """The lines of exits at the station of entry that were paid, by file."""
    lines: dict[str, list[str]] = {}
    for row in report.same_station.listed[:PAID_SHOWN]:
        lines.setdefault(row["file"], []).append(str(row["line"]))
    called = file_names(lines)
    for file, numbers in lines.items():
        _say(f"paid at the station of entry: {called[file]}:{', '.join(numbers)}")
    if len(report.same_station.listed) > PAID_SHOWN:
        _say(f"{len(report.same_station.listed) - PAID_SHOWN:,} more of them: --json has them")


def _say(line: str) -> None:
    """A line of prose: wrapped between words on a terminal, whole in a pipe."""
    if sys.stdout.isatty():
        Console(highlight=False).print(Text(line))
    else:
        typer.echo(line)
