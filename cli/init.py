"""`onecard init`: make a ledger."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from onecard.core.config import GIB, MIB, Settings
from onecard.core.ledger.card_number import CardForm
from onecard.core.ledger.folder import TOKEN_KEY
from onecard.core.ledger.opened import Ledger
from onecard.core.ledger.settings_file import LIMITS, SETTINGS

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
    card_digits: Annotated[
        bool, typer.Option("--card-digits", help="Card numbers are digits only.")
    ] = False,
    card_length: Annotated[
        str, typer.Option(metavar="N|N-M", help="Their length in characters, such as 16-19.")
    ] = "1-32",
    card_luhn: Annotated[
        bool, typer.Option("--card-luhn", help="They are digits, the last a Luhn check digit.")
    ] = False,
    card_prefix: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="They begin with this; may be given several times."),
    ] = None,
) -> None:
    """Make a ledger: its folder, its id, the key of its card tokens and an empty journal.

    What its card numbers look like is for ever: whatever looks otherwise is refused, since each
    spelling would be another card. By default 1 to 32 printable ASCII characters without blanks.

    Example: onecard init ledger --card-length 16-19 --card-luhn && onecard serve ledger
    """
    form = CardForm.made(card_digits, card_length, card_luhn, card_prefix or [])
    settings = replace(
        Settings(),
        segment_bytes=segment_bytes,
        cards_max=cards_max,
        terminals_max=terminals_max,
        claims_max=claims_max,
    )
    origin = Ledger.create(ledger, settings, form)
    typer.echo(f"made      {ledger}, ledger {origin.ledger_id.hex()}, epoch {origin.epoch}")
    typer.echo(f"journal   {ledger / 'journal'}, segments of {segment_bytes} bytes")
    room = ", ".join(f"{name} {getattr(settings, name):,}" for name in LIMITS)
    typer.echo(f"room      {room}: {ledger / SETTINGS}")
    typer.echo(f"key       {ledger / TOKEN_KEY}: back it up, card numbers mean nothing without it")
    typer.echo(f"cards     {form}")
    typer.echo(f"next      onecard serve {ledger}")
