"""The same body gets the original answer for ever: out of memory, after restarts, from disk."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from onecard.core.authorize.engine import ActIn, Engine, TapsIn
from onecard.core.config import MIB, Settings
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.cards import PutCards
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.ext.shape.numbers import Funding, Role
from onecard.v1.tap_pb2 import Decisions, TapBatch
from tests.rules.taptable import NOW_US
from tests.support.engine import SMALL, HandClock, answered, quick_folder

TERMINALS = 16
BATCH = 8_192
ACCEPTED, CONFLICT = 1, 113


class Counter:
    """A ledger of chip cards whose terminals count; `pour` sends the next taps."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.settings, self.clock = folder, settings, HandClock(NOW_US)
        Ledger.create(folder, settings)
        self.open()
        self.sent = 0
        self.engine.step(
            [
                ActIn(PutParticipants([("metro", Role.OPERATOR), ("union", Role.ISSUER)])),
                ActIn(PutTerminals([TerminalRow(f"T{n}", 1) for n in range(TERMINALS)])),
                ActIn(PutCards(np.arange(1, 1_001, dtype=np.uint64), 2, Funding.CHIP)),
            ]
        )

    def open(self) -> None:
        self.ledger = Ledger.open(self.folder, self.settings, clock=self.clock)
        self.engine = Engine(self.ledger, self.clock)

    def restart(self, checkpoint: bool) -> None:
        self.ledger.close(checkpoint)
        self.open()

    def message(self, first: int, count: int, amount_fen: int = 200) -> bytes:
        """Taps first..first+count-1 of all there will be; the same number is the same body."""
        numbers = np.arange(first, first + count, dtype=np.int64)
        return TapBatch(
            request_id=first,
            card=(numbers % 1_000 + 1).tolist(),
            terminal=(numbers % TERMINALS + 1).tolist(),
            terminal_seq=(numbers // TERMINALS + 1).tolist(),
            amount_fen=(amount_fen + numbers % 100).tolist(),
        ).SerializeToString()

    def send(self, message: bytes) -> Decisions:
        self.clock.us += 1_000
        (answer,) = self.engine.step([TapsIn(0, message)])
        assert isinstance(answer, bytes), answer
        return Decisions.FromString(answer)

    def pour(self, count: int, batch: int) -> None:
        """Takes `count` more taps; every one must be new."""
        for _ in range(count // batch):
            answer = self.send(self.message(self.sent, batch))
            assert set(answer.outcome) == {ACCEPTED}
            assert not any(answer.repeated)
            self.sent += batch

    def check(self, first: int, original: Decisions) -> None:
        """The body of before is a repeat of its original answer, another body a conflict."""
        count, last = len(original.outcome), int(self.engine.state.totals["last"][0])
        again = self.send(self.message(first, count))
        assert set(again.repeated) == {1}
        assert again.outcome == original.outcome
        assert again.sequence == original.sequence
        assert again.amount_fen == original.amount_fen
        assert again.balance_fen == original.balance_fen
        other = self.send(self.message(first, count, amount_fen=201))
        assert set(other.outcome) == {CONFLICT}
        assert not any(other.sequence)
        assert int(self.engine.state.totals["last"][0]) == last


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as quick:
        yield quick


def test_after_many_other_taps(folder: Path) -> None:
    """Memory holds three generations of 32 identities; 1,600 taps later none is left of these."""
    counter = Counter(folder / "ledger", SMALL)
    original = counter.send(counter.message(0, 16))
    counter.sent = 16
    for checkpoint in (True, False):
        counter.pour(800, 16)
        assert counter.ledger.identities.retired > max(original.sequence)
        counter.check(0, original)
        counter.restart(checkpoint)
        counter.check(0, original)
    counter.ledger.close()


def test_every_tap_ever_taken(folder: Path) -> None:
    """All of a thousand, in another order and in batches cut otherwise."""
    counter = Counter(folder / "ledger", SMALL)
    counter.pour(1_008, 16)
    last = int(counter.engine.state.totals["last"][0])
    for first in reversed(range(0, 1_008, 12)):
        answer = counter.send(counter.message(first, 12))
        assert set(answer.repeated) == {1}
        assert list(answer.sequence) == list(range(last - 1_007 + first, last - 995 + first))
    counter.ledger.close()


def test_same_message_twice_in_a_group(folder: Path) -> None:
    counter = Counter(folder / "ledger", SMALL)
    message = counter.message(0, 16)
    answers = counter.engine.step([TapsIn(0, message) for _ in range(8)])
    decisions = [answered(answer) for answer in answers]
    assert not any(one.repeated for one in decisions[0])
    for again in decisions[1:]:
        assert all(one.repeated for one in again)
        assert [one.sequence for one in again] == [one.sequence for one in decisions[0]]
    counter.ledger.close()


@pytest.mark.campaign
def test_after_ten_million_other_taps(folder: Path) -> None:
    settings = Settings(cards_max=1 << 12, terminals_max=1 << 8, watermark_bytes=64 * MIB)
    counter = Counter(folder / "ledger", settings)
    original = counter.send(counter.message(0, BATCH))
    counter.sent = BATCH
    counter.pour(10_000_000 + BATCH, BATCH)
    assert counter.ledger.identities.retired > max(original.sequence)
    counter.check(0, original)
    counter.restart(checkpoint=False)
    counter.check(0, original)
    counter.ledger.close()
