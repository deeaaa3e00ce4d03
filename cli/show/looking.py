"""A ledger opened to be looked at, and its rows in words."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any

import typer

from onecard.cli.table import print_rows
from onecard.core.days import DAY_US
from onecard.core.errors import NotFound
from onecard.core.ledger.opened import Ledger
from onecard.core.query.participant import participant_name
from onecard.core.query.rules import rules_of
from onecard.core.query.terminal import terminal_number

Dir = Annotated[Path, typer.Argument(metavar="DIR", help="The ledger's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
One = Annotated[
    str, typer.Option("--operator", metavar="NAME|ID", help="Only of this participant.")
]
ROWS_SHOWN = 1000  # of what a person reads; --json has all
SEQUENCE_MAX = (1 << 63) - 1  # more than a journal ever holds
ID_MAX = (1 << 32) - 1  # terminals and windows are numbered in 32 bits
HOUR_US = DAY_US // 24
ID_DIGITS_MAX = 20  # a number of any length is none of a participant, and slow to read


@contextmanager
def opened(data: Path) -> Iterator[Ledger]:
    """As it is durable at this moment; a server may run on it."""
    ledger = Ledger.open(data, readonly=True)
    try:
        yield ledger
    finally:
        ledger.close()


def local_time(ledger: Ledger, at_us: int) -> str:
    """A time in the ledger's zone with its offset, such as 2026-11-22 08:30:00+08:00; "" for 0."""
    if at_us == 0:
        return ""
    offset_us = rules_of(ledger.state)["zone_offset_us"]
    # A whole day off is allowed by the rule, and is no zone that anybody can write down.
    zone = timezone(timedelta(microseconds=offset_us)) if abs(offset_us) < DAY_US else UTC
    try:
        at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at_us)
        return at.astimezone(zone).isoformat(" ", "seconds")
    except OverflowError:  # a rule may name any 62 bits of time
        return f"{at_us} us"


def name_of(ledger: Ledger, participant: int) -> str:
    """A participant's name, "" for 0."""
    return participant_name(ledger.state, participant)


def number_of(ledger: Ledger, terminal: int) -> str:
    """The number printed on a terminal."""
    return terminal_number(ledger.state, terminal)


def participant_of(ledger: Ledger, given: str) -> int:
    """The id of a participant by name or id; NotFound."""
    known = ledger.state.by_name.get(given.encode())
    if known is None and given.isascii() and given.isdecimal() and len(given) <= ID_DIGITS_MAX:
        known = int(given) if 1 <= int(given) < ledger.state.count("participants") else None
    if known is None:
        raise NotFound(f"no participant is named {given[:88]!r}; onecard show participants")
    return int(known)


def say(
    found: list[dict[str, Any]], what: str, as_json: bool, spare: tuple[str, ...], none: str
) -> None:
    """Rows as one JSON object or as a table; `none`, that there are none, on standard error."""
    if as_json:
        print(json.dumps({what: found}, ensure_ascii=False))
    elif found:
        print_rows("", found, tuple(found[0]), spare)
    else:
        typer.echo(none, err=True)


def say_more(rows: int) -> None:
    """How many rows of so many a table left out."""
    if rows > ROWS_SHOWN:
        print(f"and {rows - ROWS_SHOWN} more; --json lists all")
