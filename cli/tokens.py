"""`onecard tokens`: the tokens of a file of printed card numbers, for programs that send taps."""

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, TextIO

import typer

from onecard.cli.load.options import ADDRESS, File, To
from onecard.cli.load.rows import Line, Rows, located
from onecard.cli.load.server import CONNECT_S, TIMEOUT_S
from onecard.cli.output import check_other, written
from onecard.grpc.client import LOAD_ROWS, Client


def tokens(
    file: File,
    to: To = ADDRESS,
    out: Annotated[
        Path | None, typer.Option(metavar="OUT.csv", help="Where to; by default standard output.")
    ] = None,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="Write each number beside its token.")
    ] = False,
    participant: Annotated[
        str, typer.Option("--as", metavar="NAME|ID", help="Who asks, where a server wants to know.")
    ] = "",
) -> None:
    """Turn printed numbers into tokens, a line each, in the file's order. Column: number.

    A number need not be registered; nothing of it is kept. The tokens are written without the
    numbers unless --numbers is given. They are decimal and as long as 20 digits: a spreadsheet
    rounds them unless the column is text.

    Example: onecard tokens cards.csv --to 127.0.0.1:7421 --out tokens.csv
    """
    if out is not None:
        check_other(out, file)
    lines = iter(Rows(file, ("number",)))
    count = 0
    with Client(to, participant or None, TIMEOUT_S) as client, _sink(out) as sink:
        client.wait_ready(CONNECT_S)
        rows = csv.writer(sink, lineterminator="\n")
        header = ("number", "token") if numbers else ("token",)
        while part := list(islice(lines, LOAD_ROWS)):
            printed = [_number(line) for line in part]
            with located(part, 0):
                # 17 digits at least: 16 could be hexadecimal ones, and a load refuses them.
                found = [f"{token:017d}" for token in client.tokens(printed).tolist()]
            if count == 0:  # not above the words about a file that is refused
                rows.writerow(header)
            rows.writerows(zip(printed, found, strict=True) if numbers else ((t,) for t in found))
            count += len(part)
    typer.echo(f"{count} tokens{f' written: {out}' if out is not None else ''}", err=True)


def _number(line: Line) -> str:
    if not line.text("number"):
        line.refuse("number", "a printed number")
    return line.text("number")


@contextmanager
def _sink(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
    else:
        with written(out) as file:
            yield file
