"""Holds that ended are released by themselves: once, at their time, whatever comes in between, and
no tap is stopped by it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onecard.core.audit.verify import verify
from onecard.core.authorize.due import WORKS
from onecard.core.authorize.node import Node, wait_for
from onecard.core.authorize.sweeps import Scheduler, Work, virtual_number
from onecard.core.config import Settings
from onecard.core.days import DAY_US, day_of
from onecard.core.errors import Overloaded, SweepsDue
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.hold_terms import PutHoldTerms
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.core.settlement.window import Closed, CloseWindow
from onecard.core.watch.log import Log
from onecard.ext.shape.numbers import Kind, Outcome, Record, Status, SweepKind
from onecard.ext.state.hold_terms import HoldTerms
from tests.support.node import CARD, PARTIES, PATIENCE_S, SMALL, ask, put_cards, rides
from tests.support.passing_clock import PassingClock
from tests.support.steps import HOUR_US, Taps
from tests.twin.state import Tap

S = 1_000_000
LIFE_S = 60  # the least there is
LOOK_S = 0.1
MANY = 9 * SMALL.batch_taps_max + 5


@pytest.fixture(autouse=True)
def looked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onecard.core.authorize.sweeps.LOOK_S", LOOK_S)


@contextmanager
def swept(
    folder: Path,
    clock: PassingClock,
    settings: Settings = SMALL,
    works: tuple[Work, ...] = WORKS,
) -> Iterator[Node]:
    """A node where what is held is held for a minute."""
    if not folder.exists():
        Ledger.create(folder, settings)
    node = Node(folder, settings, clock, Log(clock, out=StringIO()), works=works)
    node.start()
    if node.state.count("terminals") == 1:
        acts = (
            PutParticipants(PARTIES),
            PutTerminals([TerminalRow("T1", 1)]),
            PutHoldTerms("minute", 0, HoldTerms((1,), False, LIFE_S)),
        )
        for act in acts:
            wait_for(lambda done, act=act: node.act(act, done))  # type: ignore[misc]
        put_cards(node, CARD, 1)
    try:
        yield node
    finally:
        node.stop()


def tap(node: Node, kind: Kind, seq: int, amount_fen: int = 0, about: int = 0) -> Any:
    [decision] = ask(node, Taps((one(kind, seq, amount_fen, about),)).message())
    return decision


def one(kind: Kind, seq: int, amount_fen: int = 0, about: int = 0) -> Tap:
    return Tap(CARD, 1, seq, 0, 0, kind, amount_fen, 0, 0, about, 0, 0)


def hold(node: Node, count: int, first: int = 1) -> list[int]:
    """So many holds of a fen; their sequences."""
    held: list[int] = []
    most = node.settings.batch_taps_max
    for at in range(first, first + count, most):
        seqs = range(at, min(at + most, first + count))
        decisions = ask(node, Taps(tuple(one(Kind.HOLD, seq, 1) for seq in seqs)).message())
        assert {decision.outcome for decision in decisions} == {Outcome.ACCEPTED}
        held += [decision.sequence for decision in decisions]
    return held


def released(node: Node) -> list[int]:
    """`about` of each release in the journal, in its order."""
    found: list[int] = []
    for block in node.journal.blocks():
        if block.record == Record.ENTRIES:
            rows = block.rows[block.rows["kind"] == Kind.RELEASE]
            assert (rows["outcome"] == Outcome.ACCEPTED).all()
            found += rows["about"].tolist()
    return found


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end
        time.sleep(0.005)


def holds_open(node: Node) -> int:
    return int(wait_for(lambda done: node.read(lambda state: state.holds_open(), done)))  # type: ignore[call-overload]


def look_twice() -> None:
    time.sleep(3 * LOOK_S)


# ---- once, and in order ------------------------------------------------------------------------


def test_what_ended_is_released_once_oldest_first_at_a_terminal_of_its_own(tmp_path: Path) -> None:
    clock = PassingClock()
    with swept(tmp_path / "ledger", clock) as node:
        held = hold(node, MANY)
        captured = tap(node, Kind.CAPTURE, 90_000, 1, held[5])
        assert captured.outcome == Outcome.ACCEPTED
        assert virtual_number(SweepKind.HOLD_ENDS) not in node.state.by_number  # nothing was due
        clock.passed_us += LIFE_S * S
        until(lambda: holds_open(node) == 0)
        assert released(node) == [about for about in held if about != held[5]]
        assert tap(node, Kind.CAPTURE, 90_001, 1, held[9]).outcome == Outcome.ORIGINAL_CLOSED
        terminal = node.state.by_number[virtual_number(SweepKind.HOLD_ENDS)]
        row = node.state.table("terminals")[terminal]
        assert (row["status"], row["operator_id"], row["taken"]) == (Status.INTERNAL, 1, MANY - 1)
        figures = node.scheduler.figures()["hold_ends"]
        assert figures == (0, 0.0, MANY - 1, 0)
        again = hold(node, 1, 91_000)
        clock.passed_us += LIFE_S * S
        until(lambda: holds_open(node) == 0)
        assert released(node)[-1:] == again  # at the same terminal
    assert verify(tmp_path / "ledger").fault is None


def test_what_was_due_while_no_server_ran_is_done_at_the_next_start(tmp_path: Path) -> None:
    clock = PassingClock()
    with swept(tmp_path / "ledger", clock) as node:
        held = hold(node, 3)
    clock.passed_us += DAY_US
    with swept(tmp_path / "ledger", clock) as node:
        until(lambda: holds_open(node) == 0)
        assert released(node) == held


# ---- at its time -------------------------------------------------------------------------------

STEPS: dict[str, tuple[int, int, bool]] = {
    # how far the wall clock steps, how much time passes, whether the hold has ended by then
    "a minute passes": (0, LIFE_S * S, True),
    "a pause of a minute": (0, 60 * S, True),
    "a suspend of a day": (0, DAY_US, True),
    "all but a minute": (0, (LIFE_S - 10) * S, False),
    "forward by a day": (DAY_US, 0, False),
    "forward by a day, and a minute passes": (DAY_US, LIFE_S * S, False),  # it is in doubt
    "forward by what is believed": (299 * S, 0, False),
    "forward by what is believed, and a minute passes": (299 * S, LIFE_S * S, True),
    "back by an hour": (-HOUR_US, LIFE_S * S, False),  # in doubt as well
    "back by what is believed, and a minute passes": (-120 * S, LIFE_S * S, False),
    "back by what is believed, and three minutes pass": (-120 * S, 180 * S, True),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_clock_that_steps_ends_nothing_early(name: str, tmp_path: Path) -> None:
    step_us, passed_us, ended = STEPS[name]
    clock = PassingClock()
    with swept(tmp_path / "ledger", clock) as node:
        held = hold(node, 1)
        clock.passed_us, clock.wall_us = passed_us, step_us
        if ended:
            until(lambda: released(node) == held)
        else:
            look_twice()
            assert released(node) == []
        clock.wall_us, clock.passed_us = 0, 2 * LIFE_S * S + max(0, passed_us)
        until(lambda: released(node) == held)  # it is late, and comes


# ---- a close -----------------------------------------------------------------------------------


def close(node: Node, window: int, day: int, force: bool = False) -> Any:
    return wait_for(lambda done: node.act(CloseWindow(window, day, force), done))


def test_a_window_is_closed_once_its_day_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The close waits for the sweep; where that cannot be, it is refused by name."""
    clock = PassingClock()
    with swept(tmp_path / "ledger", clock) as node:
        held = hold(node, MANY)
        monkeypatch.setattr(Scheduler, "_slice", lambda self, kind: False)
        monkeypatch.setattr("onecard.core.authorize.sweeps.ACT_WAITS_S", 0.2)
        clock.passed_us += (LIFE_S + 50) * S
        day = day_of(clock.now_us(), 8 * HOUR_US)
        assert isinstance(close(node, 1, day - 1), Closed)  # they ended less than a minute ago
        clock.passed_us += 70 * S
        assert isinstance(close(node, 2, day - 1), Closed)  # and not on that day
        refused = r"window 3: expected what was due on .*, found a hold .*; close again in a moment"
        with pytest.raises(SweepsDue, match=refused):
            close(node, 3, day)
        monkeypatch.undo()
        closed = close(node, 3, day)
        assert released(node) == held
        entries = [block.last for block in node.journal.blocks() if block.record == Record.ENTRIES]
        assert entries[-1] < closed.record
        hold(node, 1, 90_000)
        monkeypatch.setattr(Scheduler, "_slice", lambda self, kind: False)
        clock.passed_us += 2 * 70 * S
        assert isinstance(close(node, 4, day, force=True), Closed)


