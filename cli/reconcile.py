"""`onecard reconcile`: a file that came back, against ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from onecard.core.errors import BadInput, OnecardError
from onecard.core.exchange.lookup import Lookup
from onecard.core.journal import LocalJournal
from onecard.core.ledger.folder import read_ledger_toml
from onecard.core.ledger.opened import Ledger
from onecard.core.reconcile.break_list import BreakList
from onecard.core.reconcile.hints import hints
from onecard.core.reconcile.match import TRADE_NAMES, Finding
from onecard.core.reconcile.reconcile import CONVENTION, Result, our_sheet
from onecard.core.reconcile.reconcile import reconcile as match

BREAKS = 1  # exit status; 2 is a file that was refused
BREAKS_SHOWN = 1000
UNTOLD = ("what", "ours_fen", "theirs_fen")  # on the screen: its name and yuan say the same
WIDTH_MIN = 240  # of a line of the table; none has more


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

    Columns: amount_fen or amount_yuan, and sequence (and leg), or terminal, epoch and
    terminal_seq; or our own form, as it was or saved by a spreadsheet (docs/files.md). Exit
    status 0: all matched; 1: breaks; 2: the file was refused whole.

    Example: onecard reconcile 1 returned.csv --data ./ledger --participant 工商银行
    """
    toml = read_ledger_toml(data)
    origin, algorithms = toml.origin, toml.algorithms
    with LocalJournal.open(
        data, origin.ledger_id, origin.epoch, readonly=True, algorithms=algorithms
    ) as journal:
        ours = our_sheet(journal, data, window, file, participant)
    if csv is not None and csv.exists() and any(csv.samefile(path) for path in (file, ours)):
        raise BadInput(f"{csv}: expected another file than the two matched; it is kept as it is")
    result = match(ours, file, money_only)
    with _known(data, result) as break_list:
        if csv is not None:
            _write(csv, break_list)
        if as_json:
            for part in break_list.json_parts():
                typer.echo(part, nl=False)
            typer.echo()
        else:
            _print(break_list)
    if not result.is_clean:
        raise typer.Exit(BREAKS)


def _write(csv: Path, break_list: BreakList) -> None:
    """Every break, for spreadsheets: so with a byte order mark. BadInput where it cannot be."""
    try:
        with csv.open("w", encoding="utf-8-sig") as out:
            out.writelines(f"{line}\n" for line in break_list.lines())
    except OSError as error:
        raise BadInput(
            f"{csv}: expected a file to write the breaks to, found {error.strerror}; choose another"
        ) from None


@contextmanager
def _known(data: Path, result: Result) -> Iterator[BreakList]:
    """The result with what the ledger knows of its breaks, for as long as the ledger is open."""
    if result.is_clean:
        yield BreakList(result)
        return
    try:
        ledger = Ledger.open(data, readonly=True)
    except OnecardError as error:  # the breaks are true without it
        yield BreakList(result, None, [f"times, cards and terminals are not told: {error}"])
        return
    with ledger:
        lookup = Lookup(ledger)
        yield BreakList(result, lookup, hints(result, lookup))


def _print(break_list: BreakList) -> None:
    result = break_list.result
    table = Table(
        title=f"window {result.window}, {result.business_day}, participant {result.participant}"
    )
    for name in ("", "", "lines", "ours, fen", "theirs, fen"):
        table.add_column(name, justify="right" if name else "left")
    for what in Finding:
        tally = result.tallies[what]
        table.add_row(
            what.name.lower().replace("_", " "),
            TRADE_NAMES[what],
            f"{tally.count:,}",
            f"{tally.ours_fen:,}",
            f"{tally.theirs_fen:,}",
        )
    table.add_section()
    table.add_row("sum", "", "", f"{result.ours.sum_fen:,}", f"{result.theirs.sum_fen:,}")
    Console().print(table)
    if not result.is_clean:
        _print_breaks(break_list)
    if result.zero_unlisted:
        typer.echo(f"{result.zero_unlisted} lines of 0 fen are not in theirs; not counted")
    typer.echo(f"ours      {result.ours.file}, {result.ours.lines} lines")
    typer.echo(f"theirs    {result.theirs.file}, {result.theirs.lines} lines")
    if result.theirs.read_as:
        typer.echo(f"read as   {', '.join(result.theirs.read_as)}")
    for hint in break_list.hints:
        typer.echo(f"hint      {hint}")
    typer.echo(f"({CONVENTION})")
    typer.echo("all matched" if result.is_clean else f"{len(result.breaks)} breaks")


def _print_breaks(break_list: BreakList) -> None:
    """The first ones, each whole: a screen that is narrower wraps them."""
    names = [name for name in break_list.columns if name not in UNTOLD]
    if "sequence" in names:
        names.remove("entry")
    table = Table(box=None)
    for name in names:
        right = name.endswith(("_yuan", "_line", "sequence", "entry"))
        table.add_column(name.replace("_", " "), justify="right" if right else "left", no_wrap=True)
    for found in islice(break_list.breaks(), BREAKS_SHOWN):
        table.add_row(*("" if found[name] is None else Text(str(found[name])) for name in names))
    console = Console()
    console.width = max(console.width, WIDTH_MIN)
    console.print(table)
    more = len(break_list.result.breaks) - BREAKS_SHOWN
    if more > 0:
        typer.echo(f"... and {more} more; --csv OUT or --json has all of them")
