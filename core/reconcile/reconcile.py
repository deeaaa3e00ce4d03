"""Matches what a participant sends back against its details of a window, in any order of lines.

Amounts are seen from the participant: positive, it receives. Both files are read once, streaming,
sorted by reference on disk and joined a chunk at a time: memory does not grow with what they hold.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput
from onecard.core.exchange.files import file_digest, window_folder, write_files
from onecard.core.exchange.form import BY_IDENTITY, BY_LEG
from onecard.core.exchange.manifest import MANIFEST, read_manifest
from onecard.core.journal import Journal
from onecard.core.reconcile.breaks import Breaks, room_for_rows
from onecard.core.reconcile.dialect import AMOUNT
from onecard.core.reconcile.match import TRADE_NAMES, Finding, Tally, join
from onecard.core.reconcile.sorted_lines import LINE, OURS, THEIRS, SortedLines
from onecard.core.reconcile.statement import (
    Rows,
    Statement,
    open_statement,
    rows_of,
)

CONVENTION = (
    "amounts are the participant's: positive, it receives; 长款 = a line only theirs has, "
    "短款 = a line only ours has"
)
INSTEAD = {  # what to do with a file whose #header line says another
    "window": ": run onecard reconcile {}",
    "participant": ": give --participant {}",
}


@dataclass(frozen=True)
class Side:
    """One of the two files, as read."""

    file: Path
    lines: int
    sum_fen: int
    read_as: tuple[str, ...] = ()  # how it is written, where that is not as we write


@dataclass(frozen=True)
class Result:
    """What matched and what did not. `breaks`: in order of reference, on disk."""

    window: int
    participant: int
    business_day: str
    reference: tuple[str, ...]
    ours: Side
    theirs: Side
    tallies: dict[Finding, Tally]
    pairs: int  # amounts that both have, ours not 0
    turned: int  # of these: theirs is ours with the other sign
    zero_unlisted: int  # of ours, 0 fen, not theirs: not counted as breaks, on request
    breaks: Breaks

    @property
    def is_clean(self) -> bool:
        return len(self.breaks) == 0

    def as_json(self) -> dict[str, Any]:
        """All but the breaks."""
        tallies: dict[str, Any] = {}
        for what, tally in self.tallies.items():
            tallies[what.name.lower()] = {
                "name": TRADE_NAMES[what],
                "count": tally.count,
                "ours_fen": tally.ours_fen,
                "theirs_fen": tally.theirs_fen,
            }
        return {
            "window": self.window,
            "business_day": self.business_day,
            "participant": self.participant,
            "convention": CONVENTION,
            "reference": list(self.reference),
            "ours": _side_json(self.ours),
            "theirs": _side_json(self.theirs),
            **tallies,
            "zero_unlisted": self.zero_unlisted,
        }


def reconcile(ours: Path, theirs: Path, money_only: bool = False) -> Result:
    """Match `theirs` against `ours`, the participant's file of the window.

    Lines are matched by sequence and leg where theirs names both; by sequence; or by terminal,
    epoch and terminal_seq: the latter two against the sum of the legs of an entry. With
    `money_only` lines of 0 fen that theirs does not list are no breaks: it lists what moved.
    BadInput, and nothing is matched, where either file is not what it says; Overloaded where the
    disk has no room for sorting.
    """
    with room_for_rows(), ExitStack() as stack:
        our_statement = open_statement(ours)
        stack.callback(our_statement.file.close)
        their_statement = open_statement(theirs)
        stack.callback(their_statement.file.close)
        header = _check_headers(our_statement, their_statement)
        reference = their_statement.reference
        lines = stack.enter_context(closing(SortedLines()))
        for side, statement in ((OURS, our_statement), (THEIRS, their_statement)):
            for rows in rows_of(statement, reference, "sequence" if side == OURS else None):
                lines.append(_lines(rows, reference, side))
        joined = join(lines.chunks(), money_only)
    result = Result(
        int(header["window"]),
        int(header["participant"]),
        header["business_day"],
        reference,
        _side(our_statement),
        _side(their_statement),
        joined.tallies,
        joined.pairs,
        joined.turned,
        joined.zero_unlisted,
        joined.breaks,
    )
    _prove(result)
    return result


def our_sheet(
    journal: Journal, ledger_path: Path, window: int, theirs: Path, participant: str | None = None
) -> Path:
    """The file of ours that `theirs` answers, written first if it is not there.

    `participant` is an id or a name; without it the #header line of `theirs` says who. Errors:
    NotFound; BadInput where neither says who, or the file of ours is not as its manifest says.
    """
    who = participant or _sender(theirs)
    folder = window_folder(ledger_path / "files", window)
    if not (folder / MANIFEST).exists():
        write_files(journal, ledger_path, window)
    manifest = read_manifest(folder)
    block = journal.block_of(manifest.cut)
    if manifest.window != window or block is None or block.hash.hex() != manifest.head:
        raise BadInput(
            f"{folder / MANIFEST}: expected the head of window {window} in this ledger, found "
            f"{manifest.head}; move it away and run onecard settle again"
        )
    sheet = manifest.sheet_of(who)
    path = folder / sheet.file
    if not path.exists() or file_digest(path) != sheet.sha256:
        raise BadInput(
            f"{path}: expected the bytes of SHA-256 {sheet.sha256} as its manifest says, "
            "found others or none; move it away and run onecard settle again"
        )
    return path


def _sender(theirs: Path) -> str:
    statement = open_statement(theirs)
    statement.file.close()
    if statement.header is None:
        raise BadInput(f"{theirs}: has no #header line to say whose it is; give --participant")
    return statement.header["participant"]


# ---- reading both sides ---------------------------------------------------------------------


def _check_headers(ours: Statement, theirs: Statement) -> dict[str, str]:
    """Our #header line; BadInput where theirs is of another window or participant."""
    if ours.header is None:
        ours.refuse(1, "", "our own file of a window, with a #header line", "column names")
    if theirs.header is not None:
        for name, wanted in ours.header.items():
            found = theirs.header[name]
            if found != wanted:
                theirs.refuse(1, name, wanted, found + INSTEAD.get(name, "").format(found))
    return ours.header


