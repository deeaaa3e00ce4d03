"""`onecard show card`."""

import json
import re
from itertools import islice
from typing import Annotated, Any

import typer

from onecard.cli.show.entry import entry_facts
from onecard.cli.show.looking import AsJson, Dir, local_time, name_of, opened
from onecard.cli.table import SECONDS, print_facts, print_rows
from onecard.core.days import day_text
from onecard.core.errors import BadInput, NotFound
from onecard.core.ledger.opened import Ledger
from onecard.core.query.card import CardPast, Journey, Lot, find_card, lots_of
from onecard.core.query.hold import open_holds
from onecard.core.query.trail import Walk, drawn_before, drawn_on, is_shown
from onecard.ext.shape.numbers import Funding, Status

JOURNEY_COLUMNS = ("entry", "since", "place", "network", "mode")
PAST_COLUMNS = ("was", "from", "until")
LOT_COLUMNS = ("lot", "left_fen", "ends_at", "programme", "sponsor")
TOKEN = re.compile("[0-9a-f]{1,16}", re.ASCII | re.IGNORECASE)


def card(
    data: Dir,
    number: Annotated[str, typer.Argument(help="Printed number, or the token with --token.")],
    is_token: Annotated[bool, typer.Option("--token", help="NUMBER is a token in hex.")] = False,
    last: Annotated[int, typer.Option(help="How many entries, newest first.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """A card: status, balance, what it was before and until when, what is held on it and until
    when, and its newest entries.

    All of the account that it draws on, and its own of the accounts that it drew on before.

    Example: onecard show card ./ledger 6217000000000000001 --last 5
    """
    with opened(data) as ledger:
        key = token_of(number) if is_token else ledger.card_tokens.of(number)
        found = find_card(ledger.state, key)
        if found is None:
            raise NotFound(f"{data}: no such card is registered; check the number, or use --token")
        facts = {
            "token": f"0x{key:016x}",
            "account": found.account,
            "status": Status(found.status).name,
            "since": local_time(ledger, found.since_us),  # of the status
            "denied": found.denied,
            "deny_version": found.deny_version,
            "funding": Funding(found.funding).name,
            "issuer": name_of(ledger, found.issuer),
            "home_issuer": name_of(ledger, found.home_issuer),
            "posted_fen": found.posted_fen,
            "held_fen": found.held_fen,
            "available_fen": found.available_fen,
            "floor_fen": found.floor_fen,
            "entries": found.entries,
            "bank_status": Status(found.bank_status).name if found.bank_status else "",
            "generation": found.generation,
            "expires": day_text(found.expires_day) if found.expires_day else "",
            "key_version": found.key_version,
        }
        pasts = [past_facts(ledger, past) for past in found.pasts]
        lots = [lot_facts(ledger, lot) for lot in lots_of(ledger.state, found.account)]
        journeys = [journey_facts(ledger, journey) for journey in found.journeys]
        drawn = drawn_on(ledger.state, key)
        while drawn.past:
            drawn = drawn_before(ledger.state, drawn)
        walk = Walk(ledger.journal, drawn.heads)
        shown = (row for row in walk if is_shown(row, key, drawn.account))
        trail = [entry_facts(ledger, row) for row in islice(shown, last)]
        held = [
            {
                "sequence": one.sequence,
                "amount_fen": one.amount_fen,
                "until": local_time(ledger, one.expires_us),
            }
            for one in open_holds(ledger.state, key)
        ]
    if as_json:
        # Most cards hold nothing, have no lots, do not travel now and never were otherwise.
        more = {"holds": held, "lots": lots, "pasts": pasts, "journeys": journeys}
        told = facts | {name: rows for name, rows in more.items() if rows}
        print(json.dumps(told | {"trail": trail}, ensure_ascii=False))
        return
    print_facts(facts)
    print_rows("what it was", [row | {"was": in_words(row)} for row in pasts], PAST_COLUMNS)
    print_rows("held, with an end", held, ("sequence", "amount_fen", "until"))
    print_rows("its account's lots", lots, LOT_COLUMNS)
    print_rows("open journeys", journeys, JOURNEY_COLUMNS)
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
        "account",
    )
    spare = ("account", "terminal", "seq", "reason", "number", SECONDS, "kind", "balance_fen")
    rows = [row | {"seq": row["terminal_seq"]} for row in trail]
    print_rows(f"newest {len(trail)} entries", rows, columns, spare)


def past_facts(ledger: Ledger, past: CardPast) -> dict[str, Any]:
    """What a card was: a status that is over, or else what it drew on."""
    return {
        "from": local_time(ledger, past.from_us),  # "" = ever since it is registered
        "until": local_time(ledger, past.until_us),
        "status": Status(past.status).name if past.status else "",
        "account": past.account,
        "issuer": name_of(ledger, past.issuer),
        "funding": Funding(past.funding).name if past.funding else "",
    }


def lot_facts(ledger: Ledger, lot: Lot) -> dict[str, Any]:
    return {
        "lot": lot.lot,
        "left_fen": lot.left_fen,
        "ends_at": local_time(ledger, lot.ends_us),  # "" = it has no end
        "programme": lot.programme,
        "sponsor": name_of(ledger, lot.sponsor),
    }


def journey_facts(ledger: Ledger, journey: Journey) -> dict[str, Any]:
    """A journey that is open: of an exit in its network and mode."""
    return {
        "entry": journey.sequence,
        "since": local_time(ledger, journey.at_us),
        "place": journey.place,
        "network": journey.network,
        "mode": journey.mode,
    }


def in_words(past: dict[str, Any]) -> str:
    drew = "account {account}, {funding}, {issuer}".format_map(past)
    return past["status"] or drew


def token_of(text: str) -> int:
    """A token as it is shown, 16 hexadecimal digits; BadInput."""
    if not TOKEN.fullmatch(text):
        raise BadInput(f"token: expected 16 hex digits, found {len(text)} characters")
    return int(text, 16)
