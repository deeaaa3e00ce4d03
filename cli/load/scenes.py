"""`onecard load scenes`: what taps may be for."""

from typing import Annotated

import typer

from onecard.cli.exit_status import Exit
from onecard.cli.load.options import ADDRESS, DryRun, File, To
from onecard.cli.load.rows import Line, Rows, located
from onecard.cli.load.server import connected
from onecard.cli.who import ActorFile, CheckerFile, Reason, who
from onecard.core.errors import BadInput
from onecard.core.registry.row_change import Change
from onecard.ext.shape.numbers import Purse
from onecard.v1 import registry_pb2 as pb

ROWS_A_CALL = 2_000  # what a server takes of one
STATUSES = {"": 0, "active": pb.STATUS_ACTIVE, "closed": pb.STATUS_CLOSED}
PURSES = {"": b"", "main": bytes((Purse.MAIN,))}
COLUMNS = ("purses", "most_fen", "payee", "mcc", "rated_by", "status")
CODES, MOST, MCCS, NETWORKS = 1 << 16, (1 << 62) + 1, 10_000, 1 << 16


def scenes(
    file: File,
    to: To = ADDRESS,
    dry_run: Annotated[bool, DryRun] = False,
    actor: ActorFile = None,
    checker: CheckerFile = None,
    reason: Reason = "",
) -> None:
    """What taps may be for. Columns: code (1 to 65535), name; and, where wanted, purses (main),
    most_fen (of one ride, purchase or hold; 0: what the ledger takes), payee (the operator that
    earns there, by name or id, for ever; 0: the terminal's), mcc (four digits, 0: none), rated_by
    (the network whose tariffs rate journeys there, for ever; 0: the terminal's), status (active
    or closed). A column that is not there or a cell that is empty leaves that as it is; a scene
    that is new needs a name. Once any is loaded, a tap of one that is not is refused. Nothing is
    loaded of a file with a wrong row.

    Example: onecard load scenes scenes.csv --to 127.0.0.1:7421
    """
    lines = list(Rows(file, ("code", "name"), COLUMNS))
    parts = [slice(at, at + ROWS_A_CALL) for at in range(0, len(lines), ROWS_A_CALL)]
    changes: list[int] = []
    with connected(to, who=who(actor, checker, reason)) as client:
        named = any(line.text("payee") for line in lines)
        known = client.participants() if named else {}
        messages = [scene_of(line, known) for line in lines]
        # First all of it as a trial: what is sent in parts is then refused before any is loaded.
        for part in parts:
            said = client.put_scenes(messages[part], dry_run=True)
            for note in said.notes:
                change = Change(said.changes[note.row])
                where = f"{file}:{lines[part][note.row].at}"
                if dry_run:
                    typer.echo(f"{where}: {change.name.lower()}: {note.what}")
                elif change == Change.REFUSED:
                    raise BadInput(f"{where}: {note.what}")
            changes += said.changes
        for part in [] if dry_run else parts:
            with located(lines[part], part.start):
                client.put_scenes(messages[part])
    news = sum(change not in (Change.SAME, Change.REFUSED) for change in changes)
    would, end = ("would be ", "; nothing was changed") if dry_run else ("", "")
    typer.echo(f"{len(lines)} scenes read, {news} {would}changed{end}", err=True)
    if Change.REFUSED in changes:
        raise typer.Exit(Exit.DIFFERS)


def scene_of(line: Line, known: dict[str, int]) -> pb.Scene:
    """A line as it is sent; `known` are participants by name. BadInput where a cell is wrong."""
    return pb.Scene(
        code=line.fits("code", CODES, least=1),
        name=line.text("name"),
        purses=line.choice("purses", PURSES) or None,
        most_fen=_fits(line, "most_fen", MOST),
        payee=line.participant("payee", known) if line.text("payee") else None,
        mcc=_fits(line, "mcc", MCCS),
        rated_by=_fits(line, "rated_by", NETWORKS),
        status=line.choice("status", STATUSES),
    )


def _fits(line: Line, column: str, below: int) -> int | None:
    """A number below one; None where the cell is empty."""
    return line.fits(column, below) if line.text(column) else None
