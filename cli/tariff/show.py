"""`onecard tariff show`: what a tariff says, rule by rule, and its fares between stations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onecard.cli import output
from onecard.cli.exit_status import Exit
from onecard.cli.table import print_facts, print_rows
from onecard.cli.tariff.check import TARIFF
from onecard.core.errors import BadInput
from onecard.core.tariff import facts, matrix
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.currency import format_amount
from onecard.core.tariff.facts import Item
from onecard.core.tariff.matrix import NO_FARE
from onecard.core.tariff.names import find_one
from onecard.core.tariff.page.show import TITLES, page
from onecard.core.tariff.read_back import rows
from onecard.core.tariff.ready import load

ROWS_SHOWN = 200  # of a kind: a feed may have fifty thousand rules
MATRICES_SHOWN = 8  # where no network is named


def show(
    tariff: TARIFF,
    network: Annotated[
        str | None, typer.Option(metavar="N", help="Fares of this network alone, by id or name.")
    ] = None,
    rider: Annotated[
        str | None,
        typer.Option("--class", metavar="C", help="Fares of this class; else the default one."),
    ] = None,
    stations: Annotated[
        bool, typer.Option("--stations", help="Also list every station: id, name, other names.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Also write a page, with a map of fares in colours."),
    ] = None,
) -> int:
    """What a tariff says: every rule with its source, and how many pairs of stations have which
    fare, at noon of a Wednesday for a rider without a past.

    Example: onecard tariff show beijing --html beijing.html
    """
    if html is not None:
        output.check_folder(html)
    compiled = load(tariff)
    shown = _networks(compiled, network)
    rider_class = _class(compiled, rider)
    if html is not None:
        with output.written(html) as out:
            out.write(page(compiled, shown, rider_class))
    print_facts(facts.head(compiled))
    kinds: dict[str, list[Item]] = {}
    for item in facts.items(compiled):
        kinds.setdefault(item.kind, []).append(item)
    for kind, found in kinds.items():
        _print_rules(TITLES.get(kind, kind), found)
    for number in shown:
        _print_fares(compiled, number, rider_class)
    if stations:
        made = [
            {"id": one["id"], "name": one["name"], "also": ", ".join(one["aliases"])}
            for one in compiled.words["places"]
        ]
        print_rows("stations", made, ("id", "name", "also"), prose="also")
    return Exit.DONE


def _networks(compiled: Compiled, named: str | None) -> list[int]:
    """Those whose fares are shown. BadInput for one that has none between stations."""
    between = matrix.networks(compiled)
    if named is None:
        return between[:MATRICES_SHOWN]
    number = find_one(compiled.words["networks"], named, "network") + 1
    if number not in between:
        raise BadInput(
            f"--network: expected a network with fares between stations, found {named}; its "
            "steps are among the rules"
        )
    return [number]


def _class(compiled: Compiled, named: str | None) -> int:
    if named is None:
        (header,) = rows(compiled.arrays, "header")
        return header["default_class"]
    return find_one(compiled.words["classes"], named, "class")


def _print_rules(title: str, found: list[Item]) -> None:
    made = [{"rule": item.id or "all", "says": _said(item)} for item in found[:ROWS_SHOWN]]
    print_rows(title, made, ("rule", "says"), prose="says")
    if len(found) > ROWS_SHOWN:
        typer.echo(f"and {len(found) - ROWS_SHOWN:,} more; --html shows more of them")


def _said(item: Item) -> str:
    """Its name, what it says, and its source: all of it prose, which wraps."""
    said = [f"{what} {value}" for what, value in item.said.items()]
    named = [item.name] if item.name not in ("", item.id) else []
    source = [f"source: {item.from_where}"] if item.from_where else []
    return "; ".join([*named, *said, *source])


def _print_fares(compiled: Compiled, network: int, rider_class: int) -> None:
    _, at_us = matrix.moment(compiled)
    found = matrix.matrix(compiled, network, rider_class, at_us)
    (header,) = rows(compiled.arrays, "header")
    words = compiled.words
    named = words["networks"][network - 1]
    made = [
        {
            "fare": "no fare" if fare == NO_FARE else format_amount(fare, header["minor_digits"]),
            "pairs of stations": f"{count:,}",
        }
        for fare, count in matrix.counts(found)
    ]
    more = f" for {len(found.places) + found.left_out:,}" if found.left_out else ""
    rider = words["classes"][rider_class]["id"] or "any rider"
    title = (
        f"fares of {named['name'] or named['id'] or 'all routes'} in {words['currency']}, "
        f"{len(found.places):,} stations{more}, {rider}"
    )
    print_rows(title, made, ("fare", "pairs of stations"))
