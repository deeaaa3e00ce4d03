"""The client of a process that is killed: sends random steps, keeps what was answered, and tells.

Taps go on several streams, each with its own terminals, many unanswered at once; an act waits
until all before it are answered. So the journal's order says in which order the engine took them,
and the slow twin, given the same in that order, must have answered and booked the same.
"""

import os
import pickle
import random
import signal
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onecard.core.authorize.engine import Engine
from onecard.core.config import MIB, Settings
from onecard.core.errors import OnecardError
from onecard.core.journal import LocalJournal
from onecard.core.ledger.folder import read_ledger_toml
from onecard.core.ledger.opened import Ledger
from onecard.ext.shape.numbers import Outcome, Record
from tests.crash import child
from tests.support.engine import HandClock, act_of, answered
from tests.support.old_life import OldLife
from tests.support.random_steps import NOW_US, RandomSteps
from tests.support.steps import Close, Item, Message, Taps, TwinSide
from tests.twin.state import LOTS_MAX, Tap
from tests.twin.twin import Decision, MalformedBatch
from tests.twin.twin import taps as taps_of

PATIENCE_S = 30.0
# Never full here: of a batch that books nothing nobody knows its place among other streams'.
HOLDS_MAX = 1 << 10
TINY = Settings(  # a checkpoint, a generation closed and a segment begun every few batches
    cards_max=1 << 10,
    terminals_max=1 << 8,
    holds_max=HOLDS_MAX,
    lots_max=LOTS_MAX,
    recent_max=32,
    batch_taps_max=16,
    group_taps_max=16,
    segment_bytes=5 << 16,
    watermark_bytes=0,
    checkpoint_every_s=0.0,
    checkpoint_pause_ms=0.0,
    checkpoint_map_bytes=64 * MIB,
    identities_map_bytes=64 * MIB,
    # The steps throw the clock about; tests/rules/test_booking.py has the bounds.
    downtime_max_s=10**9,
    clock_step_max_s=10**9,
)
# Rules that come before identity, and what they look at may be changed by an act.
NO_LONGER_TAKEN = {
    Outcome.TERMINAL_BLOCKED,
    Outcome.TERMINAL_FOREIGN,
    Outcome.AMOUNT_BEYOND_LIMIT,
}
ROOT = Path(__file__).resolve().parent.parent.parent


class Died(Exception):
    """The process is gone, and what was not answered will not be."""


