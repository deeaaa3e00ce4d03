"""`onecard show sweeps`: what is due and not done."""

from onecard.cli.show.looking import AsJson, Dir, local_time, opened, say
from onecard.core.authorize.due import WORKS
from onecard.core.authorize.sweeps import virtual_number
from onecard.core.clock import SystemClock


def sweeps(data: Dir, as_json: AsJson = False) -> None:
    """What a server does by itself when it is due, by kind: how much is due now by this machine's
    clock, since when the first of it is, and how much was done ever.

    Example: onecard show sweeps ./ledger
    """
    with opened(data) as ledger:
        now_us, found = SystemClock().now_us(), []
        for work in WORKS:
            due, since_us = work.late(ledger.state, now_us)
            number = virtual_number(work.kind)
            terminal = ledger.state.by_number.get(number, 0)
            found.append(
                {
                    "kind": work.kind.name.lower(),
                    "due": due,
                    "since": local_time(ledger, since_us),
                    "done": int(ledger.state.table("terminals")["taken"][terminal]),
                    "terminal": number.decode(),
                }
            )
    say(found, "sweeps", as_json, ("terminal",), "nothing is ever due")
