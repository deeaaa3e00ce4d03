"""`onecard migrate`: stamp a ledger of an older format, so that it may be written again."""

from pathlib import Path
from typing import Annotated

import typer

from onecard.core.ledger.folder import DIGEST_KEY, FORMAT, TOKEN_KEY, TOML
from onecard.core.ledger.migrate import migrate as stamp


def migrate(
    ledger: Annotated[Path, typer.Argument(metavar="DIR", help="The ledger's folder.")],
) -> None:
    """Make a ledger of format 1 one of format 2, for ever: no older onecard opens it again.

    Nothing that is booked is rewritten: its blocks are read as they are. It gets a key for the
    digests of taps (digest.key) and keeps the algorithms it has. Killed or interrupted, it leaves
    a ledger that is of one format or the other and whole; run it again.

    Copy the folder first if an older onecard may be wanted again. Stop whoever serves it.

    Example: onecard stop ledger && onecard migrate ledger && onecard serve ledger
    """
    before = stamp(ledger)
    if before is None:
        typer.echo(f"{ledger}: is of format {FORMAT} already")
        return
    typer.echo(f"stamped   {ledger}: of format {FORMAT} now, and for ever")
    typer.echo(f"key       {ledger / DIGEST_KEY}: back it up, and {TOML} again")
    if before.key_check is None:
        typer.echo(
            f"key       {ledger / TOKEN_KEY}: had no check, and is this ledger's from now on"
        )
    typer.echo(f"by        {before.algorithms}")
    typer.echo(f"next      onecard serve {ledger}")
