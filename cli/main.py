"""`onecard`: the commands, and how an error meets a person: one line, no traceback."""

import errno
import os
import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from onecard.cli import (
    actor,
    audit,
    clock,
    demo,
    erase,
    fare,
    init,
    migrate,
    reconcile,
    replay,
    serve,
    settle,
    stdio,
    stop,
    tokens,
    verify,
)
from onecard.cli.exit_status import INTERRUPTED, PIPE_CLOSED, Exit, of_error
from onecard.cli.help_text import by_paragraph
from onecard.cli.load import commands as load
from onecard.cli.show import commands as show
from onecard.cli.tariff import commands as tariff
from onecard.core.errors import OnecardError, os_words, quoted
from onecard.core.ledger.folder import FORMAT

app = typer.Typer(
    name="onecard",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A clearing core for the resident one card: taps in, decided, journalled, settled.",
    epilog="Exit status: 0 done; 1 the command's own no (breaks, declarations that differ, rows "
    "left out); 2 a wrong call or a refusal; 3 the ledger contradicts itself; 130 interrupted; "
    "141 nobody reads the output any more.",
)
app.command()(init.init)
app.command()(migrate.migrate)
app.command()(serve.serve)
app.command()(stop.stop)
app.add_typer(load.app, name="load")
app.command()(tokens.tokens)
app.command()(replay.replay)
app.command()(settle.settle)
app.command()(reconcile.reconcile)
app.command()(verify.verify)
app.add_typer(erase.app, name="erase")
app.add_typer(clock.app, name="clock")
app.add_typer(actor.app, name="actor")
app.add_typer(audit.app, name="audit")
app.add_typer(show.app, name="show")
app.add_typer(tariff.app, name="tariff")
app.command()(fare.fare)
app.command()(demo.demo)
by_paragraph(app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"onecard {version('onecard')}, ledger format {FORMAT}")
        raise typer.Exit(Exit.DONE)


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Say it and exit."),
    ] = False,
) -> None:
    """What stands before a command."""


def main() -> None:
    """Run a command; whatever a user could have caused is one line on standard error."""
    stdio.fill()
    try:
        status = app(standalone_mode=False) or Exit.DONE
        sys.stdout.flush()
    except OnecardError as error:
        _end(of_error(error), str(error))
    except KeyboardInterrupt:
        status = INTERRUPTED
    except SystemExit as ended:
        # Both typer and rich end with 1 where the reader of a pipe has gone; 1 means no here.
        if not _is_pipe(ended.__context__):
            raise
        status = PIPE_CLOSED
    except OSError as error:
        if _is_pipe(error):
            status = PIPE_CLOSED
        else:
            _end(Exit.REFUSED, os_words(error))
    except UnicodeEncodeError:
        _end(Exit.REFUSED, "expected UTF-8 on the command line, found bytes that are not")
    except (ValueError, OverflowError, RecursionError) as error:
        # A number or a nesting beyond what anything here holds; no command computes such itself.
        _end(
            Exit.REFUSED,
            "expected numbers of 64 bits at most (-9223372036854775808 to 9223372036854775807), "
            f"found something that does not fit: {quoted(error, 160)}; mend what was given",
        )
    except Exception as error:
        # A wrong call, as typer's own copy of click says it; it has no public class to catch.
        if not hasattr(error, "format_message"):
            raise
        message = error.format_message()
        if type(error).__name__ == "NoArgsIsHelpError":
            print(message)
            sys.exit(Exit.REFUSED)
        said = message.rstrip(".").replace("Input should be", "expected a value")
        do = "--help behind the command shows what it takes"
        if said.endswith("is not readable"):
            do = "run it as the user who owns it"
        _end(Exit.REFUSED, f"{said}; {do}")
    if status == INTERRUPTED:
        _end(INTERRUPTED, "interrupted; nothing that was answered is lost")
    if status == PIPE_CLOSED:
        _drop_output()
    sys.exit(status)


def _is_pipe(error: BaseException | None) -> bool:
    """Returns True when our output went into a pipe that nobody reads any more."""
    return isinstance(error, OSError) and error.errno == errno.EPIPE


def _drop_output() -> None:
    """What is still buffered for standard output has nowhere to go; the interpreter would try."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            os.dup2(nowhere, stream.fileno())
        except (OSError, ValueError, AttributeError):
            continue


def _end(status: int, line: str) -> NoReturn:
    try:
        print(f"onecard: {quoted(line, len(line))}", file=sys.stderr, flush=True)
        sys.stdout.flush()
    except OSError:
        _drop_output()
    sys.exit(status)
