"""`onecard replay`: taps that others recorded, through gRPC into a ledger, settled and verified."""

from __future__ import annotations

import json as json_format
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from onecard.cli.exit_status import Exit
from onecard.cli.local import Settled, check_same_ledger, connected, ledger_folder, serving, settled
from onecard.cli.table import print_rows
from onecard.cli.who import ActorFile, CheckerFile, Reason, who
from onecard.core.clock import SystemClock
from onecard.core.days import day_text
from onecard.core.errors import BadInput
from onecard.core.exchange.manifest import Manifest
from onecard.core.journal.algorithms import number_of
from onecard.core.ledger import card_number
from onecard.core.ledger.card_number import CardForm
from onecard.core.ledger.folder import (
    TOML,
    read_card_tokens,
    read_key,
    read_ledger_toml,
    read_token_key,
)
from onecard.core.ledger.token import CardTokens
from onecard.grpc.client.who import Who
from onecard.sample.recorded import shenzhen
from onecard.sample.recorded.play import Result, play_taps
from onecard.sample.recorded.taps import Fault, Roll

NOT_LOCAL = "not verified: give --data DIR, the folder of the ledger served there"
REASONS_SHOWN = 6
REASON = "replay of recorded taps"  # why windows of dates long past are closed, by force


class Format(StrEnum):
    """Whose taps the files hold."""

    shenzhen = "shenzhen"


def replay(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Taps, CSV or JSON; seen by content.")
    ],
    format: Annotated[Format, typer.Option(help="Whose taps they are.")],
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The ledger's folder, made if absent; default: a new one."
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="A server that runs; default: one of its own."),
    ] = None,
    token_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The key of the card tokens, with --to and no --data."),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="With --to: close the open window there for dates that do not follow."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    actor: ActorFile = None,
    checker: CheckerFile = None,
    reason: Reason = REASON,
) -> None:
    """Stream recorded taps into a ledger, close each settlement date, write files, verify.

    Operators, terminals and cards are registered as they are met. The same file again books
    nothing: every tap keeps its identity. The ledger's go-live date and maximum age of a tap are
    widened where the files are older. Exit status 1 if a row was malformed, 3 if the ledger
    does not verify.

    With --to the open window is closed for a date only where the server would do so for anybody;
    for an older one --force is needed, since the window holds what others booked today.

    Example: onecard replay --format shenzhen taps.csv --data ./ledger
    """
    said = who(actor, checker, reason)
    tokens = _tokens_there(to, _key(data, token_key), data) if to is not None else None
    roll = Roll()
    taps, invalid = shenzhen.read(files, roll, _report, tokens.form if tokens else _form(data))
    if to is None or tokens is None:
        path = ledger_folder(data)
        with serving(path) as address:
            result = _send(
                address, taps, roll, read_card_tokens(path), quiet=json, force=True, said=said
            )
        done = settled(path, [window.id for window in result.windows])
    else:
        result = _send(to, taps, roll, tokens, quiet=json, force=force, said=said)
        done = Settled([], NOT_LOCAL)
        if data is not None:
            done = settled(data, [window.id for window in result.windows])
    summary = as_json(result, done, len(taps), invalid)
    if json:
        typer.echo(json_format.dumps(summary, ensure_ascii=False))
    else:
        console = Console()
        show(console, summary, result, done)
        console.print(f"verify: {done.verify}", style="green" if done.verify == "ok" else "red")
    if done.verify not in ("ok", NOT_LOCAL):
        raise typer.Exit(Exit.FAULT)
    if invalid:
        raise typer.Exit(Exit.DIFFERS)


def _form(data: Path | None) -> CardForm:
    """Of the ledger that is there, or will be made; LedgerOld where it is only read."""
    if data is None or not (data / TOML).exists():
        return card_number.DEFAULT
    toml = read_ledger_toml(data)
    toml.check_writable(data)  # before files are read that may be of a year
    return toml.form


