"""`onecard actor`: the file that somebody signs in with, and whether some acts need two."""

from pathlib import Path
from typing import Annotated

import typer

from onecard.cli.held import held
from onecard.cli.load.options import ADDRESS, To
from onecard.cli.load.server import connected
from onecard.cli.who import ActorFile, CheckerFile, Reason, who
from onecard.core.access.actor_file import new_actor_file
from onecard.core.access.sign_in import digest
from onecard.core.errors import BadInput
from onecard.core.registry.actors import NAME_BYTES_MAX, PutActors
from onecard.core.registry.name import name_bytes

app = typer.Typer(
    no_args_is_help=True,
    help="Who acts on a ledger signs in with a file (docs/ledger.md, Who did it). Each makes one; "
    "who has the role security registers its digest (onecard load actors).",
)
ON = {"on": True, "off": False}


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Of the person or the program; at most 64 bytes.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; none may be there.")],
) -> None:
    """Make the file that somebody signs in with, for its owner's eyes alone, and print the digest
    of the secret in it, for onecard load actors.

    Example: onecard actor new Li ~/li.actor
    """
    name_bytes(name, NAME_BYTES_MAX, "actor name")
    made = new_actor_file(file, name)
    typer.echo(f"written, mode 0600: {file}", err=True)
    typer.echo(digest(made.secret).hex())


@app.command()
def four_eyes(
    rule: Annotated[str, typer.Argument(metavar="on|off", help="Whether some acts need two.")],
    to: To = ADDRESS,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="The folder, where no server runs on it."),
    ] = None,
    actor: ActorFile = None,
    checker: CheckerFile = None,
    reason: Reason = "",
) -> None:
    """Ask for a second actor, with the role checker, for rules, tariffs, actors, and what is closed
    by force; or ask no more.

    Example: onecard actor four-eyes on --to 127.0.0.1:7421 --actor ~/li.actor
    """
    if rule not in ON:
        raise BadInput(f"four-eyes: expected on or off, found {rule[:40]!r}")
    said = who(actor, checker, reason)
    if data is not None:
        with held(data, said, "say it to") as ledger:
            ledger.act(PutActors(four_eyes=ON[rule]))
    else:
        with connected(to, who=said) as client:
            client.put_actors([], ON[rule])
    typer.echo(f"four eyes {rule}", err=True)
