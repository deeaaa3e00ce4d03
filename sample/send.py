"""Sends many taps over one stream and keeps every answer: what replay and the demo stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Condition
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onecard.core.clock import Clock
from onecard.core.errors import Overloaded
from onecard.ext.shape.numbers import Outcome
from onecard.grpc.client import Answer, Client, columns_message

MESSAGE_TAPS = 8_192  # some 400 kB: past it a tap costs no less
IN_FLIGHT = 4  # messages: the server always has one to judge, and waiting time is mostly its own
TRIES = 20  # of a stream that the server refuses for a full inbox or disk
PAUSE_S = 0.5

Piece = tuple[int, int]  # first row and the row after the last
Progress = Callable[[int], None]  # taps answered since the last call


@dataclass(slots=True)
class Answers:
    """The answers of all rows sent, in their order, and how long each message waited."""

    outcome: NDArray[np.uint8]
    repeated: NDArray[np.uint8]
    sequence: NDArray[np.uint64]
    amount_fen: NDArray[np.int64]
    wait_ms: list[float] = field(default_factory=list)  # from sent to answered, a message

    @classmethod
    def of(cls, rows: int) -> Answers:
        return cls(
            np.zeros(rows, np.uint8),
            np.zeros(rows, np.uint8),
            np.zeros(rows, np.uint64),
            np.zeros(rows, np.int64),
        )

    def put(self, piece: Piece, answer: Answer) -> None:
        rows = slice(*piece)
        self.outcome[rows] = answer.outcome
        self.repeated[rows] = answer.repeated
        self.sequence[rows] = answer.sequence
        self.amount_fen[rows] = answer.amount_fen

    @property
    def booked(self) -> int:
        """Rows journalled now: neither repeats nor refused without a trace."""
        return int(((self.sequence > 0) & (self.repeated == 0)).sum())


def send(
    client: Client,
    columns: Mapping[str, NDArray[Any]],
    clock: Clock,
    original: NDArray[np.int32] | None = None,
    pieces: Sequence[Piece] | None = None,
    progress: Progress | None = None,
) -> Answers:
    """Send columns named as in tap.proto, one value a tap, and wait for all answers.

    `original`: the row whose answered sequence goes into `about`, -1 = none; such a row stands in
    an earlier piece. `pieces` cut the rows into messages. A stream that the server refuses for a
    full inbox is opened again where its answers ended: sending again is safe.
    """
    rows = len(columns["card"])
    cut = list(pieces) if pieces is not None else _even(rows)
    for start, end in cut:
        if original is not None and (original[start:end] >= start).any():
            raise ValueError(f"rows {start} to {end} are about a row of their own message")
    answers = Answers.of(rows)
    refused = 0
    while cut:
        stream = _Stream(columns, clock, original, answers, cut)
        try:
            for piece in stream.run(client):
                refused = 0
                if progress is not None:
                    progress(piece[1] - piece[0])
        except Overloaded:
            refused += 1
            if refused == TRIES:
                raise
            clock.sleep(PAUSE_S)
        cut = cut[stream.answered :]
    return answers


def _even(rows: int) -> list[Piece]:
    return [(at, min(at + MESSAGE_TAPS, rows)) for at in range(0, rows, MESSAGE_TAPS)]


class _Stream:
    """One call: the messages are made on gRPC's thread, the answers taken on the caller's."""

    def __init__(
        self,
        columns: Mapping[str, NDArray[Any]],
        clock: Clock,
        original: NDArray[np.int32] | None,
        answers: Answers,
        pieces: Sequence[Piece],
    ) -> None:
        self.columns = columns
        self.clock = clock
        self.original = original
        self.answers = answers
        self.pieces = pieces
        self.starts = [start for start, _ in pieces]
        self.answered = 0  # pieces
        self.sent_ns: list[int] = []
        self.ended = False
        self.change = Condition()

    def run(self, client: Client) -> Iterator[Piece]:
        try:
            for answer in client.authorize(self._messages(), window=2 * IN_FLIGHT):
                piece = self.pieces[self.answered]
                self.answers.put(piece, answer)
                took_ns = self.clock.elapsed_ns() - self.sent_ns[self.answered]
                self.answers.wait_ms.append(took_ns / 1e6)
                with self.change:
                    self.answered += 1
                    self.change.notify()
                yield piece
        finally:
            with self.change:
                self.ended = True
                self.change.notify()

    def _messages(self) -> Iterator[bytes]:
        for at, (start, end) in enumerate(self.pieces):
            if not self._wait(at, start, end):
                return
            rows = {name: column[start:end] for name, column in self.columns.items()}
            if self.original is not None:
                original = self.original[start:end]
                rows["about"] = np.where(
                    original >= 0, self.answers.sequence[original], np.uint64(0)
                )
            message = columns_message(0, **rows)
            self.sent_ns.append(self.clock.elapsed_ns())
            yield message

    def _wait(self, at: int, start: int, end: int) -> bool:
        """Wait for room, and for the answers that this message names. Returns True when they came,
        not where all is over.
        """
        needed = -1 if self.original is None else int(self.original[start:end].max(initial=-1))
        before = int(np.searchsorted(self.starts, needed, side="right"))
        with self.change:
            self.change.wait_for(
                lambda: self.ended or (before <= self.answered and at - self.answered < IN_FLIGHT)
            )
            return not self.ended


def tally(answers: Answers) -> dict[str, int]:
    """Rows by the name of their outcome; repeats apart, as DUPLICATE."""
    fresh = (answers.repeated == 0) | (answers.outcome == Outcome.VOIDED)
    counts = np.bincount(answers.outcome[fresh], minlength=256)
    named = {one.name: int(counts[one]) for one in Outcome if counts[one]}
    repeats = int((~fresh).sum())
    return named | ({"DUPLICATE": repeats} if repeats else {})
