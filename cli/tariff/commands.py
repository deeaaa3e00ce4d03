"""The commands of `onecard tariff`, in the order that its help has them."""

import typer

from onecard.cli.tariff import check, compile, diff, show

app = typer.Typer(
    no_args_is_help=True,
    help="Tariffs as data: a folder of TOML and CSV, a GTFS feed (folder or zip), or one that "
    "comes with onecard (docs/tariffs.md). No server and no ledger is needed.",
)
app.command()(check.check)
app.command()(compile.compile)
app.command()(show.show)
app.command()(diff.diff)
