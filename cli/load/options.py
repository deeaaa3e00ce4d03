"""The options that loads share."""

from pathlib import Path
from typing import Annotated

import typer

from onecard.core.config import Settings

File = Annotated[Path, typer.Argument(metavar="FILE.csv", help="CSV with a header line, UTF-8.")]
To = Annotated[str, typer.Option("--to", metavar="HOST:PORT", help="The server.")]
ADDRESS = f"{Settings.host}:{Settings.port}"
Ids = Annotated[
    Path | None, typer.Option("--ids", metavar="OUT.csv", help="Write the ids issued there.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the ids as one JSON object.")]
DryRun = typer.Option("--dry-run", help="Say what would change, and change nothing.")
Move = typer.Option("--move", help="Also move what the file moves to another owner.")