def _tokens_there(to: str, key: bytes, data: Path | None) -> CardTokens:
    """BadInput unless the server's ledger is the one in `data` and whose token key we hold."""
    with connected(to) as client:
        if data is not None:
            check_same_ledger(client, to, data)
        head = client.head()
        of_a_server_from_before = "blake2b"
        made = number_of("tokens", head.tokens or of_a_server_from_before)
        tokens = CardTokens(key, CardForm.parse(head.card_number), made)
        if head.key_check != tokens.key_check:
            raise BadInput(
                f"{to}: expected a server of the ledger that this token key belongs to, found "
                "another one's; name its folder with --data, or its key with --token-key"
            )
    return tokens


def as_json(result: Result, done: Settled, taps: int, invalid: int) -> dict[str, Any]:
    """What --json prints. `rows` counts the malformed too."""
    files = {manifest.window: _paths(manifest) for manifest in done.manifests}
    windows = [
        {"id": window.id, "sum_fen": window.sum_fen, "files": files.get(window.id, [])}
        for window in result.windows
    ]
    return {
        "rows": taps + invalid,
        "invalid": invalid,
        "accepted": result.accepted,
        "declined": dict(sorted(result.declined.items())),
        "duplicate": result.duplicate,
        "conflict": result.conflict,
        "charged_fen": result.charged_fen,
        "operators": {name: asdict(operator) for name, operator in result.operators.items()},
        "late": result.late,
        "window": windows[-1] if windows else None,
        "windows": windows,
        "verify": done.verify,
    }


def show(console: Console, summary: dict[str, Any], result: Result, done: Settled) -> None:
    """The same for people."""
    declined = sum(result.declined.values())
    console.print(
        f"{summary['rows']:,} rows: {result.accepted:,} accepted, {declined:,} declined, "
        f"{result.duplicate:,} repeats, {result.conflict:,} conflicts, "
        f"{summary['invalid']:,} malformed; {result.late:,} dated before their settlement date",
        soft_wrap=True,
    )
    for reason, count in result.declined.most_common(REASONS_SHOWN):
        console.print(f"  declined {reason}: {count:,}")
    rows = [
        {"operator": name, "taps": operator.taps, "charged": yuan(operator.charged_fen)}
        for name, operator in result.operators.items()
    ]
    rows.append({"operator": "all", "taps": result.accepted, "charged": yuan(result.charged_fen)})
    print_rows("accepted now, repeats not counted", rows, ("operator", "taps", "charged"))
    folders = {manifest.window: manifest.folder for manifest in done.manifests}
    for window in result.windows:
        state = "closed" if window.fresh else "closed before, nothing new in it"
        console.print(
            f"window {window.id} of {day_text(window.business_day)}: {state}; "
            f"net positions sum to {window.sum_fen} fen; "
            f"files: {folders.get(window.id, 'not here')}",
            soft_wrap=True,
        )
    if result.seconds and result.wait_ms:
        taps = result.accepted + declined + result.duplicate + result.conflict
        console.print(f"{taps / result.seconds:,.0f} taps a second, durable, over gRPC")


def yuan(fen: int) -> str:
    """An amount in yuan with its two places."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


@contextmanager
def progress_of(label: str, total: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar on standard error where that is a terminal; else nothing."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda taps: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda taps: bar.advance(task, taps)


def _send(
    address: str,
    taps: NDArray[np.void],
    roll: Roll,
    tokens: CardTokens,
    quiet: bool,
    force: bool,
    said: Who,
) -> Result:
    with connected(address, said) as client, progress_of("taps", len(taps), quiet) as progress:
        return play_taps(client, taps, roll, tokens, SystemClock(), progress, force)


def _report(fault: Fault) -> None:
    print(f"onecard: {fault}", file=sys.stderr)


def _key(data: Path | None, token_key: Path | None) -> bytes:
    """Of the ledger served there: tokens under another key would be other cards."""
    if token_key is not None:
        return read_key(token_key)
    if data is None:
        raise BadInput(
            "--to: expected --data DIR, the folder of that ledger, or --token-key FILE, the "
            "token.key in it; found neither"
        )
    read_ledger_toml(data)  # refuses a key that is not that ledger's
    return read_token_key(data)


def _paths(manifest: Manifest) -> list[str]:
    return [str(manifest.folder / sheet.file) for sheet in manifest.sheets]
