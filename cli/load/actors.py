"""`onecard load actors`: who may act on the ledger."""

import re

import typer

from onecard.cli.load.card_status import STATUSES
from onecard.cli.load.options import ADDRESS, File, To
from onecard.cli.load.rows import Line, Rows, located
from onecard.cli.load.server import connected
from onecard.cli.who import ActorFile, CheckerFile, Reason, who
from onecard.ext.shape.numbers import ActorRole
from onecard.v1 import registry_pb2 as pb

ROLES = {role.name.lower(): int(role) for role in ActorRole}
DIGEST = re.compile("[0-9a-f]{64}")


def actors(
    file: File,
    to: To = ADDRESS,
    actor: ActorFile = None,
    checker: CheckerFile = None,
    reason: Reason = "",
) -> None:
    """Who may act, all of the file or none. Columns: name; and, where wanted, roles (system,
    security, audit, maker, checker, reader, joined by +), secret_sha256 (what onecard actor new
    printed), participant (name or id; that is who it acts for, else whoever runs the ledger),
    status. A column that is not there or a cell that is empty leaves that as it is.

    Example: onecard load actors actors.csv --to 127.0.0.1:7421 --actor ~/li.actor
    """
    rows = Rows(file, ("name",), ("roles", "secret_sha256", "participant", "status"))
    lines = list(rows)
    with connected(to, who=who(actor, checker, reason)) as client:
        known = client.participants() if any(line.text("participant") for line in lines) else {}
        said = [_actor(line, known) for line in lines]
        with located(lines, 0):
            done = client.put_actors(said)
    changed = sum(change != pb.CHANGE_SAME for change in done.changes)
    typer.echo(f"{len(lines)} actors read, {changed} changed", err=True)


def _actor(line: Line, known: dict[str, int]) -> pb.Actor:
    digest = line.text("secret_sha256")
    if digest and not DIGEST.fullmatch(digest):
        line.refuse("secret_sha256", "64 hexadecimal digits, as onecard actor new prints them")
    return pb.Actor(
        name=line.text("name"),
        secret_sha256=bytes.fromhex(digest),
        roles=_roles(line),
        participant=line.participant("participant", known) if line.text("participant") else None,
        status=line.choice("status", STATUSES),
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
