"""`onecard show gaps`."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from onecard.cli.show.looking import ID_MAX, ROWS_SHOWN, AsJson, Dir, number_of, opened, say_more
from onecard.cli.table import print_rows
from onecard.core.days import day_text
from onecard.core.query.declarations import all_differences
from onecard.core.query.gaps import find_gaps, not_looked_at
from onecard.core.query.rules import rules_of


def gaps(
    data: Dir,
    terminal: Annotated[int, typer.Option(help="Only this terminal's id.", min=0, max=ID_MAX)] = 0,
    as_json: AsJson = False,
) -> None:
    """Terminal sequences that never came, and declared counts that do not agree.

    Example: onecard show gaps ./ledger --terminal 12
    """
    with opened(data) as ledger:
        counterless = not_looked_at(ledger.state)
        found = [
            asdict(gap)
            | {"missing": gap.last - gap.first + 1, "number": number_of(ledger, gap.terminal)}
            for gap in find_gaps(ledger.journal, ledger.identities, terminal or None, counterless)
        ]
        differences = [
            asdict(difference.declared)
            | {"day": day_text(difference.declared.day)}
            | {"number": number_of(ledger, difference.declared.terminal)}
            | {"booked_taps": difference.booked_taps, "booked_fen": difference.booked_fen}
            for difference in all_differences(
                ledger.journal, terminal or None, rules_of(ledger.state)
            )
        ]
    if as_json:
        print(json.dumps({"gaps": found, "differences": differences}, ensure_ascii=False))
        return
    missing = sum(gap["missing"] for gap in found)
    print(f"{missing} terminal sequences missing in {len(found)} gaps")
    columns = ("terminal", "number", "epoch", "first", "last", "missing")
    print_rows("gaps", found[:ROWS_SHOWN], columns, ("terminal",))
    say_more(len(found))
    said = ("terminal", "number", "day", "taps", "booked_taps", "sum_fen", "booked_fen")
    print_rows("declared otherwise", differences, said, ("terminal",))
