"""`onecard show number`."""

from typing import Annotated

import typer

from onecard.cli.show.card import token_of
from onecard.cli.show.looking import Dir
from onecard.core.erasable.card_numbers import card
from onecard.core.erasable.store import ErasableStore
from onecard.core.erasable.subject import Field
from onecard.core.errors import NotFound
from onecard.core.ledger.folder import read_ledger_toml


def number(
    data: Dir,
    token: Annotated[str, typer.Argument(help="The card's token in hex.")],
) -> None:
    """The printed number of a card, where numbers are kept (numbers_kept_days).

    For whoever runs the ledger: it reads the key DIR/store.key. No service gives numbers out.

    Example: onecard show number ./ledger 00c0ffee00c0ffee
    """
    toml, key = read_ledger_toml(data), token_of(token)
    found = None
    if ErasableStore.exists(data):
        with ErasableStore.open(data, toml.origin.ledger_id, toml.algorithms.store) as store:
            found = store.get(card(key), Field.NUMBER)
    if found is None:
        raise NotFound(
            f"{data}: expected a number kept of this card, found none; numbers are kept for "
            "numbers_kept_days after they were sent last"
        )
    typer.echo(found)