def _lines(rows: Rows, reference: tuple[str, ...], side: int) -> NDArray[np.void]:
    lines = np.zeros(len(rows.columns[AMOUNT]), LINE)
    parts = [rows.columns[name].astype(np.uint64) for name in reference]
    if reference == BY_IDENTITY:
        lines["high"] = (parts[0] << np.uint64(32)) | parts[1]
        lines["low"] = parts[2]
    else:
        lines["high"] = parts[0]
        lines["low"] = parts[1] if reference == BY_LEG else 0
    if side == OURS:
        lines["entry"] = rows.columns["sequence"]
    lines["amount_fen"] = rows.columns[AMOUNT]
    lines["line"] = np.arange(rows.first_line, rows.first_line + len(lines))
    lines["side"] = side
    return lines


# ---- the whole ------------------------------------------------------------------------------


def _prove(result: Result) -> None:
    """Every fen of both files is in exactly one tally."""
    for side, seen in (("ours", result.ours), ("theirs", result.theirs)):
        told = sum(getattr(tally, f"{side}_fen") for tally in result.tallies.values())
        if told != seen.sum_fen:
            raise BadInput(
                f"{seen.file}: expected {seen.sum_fen} fen to come out, found {told}: "
                "amounts beyond 64 bits"
            )


def _side(statement: Statement) -> Side:
    remarks = tuple(statement.dialect.remarks)
    return Side(statement.path, statement.lines, statement.sum_fen, remarks)


def _side_json(side: Side) -> dict[str, Any]:
    return {
        "file": str(side.file),
        "lines": side.lines,
        "sum_fen": side.sum_fen,
        "read_as": list(side.read_as),
    }
