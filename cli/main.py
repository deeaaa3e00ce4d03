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
    help="A clearing core for the resident one card: taps in, decided, journalled, settled.",
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
        sys.exit(app(standalone_mode=False) or 0)
    except OnecardError as error:
        _say(str(error))
    except KeyboardInterrupt:
        _say("interrupted; nothing that was answered is lost")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _say(f"{where}{error.strerror or error}")
    except (ValueError, OverflowError, RecursionError) as error:
        # A number or a nesting beyond what anything here holds; no command computes such itself.
        _say(f"{type(error).__name__}: {error}")
    except Exception as error:
        # A wrong call, as typer's own copy of click says it; it has no public class to catch.
        if not hasattr(error, "format_message"):
            raise
        message = error.format_message()
        if type(error).__name__ == "NoArgsIsHelpError":
            print(message)
            sys.exit(FAILED)
        _say(f"{message.rstrip('.')}; --help behind the command shows what it takes")


def _say(line: str) -> None:
    print(f"onecard: {' '.join(line.split())}", file=sys.stderr)
    sys.exit(FAILED)
