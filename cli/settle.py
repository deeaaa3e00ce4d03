"""`onecard settle`: closes a window if asked to, and writes its files."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from onecard.cli.held import held
from onecard.cli.local import check_same_ledger
from onecard.cli.table import print_rows
from onecard.cli.who import ActorFile, CheckerFile, Reason, who
from onecard.core.clock import SystemClock
from onecard.core.config import Settings
from onecard.core.days import day_number, day_text
from onecard.core.erasable.card_numbers import CardNumbers
from onecard.core.errors import BadInput, OnecardError
from onecard.core.exchange.files import write_files
from onecard.core.exchange.lookup import Lookup
from onecard.core.exchange.manifest import MANIFEST, Manifest
from onecard.core.exchange.spreadsheet import ROWS_MAX, beyond_rows, write_spreadsheets
from onecard.core.journal import LocalJournal
from onecard.core.ledger.folder import read_ledger_toml
from onecard.core.ledger.opened import Ledger
from onecard.core.settlement.window import CloseWindow
from onecard.grpc.client import Client
from onecard.grpc.client.who import Who

POSITIONS_SHOWN = 40  # a screen; the manifest has all of them


def settle(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="The ledger's folder.")],
    window: Annotated[int, typer.Argument(help="The window's number.", min=1)],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the files go; by default files/ of the ledger."),
    ] = None,
    close: Annotated[bool, typer.Option("--close", help="Close the window first.")] = False,
    business_day: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM-DD", help="The day it is closed for, in the ledger's zone."),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Close it for a day that does not follow the one before, or while holds that "
            "have ended are not released.",
        ),
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="The server that runs on DIR, to close through."),
    ] = None,
    spreadsheet: Annotated[
        bool,
        typer.Option("--spreadsheet", help="Also a file a participant for people, in yuan."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest.")] = False,
    actor: ActorFile = None,
    checker: CheckerFile = None,
    reason: Reason = "",
) -> None:
    """Write the files of a closed window: one CSV a participant, and a manifest.

    With --spreadsheet also one each for people: local times, names, yuan, to be opened in a
    spreadsheet.

    Reads the ledger only, so a server may run on it. Run again it gives the same bytes; a file
    that was changed is named and left alone. With --close it closes the window first: through
    the server named by --to, or in the folder where none runs.

    Example: onecard settle ./ledger 1 --close --business-day 2026-11-22 --to 127.0.0.1:7421
    """
    toml = read_ledger_toml(data)
    origin, algorithms = toml.origin, toml.algorithms
    if close:
        _close(data, _act(window, business_day, force, reason), to, who(actor, checker, reason))
    elif business_day is not None or to is not None or force:
        raise BadInput("--business-day, --to and --force: expected with --close only; add --close")
    with LocalJournal.open(
        data, origin.ledger_id, origin.epoch, readonly=True, algorithms=algorithms
    ) as journal:
        manifest = _write(journal, data, window, out, quiet=as_json)
    sheets: list[Path] = []
    if spreadsheet:
        with Ledger.open(data, readonly=True) as ledger:
            sheets = write_spreadsheets(manifest, Lookup(ledger))
    if as_json:
        facts = {"folder": str(manifest.folder), "repeated": manifest.repeated}
        typer.echo(json.dumps(facts | manifest.as_json(), ensure_ascii=False))
    else:
        _print(manifest)
        if sheets:
            typer.echo(f"for people {len(sheets)} files, *.spreadsheet.csv beside them")
        for sheet in beyond_rows(manifest) if sheets else []:
            typer.echo(f"{sheet.name}: {sheet.lines:,} lines, a spreadsheet opens {ROWS_MAX:,}")


def _act(window: int, business_day: str | None, force: bool, reason: str) -> CloseWindow:
    if business_day is None:
        raise BadInput("--close: expected the day it is closed for; give --business-day YYYY-MM-DD")
    if force and not reason.strip():
        raise BadInput("--force: expected why, for the record, found no reason; give --reason TEXT")
    return CloseWindow(window, day_number(business_day), force)


def _close(data: Path, act: CloseWindow, to: str | None, said: Who) -> None:
    if to is not None:
        with Client(to, who=said) as client:
            check_same_ledger(client, to, data)
            client.close_window(act.window, act.business_day, act.force)
        return
    with held(data, said, "close through") as ledger:
        ledger.act(act)
    _sweep(data, ledger.node.ledger, ledger.node.settings)


def _sweep(data: Path, ledger: Ledger, settings: Settings) -> None:
    """As a server does once a window is closed; that it cannot be done changes nothing of that."""
    numbers = CardNumbers(data, ledger.id, ledger.algorithms.store, settings, SystemClock())
    try:
        numbers.sweep()
    except OnecardError as error:
        typer.echo(f"numbers   not swept: {error}", err=True)
    finally:
        numbers.close()


def _write(
    journal: LocalJournal, data: Path, window: int, out: Path | None, quiet: bool
) -> Manifest:
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        return write_files(journal, data, window, out)
    columns = (TextColumn("writing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("writing", total=None)
        return write_files(
            journal,
            data,
            window,
            out,
            lambda done, total: bar.update(task, completed=done, total=total),
        )


def _print(manifest: Manifest) -> None:
    columns = ("id", "participant", "lines", "in_fen", "out_fen", "net_fen")
    rows = [
        {
            "id": sheet.participant,
            "participant": sheet.name,
            "lines": sheet.lines,
            "in_fen": sheet.in_fen,
            "out_fen": sheet.out_fen,
            "net_fen": sheet.net_fen,
        }
        for sheet in manifest.sheets[:POSITIONS_SHOWN]
    ]
    totals = manifest.as_json()["totals"]
    rows.append({"id": "", "participant": "sum"} | {name: totals[name] for name in columns[2:]})
    day = day_text(manifest.business_day)
    print_rows(f"window {manifest.window}, {day}", rows, columns, ("lines",))
    more = len(manifest.sheets) - POSITIONS_SHOWN
    if more > 0:
        typer.echo(f"and {more} more, which the sum has; {MANIFEST} lists all")
    typer.echo(f"sequences {manifest.first} to {manifest.cut}")
    said = "were there already, the same bytes" if manifest.repeated else "written"
    typer.echo(f"head      {manifest.head}: keep it elsewhere, for onecard verify --head")
    typer.echo(f"files     {len(manifest.sheets)} and {MANIFEST} {said}: {manifest.folder}")
