"""`onecard show calendar`: which days are worked."""

from onecard.cli.show.looking import AsJson, Dir, opened, say
from onecard.core.days import day_text
from onecard.core.query.calendar import runs


def calendar(data: Dir, as_json: AsJson = False) -> None:
    """Which days are worked, rested or holidays: a line for days in a row of one class.

    Example: onecard show calendar ./ledger
    """
    with opened(data) as ledger:
        found = [
            {
                "from": day_text(run.first_day),
                "to": day_text(run.last_day),
                "days": run.last_day - run.first_day + 1,
                "class": run.day_class.name.lower(),
            }
            for run in runs(ledger.state)
        ]
    say(found, "calendar", as_json, (), "no calendar is loaded")
