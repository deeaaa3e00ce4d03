"""The commands of `onecard show`, in the order that its help has them."""

import typer

from onecard.cli.show import (
    actor,
    calendar,
    card,
    entry,
    gaps,
    holds,
    number,
    participants,
    rules,
    scenes,
    suspense,
    sweeps,
    tariffs,
    terminals,
    window,
)

app = typer.Typer(
    no_args_is_help=True,
    help="Look into a ledger's folder. Rows come as a table on a terminal, parted by tabs in a "
    "pipe, and whole with --json. Times are in the ledger's zone.",
)
app.command()(participants.participants)
app.command()(terminals.terminals)
app.command()(tariffs.tariffs)
app.command()(holds.holds)
app.command()(rules.rules)
app.command()(scenes.scenes)
app.command()(calendar.calendar)
app.command()(card.card)
app.command()(number.number)
app.command()(entry.entry)
app.command()(window.window)
app.command()(window.windows)
app.command()(suspense.suspense)
app.command()(sweeps.sweeps)
app.command()(gaps.gaps)
app.command()(actor.actors)
app.command()(actor.acts)
