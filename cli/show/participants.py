"""`onecard show participants`."""

from onecard.cli.show.looking import AsJson, Dir, opened, say
from onecard.core.query.participant import participants as every_participant
from onecard.ext.shape.numbers import Role


def participants(data: Dir, as_json: AsJson = False) -> None:
    """Who takes part: id, name, role, terminals, accounts of its cards, net of the open window.

    Example: onecard show participants ./ledger
    """
    with opened(data) as ledger:
        found = [
            {
                "id": one.id,
                "name": one.name,
                "role": Role(one.role).name.lower(),
                "terminals": one.terminals,
                "accounts": one.accounts,
                "window_net_fen": one.window_net_fen,
            }
            for one in every_participant(ledger.state)
        ]
    spare = ("window_net_fen", "accounts", "terminals")
    say(found, "participants", as_json, spare, "no participant is registered")
