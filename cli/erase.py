"""`onecard erase`: what is kept of a card is forgotten for ever."""

from typing import Annotated

import typer

from onecard.cli.show.card import token_of
from onecard.cli.show.looking import Dir
from onecard.core.clock import SystemClock
from onecard.core.erasable.card_numbers import card as subject_of
from onecard.core.erasable.erasures import ERASURES
from onecard.core.erasable.store import ErasableStore
from onecard.core.ledger.folder import read_card_tokens, read_ledger_toml
from onecard.core.ledger.settings_file import read_settings

app = typer.Typer(
    no_args_is_help=True,
    help="Forget what is kept beside the journal, for ever. The journal itself has tokens and "
    "numbers of ours alone, and stays as it is.",
)


@app.callback()
def _erase() -> None:
    """So that what is erased is named, also while there is only one kind of it."""


@app.command()
def card(
    data: Dir,
    numbers: Annotated[
        list[str],
        typer.Argument(metavar="NUMBER...", help="Printed numbers, or tokens with --token."),
    ],
    is_token: Annotated[bool, typer.Option("--token", help="They are tokens in hex.")] = False,
) -> None:
    """Forget the printed numbers of cards. A server may run on the ledger meanwhile.

    Each is put on record in DIR/erasures, whether or not anything is kept of it: copy that file
    away, a restore must bring it along. All of one call cost one copy of the store.

    Example: onecard erase card ./ledger --token 00c0ffee00c0ffee
    """
    toml = read_ledger_toml(data)
    token = token_of if is_token else read_card_tokens(data).of
    subjects = [subject_of(token(number)) for number in numbers]
    ledger_id, cipher = toml.origin.ledger_id, toml.algorithms.store
    spare_bytes = read_settings(data).watermark_bytes
    with ErasableStore.open(data, ledger_id, cipher, spare_bytes) as store:
        erased = store.erase(subjects, SystemClock().now_us())
    typer.echo(f"erased    {erased} of {len(subjects)}; of the others nothing was kept")
    typer.echo(f"record    {data / ERASURES}: copy it away, a restore must bring it along")
