"""`onecard show actors` and `acts`: who may act, and who did what."""

import json
from typing import Any

import typer

from onecard.cli.show.looking import AsJson, Dir, local_time, name_of, opened, say
from onecard.core.access.roles import words
from onecard.core.ledger.opened import Ledger
from onecard.core.query.actor import Act, actor_name, needs_two
from onecard.core.query.actor import actors as every_actor
from onecard.core.query.actor import acts as every_act
from onecard.ext.shape.numbers import ActOutcome, Status


def actors(data: Dir, as_json: AsJson = False) -> None:
    """Who may act on the ledger: number, name, roles, for which participant, since when; and
    whether some acts need two (four eyes).

    Example: onecard show actors ./ledger
    """
    with opened(data) as ledger:
        found = [
            {
                "id": one.number,
                "name": one.name,
                "roles": words(one.roles),
                "participant": name_of(ledger, one.participant),
                "status": Status(one.status).name.lower(),
                "since": local_time(ledger, one.from_us),
                "record": one.record,
            }
            for one in every_actor(ledger.state)
        ]
        two = needs_two(ledger.state)
    if as_json:
        print(json.dumps({"four_eyes": two, "actors": found}, ensure_ascii=False))
        return
    say(found, "actors", False, ("record", "since", "participant"), "no actor is registered")
    typer.echo(f"four eyes {'on' if two else 'off'}", err=True)


def acts(data: Dir, as_json: AsJson = False) -> None:
    """Who did what, and why: all that is no tap, in order, and what was refused for who asked.

    An actor that is empty is whoever runs the ledger, not named. Walks the journal.

    Example: onecard show acts ./ledger
    """
    with opened(data) as ledger:
        found = [_act(ledger, one) for one in every_act(ledger.journal)]
    spare = ("blocks", "participant", "subject", "checker", "sequence")
    say(found, "acts", as_json, spare, "no act was recorded")


def _act(ledger: Ledger, one: Act) -> dict[str, Any]:
    outcomes = {int(outcome): outcome.name.lower() for outcome in ActOutcome}
    return {
        "sequence": one.sequence,
        "at": local_time(ledger, one.booked_at_us),
        "actor": actor_name(ledger.state, one.actor),
        "checker": actor_name(ledger.state, one.checker),
        "participant": name_of(ledger, one.participant),
        "act": one.what.lower(),
        "outcome": outcomes.get(one.outcome, str(one.outcome)),
        "subject": one.subject,
        "blocks": one.blocks,
        "reason": one.reason,
    }
