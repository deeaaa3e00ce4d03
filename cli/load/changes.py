"""What a file changes in the register: listed before it is done, moves only when they are meant.

A gate that goes to another operator changes who earns, a card that goes to another account whose
money it spends; a file with a column mixed up does that to all of them at once.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import typer

from onecard.cli.exit_status import Exit
from onecard.cli.load.issued import Issued
from onecard.cli.load.twice import Twice
from onecard.core.errors import BadInput
from onecard.core.registry.row_change import Change
from onecard.grpc.client import Client
from onecard.v1 import registry_pb2 as pb

LISTED_MAX = 1_000  # lines of a list that somebody reads
NEWS = (Change.ADDED, Change.CHANGED, Change.MOVED)


class Row(Protocol):
    """A line of a file."""

    at: int

    def text(self, column: str) -> str: ...


class Rows(Protocol):
    """A file of such lines, sent some thousand at a time."""

    file: Path

    def __iter__(self) -> Iterator[Any]: ...

    def send(self, put: Callable[[list[Any]], object], dry_run: bool = False) -> int: ...


@dataclass
class Sending:
    """Rows of one kind (`terminal`), each made into a message, on their way to a server."""

    client: Client
    kind: str
    rows: Rows
    message: Callable[[Any], Any]
    issued: Issued | None = None  # the ids that are answered
    tally: Counter[int] = field(default_factory=Counter)
    listed: int = 0

    def put(self, dry_run: bool, move: bool) -> None:
        """Send the file, after a look at what it would move where it may not; print a summary.

        BadInput, with nothing sent, where it would move anything and `move` does not say so. Exit
        status 1 where a dry run finds rows that would be refused.
        """
        if dry_run:
            self._send(True, True, (Change.CHANGED, Change.MOVED, Change.REFUSED))
            self._say("would be ", "; nothing was changed")
            if self.tally[Change.REFUSED]:
                raise typer.Exit(Exit.DIFFERS)
            return
        if not move and self.kind != "participant":
            self._send(True, True, (Change.MOVED,))
            if self.tally[Change.MOVED]:
                raise BadInput(
                    f"{self.rows.file}: expected no {self.kind} to move to another owner, found "
                    f"{self.tally[Change.MOVED]}, listed above; nothing was changed: if it is "
                    "meant, repeat it with --move"
                )
        self._send(False, move, (Change.MOVED,))
        self._say("", "")

    def _send(self, dry_run: bool, move: bool, shown: Collection[int]) -> None:
        self.tally.clear()
        twice = Twice(self.client) if dry_run and self.kind != "participant" else None

        def put(part: list[Any]) -> None:
            messages: dict[str, Any] = {f"{self.kind}s": [self.message(row) for row in part]}
            request = pb.LoadRequest(dry_run=dry_run, refuse_moves=not move, **messages)
            answer = self.client.load([request])
            if self.issued is not None and not dry_run:
                names = [getattr(one, self.issued.called) for one in messages[f"{self.kind}s"]]
                self.issued.add(names, getattr(answer, f"{self.kind}_ids"))
            self._take(part, answer, shown)
            if twice is not None:
                twice.add(messages[f"{self.kind}s"], getattr(answer, f"{self.kind}_changes"))

        self.rows.send(put, dry_run)
        for row, said, change, what in twice.repeats(self.rows, self.message) if twice else ():
            self.tally.subtract([said])
            self.tally.update([change])
            if change in shown and said not in shown:
                self._list(row, change, what)

    def _take(self, part: list[Any], answer: pb.LoadResponse, shown: Collection[int]) -> None:
        changes = getattr(answer, f"{self.kind}_changes")
        self.tally.update(changes)
        for note in getattr(answer, f"{self.kind}_notes"):
            if changes[note.row] in shown:
                self._list(part[note.row], changes[note.row], note.what)

    def _list(self, row: Row, change: int, what: str) -> None:
        """A line: a terminal by its number, a participant by its name, a card by its line alone."""
        name = {"terminal": row.text("number"), "participant": row.text("name")}.get(self.kind)
        where = f"{self.rows.file}:{row.at}" + (f": {name}" if name else "")
        apart = self.issued is not None and self.issued.as_json  # standard output is the object
        if self.listed < LISTED_MAX:
            typer.echo(f"{where}: {Change(change).name.lower()}: {what}", err=apart)
        elif self.listed == LISTED_MAX:
            typer.echo(f"... and more; the first {LISTED_MAX:,} are listed", err=apart)
        self.listed += 1

    def _say(self, would: str, end: str) -> None:
        tally = self.tally
        count, news = tally.total(), sum(tally[change] for change in NEWS)
        parts = [f"{tally[change]} {change.name.lower()}" for change in NEWS]
        parts += [f"{tally[change]} {change.name.lower()}" for change in (Change.SAME,)]
        parts += [f"{tally[Change.REFUSED]} refused"] if tally[Change.REFUSED] else []
        typer.echo(
            f"{count} {self.kind}s read, {news} {would}changed: {', '.join(parts)}{end}", err=True
        )
