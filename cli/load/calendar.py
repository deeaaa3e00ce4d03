"""`onecard load calendar`: which days are worked."""

from pathlib import Path
from typing import Annotated

import typer

from onecard.cli.load.options import ADDRESS, DryRun, To
from onecard.cli.load.public_holidays import days_of
from onecard.cli.load.rows import Rows
from onecard.cli.load.server import connected
from onecard.cli.who import ActorFile, CheckerFile, Reason, who
from onecard.core.days import day_text
from onecard.core.errors import BadInput
from onecard.core.registry.calendar import Days
from onecard.ext.shape.numbers import DayClass
from onecard.v1 import registry_pb2 as pb

CLASSES = {one.name.lower(): int(one) for one in DayClass}
LISTED_MAX = 1_000  # lines of a list that somebody reads


def calendar(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE.csv", help="CSV with a header line, UTF-8.")
    ] = None,
    to: To = ADDRESS,
    of: Annotated[
        str, typer.Option("--of", metavar="CN", help="Days of a country, without a file.")
    ] = "",
    years: Annotated[
        str, typer.Option("--years", metavar="2026-2027", help="Of which years; with --of.")
    ] = "",
    dry_run: Annotated[bool, DryRun] = False,
    actor: ActorFile = None,
    checker: CheckerFile = None,
    reason: Reason = "",
) -> None:
    """Which days are worked. Columns: day (YYYY-MM-DD), class (workday, rest or holiday); every day
    once, none left out between the first and the last. With --of CN the public holidays of China
    and the days that are worked in their place, out of a library. What is said of a day that is
    loaded already is said anew; of a day that a window was closed for it must be the same.

    Example: onecard load calendar --of CN --years 2026 --to 127.0.0.1:7421
    """
    if (file is None) == (not of) or bool(of) != bool(years):
        raise BadInput("expected FILE.csv, or --of CN and --years, found both or neither")
    days = days_of(of, years) if file is None else _read(file)
    with connected(to, who=who(actor, checker, reason)) as client:
        before = client.calendar()
        after = client.put_calendar(days.first_day, days.classes, dry_run)
    if dry_run:
        _say(before, days)
    would, end = ("would be ", "; nothing was changed") if dry_run else ("", "")
    last = day_text(after.first_day + len(after.classes) - 1)
    typer.echo(
        f"{len(days.classes)} days read, {after.changed} {would}changed; the calendar "
        f"{'would end' if dry_run else 'ends'} with {last}{end}",
        err=True,
    )


def _read(file: Path) -> Days:
    classes: dict[int, int] = {}
    for line in Rows(file, ("day", "class")):
        day = line.day("day")
        if day in classes:
            line.refuse("day", "each day once")
        classes[day] = line.choice("class", CLASSES)
    if not classes:
        raise BadInput(f"{file}: expected days, found no rows")
    first, last = min(classes), max(classes)
    missing = next((day for day in range(first, last) if day not in classes), None)
    if missing is not None:
        raise BadInput(
            f"{file}: expected every day of {day_text(first)} to {day_text(last)}, found no "
            f"{day_text(missing)}"
        )
    return Days(first, bytes(classes[day] for day in range(first, last + 1)))


def _say(before: pb.Calendar, days: Days) -> None:
    """From what to what, a line a day that would change."""
    words = {0: "none"} | {number: word for word, number in CLASSES.items()}
    known = dict(enumerate(before.classes, before.first_day))
    said = [
        f"{day_text(day)}: {words[known.get(day, 0)]} -> {words[day_class]}"
        for day, day_class in enumerate(days.classes, days.first_day)
        if known.get(day) != day_class
    ]
    for line in said[:LISTED_MAX]:
        typer.echo(line)
    if len(said) > LISTED_MAX:
        typer.echo(f"and {len(said) - LISTED_MAX} more")
