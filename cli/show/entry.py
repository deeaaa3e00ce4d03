"""`onecard show entry`, and what is said of an entry."""

import json
from typing import Annotated, Any

import numpy as np
import typer

from onecard.cli.show.looking import (
    SEQUENCE_MAX,
    AsJson,
    Dir,
    local_time,
    name_of,
    number_of,
    opened,
)
from onecard.cli.table import print_facts, print_rows
from onecard.core.errors import NotFound
from onecard.core.ledger.opened import Ledger
from onecard.core.query.entry import find_entry, is_offline
from onecard.ext.shape.numbers import Effect, Kind, Mark, Outcome, OwnerKind, Purse


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
        found = find_entry(ledger.journal, sequence)
        if found is None:
            beyond = sequence > ledger.journal.durable.last
            what = "beyond its end" if beyond else "not an entry but another record"
            raise NotFound(
                f"{data}: sequence {sequence} is {what}; the last is {ledger.journal.durable.last}"
            )
        legs = [
            {
                "owner_kind": OwnerKind(int(leg["owner_kind"])).name,
                "owner": int(leg["owner"]),
                "purse": Purse(int(leg["purse"])).name,
                "party": name_of(ledger, int(leg["party"])),
                "amount_fen": int(leg["amount_fen"]),
            }
            for leg in found.legs
        ]
        facts = entry_facts(ledger, found.row)
        facts |= {"block": found.block, "block_hash": found.block_hash.hex()}
    if as_json:
        print(json.dumps(facts | {"legs": legs}, ensure_ascii=False))
        return
    print_facts(facts)
    print_rows("legs", legs, ("owner_kind", "owner", "purse", "party", "amount_fen"))


def entry_facts(ledger: Ledger, row: np.void) -> dict[str, Any]:
    """An ENTRY row in words and in the ledger's zone."""
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
    return (
        {name: int(row[name]) for name in plain}
        | {
            "kind": Kind(int(row["kind"])).name,
            "outcome": Outcome(int(row["outcome"])).name,
            "reason": Outcome(reason).name if reason else "",
            "offline": is_offline(row),
            "denied": bool(int(row["effects"]) & Effect.DENIED),
            "tapped_at": local_time(ledger, int(row["tapped_at_us"])),
            "booked_at": local_time(ledger, int(row["booked_at_us"])),
            "number": number_of(ledger, int(row["terminal"])),
            "operator": int(row["operator_id"]),
            "issuer": int(row["issuer"]),
        }
        | marks_facts(row)
        | grant_facts(ledger, row)
    )


def marks_facts(row: np.void) -> dict[str, Any]:
    """What is marked of it, by name; nothing of most entries, which have no marks."""
    names = [mark.name for mark in Mark if int(row["marks"]) & mark]
    return {"marks": " ".join(names)} if names else {}


def grant_facts(ledger: Ledger, row: np.void) -> dict[str, Any]:
    """What a grant says; nothing of other kinds, which have no such columns."""
    if row["kind"] != Kind.GRANT:
        return {}
    return {
        "sponsor": int(row["sponsor"]),
        "programme": int(row["programme"]),
        "ends_at": local_time(ledger, int(row["ends_us"])),
    }
