"""`onecard load`: tells a running server who takes part, by which rules, from CSV files."""

import typer

from onecard.cli.load import (
    actors,
    calendar,
    cards,
    declarations,
    holds,
    participants,
    rules,
    scenes,
    tariff,
    terminals,
)

app = typer.Typer(
    no_args_is_help=True,
    help="Load participants, terminals, cards, a tariff, rules, declarations, actors, scenes, "
    "a calendar, hold terms into a server. Rows that say what is already so change nothing, so "
    "a file may be loaded again.",
)
app.command()(participants.participants)
app.command()(terminals.terminals)
app.command()(cards.cards)
app.command()(tariff.tariff)
app.command()(rules.rules)
app.command()(declarations.declarations)
app.command()(actors.actors)
app.command()(scenes.scenes)
app.command()(calendar.calendar)
app.command()(holds.holds)
