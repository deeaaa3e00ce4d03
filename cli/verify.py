"""`onecard verify`: prove a ledger, or name its first fault."""

import json as json_format
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn
from rich.progress import Progress as Bar

from onecard.cli.exit_status import Exit
from onecard.core.audit.verify import Progress, Report
from onecard.core.audit.verify import verify as prove
from onecard.core.errors import BadInput

HEAD_BYTES = 32


def verify(
    ledger: Annotated[Path, typer.Argument(help="The ledger's folder.", metavar="DIR")],
    head: Annotated[
        str | None,
        typer.Option(help="A hash kept elsewhere, as a settlement manifest prints it."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Walk the whole chain of a ledger and prove it, or name the first fault.

    Hashes, sequences, legs, balances, windows, the state against a replay, one entry an identity,
    and the pages of LMDB. Beside it the erasable store: that what is kept can be read, and each of
    its faults. Exit status 3 on a fault, 2 where it could not be looked for.

    Example: onecard verify ledger --head "$(jq -r .head manifest.json)"
    """
    wanted = None if head is None else _head(head)
    console = Console(stderr=True)
    if json or not console.is_terminal:
        report = prove(ledger, wanted)
    else:
        columns = (TextColumn("proving"), BarColumn(), DownloadColumn())
        with Bar(*columns, console=console, transient=True) as bar:
            report = prove(ledger, wanted, _on(bar))
    if json:
        typer.echo(json_format.dumps(asdict(report) | {"ok": report.ok}, ensure_ascii=False))
    else:
        _print(report)
    if not report.ok:
        raise typer.Exit(Exit.FAULT)


def _head(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != HEAD_BYTES:
        raise BadInput(f"--head: expected {2 * HEAD_BYTES} hexadecimal digits, found {text[:80]!r}")
    return found


def _on(bar: Bar) -> Progress:
    task = bar.add_task("proving", total=None)

    def show(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)

    return show


def _print(report: Report) -> None:
    typer.echo(
        f"{report.path}: {report.segments} segments, {report.blocks} blocks, "
        f"{report.records} records, {report.entries} entries, {report.legs} legs, "
        f"{report.windows} windows closed, {report.acts} acts"
    )
    typer.echo(f"head        {report.head} at sequence {report.last}")
    if report.fault is None:
        sums = ", ".join(f"{name} {fen}" for name, fen in report.trial_balance_fen.items() if fen)
        total = sum(report.trial_balance_fen.values())
        typer.echo(f"trial       {sums or 'no legs'}; sum {total} fen")
        typer.echo(f"structure   {report.structure}")
        typer.echo(f"checkpoint  {report.checkpoint}")
        typer.echo(f"identities  {report.identities}")
    else:
        typer.echo(f"FAULT: {report.fault}", err=True)
    typer.echo(f"erasable    {report.erasable}")
    for fault in report.erasable_faults:
        typer.echo(f"FAULT: {fault}", err=True)
    if report.ok:
        typer.echo("ok")
    elif report.fault is None:
        typer.echo("ok but for the erasable store")