# ---- nothing of it stops a tap -----------------------------------------------------------------


def test_what_fails_is_tried_again_later_and_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = PassingClock()
    tries: list[float] = []

    def fails(scheduler: Scheduler, kind: Any) -> bool:
        tries.append(time.monotonic())
        raise ZeroDivisionError("a fault of ours")

    with swept(tmp_path / "ledger", clock) as node:
        held = hold(node, 2)
        with monkeypatch.context() as patch:
            patch.setattr(Scheduler, "_slice", fails)
            clock.passed_us += LIFE_S * S
            until(lambda: len(tries) >= 3)
            assert ask(node, rides(90_000))[0].outcome == Outcome.ACCEPTED
        assert tries[1] - tries[0] > 0.9 * LOOK_S and tries[2] - tries[1] > 1.9 * LOOK_S
        figures = node.scheduler.figures()["hold_ends"]
        assert figures.due == 2 and figures.failed >= 3 and figures.oldest_s < 20
        assert "sweep_failed kind=HOLD_ENDS reason=ZeroDivisionError" in node.log.out.getvalue()  # type: ignore[attr-defined]
        clock.passed_us += LIFE_S * S  # also its patience
        until(lambda: released(node) == held)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_is_gone_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = PassingClock()
    ended = threading.Event()

    def ends(scheduler: Scheduler, kind: Any) -> bool:
        ended.set()
        raise SystemExit

    with swept(tmp_path / "ledger", clock) as node:
        with monkeypatch.context() as patch:
            patch.setattr(Scheduler, "_try", ends)
            assert ended.wait(PATIENCE_S)
        held = hold(node, 2)
        clock.passed_us += LIFE_S * S
        until(lambda: released(node) == held)
        assert "sweeps_begun_again" in node.log.out.getvalue()  # type: ignore[attr-defined]
        assert node.failed is None


