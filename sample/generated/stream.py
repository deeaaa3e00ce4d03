"""The taps of one operator: gathered by kind, put in order of arrival, numbered a terminal each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from onecard.ext.shape.numbers import Kind, Outcome

TAP = np.dtype(
    [
        ("arrives_us", "<i8"),  # when it is sent: the order of a stream
        ("at_us", "<i8"),  # tapped_at_us
        ("amount_fen", "<i8"),  # as sent
        ("moved_fen", "<i8"),  # what the ledger must answer
        ("card", "<u4"),  # index of a card; from Day.known on: not registered
        ("terminal", "<u4"),  # index in Day.terminals
        ("terminal_seq", "<u4"),
        ("about_seq", "<u4"),  # of a reversal: the terminal_seq of its target
        ("original", "<i4"),  # row whose answered sequence it is about, -1 = none
        ("kind", "u1"),
        ("flags", "u1"),
        ("outcome", "u1"),  # what the ledger must answer
        ("repeated", "u1"),  # whether it must answer from history
    ]
)
Rows = NDArray[np.void]


def taps(
    kind: int,
    at_us: ArrayLike,
    card: ArrayLike,
    terminal: ArrayLike,
    amount_fen: ArrayLike = 0,
    moved_fen: ArrayLike | None = None,
    answer: int = Outcome.ACCEPTED,
    flags: int = 0,
) -> Rows:
    """Rows of one kind that all get one outcome; arrays of equal length or single values."""
    rows = np.zeros(len(np.asarray(card)), dtype=TAP)
    rows["kind"], rows["outcome"], rows["flags"], rows["original"] = kind, answer, flags, -1
    rows["at_us"] = rows["arrives_us"] = at_us
    rows["card"], rows["terminal"], rows["amount_fen"] = card, terminal, amount_fen
    rows["moved_fen"] = amount_fen if moved_fen is None else moved_fen
    if answer >= Outcome.CARD_UNKNOWN:
        rows["moved_fen"] = 0
    return rows


@dataclass(slots=True)
class Stream:
    """What one operator sends. `arranged` is called once, when all is gathered."""

    operator: int  # index in Day.operators
    late: bool = False  # uploads a day late
    _parts: list[Rows] = field(default_factory=list)
    _count: int = 0

    def add(self, rows: Rows) -> NDArray[np.int32]:
        """Gather rows; gives the numbers to name them by in `about` and `reverse`."""
        self._parts.append(rows)
        self._count += len(rows)
        return np.arange(self._count - len(rows), self._count, dtype=np.int32)

    def about(self, rows: Rows, originals: NDArray[np.int32]) -> NDArray[np.int32]:
        """Gather refunds, captures or releases of rows gathered before."""
        rows["original"] = originals
        return self.add(rows)

    def reverse(self, rows: Rows, originals: NDArray[np.int32]) -> NDArray[np.int32]:
        """Gather reversals: of the same terminal, by identity. The target's number is kept."""
        rows["original"] = -2 - originals
        return self.add(rows)

    def arranged(self, repeats: int, conflicts: int, random: np.random.Generator) -> Rows:
        """All rows in order of arrival, each terminal numbered densely from 1, with copies."""
        rows = np.concatenate(self._parts)
        order = np.argsort(rows["arrives_us"], kind="stable")
        rows = rows[order]
        place = np.empty(len(rows), dtype=np.int32)
        place[order] = np.arange(len(rows), dtype=np.int32)
        self._number(rows, place)
        copies = _copies(rows, repeats, conflicts, random)
        rows = np.concatenate((rows, copies))
        order = np.argsort(rows["arrives_us"], kind="stable")
        moved = np.empty(len(rows), dtype=np.int32)
        moved[order] = np.arange(len(rows), dtype=np.int32)
        rows = rows[order]
        some = rows["original"] >= 0
        rows["original"][some] = moved[rows["original"][some]]
        return rows

    @staticmethod
    def _number(rows: Rows, place: NDArray[np.int32]) -> None:
        """terminal_seq by device time; then what names other rows, by where they stand now."""
        order = np.lexsort((rows["at_us"], rows["terminal"]))
        terminal = rows["terminal"][order]
        starts = np.flatnonzero(np.r_[True, terminal[1:] != terminal[:-1]])
        first = np.repeat(starts, np.diff(np.r_[starts, len(rows)]))
        rows["terminal_seq"][order] = np.arange(len(rows)) - first + 1
        about = rows["original"] >= 0
        rows["original"][about] = place[rows["original"][about]]
        reversal = rows["original"] <= -2
        target = place[-2 - rows["original"][reversal]]
        rows["about_seq"][reversal] = rows["terminal_seq"][target]
        rows["original"][reversal] = -1


def _copies(rows: Rows, repeats: int, conflicts: int, random: np.random.Generator) -> Rows:
    """Rows sent again minutes later: some exactly, some with another amount."""
    plain = np.flatnonzero(
        (rows["outcome"] == Outcome.ACCEPTED)
        & np.isin(rows["kind"], (Kind.RIDE, Kind.ENTRY, Kind.EXIT, Kind.PURCHASE))
    )
    priced = plain[np.isin(rows["kind"][plain], (Kind.RIDE, Kind.PURCHASE))]
    exact = rows[random.choice(plain, min(repeats, len(plain)), replace=False)]
    exact["repeated"] = 1
    other = rows[random.choice(priced, min(conflicts, len(priced)), replace=False)]
    other["amount_fen"] += 100
    other["moved_fen"] = 0
    other["outcome"] = Outcome.CONFLICT
    copies = np.concatenate((exact, other))
    copies["arrives_us"] += random.integers(1, 600_000_000, len(copies))
    return copies


def cuts(rows: Rows, most: int) -> list[tuple[int, int]]:
    """Where to cut a stream into messages: at most `most` rows, and none about a row of its own."""
    pieces = []
    start = 0
    while start < len(rows):
        end = min(start + most, len(rows))
        within = np.flatnonzero(rows["original"][start:end] >= start)
        if len(within):
            end = start + int(within[0])
        pieces.append((start, end))
        start = end
    return pieces
