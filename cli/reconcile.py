"""`onecard reconcile`: a file that came back, against ours."""

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from onecard.core.errors import BadInput
from onecard.core.journal import Journal
from onecard.core.ledger import read_card
from onecard.core.settlement.join import NAMES, What
from onecard.core.settlement.reconcile import CONVENTION, Result, our_sheet
from onecard.core.settlement.reconcile import reconcile as match

BREAKS = 1  # exit status; 2 is a file that was refused
BREAKS_SHOWN = 1000


def reconcile(
    window: Annotated[int, typer.Argument(help="The window's number.", min=1)],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What the participant sent.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="The ledger's folder.")],
    participant: Annotated[
        str | None,
        typer.Option(metavar="NAME|ID", help="Who sent it, where its #header line does not say."),
    ] = None,
    money_only: Annotated[
        bool,
        typer.Option("--money-only", help="It lists what moved money: 0 fen unlisted is no break."),
    ] = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Also write every break there, as CSV.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Match a bank's or operator's CSV against its details of a window, in any order of lines.

    Columns: amount_fen or amount_yuan, and sequence (and leg), or terminal, epoch and terminal_seq;
    or our own form (docs/files.md). Exit status 0: all matched; 1: breaks; 2: the file was refused
    whole.

    Example: onecard reconcile 1 returned.csv --data ./ledger --participant 工商银行
    """
    origin = read_card(data).origin
    with Journal.open(data, origin.ledger_id, origin.epoch, readonly=True) as journal:
        ours = our_sheet(journal, data, window, file, participant)
    if csv is not None and csv.exists() and any(csv.samefile(path) for path in (file, ours)):
        raise BadInput(f"{csv}: expected another file than the two matched; it is kept as it is")
    result = match(ours, file, money_only)
    if csv is not None:
        with csv.open("w", encoding="utf-8") as out:
            out.writelines(f"{line}\n" for line in result.break_lines())
    if as_json:
        for part in result.json_parts():
            typer.echo(part, nl=False)
        typer.echo()
    else:
        _print(result)
    if not result.is_clean:
        raise typer.Exit(BREAKS)


def _print(result: Result) -> None:
    table = Table(
        title=f"window {result.window}, {result.business_day}, participant {result.participant}"
    )
    for name in ("", "", "lines", "ours, fen", "theirs, fen"):
        table.add_column(name, justify="right" if name else "left")
    for what in What:
        tally = result.tallies[what]
        table.add_row(
            what.name.lower().replace("_", " "),
            NAMES[what],
            f"{tally.count:,}",
            f"{tally.ours_fen:,}",
            f"{tally.theirs_fen:,}",
        )
    table.add_section()
    table.add_row("sum", "", "", f"{result.ours.sum_fen:,}", f"{result.theirs.sum_fen:,}")
    Console().print(table)
    for line in islice(result.break_lines(), 1 + BREAKS_SHOWN if len(result.breaks) else 0):
        typer.echo(line)
    more = len(result.breaks) - BREAKS_SHOWN
    if more > 0:
        typer.echo(f"... and {more} more; --csv OUT or --json has all of them")
    if result.zero_unlisted:
        typer.echo(f"{result.zero_unlisted} lines of 0 fen are not in theirs; not counted")
    typer.echo(f"ours      {result.ours.file}, {result.ours.lines} lines")
    typer.echo(f"theirs    {result.theirs.file}, {result.theirs.lines} lines")
    if result.theirs.read_as:
        typer.echo(f"read as   {', '.join(result.theirs.read_as)}")
    typer.echo(f"({CONVENTION})")
    typer.echo("all matched" if result.is_clean else f"{len(result.breaks)} breaks")
