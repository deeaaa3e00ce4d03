"""`onecard show`: looks into a ledger's folder, whether a server runs on it or not."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
import typer

from onecard.cli.show import participants as show_register
from onecard.cli.show.looking import (
    AsJson,
    Dir,
    One,
    local_time,
    name_of,
    number_of,
    opened,
    participant_of,
    text,
)
from onecard.cli.table import SECONDS, print_facts, print_rows
from onecard.core.audit import completeness
from onecard.core.clock import SystemClock
from onecard.core.days import day_text
from onecard.core.errors import BadInput, NotFound
from onecard.core.ledger.opened import Ledger
from onecard.core.query.suspense import MENDED_BY, find_suspense
from onecard.core.settlement.window import WindowView, window_view
from onecard.ext.shape.numbers import Effect, Flag, Funding, Kind, Outcome, OwnerKind, Purse, Status

app = typer.Typer(
    no_args_is_help=True,
    help="Look into a ledger's folder. Rows come as a table on a terminal, parted by tabs in a "
    "pipe, and whole with --json. Times are in the ledger's zone.",
)
app.command()(show_register.participants)
app.command()(show_register.terminals)
app.command()(show_register.tariffs)
app.command()(show_register.rules)

ROWS_SHOWN = 1000
SEQUENCE_MAX = (1 << 63) - 1  # more than a journal ever holds
ID_MAX = (1 << 32) - 1  # terminals and windows are numbered in 32 bits
TOKEN = re.compile("[0-9a-f]{1,16}", re.ASCII | re.IGNORECASE)
HOUR_US = 3_600_000_000


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
    with opened(data) as ledger:
        key = _hex(number) if is_token else ledger.card_tokens.of(number)
        row = ledger.state.credential(key)
        if row < 0:
            raise NotFound(f"{data}: no such card is registered; check the number, or use --token")
        credential = ledger.state.table("credentials")[row]
        account = ledger.state.table("accounts")[credential["account"]]
        facts = {
            "token": f"0x{key:016x}",
            "account": int(credential["account"]),
            "status": Status(int(credential["status"])).name,
            "denied": bool(credential["denied"]),
            "deny_version": int(credential["deny_version"]),
            "funding": Funding(int(account["funding"])).name,
            "issuer": name_of(ledger, int(account["issuer"])),
            "posted_fen": int(account["posted_fen"]),
            "held_fen": int(account["held_fen"]),
            "available_fen": int(account["posted_fen"]) - int(account["held_fen"]),
            "floor_fen": int(account["floor_fen"]),
            "entries": int(account["entries"]),
        }
        trail = [_entry(ledger, entry) for entry in _trail(ledger, int(account["last"]), last)]
    if as_json:
        print(json.dumps(facts | {"trail": trail}, ensure_ascii=False))
        return
    print_facts(facts)
    columns = (
        "sequence",
        "booked_at",
        "kind",
        "outcome",
        "reason",
        "amount_fen",
        "balance_fen",
        "terminal",
        "number",
        "seq",
    )
    spare = ("terminal", "seq", "reason", "number", SECONDS, "kind", "balance_fen")
    rows = [row | {"seq": row["terminal_seq"]} for row in trail]
    print_rows(f"newest {len(trail)} entries", rows, columns, spare)


@app.command()
def entry(
    data: Dir,
    sequence: Annotated[
        int, typer.Argument(help="Its sequence in the journal.", min=1, max=SEQUENCE_MAX)
    ],
    as_json: AsJson = False,
) -> None:
    """One entry with its legs.

    Example: onecard show entry ./ledger 1024
    """
    with opened(data) as ledger:
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
                "party": name_of(ledger, int(leg["party"])),
                "amount_fen": int(leg["amount_fen"]),
            }
            for leg in block.legs[at : at + int(row["legs"])]
        ]
        facts = _entry(ledger, row) | {"block": block.first, "block_hash": block.hash.hex()}
    if as_json:
        print(json.dumps(facts | {"legs": legs}, ensure_ascii=False))
        return
    print_facts(facts)
    print_rows("legs", legs, ("owner_kind", "owner", "purse", "party", "amount_fen"))


@app.command()
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
        wanted = number or int(ledger.state.totals["window"][0])
        facts = _window(ledger, view := window_view(ledger.state, ledger.journal, wanted))
    positions = [asdict(p) | {"net_fen": p.net_fen} for p in view.positions]
    if as_json:
        print(json.dumps(facts | {"positions": positions}, ensure_ascii=False))
        return
    print_facts(facts)
    columns = ("participant", "name", "in_fen", "out_fen", "net_fen", "legs")
    print_rows("positions", positions, columns, ("legs",))


@app.command()
def windows(data: Dir, as_json: AsJson = False) -> None:
    """All windows, the open one last: their days, where they were cut, what went in and out.

    `sum_fen` is the sum of all net positions; it is 0 in every window.

    Example: onecard show windows ./ledger
    """
    with opened(data) as ledger:
        numbers = [int(row["window"]) for row in ledger.state.rows("windows")]
        numbers.append(int(ledger.state.totals["window"][0]))
        found = [
            _window(ledger, window_view(ledger.state, ledger.journal, number)) for number in numbers
        ]
    if as_json:
        print(json.dumps({"windows": found}, ensure_ascii=False))
        return
    print_rows("", found, tuple(found[0]), ("closed_at", "first", "closed"))


@app.command()
def suspense(
    data: Dir,
    operator: One = "",
    as_json: AsJson = False,
) -> None:
    """Taps in suspense: booked, not decided, and not reversed since. Nobody is paid for them.

    Says of each reason what mends it; docs/suspense.md has it at length. Walks the journal.

    Example: onecard show suspense ./ledger --operator Metro
    """
    with opened(data) as ledger:
        only = participant_of(ledger, operator) if operator else None
        now_us = SystemClock().now_us()
        found = [
            _suspended(ledger, row, now_us)
            for rows in find_suspense(ledger.journal, ledger.state)
            for row in (rows if only is None else rows[rows["operator_id"] == only])
        ]
    reasons = [
        {
            "reason": reason.name,
            "taps": len(of),
            "amount_fen": sum(row["amount_fen"] for row in of),
            "do": do,
        }
        for reason, do in MENDED_BY.items()
        if (of := [row for row in found if row["reason"] == reason.name])
    ]
    if as_json:
        print(json.dumps({"suspense": found, "reasons": reasons}, ensure_ascii=False))
        return
    amount_fen = sum(row["amount_fen"] for row in found)
    print(f"{len(found)} taps in suspense, {amount_fen} fen")
    columns = (
        "sequence",
        "tapped_at",
        "age_h",
        "reason",
        "kind",
        "amount_fen",
        "operator",
        "number",
        "epoch",
        "seq",
    )
    spare = ("epoch", "kind", "operator", "seq", "age_h", SECONDS, "number")
    print_rows("in suspense, oldest first", found[:ROWS_SHOWN], columns, spare)
    _say_more(len(found))
    print_rows("what to do", reasons, ("reason", "taps", "amount_fen", "do"), (), "do")


@app.command()
def gaps(
    data: Dir,
    terminal: Annotated[int, typer.Option(help="Only this terminal's id.", min=0, max=ID_MAX)] = 0,
    as_json: AsJson = False,
) -> None:
    """Terminal sequences that never came, and declared counts that do not agree.

    Example: onecard show gaps ./ledger --terminal 12
    """
    with opened(data) as ledger:
        terminals = ledger.state.rows("terminals")
        counterless = frozenset(terminals["terminal"][terminals["counterless"] == 1].tolist())
        numbers = {int(row["terminal"]): text(row["number"]) for row in terminals[1:]}
        found = [
            asdict(gap) | {"missing": gap.last - gap.first + 1, "number": numbers[gap.terminal]}
            for gap in completeness.find_gaps(
                ledger.journal, ledger.identities, terminal or None, counterless
            )
        ]
        differences = [
            asdict(difference.declared)
            | {"day": day_text(difference.declared.day)}
            | {"number": numbers[difference.declared.terminal]}
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
    print(f"{missing} terminal sequences missing in {len(found)} gaps")
    columns = ("terminal", "number", "epoch", "first", "last", "missing")
    print_rows("gaps", found[:ROWS_SHOWN], columns, ("terminal",))
    _say_more(len(found))
    said = ("terminal", "number", "day", "taps", "booked_taps", "sum_fen", "booked_fen")
    print_rows("declared otherwise", differences, said, ("terminal",))


def _say_more(rows: int) -> None:
    if rows > ROWS_SHOWN:
        print(f"and {rows - ROWS_SHOWN} more; --json lists all")


def _trail(ledger: Ledger, sequence: int, count: int) -> Iterator[np.void]:
    """Entries of an account, newest first."""
    while sequence and count:
        row = ledger.journal.entries(np.array([sequence], np.uint64))[0]
        yield row
        sequence = int(row["previous"])
        count -= 1


def _entry(ledger: Ledger, row: np.void) -> dict[str, Any]:
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
        "tapped_at": local_time(ledger, int(row["tapped_at_us"])),
        "booked_at": local_time(ledger, int(row["booked_at_us"])),
        "number": number_of(ledger, int(row["terminal"])),
        "operator": int(row["operator_id"]),
        "issuer": int(row["issuer"]),
    }


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


def _suspended(ledger: Ledger, row: np.void, now_us: int) -> dict[str, Any]:
    tapped_us = int(row["tapped_at_us"]) or int(row["booked_at_us"])
    return {
        "sequence": int(row["sequence"]),
        "token": f"0x{int(row['token']):016x}",
        "tapped_at": local_time(ledger, tapped_us),
        "booked_at": local_time(ledger, int(row["booked_at_us"])),
        "age_h": max(0, now_us - int(row["booked_at_us"])) // HOUR_US,
        "reason": Outcome(int(row["reason"])).name,
        "kind": Kind(int(row["kind"])).name,
        "amount_fen": int(row["amount_fen"]),
        "operator": name_of(ledger, int(row["operator_id"])),
        "terminal": int(row["terminal"]),
        "number": number_of(ledger, int(row["terminal"])),
        "epoch": int(row["epoch"]),
        "seq": int(row["terminal_seq"]),
        "place": int(row["place"]),
        "window": int(row["window"]),
    }


def _hex(text: str) -> int:
    if not TOKEN.fullmatch(text):
        raise BadInput(f"token: expected 16 hex digits, found {len(text)} characters")
    return int(text, 16)