def test_it_gives_way_to_a_full_inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = PassingClock()
    refused = threading.Event()

    def full(*_: Any) -> None:
        refused.set()
        raise Overloaded("inbox: full")

    with swept(tmp_path / "ledger", clock) as node:
        held = hold(node, 2)
        with monkeypatch.context() as patch:
            patch.setattr(node, "taps", full)
            clock.passed_us += LIFE_S * S
            assert refused.wait(PATIENCE_S)
        until(lambda: released(node) == held)
        assert node.scheduler.figures()["hold_ends"].failed == 0
        assert "sweep_failed" not in node.log.out.getvalue()  # type: ignore[attr-defined]


def test_a_tap_that_is_refused_is_passed_over_and_told(tmp_path: Path) -> None:
    """Somebody bound the identity of one release to something else, at the terminal of its kind."""
    clock = PassingClock()
    with swept(tmp_path / "ledger", clock) as node:
        number = virtual_number(SweepKind.HOLD_ENDS).decode()
        row = TerminalRow(number, 1, status=int(Status.INTERNAL))
        wait_for(lambda done: node.act(PutTerminals([row]), done))
        held = hold(node, 3)
        ride = ask(node, rides(90_000, 1))[0].sequence
        taken = Tap(CARD, 2, held[0], 0, 0, Kind.ADJUST, 1, 0, 0, ride, 0, 0)
        [bound] = ask(node, Taps((taken,)).message())
        assert bound.outcome == Outcome.ACCEPTED
        clock.passed_us += LIFE_S * S
        until(lambda: holds_open(node) == 1)
        look_twice()
        assert released(node) == held[1:]
        assert node.scheduler.figures()["hold_ends"].failed == 1  # and not tried each second
        told = node.log.out.getvalue()  # type: ignore[attr-defined]
        assert f"sweep_refused kind=HOLD_ENDS about={held[0]} outcome=CONFLICT" in told
        assert tap(node, Kind.RELEASE, 90_100, 0, held[0]).outcome == Outcome.ACCEPTED


def test_a_stop_ends_a_sweep_between_two_slices(tmp_path: Path) -> None:
    clock = PassingClock()
    with swept(tmp_path / "ledger", clock) as node:
        held = hold(node, MANY)
        clock.passed_us += LIFE_S * S
        until(lambda: int(node.state.table("terminals")["taken"][2]) > 0)
    with swept(tmp_path / "ledger", clock) as node:
        until(lambda: holds_open(node) == 0)
        assert released(node) == held


def test_a_ledger_without_ends_is_not_asked(tmp_path: Path) -> None:
    clock = PassingClock()
    with swept(tmp_path / "ledger", clock) as node:
        before = int(node.state.totals["last"][0])
        asked: list[object] = []
        node.scheduler._node = asked  # type: ignore[assignment]
        look_twice()
        assert node.scheduler.figures() == {"hold_ends": (0, 0.0, 0, 0)}
        assert int(node.state.totals["last"][0]) == before
        assert [work.kind for work in WORKS] == list(SweepKind)


@pytest.mark.campaign
def test_a_hundred_thousand_at_once_while_taps_stream(tmp_path: Path) -> None:
    """A hold's release costs taps no more than a batch of a gate would: of those that come
    meanwhile one in a hundred waits twice as long as without, and what the disk does."""
    clock, folder = PassingClock(), tmp_path / "ledger"
    settings = replace(SMALL, batch_taps_max=8_192, group_taps_max=16_384, segment_bytes=1 << 30)
    count = 100_000
    with swept(folder, clock, replace(settings, holds_max=2 * count)) as node:
        assert len(hold(node, count)) == count
        quiet_s = latencies_s(node, 200_000, lambda: False)
        clock.passed_us += 2 * LIFE_S * S
        busy_s = latencies_s(node, 300_000, lambda: holds_open(node) > 0)
        assert np.percentile(busy_s, 99) < 2 * np.percentile(quiet_s, 99) + 0.05
        until(lambda: holds_open(node) == 0)
        assert len(released(node)) == count


def latencies_s(node: Node, first: int, more: Callable[[], bool]) -> list[float]:
    """How long each of some hundred batches waits that come one every few milliseconds."""
    waited: list[float] = []
    for number in range(2_000):
        if number % 50 == 0 and number >= 500 and not more():
            break
        began_s = time.monotonic()
        message = rides(first + 8 * number)
        node.taps(0, "taps", message, lambda _, at=began_s: waited.append(time.monotonic() - at))  # type: ignore[misc]
        time.sleep(0.004)
    until(lambda: len(waited) == number + (number == 1_999))
    return waited
