"""`onecard load rules`: the ledger's rules from now on."""

import typer

from onecard.cli.load.options import ADDRESS, File, To
from onecard.cli.load.rows import Line, Rows
from onecard.cli.load.server import connected
from onecard.cli.who import ActorFile, CheckerFile, Reason, who
from onecard.core.clock import SystemClock
from onecard.core.days import DAY_US, TIME_MIN_US
from onecard.core.errors import BadInput
from onecard.core.registry.rules import RULES

S_US, HOUR_US = 1_000_000, DAY_US // 24
QUARTER_US = HOUR_US // 4  # every zone that is in use is whole quarters from UTC


def rules(
    file: File,
    to: To = ADDRESS,
    actor: ActorFile = None,
    checker: CheckerFile = None,
    reason: Reason = "",
) -> None:
    """The ledger's rules from now on. Columns: rule, value; a row for each rule that changes, of
    go_live_us, age_max_us, ahead_max_us, amount_max_fen, zone_offset_us. The others stay. Times are
    in microseconds, and what cannot be meant is refused: age_max_us is 1 hour to 10 years,
    ahead_max_us 1 second to 7 days, zone_offset_us whole quarters of an hour, at most 14 hours,
    go_live_us 0 or from 2000-01-01 to a day from now.

    Example: onecard load rules rules.csv --to 127.0.0.1:7421
    """
    values: dict[str, int] = {}
    for line in Rows(file, ("rule", "value")):
        rule = line.choice("rule", {rule: rule for rule in RULES})
        if rule in values:
            line.refuse("rule", "each rule once")
        value = line.number("value")
        if not -(1 << 63) <= value < 1 << 63:
            line.refuse("value", "a number of 64 bits")
        _check_meant(line, rule, value)
        values[rule] = value
    if not values:
        raise BadInput(f"{file}: expected a row for a rule that changes, found none")
    with connected(to, who=who(actor, checker, reason)) as client:
        now = client.rules()
        was = {rule: int(getattr(now, rule)) for rule in RULES}
        client.put_rules(**was | values)
    for rule, value in values.items():
        said = f"{was[rule]} before" if was[rule] != value else "as it was"
        typer.echo(f"{rule} {value}, {said}", err=True)


def _check_meant(line: Line, rule: str, value: int) -> None:
    """Refuses what only a mistake of the unit explains: a rule in seconds turns every tap away.

    The server takes more, since a replay of old taps needs it."""
    if rule == "age_max_us" and not HOUR_US <= value <= 3_660 * DAY_US:
        line.refuse("value", f"{HOUR_US} (1 hour) to {3_660 * DAY_US} (10 years) microseconds")
    if rule == "ahead_max_us" and not S_US <= value <= 7 * DAY_US:
        line.refuse("value", f"{S_US} (1 second) to {7 * DAY_US} (7 days) microseconds")
    if rule == "zone_offset_us" and (abs(value) > 14 * HOUR_US or value % QUARTER_US):
        line.refuse("value", f"a multiple of {QUARTER_US} (15 minutes) within 14 hours of 0")
    latest_us = SystemClock().now_us() + DAY_US
    if rule == "go_live_us" and value and not TIME_MIN_US <= value <= latest_us:
        line.refuse("value", f"0, or {TIME_MIN_US} (2000-01-01) to {latest_us} (in a day)")
