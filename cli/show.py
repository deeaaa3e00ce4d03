"""`onecard show`: looks into a ledger's folder, whether a server runs on it or not."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from onecard.core import completeness
from onecard.core.calendar import day_text
from onecard.core.errors import BadInput, NotFound
from onecard.core.ledger import Ledger
from onecard.core.settlement.window import window_view
from onecard.core.token import token
from onecard.ext.outcome import Effect, Flag, Funding, Kind, Outcome, OwnerKind, Purse, Status

app = typer.Typer(no_args_is_help=True, help="Look into a ledger: card, entry, window, gaps.")
console = Console()

Dir = Annotated[Path, typer.Argument(metavar="DIR", help="The ledger's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
GAPS_SHOWN = 1000


@app.command()
def card(
    data: Dir,
    number: Annotated[str, typer.Argument(help="Printed number, or the token with --token.")],
    is_token: Annotated[bool, typer.Option("--token", help="NUMBER is a token in hex.")] = False,
    last: Annotated[int, typer.Option(help="How many entries, newest first.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """A card: status, balance and its newest entries.

    Example: onecard show card ./ledger 6217000000000000001 --last 5
    """
    with _open(data) as ledger:
        key = _hex(number) if is_token else token(ledger.token_key, number)
        row = ledger.state.credential(key)
        if row < 0:
            raise NotFound(f"{data}: no such card is registered; check the number, or use --token")
        credential = ledger.state.table("credentials")[row]
        account = ledger.state.table("accounts")[credential["account"]]
        facts = {
            "token": f"{key:016x}",
            "account": int(credential["account"]),
            "status": Status(int(credential["status"])).name,
            "denied": bool(credential["denied"]),
            "deny_version": int(credential["deny_version"]),
            "funding": Funding(int(account["funding"])).name,
            "issuer": _name(ledger, int(account["issuer"])),
            "posted_fen": int(account["posted_fen"]),
            "held_fen": int(account["held_fen"]),
            "available_fen": int(account["posted_fen"]) - int(account["held_fen"]),
            "floor_fen": int(account["floor_fen"]),
            "entries": int(account["entries"]),
        }
        trail = [_entry(entry) for entry in _trail(ledger, int(account["last"]), last)]
    if as_json:
        print(json.dumps(facts | {"trail": trail}, ensure_ascii=False))
        return
    _facts(facts)
    columns = ("sequence", "booked_at", "kind", "outcome", "amount_fen", "balance_fen", "terminal")
    _rows(f"newest {len(trail)} entries", trail, columns)


@app.command()
def entry(
    data: Dir,
    sequence: Annotated[int, typer.Argument(help="Its sequence in the journal.", min=1)],
    as_json: AsJson = False,
) -> None:
    """One entry with its legs.

    Example: onecard show entry ./ledger 1024
    """
    with _open(data) as ledger:
        block = ledger.journal.block_of(sequence)
        row = ledger.journal.entries(np.array([sequence], np.uint64))[0]
        if block is None or int(row["sequence"]) == 0:
            what = "beyond its end" if block is None else "not an entry but another record"
            raise NotFound(
                f"{data}: sequence {sequence} is {what}; the last is {ledger.journal.last}"
            )
        at = int(row["legs_at"])
        legs = [
            {
                "owner_kind": OwnerKind(int(leg["owner_kind"])).name,
                "owner": int(leg["owner"]),
                "purse": Purse(int(leg["purse"])).name,
                "party": _name(ledger, int(leg["party"])),
                "amount_fen": int(leg["amount_fen"]),
            }
            for leg in block.legs[at : at + int(row["legs"])]
        ]
        facts = _entry(row) | {"block": block.first, "block_hash": block.hash.hex()}
    if as_json:
        print(json.dumps(facts | {"legs": legs}, ensure_ascii=False))
        return
    _facts(facts)
    _rows("legs", legs, ("owner_kind", "owner", "purse", "party", "amount_fen"))


@app.command()
def window(
    data: Dir,
    number: Annotated[int, typer.Argument(help="Its number; 0 is the open one.", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """A window, closed or open, and the net position of each participant.

    Example: onecard show window ./ledger 1
    """
    with _open(data) as ledger:
        wanted = number or int(ledger.state.totals["window"][0])
        view = window_view(ledger.state, ledger.journal, wanted)
    facts = {
        "window": view.window,
        "closed": view.closed,
        "business_day": day_text(view.business_day) if view.closed else "",
        "first": view.first,
        "cut": view.cut,
        "sum_fen": sum(position.net_fen for position in view.positions),
    }
    positions = [asdict(p) | {"net_fen": p.net_fen} for p in view.positions]
    if as_json:
        print(json.dumps(facts | {"positions": positions}, ensure_ascii=False))
        return
    _facts(facts)
    _rows("positions", positions, ("participant", "name", "in_fen", "out_fen", "net_fen", "legs"))


@app.command()
def gaps(
    data: Dir,
    terminal: Annotated[int, typer.Option(help="Only this terminal's id.", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Terminal sequences that never came, and declared counts that do not agree.

    Example: onecard show gaps ./ledger --terminal 12
    """
    with _open(data) as ledger:
        terminals = ledger.state.rows("terminals")
        counterless = frozenset(terminals["terminal"][terminals["counterless"] == 1].tolist())
        numbers = {int(row["terminal"]): bytes(row["number"]).decode() for row in terminals[1:]}
        found = [
            asdict(gap) | {"missing": gap.last - gap.first + 1, "number": numbers[gap.terminal]}
            for gap in completeness.find_gaps(
                ledger.journal, ledger.identities, terminal or None, counterless
            )
        ]
        differences = [
            asdict(difference.declared)
            | {"day": day_text(difference.declared.day)}
            | {"booked_taps": difference.booked_taps, "booked_fen": difference.booked_fen}
            for difference in completeness.compare_all(
                ledger.journal,
                terminal or None,
                int(ledger.state.totals["ahead_max_us"][0]),
                int(ledger.state.totals["zone_offset_us"][0]),
            )
        ]
    if as_json:
        print(json.dumps({"gaps": found, "differences": differences}, ensure_ascii=False))
        return
    missing = sum(gap["missing"] for gap in found)
    console.print(f"{missing} terminal sequences missing in {len(found)} gaps")
    _rows("gaps", found[:GAPS_SHOWN], ("terminal", "number", "epoch", "first", "last", "missing"))
    if len(found) > GAPS_SHOWN:
        console.print(f"and {len(found) - GAPS_SHOWN} more; --json lists all")
    _rows(
        "declared otherwise",
        differences,
        ("terminal", "day", "taps", "booked_taps", "sum_fen", "booked_fen"),
    )


