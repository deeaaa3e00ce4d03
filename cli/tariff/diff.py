"""`onecard tariff diff`: which fares of which classes change between two tariffs, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from onecard.cli import output
from onecard.cli.exit_status import Exit
from onecard.cli.table import print_rows
from onecard.core.tariff.diff import Diff, as_json
from onecard.core.tariff.diff import diff as compare
from onecard.core.tariff.page.diff import left_out_lines, page, row_of, signed
from onecard.core.tariff.ready import load

ROWS_SHOWN = 40  # of what a person reads; --html and --json have more

Side = Annotated[str, typer.Argument(metavar="NAME|DIR|ZIP", help="A tariff.")]


def diff(
    before: Side,
    after: Side,
    rider: Annotated[
        str | None, typer.Option("--class", metavar="C", help="Fares of this class alone, by id.")
    ] = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Also write it as a page to look at.")
    ] = None,
) -> int:
    """Which fares of which classes change, by how much, worst first, and which rules.

    Fares are those of riders without a past at noon of a Wednesday; rules say the rest. Exit
    status 0: the same; 1: they differ; 2: a wrong call.

    Example: onecard tariff diff beijing ./beijing-2027 --class adult --html diff.html
    """
    if html is not None:
        output.check_folder(html)
    found = compare(load(before), load(after), rider)
    if html is not None:
        with output.written(html) as out:
            out.write(page(found, (before, after)))
    if as_json_:
        print(json.dumps(as_json(found), ensure_ascii=False))
    else:
        _print(found)
    return Exit.DONE if found.is_same else Exit.DIFFERS


def _print(found: Diff) -> None:
    if found.is_same:
        print("the same")
        return
    rides = sum(one.rides for one in found.compared)
    print(f"{found.changed:,} of {rides:,} fares change")
    for line in left_out_lines(found):
        print(line)
    classes = [
        {
            "class": one.rider_class or "any",
            "network": one.network or "all",
            "change": f"{one.changed:,}",
            "dearer": f"{one.dearer:,}",
            "cheaper": f"{one.cheaper:,}",
            "most": signed(one.by_most, found.digits),
        }
        for one in found.compared
        if one.changed
    ]
    print_rows("", classes, ("class", "network", "change", "dearer", "cheaper", "most"))
    columns = ("class", "network", "ride", "before", "after", "by")
    worst = [
        dict(zip(columns, row_of(change, found.digits), strict=True))
        for change in found.worst[:ROWS_SHOWN]
    ]
    print_rows(f"worst first, {found.currency}", worst, columns, prose="ride")
    _print_rules(found)
    for network, (added, removed) in found.stations.items():
        for what, names in (("added", added), ("removed", removed)):
            if names:
                print(f"stations {what}, {network or 'all'}: {', '.join(names)}")


def _print_rules(found: Diff) -> None:
    rules = [
        {"rule": f"{one.kind} {one.id}", "what": what, "change": ""}
        for what, listed in (("added", found.added), ("removed", found.removed))
        for one in listed
    ]
    rules += [
        {
            "rule": f"{one.kind} {one.id}",
            "what": one.what,
            "change": f"{one.before or 'nothing'} → {one.after or 'nothing'}",
        }
        for one in found.rules
    ]
    print_rows("rules", rules[:ROWS_SHOWN], ("rule", "what", "change"), prose="change")
    if len(rules) > ROWS_SHOWN:
        print(f"and {len(rules) - ROWS_SHOWN:,} more; --json has them")
