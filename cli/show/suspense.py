"""`onecard show suspense`."""

import json
from typing import Any

import numpy as np

from onecard.cli.show.looking import (
    HOUR_US,
    ROWS_SHOWN,
    AsJson,
    Dir,
    One,
    local_time,
    name_of,
    number_of,
    opened,
    participant_of,
    say_more,
)
from onecard.cli.table import SECONDS, print_rows
from onecard.core.clock import SystemClock
from onecard.core.ledger.opened import Ledger
from onecard.core.query.suspense import MENDED_BY, find_suspense
from onecard.ext.shape.numbers import Kind, Outcome


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
            for rows in find_suspense(ledger.journal, ledger.identities)
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
    say_more(len(found))
    print_rows("what to do", reasons, ("reason", "taps", "amount_fen", "do"), (), "do")


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
