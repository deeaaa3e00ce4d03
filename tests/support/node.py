"""A running node in this process, and what a test holds of it: answers, and gates in its way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onecard.core.authorize.node import Node, wait_for
from onecard.core.clock import SystemClock
from onecard.core.config import MIB, Settings
from onecard.core.errors import Stopped
from onecard.core.ledger.opened import Ledger, OpenJournal, open_local
from onecard.core.registry.cards import PutCards
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.core.watch.log import Log
from onecard.ext.shape.numbers import Funding, Role
from tests.support.engine import answered
from tests.support.steps import Taps
from tests.twin.state import Tap
from tests.twin.twin import Decision

CARD = 0x1000
PARTIES = [("Bus", Role.OPERATOR), ("Bank", Role.ISSUER)]
BANK = 2
PATIENCE_S = 10.0
SMALL = Settings(
    cards_max=1 << 10,
    terminals_max=1 << 8,
    recent_max=64,
    batch_taps_max=16,
    group_taps_max=16,
    segment_bytes=4 * MIB,
    watermark_bytes=0,
    checkpoint_map_bytes=64 * MIB,
    identities_map_bytes=64 * MIB,
)


class Answers:
    """What `done` was called with, in order, and by which submission."""

    def __init__(self) -> None:
        self.given: list[tuple[Any, object]] = []
        self.changed = threading.Condition()

    def of(self, name: Any) -> Callable[[object], None]:
        def done(answer: object) -> None:
            with self.changed:
                self.given.append((name, answer))
                self.changed.notify_all()

        return done

    def names(self) -> list[Any]:
        with self.changed:
            return [name for name, _ in self.given]

    def wait(self, count: int) -> list[tuple[Any, object]]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.given) >= count, PATIENCE_S), (
                f"{len(self.given)} of {count} answers"
            )
            return list(self.given)


@contextmanager
def served(
    folder: Path, settings: Settings = SMALL, open_journal: OpenJournal = open_local
) -> Iterator[Node]:
    """A running node with a card of much money and two terminals; stopped at the end."""
    if not folder.exists():
        Ledger.create(folder, settings)
    clock = SystemClock()
    log = Log(clock, out=StringIO())
    node = Node(folder, settings, clock, log, open_journal=open_journal)
    node.start()
    if node.state.count("terminals") == 1:
        wait_for(lambda done: node.act(PutParticipants(PARTIES), done))
        rows = [TerminalRow(f"T{number}", 1) for number in (1, 2)]
        wait_for(lambda done: node.act(PutTerminals(rows), done))
        put_cards(node, CARD, 1)
    try:
        yield node
    finally:
        try:
            node.stop()
        except Stopped:
            assert node.failed is not None


def put_cards(node: Node, token: int, count: int) -> object:
    tokens = np.arange(token, token + count, dtype=np.uint64)
    act = PutCards(tokens, BANK, Funding.PREPAID, floor_fen=-(10**9))
    return wait_for(lambda done: node.act(act, done))


def rides(first: int, count: int = 8, terminal: int = 1) -> bytes:
    taps = [
        Tap(CARD, terminal, number, 0, 0, 1, 100, 0, 0, 0, 0, 0)
        for number in range(first, first + count)
    ]
    return Taps(tuple(taps)).message()


def ask(node: Node, message: bytes, stream: object = "asking") -> list[Decision]:
    decisions: list[Decision] = answered(wait_for(lambda done: node.taps(0, stream, message, done)))
    return decisions


def last_of(state: Any) -> int:
    return int(state.totals["last"][0])


class Gate:
    """Stands in a method's way until it is opened; `entered` tells that somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()
        self.error: BaseException | None = None
        self.calls = 0
        method = getattr(owner, name)

        def waiting(*given: Any, **named: Any) -> Any:
            self.calls += 1
            self.entered.set()
            assert self.opened.wait(PATIENCE_S)
            if self.error is not None:
                raise self.error
            return method(*given, **named)

        monkeypatch.setattr(owner, name, waiting)
