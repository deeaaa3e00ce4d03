"""`onecard tariff compile`: the arrays of a tariff, as one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onecard.cli import output
from onecard.cli.exit_status import Exit
from onecard.cli.tariff.check import TARIFF
from onecard.core.tariff.packed import hash_of, pack
from onecard.core.tariff.ready import load


def compile(
    tariff: TARIFF,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to.")],
) -> int:
    """Compile a tariff to one file of named, typed, checksummed arrays; the same tariff always
    gives the same bytes. `onecard fare --tariff FILE` takes it.

    Example: onecard tariff compile ./my-city --out my-city.tariff
    """
    output.check_folder(out)
    content = pack(load(tariff))
    with output.written_bytes(out) as file:
        file.write(content)
    print(f"{out}: {len(content):,} bytes, sha256 {hash_of(content)}")
    return Exit.DONE