class Process:
    """A child (tests/crash/child.py) and what it answered so far."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        now_us: int,
        point: str = "",
        action: str = "kill",
    ) -> None:
        environment = {**os.environ, "ONECARD_FAIL_POINT": point, "ONECARD_FAIL_ACTION": action}
        self.log = folder.with_name(folder.name + ".log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.child", str(folder)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
        )
        self.pid = self.process.pid
        self.answers: dict[int | str, Any] = {}
        self.heard = threading.Condition()
        self.patience_s = PATIENCE_S
        self.count = 0
        self.kill_after: int | None = None  # so many answers
        self.ended = False
        self._send(settings)
        self._send(now_us)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def send(self, *order: Any) -> None:
        """Died where nobody reads it any more."""
        self._send(order)

    def wait_for(self, *numbers: int | str) -> None:
        """Until all of these are answered. Died."""
        with self.heard:
            met = self.heard.wait_for(
                lambda: self.ended or all(number in self.answers for number in numbers),
                self.patience_s,
            )
            missing = [number for number in numbers if number not in self.answers]
        if missing and not met:
            raise TimeoutError(f"no answer to {missing[:5]} in {self.patience_s} s, pid {self.pid}")
        if missing:
            raise Died(f"{len(missing)} were not answered")

    def kill(self) -> None:
        self.process.kill()

    def end(self) -> int:
        """Wait until it is gone and everything it said was read; its exit code."""
        code = self.process.wait(PATIENCE_S)
        self.reader.join(PATIENCE_S)
        assert self.process.stdin and self.process.stdout
        for pipe in (self.process.stdout, self.log):
            pipe.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        return code

    def _send(self, order: Any) -> None:
        assert self.process.stdin
        try:
            pickle.dump(order, self.process.stdin)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Died("it reads no more") from None

    def _read(self) -> None:
        assert self.process.stdout
        try:
            while True:
                number, answer = pickle.load(self.process.stdout)
                with self.heard:
                    self.answers[number] = answer
                    self.count += 1
                    if self.count == self.kill_after:
                        self.kill()
                    self.heard.notify_all()
        except (EOFError, pickle.UnpicklingError):
            with self.heard:
                self.ended = True
                self.heard.notify_all()


@dataclass
class Sent:
    """One item on its way; `again` is the one it repeats."""

    number: int
    stream: int
    item: Item
    again: "Sent | None" = None
    answer: Any = None


@dataclass
class CrashClient:
    """A ledger in `folder`, the processes that served it one after the other, and the twin."""

    folder: Path
    seed: int
    settings: Settings = TINY
    old_steps: int = 0  # so many of them were taken by version 1, and the ledger was migrated
    process: Process | None = None
    acked: list[Sent] = field(default_factory=list)
    lost: list[Sent] = field(default_factory=list)  # sent to a process that died before it answered
    repeats: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.numbers = iter(range(1, 1 << 62))
        if self.old_steps:
            self.streams = self.rng.choice((1, 3))
            life = OldLife(self.rng, self._stream_of, self.old_steps, HOLDS_MAX)
            life.write(self.folder, self.settings)
            self.twin, self.steps, self.registry = life.side, life.steps, life.later
            self.acked = [
                Sent(next(self.numbers), self._stream_of(item.taps[0].terminal), item, None, answer)
                for item, answer in life.answered
            ]
        else:
            Ledger.create(self.folder, self.settings)
            clock = HandClock(NOW_US)
            with Ledger.open(self.folder, self.settings, clock=clock) as ledger:
                Engine(ledger, clock)  # books the rules that a ledger starts with
            self.twin = TwinSide(NOW_US, HOLDS_MAX)
            self.steps = RandomSteps(self.rng, self.twin.book)
            self.streams = self.rng.choice((1, 3))
            self.registry = self.steps.registry()
        self.toml = read_ledger_toml(self.folder)
        self.pending: dict[int, deque[Sent]] = {}
        self.registered = False

    # ---- one process ------------------------------------------------------------------------

    def start(self, point: str = "", action: str = "kill") -> tuple[int, int]:
        """A process, ready; its journal's last sequence and how many records it replayed."""
        self.open(point, action)
        return self.ready()

    def open(self, point: str = "", action: str = "kill") -> None:
        """A process that begins to open the ledger."""
        self.process = Process(self.folder, self.settings, self.steps.now_us, point, action)

    def ready(self) -> tuple[int, int]:
        assert self.process
        self.process.wait_for(child.READY)
        last, replayed = self.process.answers[child.READY]
        return last, replayed

    def load(self, bursts: int) -> None:
        """So many of the steps. Died."""
        if not self.registered:
            self._burst([self.registry])  # again where a process died over it
            self.registered = True
        for _ in range(bursts):
            self._burst([self.steps.step() for _ in range(self.rng.randint(1, 6))])

    def repeat(self, sample: int) -> None:
        """Send again what was never answered, and some of what was; one outcome each. Died."""
        lost = [sent for sent in self.lost if isinstance(sent.item, Taps)]
        known = [sent for sent in self.acked if isinstance(sent.item, Taps)]
        known = known[-sample:] + self.rng.sample(known, min(sample, len(known)))
        for first in range(0, len(lost), 8):
            for sent in lost[first : first + 8]:
                self._taps(sent.item, sent.stream, sent)
            self._settle()
        self.lost = []
        for first in range(0, len(known), 8):
            for sent in known[first : first + 8]:
                self._taps(sent.item, sent.stream, sent)
            self._settle()

    def stop(self) -> int:
        """In order: everything is answered; the exit code."""
        assert self.process
        self.process.send("stop")
        self.process.wait_for(child.STOPPED)
        return self.process.end()

    def died(self) -> int:
        """The process ended by itself: account for what it answered and what it booked."""
        assert self.process
        code = self.process.end()
        self.follow()
        return code

    # ---- sending ----------------------------------------------------------------------------

    def _burst(self, steps: list[list[Item]]) -> None:
        assert self.process
        self.process.send("clock", self.steps.now_us)
        for step in steps:
            for item in step:
                if isinstance(item, Taps | Message):
                    self._split(item)
                else:
                    self._act(item)
        self._settle()

    def _split(self, item: Taps | Message) -> None:
        """The taps of one terminal always go on the same stream."""
        parts: dict[int, list[Tap]] = {}
        try:
            request_id, rows = taps_of(item.message())
        except MalformedBatch:
            self._taps(item, 1)
            return
        for tap in rows:
            parts.setdefault(self._stream_of(tap.terminal), []).append(tap)
        for stream, taps in parts.items():
            self._taps(Taps(tuple(taps), item.principal, request_id), stream)

    def _taps(self, item: Item, stream: int, again: Sent | None = None) -> None:
        assert self.process and isinstance(item, Taps | Message)
        sent = self._note(item, stream, again)
        self.process.send("taps", sent.number, stream, item.principal, item.message())

    def _act(self, item: Item) -> None:
        """Alone, so that its place among the taps is known; after a window its files."""
        assert self.process
        self._settle()
        window = self.twin.book.window
        sent = self._note(item, 0)
        self.process.send("act", sent.number, act_of(item, window))
        self._settle()
        if isinstance(item, Close) and self.twin.book.window > window:  # no day beyond a calendar
            number = next(self.numbers)
            self.process.send("export", number, window)
            self.process.wait_for(number)
            assert self.process.answers.pop(number) == window

    def _note(self, item: Item, stream: int, again: Sent | None = None) -> Sent:
        sent = Sent(next(self.numbers), stream, item, again)
        self.pending.setdefault(stream, deque()).append(sent)
        return sent

    def _settle(self) -> None:
        """Wait for all answers, and let the twin take the same."""
        assert self.process
        number = next(self.numbers)
        self.process.send("read", number)
        waiting = [sent.number for queue in self.pending.values() for sent in queue]
        self.process.wait_for(number, *waiting)
        seen = self.process.answers.pop(number)
        self.follow()
        assert seen <= self.twin.book.last, "a read was answered before what it saw was durable"

    # ---- what became of it ------------------------------------------------------------------

    def follow(self) -> None:
        """Give the twin what the journal says was taken, in that order; compare every answer."""
        book = self.twin.book
        with self.journal() as journal:
            times, owners = self._booked(journal, book.last + 1)
            while book.last < journal.durable.last:
                first = book.last + 1
                queue = self.pending.get(owners[first])
                assert queue, f"entry {first}: nobody sent it"
                self._take(queue.popleft(), times[first])
                end = journal.durable.last
                assert book.last <= end, f"entry {first}: a part of a batch is durable"
        for queue in self.pending.values():
            while queue:
                last = book.last
                sent = queue.popleft()
                if self._answer(sent) is None:
                    # What is no TapBatch is refused at the door, whatever waits before it; a stream
                    # of the server gives its answers in order all the same.
                    batches = [later for later in queue if not isinstance(later.item, Message)]
                    answered_later = [one for one in batches if self._answer(one) is not None]
                    assert not answered_later, "a stream was answered out of its order"
                    self.lost += [sent, *queue]
                    queue.clear()
                    continue
                # It booked nothing, so the journal does not say when it was judged: by the clock.
                self._take(sent, max(book.booked_at_us, self.steps.now_us))
                assert book.last == last, f"item {sent.number}: answered and not in the journal"

    def _take(self, sent: Sent, booked_at_us: int) -> None:
        expected = self.twin.step([sent.item], booked_at_us, [booked_at_us])[0]
        answer = self._answer(sent)
        if answer is None:
            self.lost.append(sent)  # booked, and nobody knows
            return
        assert not isinstance(answer, OnecardError), answer
        assert answer == expected, f"item {sent.number} {sent.item}: {answer}, twin {expected}"
        if sent.again is not None:
            self._same(sent.again, answer)
        self.acked.append(sent)

    def _answer(self, sent: Sent) -> Any:
        assert self.process
        if sent.answer is None and sent.number in self.process.answers:
            given = self.process.answers.pop(sent.number)
            sent.answer = answered(given)
        return sent.answer

    def _same(self, first: Sent, answer: list[Decision]) -> None:
        """What was acknowledged once is answered so for ever."""
        if first.answer is None:
            return
        for one, other in zip(first.answer, answer, strict=True):
            if one.sequence and other.outcome not in NO_LONGER_TAKEN:
                self.repeats += 1
                told = (one.outcome, one.sequence, one.amount_fen, one.balance_fen, True)
                found = (other.outcome, other.sequence, other.amount_fen, other.balance_fen)
                assert (*found, other.repeated) == told

    def journal(self) -> LocalJournal:
        """As it stands, to read."""
        origin = self.toml.origin
        return LocalJournal.open(
            self.folder,
            origin.ledger_id,
            origin.epoch,
            self.toml.segment_bytes,
            0,
            readonly=True,
            algorithms=self.toml.algorithms,
        )

    def acknowledged(self) -> list[tuple[Tap, Decision]]:
        """Rows that were answered as journalled, each when it was booked."""
        found = []
        for sent in self.acked:
            if isinstance(sent.item, Taps):
                rows = zip(sent.item.taps, sent.answer, strict=True)
                found += [(tap, one) for tap, one in rows if one.sequence and not one.repeated]
        return found

    def close(self) -> None:
        """Leave no process behind, whatever happened."""
        if self.process is not None and self.process.process.poll() is None:
            self.process.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.end()

    def _booked(self, journal: LocalJournal, first: int) -> tuple[dict[int, int], dict[int, int]]:
        """When each sequence was booked, and the stream it came on (0: an act)."""
        times: dict[int, int] = {}
        owners: dict[int, int] = {}
        before_us = 0
        for block in journal.blocks(first):
            assert block.booked_at_us > before_us, "booked before the block before it"
            before_us = block.booked_at_us
            numbers = range(block.first, block.last + 1)
            times |= dict.fromkeys(numbers, before_us)
            owners |= dict.fromkeys(numbers, 0)
            if block.record == Record.ENTRIES:
                terminals = block.rows["terminal"].tolist()
                streams = [self._stream_of(terminal) for terminal in terminals]
                owners |= dict(zip(numbers, streams, strict=True))
        return times, owners

    def _stream_of(self, terminal: int) -> int:
        return 1 + terminal % self.streams
