"""`onecard show window` and `windows`."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from onecard.cli.show.looking import ID_MAX, AsJson, Dir, local_time, opened
from onecard.cli.table import print_facts, print_rows
from onecard.core.days import day_text
from onecard.core.ledger.opened import Ledger
from onecard.core.query.window import WindowView, every_window, open_number, window_of


def window(
    data: Dir,
    number: Annotated[
        int, typer.Argument(help="Its number; 0 is the open one.", min=0, max=ID_MAX)
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """A window, closed or open, and the net position of each participant.

    Example: onecard show window ./ledger 1
    """
    with opened(data) as ledger:
        view = window_of(ledger.state, ledger.journal, number or open_number(ledger.state))
        facts = _window(ledger, view)
    positions = [asdict(p) | {"net_fen": p.net_fen} for p in view.positions]
    if as_json:
        print(json.dumps(facts | {"positions": positions}, ensure_ascii=False))
        return
    print_facts(facts)
    columns = ("participant", "name", "in_fen", "out_fen", "net_fen", "legs")
    print_rows("positions", positions, columns, ("legs",))


def windows(data: Dir, as_json: AsJson = False) -> None:
    """All windows, the open one last: their days, where they were cut, what went in and out.

    `sum_fen` is the sum of all net positions; it is 0 in every window.

    Example: onecard show windows ./ledger
    """
    with opened(data) as ledger:
        found = [_window(ledger, view) for view in every_window(ledger.state, ledger.journal)]
    if as_json:
        print(json.dumps({"windows": found}, ensure_ascii=False))
        return
    print_rows("", found, tuple(found[0]), ("closed_at", "first", "closed"))


def _window(ledger: Ledger, view: WindowView) -> dict[str, Any]:
    return {
        "window": view.window,
        "closed": view.closed,
        "business_day": day_text(view.business_day) if view.closed else "",
        "first": view.first,
        "cut": view.cut,
        "closed_at": local_time(ledger, view.closed_at_us),
        "in_fen": sum(position.in_fen for position in view.positions),
        "out_fen": sum(position.out_fen for position in view.positions),
        "sum_fen": sum(position.net_fen for position in view.positions),
    }
