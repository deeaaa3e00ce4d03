"""`onecard load participants`: operators, issuers and agents."""

from typing import Annotated

from onecard.cli.load.changes import Sending
from onecard.cli.load.issued import Issued
from onecard.cli.load.options import ADDRESS, AsJson, DryRun, File, Ids, To
from onecard.cli.load.rows import Line, Rows
from onecard.cli.load.server import connected
from onecard.cli.who import ActorFile, CheckerFile, Reason, who
from onecard.v1 import registry_pb2 as pb

ROLES = {"operator": pb.ROLE_OPERATOR, "issuer": pb.ROLE_ISSUER, "agent": pb.ROLE_AGENT}


def participants(
    file: File,
    to: To = ADDRESS,
    ids: Ids = None,
    as_json: AsJson = False,
    dry_run: Annotated[bool, DryRun] = False,
    actor: ActorFile = None,
    checker: CheckerFile = None,
    reason: Reason = "",
) -> None:
    """Operators, issuers and agents; prints their ids. Columns: name, role (operator, issuer or
    agent). Who has terminals or cards keeps the role.

    Example: onecard load participants participants.csv --to 127.0.0.1:7421
    """
    rows = Rows(file, ("name", "role"))
    with connected(to, who=who(actor, checker, reason)) as client:
        issued = Issued("name", file, ids, as_json)
        sending = Sending(client, "participant", rows, _participant, issued)
        sending.put(dry_run, move=False)
    if not dry_run:
        issued.say()


def _participant(line: Line) -> pb.Participant:
    return pb.Participant(name=line.text("name"), role=line.choice("role", ROLES))
