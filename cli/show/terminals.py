"""`onecard show terminals`."""

from onecard.cli.show.looking import AsJson, Dir, One, name_of, opened, participant_of, say
from onecard.core.query.terminal import terminals as every_terminal
from onecard.ext.shape.numbers import Status


def terminals(data: Dir, operator: One = "", as_json: AsJson = False) -> None:
    """Gates, buses, tills: id, printed number, operator, and how many taps each has sent.

    `taps` counts the identities bound; `epoch` and `seq` are the highest seen.

    Example: onecard show terminals ./ledger --operator Metro
    """
    with opened(data) as ledger:
        only = participant_of(ledger, operator) if operator else None
        found = [
            {
                "id": one.id,
                "number": one.number,
                "operator": name_of(ledger, one.operator),
                "place": one.place,
                "network": one.network,
                "mode": one.mode,
                "status": Status(one.status).name.lower(),
                "counterless": one.counterless,
                "taps": one.taps,
                "epoch": one.epoch,
                "seq": one.seq,
            }
            for one in every_terminal(ledger.state, only)
        ]
    spare = ("network", "counterless", "mode", "epoch", "seq", "status", "place", "taps")
    whose = f" for {operator[:88]!r}" if operator else ""
    say(found, "terminals", as_json, spare, f"no terminal is registered{whose}")
