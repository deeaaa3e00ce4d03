"""A ledger opened to be looked at, and its rows in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any

import typer

from onecard.core.days import DAY_US
from onecard.core.errors import NotFound
from onecard.core.ledger.opened import Ledger

Dir = Annotated[Path, typer.Argument(metavar="DIR", help="The ledger's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
One = Annotated[
    str, typer.Option("--operator", metavar="NAME|ID", help="Only of this participant.")
]
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
    offset_us = int(ledger.state.totals["zone_offset_us"][0])
    # A whole day off is allowed by the rule, and is no zone that anybody can write down.
    zone = timezone(timedelta(microseconds=offset_us)) if abs(offset_us) < DAY_US else UTC
    try:
        at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at_us)
        return at.astimezone(zone).isoformat(" ", "seconds")
    except OverflowError:  # a rule may name any 62 bits of time
        return f"{at_us} us"


def name_of(ledger: Ledger, participant: int) -> str:
    """A participant's name, "" for 0."""
    return text(ledger.state.table("participants")[participant]["name"])


def number_of(ledger: Ledger, terminal: int) -> str:
    """The number printed on a terminal."""
    return text(ledger.state.table("terminals")[terminal]["number"])


def participant_of(ledger: Ledger, given: str) -> int:
    """The id of a participant by name or id; NotFound."""
    known = ledger.state.by_name.get(given.encode())
    if known is None and given.isascii() and given.isdecimal() and len(given) <= ID_DIGITS_MAX:
        known = int(given) if 1 <= int(given) < ledger.state.count("participants") else None
    if known is None:
        raise NotFound(f"no participant is named {given[:88]!r}; onecard show participants")
    return int(known)


def text(stored: Any) -> str:
    """A name or number as it is stored, in UTF-8."""
    return bytes(stored).decode("utf-8", "replace")
