"""`onecard load declarations`: what an operator says it sent."""

from typing import Annotated

import typer

from onecard.cli.exit_status import Exit
from onecard.cli.load.options import ADDRESS, File, To
from onecard.cli.load.rows import Rows, located
from onecard.cli.load.server import connected
from onecard.cli.who import ActorFile, CheckerFile, Reason, who
from onecard.core.days import day_text


def declarations(
    file: File,
    to: To = ADDRESS,
    participant: Annotated[
        str, typer.Option("--as", help="Name or id of the operator that declares.")
    ] = "",
    actor: ActorFile = None,
    checker: CheckerFile = None,
    reason: Reason = "",
) -> None:
    """What an operator says it sent; prints what does not agree with the ledger, and exits 1 if
    anything does not. Columns: terminal (id), day (YYYY-MM-DD, in the ledger's zone), taps,
    sum_fen.

    Example: onecard load declarations bus.csv --as Bus
    """
    lines = list(Rows(file, ("terminal", "day", "taps", "sum_fen")))
    rows = [
        (
            line.fits("terminal", 1 << 32),
            line.day("day"),
            line.fits("taps", 1 << 63),
            line.fits("sum_fen", 1 << 63, -(1 << 63)),
        )
        for line in lines
    ]
    with (
        connected(to, participant or None, who(actor, checker, reason)) as client,
        located(lines, 0),
    ):
        response = client.declare(rows)
    for row in response.differences:
        typer.echo(
            f"terminal {row.terminal}, {day_text(row.day)}: declared {row.declared_taps} taps, "
            f"{row.declared_fen} fen; booked {row.booked_taps} taps, {row.booked_fen} fen"
        )
    typer.echo(
        f"{response.compared} declarations compared, {len(response.differences)} do not agree",
        err=True,
    )
    if response.differences:
        raise typer.Exit(Exit.DIFFERS)
