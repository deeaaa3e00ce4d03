"""`onecard`: the commands, and how an error meets a person: one line, no traceback."""

import sys

import typer

from onecard.cli import demo, init, load, reconcile, replay, serve, settle, show, verify
from onecard.core.errors import OnecardError

app = typer.Typer(
    name="onecard",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A clearing core for the resident one card: taps in over gRPC, decided, journalled, settled.",
)
app.command()(init.init)
app.command()(serve.serve)
app.add_typer(load.app, name="load")
app.command()(replay.replay)
app.command()(settle.settle)
app.command()(reconcile.reconcile)
app.command()(verify.verify)
app.add_typer(show.app, name="show")
app.command()(demo.demo)

FAILED = 2  # 1 is a command's own "no": a fault found, a break, an invalid row


def main() -> None:
    """Run a command; whatever a user could have caused is one line on standard error."""
    try:
        app()
    except OnecardError as error:
        _say(str(error))
    except KeyboardInterrupt:
        _say("interrupted; nothing that was answered is lost")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _say(f"{where}{error.strerror or error}")


def _say(line: str) -> None:
    print(f"onecard: {' '.join(line.split())}", file=sys.stderr)
    sys.exit(FAILED)