@contextmanager
def _open(data: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(data, readonly=True)
    try:
        yield ledger
    finally:
        ledger.close()


def _trail(ledger: Ledger, sequence: int, count: int) -> Iterator[np.void]:
    """Entries of an account, newest first."""
    while sequence and count:
        row = ledger.journal.entries(np.array([sequence], np.uint64))[0]
        yield row
        sequence = int(row["previous"])
        count -= 1


def _entry(row: np.void) -> dict[str, Any]:
    plain = (
        "sequence",
        "account",
        "terminal",
        "epoch",
        "terminal_seq",
        "amount_fen",
        "balance_fen",
        "place",
        "window",
        "tariff",
        "about",
        "journey",
        "previous",
    )
    reason = int(row["reason"])
    return {name: int(row[name]) for name in plain} | {
        "kind": Kind(int(row["kind"])).name,
        "outcome": Outcome(int(row["outcome"])).name,
        "reason": Outcome(reason).name if reason else "",
        "offline": bool(int(row["flags"]) & Flag.OFFLINE),
        "denied": bool(int(row["effects"]) & Effect.DENIED),
        "tapped_at": _time(int(row["tapped_at_us"])),
        "booked_at": _time(int(row["booked_at_us"])),
        "operator": int(row["operator_id"]),
        "issuer": int(row["issuer"]),
    }


def _time(at_us: int) -> str:
    if at_us == 0:
        return ""
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at_us)
    return at.isoformat(" ", "seconds").removesuffix("+00:00") + "Z"


def _name(ledger: Ledger, participant: int) -> str:
    return bytes(ledger.state.table("participants")[participant]["name"]).decode("utf-8", "replace")


def _hex(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise BadInput(f"token: expected 16 hex digits, found {len(text)} characters") from None


def _facts(facts: dict[str, Any]) -> None:
    table = Table(show_header=False, box=None)
    for name, value in facts.items():
        table.add_row(name, str(value))
    console.print(table)


def _rows(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left")
    for column in columns:
        numeric = isinstance(rows[0][column], int)
        table.add_column(column, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(str(row[column]) for column in columns))
    console.print(table)
