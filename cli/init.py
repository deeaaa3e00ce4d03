"""`onecard init`: make a ledger."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from onecard.core.config import GIB, MIB, Settings
from onecard.core.journal.algorithms import INTERNATIONAL, NAMES, Algorithms
from onecard.core.ledger.card_number import CardForm
from onecard.core.ledger.folder import DIGEST_KEY, TOKEN_KEY
from onecard.core.ledger.opened import Ledger
from onecard.core.ledger.settings_file import LIMITS, SETTINGS

SEGMENT_BYTES_MIN = 64 * MIB  # several of the largest groups; smaller only in tests
DEFAULTS = INTERNATIONAL.names()


def _one_of(what: str, help: str) -> Any:
    return typer.Option(f"--{what}", metavar="|".join(NAMES[what]), help=help)


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
    hash: Annotated[str, _one_of("hash", "What blocks are hashed with.")] = DEFAULTS["hash"],
    tokens: Annotated[str, _one_of("tokens", "The keyed hash of card numbers.")] = DEFAULTS[
        "tokens"
    ],
    store: Annotated[str, _one_of("store", "What the erasable store is sealed with.")] = DEFAULTS[
        "store"
    ],
    heads: Annotated[str, _one_of("heads", "What heads are signed with.")] = DEFAULTS["heads"],
) -> None:
    """Make a ledger: its folder, its id, its keys and an empty journal.

    What its card numbers look like is for ever: whatever looks otherwise is refused, since each
    spelling would be another card. By default 1 to 32 printable ASCII characters without blanks.

    Its algorithms are for ever too: the international ones by default, or those of the Chinese
    standards, each by its name.

    Example: onecard init ledger --card-length 16-19 --card-luhn && onecard serve ledger

    Example: onecard init ledger --hash sm3 --tokens hmac-sm3 --store sm4-gcm --heads sm2
    """
    form = CardForm.made(card_digits, card_length, card_luhn, card_prefix or [])
    algorithms = Algorithms.named({"hash": hash, "tokens": tokens, "store": store, "heads": heads})
    settings = replace(
        Settings(),
        segment_bytes=segment_bytes,
        cards_max=cards_max,
        terminals_max=terminals_max,
    )
    origin = Ledger.create(ledger, settings, form, algorithms)
    typer.echo(f"made      {ledger}, ledger {origin.ledger_id.hex()}, epoch {origin.epoch}")
    typer.echo(f"journal   {ledger / 'journal'}, segments of {segment_bytes} bytes")
    room = ", ".join(f"{name} {getattr(settings, name):,}" for name in LIMITS)
    typer.echo(f"room      {room}: {ledger / SETTINGS}")
    typer.echo(f"keys      {ledger / TOKEN_KEY} and {DIGEST_KEY}: back both up, nobody can make")
    typer.echo("          them again, and card numbers mean nothing without the first")
    typer.echo(f"by        {algorithms}")
    typer.echo(f"cards     {form}")
    typer.echo(f"next      onecard serve {ledger}")
