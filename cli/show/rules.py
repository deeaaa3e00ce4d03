"""`onecard show rules`."""

from onecard.cli.show.looking import HOUR_US, AsJson, Dir, local_time, opened, say
from onecard.core.days import DAY_US
from onecard.core.query.rules import rules_of


def rules(data: Dir, as_json: AsJson = False) -> None:
    """The ledger's rules, as `onecard load rules` takes them, and what each comes to.

    Example: onecard show rules ./ledger
    """
    with opened(data) as ledger:
        values = rules_of(ledger.state)
        said = {
            "go_live_us": local_time(ledger, values["go_live_us"]),
            "age_max_us": f"{values['age_max_us'] / DAY_US:g} days",
            "ahead_max_us": f"{values['ahead_max_us'] / HOUR_US:g} hours",
            "amount_max_fen": f"{values['amount_max_fen'] / 100:.2f} yuan",
            "zone_offset_us": f"UTC{values['zone_offset_us'] / HOUR_US:+g} hours",
        }
    found = [{"rule": rule, "value": values[rule], "means": said[rule]} for rule in values]
    say(found, "rules", as_json, (), "no rule is in force")
