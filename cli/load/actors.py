"""`onecard load actors`: who may act on the ledger."""

import re
from pathlib import Path
from typing import Annotated

import typer

from onecard.cli.held import held
from onecard.cli.load.card_status import STATUSES
from onecard.cli.load.options import ADDRESS, File, To
from onecard.cli.load.rows import Line, Rows, located
from onecard.cli.load.server import connected
from onecard.cli.who import ActorFile, CheckerFile, Reason, who
from onecard.core.query.participant import participants
from onecard.core.registry.actors import ActorRow, PutActors
from onecard.core.registry.row_change import Change, Put
from onecard.ext.shape.numbers import ActorRole
from onecard.grpc.client.who import Who
from onecard.v1 import registry_pb2 as pb

ROLES = {role.name.lower(): int(role) for role in ActorRole}
DIGEST = re.compile("[0-9a-f]{64}")


def actors(
    file: File,
    to: To = ADDRESS,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="The ledger's folder, where no server runs on it: nobody need sign in there, so "
            "this is the way back where nobody can.",
        ),
    ] = None,
    actor: ActorFile = None,
    checker: CheckerFile = None,
    reason: Reason = "",
) -> None:
    """Who may act, all of the file or none. Columns: name; and, where wanted, roles (system,
    security, audit, maker, checker, reader, joined by +, or none), secret_sha256 (what onecard
    actor new printed), participant (name or id; that is who it acts for, else whoever runs the
    ledger), status. A column that is not there or a cell that is empty leaves that as it is.

    Example: onecard load actors actors.csv --to 127.0.0.1:7421 --actor ~/li.actor
    """
    rows = Rows(file, ("name",), ("roles", "secret_sha256", "participant", "status"))
    lines, said = list(rows), who(actor, checker, reason)
    changes = _here(data, lines, said) if data is not None else _there(to, lines, said)
    changed = sum(change != Change.SAME for change in changes)
    typer.echo(f"{len(lines)} actors read, {changed} changed", err=True)


def _there(to: str, lines: list[Line], said: Who) -> list[int]:
    """Through a server: what became of each line."""
    with connected(to, who=said) as client:
        named = any(line.text("participant") for line in lines)
        known = client.participants() if named else {}
        sent = [_message(_actor(line, known)) for line in lines]
        with located(lines, 0):
            return [int(change) for change in client.put_actors(sent).changes]


def _here(data: Path, lines: list[Line], said: Who) -> list[int]:
    """In a folder: what became of each line."""
    with held(data, said, "load them through") as ledger:
        known = {one.name: one.id for one in participants(ledger.node.state)}
        with located(lines, 0):
            put = ledger.act(PutActors([_actor(line, known) for line in lines]))
        assert isinstance(put, Put)
        return [int(change) for change in put.change]


def _actor(line: Line, known: dict[str, int]) -> ActorRow:
    digest = line.text("secret_sha256")
    if digest and not DIGEST.fullmatch(digest):
        line.refuse("secret_sha256", "64 hexadecimal digits, as onecard actor new prints them")
    return ActorRow(
        name=line.text("name"),
        secret=bytes.fromhex(digest) or None,
        roles=_roles(line),
        participant=line.participant("participant", known) if line.text("participant") else None,
        status=int(line.choice("status", STATUSES)) or None,
    )


def _message(row: ActorRow) -> pb.Actor:
    return pb.Actor(
        name=row.name,
        secret_sha256=row.secret,
        roles=row.roles,
        participant=row.participant,
        status=row.status,  # type: ignore[arg-type]  # an open enum
    )


def _roles(line: Line) -> int | None:
    """The sum of the roles that a cell names; None where it is empty, 0 where it says none."""
    text = line.text("roles")
    if not text:
        return None
    words = [] if text == "none" else text.split("+")
    if any(word not in ROLES for word in words):
        line.refuse("roles", f"none, or some of {', '.join(ROLES)} joined by +")
    return sum({ROLES[word] for word in words})
