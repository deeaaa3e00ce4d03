"""onecard init: make a ledger."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from onecard.core.config import GIB, MIB, Settings
from onecard.core.ledger import TOKEN_KEY, Ledger
from onecard.core.settings_file import LIMITS, SETTINGS

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
    cards_max: Annotated[
        int, typer.Option(help="Cards it has room for; to be changed at any start.", min=1)
    ] = Settings.cards_max,
    terminals_max: Annotated[
        int, typer.Option(help="Terminals it has room for, likewise.", min=1)
    ] = Settings.terminals_max,
    claims_max: Annotated[
        int,
        typer.Option(help="Entries of which something may be taken back, likewise.", min=1),
    ] = Settings.claims_max,
) -> None:
    """Make a ledger: its folder, its id, the key of its card tokens and an empty journal.

    Example: onecard init ledger && onecard serve ledger
    """
    settings = replace(
        Settings(),
        segment_bytes=segment_bytes,
        cards_max=cards_max,
        terminals_max=terminals_max,
        claims_max=claims_max,
    )
    origin = Ledger.create(ledger, settings)
    typer.echo(f"made      {ledger}, ledger {origin.ledger_id.hex()}, epoch {origin.epoch}")
    typer.echo(f"journal   {ledger / 'journal'}, segments of {segment_bytes} bytes")
    room = ", ".join(f"{name} {getattr(settings, name):,}" for name in LIMITS)
    typer.echo(f"room      {room}: {ledger / SETTINGS}")
    typer.echo(f"key       {ledger / TOKEN_KEY}: back it up, card numbers mean nothing without it")
    typer.echo(f"next      onecard serve {ledger}")
