"""`onecard tariff compile`: the arrays of a tariff, as one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onecard.cli.exit_status import Exit
from onecard.cli.output import check_folder
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
    check_folder(out)
    content = pack(load(tariff))
    part = out.with_name(out.name + ".part")
    try:
        part.write_bytes(content)
        part.rename(out)
    except OSError as error:
        error.filename = str(out)  # a write that fails does not say where
        raise
    finally:
        part.unlink(missing_ok=True)
    print(f"{out}: {len(content):,} bytes, sha256 {hash_of(content)}")
    return Exit.DONE
