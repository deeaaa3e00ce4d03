"""`onecard show holds`: by what it is held."""

from onecard.cli.show.looking import AsJson, Dir, local_time, opened, say
from onecard.core.query.hold import hold_terms


def holds(data: Dir, as_json: AsJson = False) -> None:
    """By what it is held in each network: which fundings may, whether captures take a part each,
    and for how many seconds what is held can be captured (0: for ever). Of several of a network
    that have begun, those with the latest start are in force.

    Example: onecard show holds ./ledger
    """
    with opened(data) as ledger:
        found = [
            {
                "version": one.version,
                "network": one.network,
                "name": one.name,
                "effective_from": local_time(ledger, one.effective_from_us) or "always",
                "fundings": "+".join(funding.name.lower() for funding in one.fundings),
                "parts": "yes" if one.partial else "no",
                "life_s": one.life_s,
                "record": one.record,
            }
            for one in hold_terms(ledger.state, ledger.journal)
        ]
    say(found, "holds", as_json, ("record", "name"), "no terms are loaded: prepaid alone, for ever")
