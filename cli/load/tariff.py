"""`onecard load tariff`: fares from station to station, from a file or a network's folder."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from onecard.cli.load.options import ADDRESS, To
from onecard.cli.load.rows import Rows
from onecard.cli.load.server import connected
from onecard.cli.who import ActorFile, CheckerFile, Reason, who
from onecard.core.days import day_number, midnight_us
from onecard.core.errors import BadInput
from onecard.core.registry.tariffs import STATIONS_MAX
from onecard.core.registry.terminals import NETWORK_MAX
from onecard.core.tariff.ready import is_tariff, load
from onecard.core.tariff.square import square_of

FEN_MAX = (1 << 63) - 1  # money is 64 bits


def tariff(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE.csv|NAME|DIR|ZIP", help="Fares, or a tariff to compile."),
    ],
    to: To = ADDRESS,
    name: Annotated[str, typer.Option(help="At most 36 bytes; by default the file's.")] = "",
    effective_from: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM-DD",
            help="First day, from its midnight in the ledger's zone; by default always, or what "
            "the tariff says.",
        ),
    ] = None,
    entry_min_fen: Annotated[
        int, typer.Option(help="What a card must hold to enter.", min=0, max=FEN_MAX)
    ] = 0,
    network: Annotated[
        int,
        typer.Option(help="Whose terminals it rates, and no others.", min=0, max=NETWORK_MAX),
    ] = 0,
    fares_of: Annotated[
        str,
        typer.Option(
            "--fares-of", metavar="ID", help="Which network of a tariff, where it has several."
        ),
    ] = "",
    actor: ActorFile = None,
    checker: CheckerFile = None,
    reason: Reason = "",
) -> None:
    """Fares from station to station of a network, immutable once stored. Columns: from, to
    (station numbers from 1 on), fare_fen. A pair that is not in the file has no fare. A tariff is
    compiled (docs/tariffs.md), and of one network the fares before discounts are loaded.

    Example: onecard load tariff metro.csv --name metro --effective-from 2026-01-01
    """
    given = None if effective_from is None else day_number(effective_from, "--effective-from")
    with connected(to, who=who(actor, checker, reason)) as client:
        zone_us = client.rules().zone_offset_us
        if is_tariff(str(file)):
            made = square_of(load(str(file)), fares_of)
            from_us = _start_us(made.effective_day if given is None else given, zone_us)
            version = client.put_tariff(
                name or made.name, from_us, made.fares_fen, made.entry_min_fen, network
            )
            typer.echo(f"tariff {version}: {len(made.fares_fen)} stations", err=True)
            return
        fares = _fares(Rows(file, ("from", "to", "fare_fen")))
        from_us = 0 if given is None else _start_us(given, zone_us)
        version = client.put_tariff(name or file.stem, from_us, fares, entry_min_fen, network)
        typer.echo(
            f"tariff {version}: {len(fares)} stations, {int((fares >= 0).sum())} fares", err=True
        )


def _start_us(day: int, zone_us: int) -> int:
    """Midnight of a day in the ledger's zone; a day before there were taps is always."""
    return max(0, midnight_us(day, zone_us))


def _fares(rows: Rows) -> NDArray[np.int32]:
    """A square of fares, as large as the highest station; -1 where the file has no pair."""
    pairs: dict[tuple[int, int], int] = {}
    for line in rows:
        pair = line.number("from"), line.number("to")
        for column, station in zip(("from", "to"), pair, strict=True):
            if not 1 <= station <= STATIONS_MAX:
                line.refuse(column, f"a station of 1 to {STATIONS_MAX}")
        if pair in pairs:
            line.refuse("to", "each pair once")
        fare = line.number("fare_fen")
        if not 0 <= fare < 1 << 31:
            line.refuse("fare_fen", "0 or more fen")
        pairs[pair] = fare
    if not pairs:
        raise BadInput(f"{rows.file}: expected fares, found no rows")
    stations = max(max(pair) for pair in pairs)
    fares = np.full((stations, stations), -1, np.int32)
    for (start, end), fare in pairs.items():
        fares[start - 1, end - 1] = fare
    return fares
