"""Who a command acts as, and why: options that commands share."""

from pathlib import Path
from typing import Annotated

import typer

from onecard.core.access.actor_file import read_actor_file
from onecard.core.access.caller import Caller
from onecard.grpc.client.who import Who

ActorFile = Annotated[
    Path | None,
    typer.Option(
        "--actor",
        metavar="FILE",
        envvar="ONECARD_ACTOR_FILE",
        help="Who acts: a file that onecard actor new wrote.",
    ),
]
CheckerFile = Annotated[
    Path | None,
    typer.Option(
        "--checker",
        metavar="FILE",
        envvar="ONECARD_CHECKER_FILE",
        help="Who says yes to it, where the ledger asks for two.",
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; at most 200 characters, on record.")
]


def who(actor: Path | None, checker: Path | None, reason: str) -> Who:
    """As a client says it. BadInput for a file that is none."""
    Caller(reason=reason)  # one that is too long is refused before anything is sent
    return Who(
        None if actor is None else read_actor_file(actor),
        None if checker is None else read_actor_file(checker),
        reason,
    )
