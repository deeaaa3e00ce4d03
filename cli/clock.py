"""`onecard clock`: an operator's word on a server's clock, where it is in doubt."""

from pathlib import Path
from typing import Annotated

import typer

from onecard.cli.held import held
from onecard.cli.who import ActorFile, CheckerFile, who
from onecard.core.authorize.booking import ConfirmClock
from onecard.core.days import instant_text, instant_us
from onecard.core.errors import BadInput
from onecard.grpc.client import Client
from onecard.grpc.client.who import Who

app = typer.Typer(
    no_args_is_help=True,
    help="While a server's clock is in doubt nothing is booked (docs/ledger.md, Booking time).",
)
CONNECT_S = 3.0


@app.command()
def confirm(
    time: Annotated[
        str,
        typer.Argument(
            metavar="TIME",
            help="What time it is by another clock, in the ledger's zone or with its own: "
            "'2026-11-22 08:30', '2026-11-22 00:30Z'.",
        ),
    ],
    reason: Annotated[str, typer.Option(help="Who says so, and why; on record, and logged.")],
    to: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="The server whose clock it is.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The ledger's folder, where no server runs on it."),
    ] = None,
    actor: ActorFile = None,
    checker: CheckerFile = None,
) -> None:
    """Say that the clock is right, so that booking goes on; put on record in the ledger.

    The clock must show TIME, give or take some minutes: set a wrong clock instead, and booking
    goes on by itself.

    Example: onecard clock confirm '2026-11-22 08:30' --reason 'Li, after the repair'
    --to 127.0.0.1:7421
    """
    if (to is None) == (data is None):
        raise BadInput("expected one of --to HOST:PORT (a server) and --data DIR (none runs)")
    said = who(actor, checker, reason)
    if to is not None:
        with Client(to, who=said) as client:
            client.wait_ready(CONNECT_S)
            zone_us = client.rules().zone_offset_us
            booked_at_us = client.confirm_clock(instant_us(time, zone_us), reason)
    else:
        assert data is not None
        booked_at_us, zone_us = _confirm_here(data, time, said)
    if booked_at_us == 0:
        typer.echo("the clock was not in doubt; nothing was to be confirmed")
    else:
        typer.echo(f"confirmed, and on record as of {instant_text(booked_at_us, zone_us)}")


def _confirm_here(data: Path, time: str, said: Who) -> tuple[int, int]:
    """In a folder that no server holds: when it was booked, and the ledger's zone."""
    with held(data, said, "confirm to") as ledger:
        zone_us = int(ledger.node.state.totals["zone_offset_us"][0])
        booked_at_us = ledger.act(ConfirmClock(instant_us(time, zone_us), said.reason))
        assert isinstance(booked_at_us, int)
        return booked_at_us, zone_us
