"""The ids that a load was answered with: printed where they are few, or written to a file."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import typer

from onecard.cli.output import check_folder, check_other, written
from onecard.cli.table import print_rows

FEW = 100  # more than that is no reading matter


class Issued:
    """Names or printed numbers with their ids, in the order of the file."""

    def __init__(self, called: str, file: Path, out: Path | None, as_json: bool) -> None:
        """`called`: name or number. `file`: what is loaded. `out`: another file, a CSV to write;
        None prints them where they are few."""
        if out is not None:
            check_folder(out)
            check_other(out, file)
        self.called = called
        self.out = out
        self.as_json = as_json
        self.ids: dict[str, int] = {}

    def add(self, names: Sequence[str], ids: Sequence[int]) -> None:
        self.ids.update(zip(names, ids, strict=True))

    def say(self) -> None:
        """On standard output, or into the file; a file is complete or its error is raised."""
        if self.out is not None:
            with written(self.out) as file:
                rows = csv.writer(file, lineterminator="\n")
                rows.writerow((self.called, "id"))
                rows.writerows(self.ids.items())
            typer.echo(f"{len(self.ids)} ids written: {self.out}", err=True)
        elif self.as_json:
            print(json.dumps(self.ids, ensure_ascii=False))
        elif len(self.ids) <= FEW:
            table = [{self.called: name, "id": number} for name, number in self.ids.items()]
            print_rows("", table, (self.called, "id"))
        else:
            typer.echo(f"{len(self.ids)} ids; --ids OUT.csv writes them, --json prints", err=True)
