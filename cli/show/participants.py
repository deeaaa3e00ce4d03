"""`onecard show`, who takes part and by which rules: participants, terminals, tariffs, rules."""

import json
from typing import Any

import numpy as np
import typer

from onecard.cli.show.looking import AsJson, Dir, One, local_time, name_of, opened, participant_of, text
from onecard.cli.table import print_rows
from onecard.core.days import DAY_US
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.acts import RULES
from onecard.ext.shape.numbers import Role, Status

HOUR_US = DAY_US // 24


def participants(data: Dir, as_json: AsJson = False) -> None:
    """Who takes part: id, name, role, terminals, accounts of its cards, net of the open window.

    Example: onecard show participants ./ledger
    """
    with opened(data) as ledger:
        rows = ledger.state.rows("participants")[1:]
        many = len(rows) + 1
        terminals = np.bincount(ledger.state.rows("terminals")["operator_id"], minlength=many)
        accounts = np.bincount(ledger.state.rows("accounts")["issuer"][1:], minlength=many)
        found = [
            {
                "id": int(row["participant"]),
                "name": text(row["name"]),
                "role": Role(int(row["kind"])).name.lower(),
                "terminals": int(terminals[row["participant"]]),
                "accounts": int(accounts[row["participant"]]),
                "window_net_fen": int(row["window_in_fen"]) - int(row["window_out_fen"]),
            }
            for row in rows
        ]
    _say(found, "participants", as_json, ("window_net_fen", "accounts", "terminals"))


def terminals(data: Dir, operator: One = "", as_json: AsJson = False) -> None:
    """Gates, buses, tills: id, printed number, operator, and how many taps each has sent.

    `taps` counts the identities bound; `epoch` and `seq` are the highest seen.

    Example: onecard show terminals ./ledger --operator Metro
    """
    with opened(data) as ledger:
        rows = ledger.state.rows("terminals")[1:]
        if operator:
            rows = rows[rows["operator_id"] == participant_of(ledger, operator)]
        found = [
            {
                "id": int(row["terminal"]),
                "number": text(row["number"]),
                "operator": name_of(ledger, int(row["operator_id"])),
                "place": int(row["place"]),
                "mode": int(row["mode"]),
                "status": Status(int(row["status"])).name.lower(),
                "counterless": bool(row["counterless"]),
                "taps": int(row["taken"]),
                "epoch": int(row["seen"]) >> 32,
                "seq": int(row["seen"]) & 0xFFFF_FFFF,
            }
            for row in rows
        ]
    spare = ("counterless", "mode", "epoch", "seq", "status", "place", "taps")
    _say(found, "terminals", as_json, spare)


def tariffs(data: Dir, as_json: AsJson = False) -> None:
    """The tariffs there are; of several that have begun, the one with the latest start is used.

    Example: onecard show tariffs ./ledger
    """
    with opened(data) as ledger:
        found = [_tariff(ledger, row) for row in ledger.state.rows("tariffs")]
    _say(found, "tariffs", as_json, ("record", "fares", "entry_min_fen"))


def rules(data: Dir, as_json: AsJson = False) -> None:
    """The ledger's rules, as `onecard load rules` takes them, and what each comes to.

    Example: onecard show rules ./ledger
    """
    with opened(data) as ledger:
        values = {rule: int(ledger.state.totals[rule][0]) for rule in RULES}
        said = {
            "go_live_us": local_time(ledger, values["go_live_us"]),
            "age_max_us": f"{values['age_max_us'] / DAY_US:g} days",
            "ahead_max_us": f"{values['ahead_max_us'] / HOUR_US:g} hours",
            "amount_max_fen": f"{values['amount_max_fen'] / 100:.2f} yuan",
            "zone_offset_us": f"UTC{values['zone_offset_us'] / HOUR_US:+g} hours",
        }
    found = [{"rule": rule, "value": values[rule], "means": said[rule]} for rule in RULES]
    _say(found, "rules", as_json, ())


def _tariff(ledger: Ledger, row: np.void) -> dict[str, Any]:
    block = ledger.journal.block_of(int(row["record"]))
    name = text(block.rows["name"][0]) if block is not None else ""
    fares = np.frombuffer(block.blob, np.int32) if block is not None else np.empty(0, np.int32)
    return {
        "version": int(row["version"]),
        "name": name,
        "effective_from": local_time(ledger, int(row["effective_from_us"])) or "always",
        "stations": int(row["stations"]),
        "fares": int((fares >= 0).sum()),
        "entry_min_fen": int(row["entry_min_fen"]),
        "record": int(row["record"]),
    }


def _say(found: list[dict[str, Any]], what: str, as_json: bool, spare: tuple[str, ...]) -> None:
    if as_json:
        print(json.dumps({what: found}, ensure_ascii=False))
    elif found:
        print_rows("", found, tuple(found[0]), spare)
    else:
        typer.echo(f"no {what} are loaded", err=True)
