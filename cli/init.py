"""onecard init: make a ledger."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from onecard.core.config import GIB, MIB, Settings
from onecard.core.ledger import TOKEN_KEY, Ledger

SEGMENT_BYTES_MIN = 64 * MIB  # several of the largest groups; smaller only in tests


def init(
    ledger: Annotated[
        Path, typer.Argument(help="A folder that is empty or absent.", metavar="DIR")
    ],
    segment_bytes: Annotated[
        int,
        typer.Option(
            help="Size of a segment of the journal: address space, the file grows as it is used.",
            min=SEGMENT_BYTES_MIN,
            max=1024 * GIB,
        ),
    ] = Settings.segment_bytes,
) -> None:
    """Make a ledger: its folder, its id, the key of its card tokens and an empty journal.

    Example: onecard init ledger && onecard serve ledger
    """
    origin = Ledger.create(ledger, replace(Settings(), segment_bytes=segment_bytes))
    typer.echo(f"made      {ledger}, ledger {origin.ledger_id.hex()}, epoch {origin.epoch}")
    typer.echo(f"journal   {ledger / 'journal'}, segments of {segment_bytes} bytes")
    typer.echo(f"key       {ledger / TOKEN_KEY}: back it up, card numbers mean nothing without it")
    typer.echo(f"next      onecard serve {ledger}")
