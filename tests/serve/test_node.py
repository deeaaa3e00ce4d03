"""The threads around the engine: what waits for whom, what is refused, and who hears of an end."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onecard.core.authorize.engine import TapsIn
from onecard.core.authorize.node import Node, wait_for
from onecard.core.clock import SystemClock
from onecard.core.config import KIB
from onecard.core.errors import DiskLow, LedgerFault, OnecardError, Stopped
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.cards import PutCards
from onecard.core.registry.tariffs import PutTariff
from onecard.core.storage.environment import WriteFailed
from onecard.core.watch.log import Log
from onecard.ext.shape.numbers import Funding, Kind, Outcome
from tests.support.engine import answered
from tests.support.node import (
    CARD,
    PATIENCE_S,
    SMALL,
    Answers,
    Gate,
    ask,
    last_of,
    rides,
    served,
)
from tests.support.steps import Taps
from tests.twin.state import Tap
from tests.twin.twin import Decision

# ---- recall and order ---------------------------------------------------------------------------


def test_answers_of_a_stream_come_in_order_while_one_waits_for_its_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New and long retired identities by turns; the other stream does not wait for this one."""
    with served(tmp_path / "ledger") as node:
        first = [ask(node, rides(number)) for number in range(1, 801, 8)]
        gate = Gate(monkeypatch, node.ledger.identities, "find")
        gate.opened.set()
        answers = Answers()
        for number in range(40):
            old = number % 2
            message = rides(1 + 8 * number) if old else rides(1000 + 8 * number)
            node.taps(0, "A", message, answers.of(("A", number)))
            node.taps(0, "B", rides(1000 + 8 * number, terminal=2), answers.of(("B", number)))
        given = answers.wait(80)
        assert gate.calls, "nothing was read from disk"
        for stream in "AB":
            names = [name[1] for name, _ in given if name[0] == stream]
            assert names == list(range(40))
        for (stream, number), answer in given:
            decisions = answered(answer)
            if stream == "A" and number % 2:
                again = [replace(one, repeated=True) for one in first[number]]
                assert decisions == again
            else:
                assert all(one.outcome == Outcome.ACCEPTED for one in decisions)
                assert not any(one.repeated for one in decisions)


def test_a_slow_recall_holds_up_its_own_stream_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path / "ledger") as node:
        for number in range(1, 801, 8):
            ask(node, rides(number))
        gate = Gate(monkeypatch, node.ledger.identities, "find")
        answers = Answers()
        node.taps(0, "A", rides(1), answers.of("A old"))
        assert gate.entered.wait(PATIENCE_S)
        for number in range(3):
            node.taps(0, "A", rides(1000 + 8 * number), answers.of(f"A {number}"))
        node.taps(0, "B", rides(2000), answers.of("B"))
        node.taps(0, None, rides(3000), answers.of("unary"))
        node.taps(0, None, rides(9), answers.of("unary old"))
        node.read(last_of, answers.of("read"))
        answers.wait(3)
        assert set(answers.names()) == {"B", "unary", "read"}
        gate.opened.set()
        answers.wait(8)
        assert [name for name in answers.names() if name[0] == "A"] == [
            *("A old", "A 0", "A 1", "A 2")
        ]


def test_a_stop_waits_for_what_is_being_recalled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers()
    with served(tmp_path / "ledger") as node:
        for number in range(1, 801, 8):
            ask(node, rides(number))
        gate = Gate(monkeypatch, node.ledger.identities, "find")
        for number in range(4):
            node.taps(0, number, rides(1 + 8 * number), answers.of(number))
            node.taps(0, number, rides(1000 + 8 * number), answers.of(number))
        assert gate.entered.wait(PATIENCE_S)
        threading.Timer(0.2, gate.opened.set).start()
        node.stop()
        assert all(isinstance(answer, bytes) for _, answer in answers.wait(8))
        with pytest.raises(Stopped):
            node.taps(0, "A", rides(1), answers.of("late"))
    with served(tmp_path / "ledger") as node:
        assert node.ledger.recovery.records == 0
        assert node.ledger.recovery.checkpoint == node.journal.durable.last


def test_repeats_that_reach_back_over_all_of_memory_at_once(tmp_path: Path) -> None:
    """One batch whose identities were bound in every generation there was."""
    with served(tmp_path / "ledger") as node:
        for number in range(1, 4001, 8):
            ask(node, rides(number))
        for offset in range(1, 200):
            numbers = [offset + 250 * step for step in range(16)]
            taps = [Tap(CARD, 1, number, 0, 0, 1, 100, 0, 0, 0, 0, 0) for number in numbers]
            decisions = ask(node, Taps(tuple(taps)).message(), offset % 3)
            ask(node, rides(10_000 + 8 * offset))
            assert all(one.repeated and one.outcome == Outcome.ACCEPTED for one in decisions)


def test_generations_closed_under_load(tmp_path: Path) -> None:
    """Four streams at full speed through dozens of generations; nothing is booked twice."""
    rounds, streams = 120, 4
    with served(tmp_path / "ledger") as node:
        answers = Answers()

        def pump(stream: int) -> None:
            for number in range(rounds):
                message = rides(1 + 8 * (streams * number + stream))
                for _ in range(2):  # every batch at once again
                    node.taps(0, stream, message, answers.of((stream, number)))

        pumps = [threading.Thread(target=pump, args=(stream,)) for stream in range(streams)]
        for thread in pumps:
            thread.start()
        for thread in pumps:
            thread.join()
        given = answers.wait(2 * rounds * streams)
        first: dict[Any, list[Decision]] = {}
        for name, answer in given:
            decisions = answered(answer)
            before = first.setdefault(name, decisions)
            if before is not decisions:
                assert decisions == [replace(one, repeated=True) for one in before]
        sequences = [one.sequence for decisions in first.values() for one in decisions]
        assert len(set(sequences)) == len(sequences) == 8 * rounds * streams
        assert node.engine.recent.retirements > 40


def test_a_generation_is_not_closed_between_reading_a_batch_and_judging_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number that its terminal skipped is new before, and to be asked of the disk after."""
    with served(tmp_path / "ledger") as node:
        gate = Gate(monkeypatch, node.ledger.identities, "retire")
        number = 1001
        while not gate.entered.is_set():
            ask(node, rides(number))
            number += 8
        prepare = node.engine.prepare
        prepared: list[object] = []

        def slow(submission: TapsIn) -> object:
            lacking = prepare(submission)
            prepared.append(lacking)
            if len(prepared) == 2:  # the engine thread's, just before it judges
                gate.opened.set()
                time.sleep(0.2)
            return lacking

        monkeypatch.setattr(node.engine, "prepare", slow)
        assert {one.outcome for one in ask(node, rides(1))} == {Outcome.ACCEPTED}
        assert prepared[1] is None
        assert node.failed is None


def test_an_absence_that_was_read_before_is_not_believed_of_what_was_bound_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tap whose answer is late comes again on another stream: booked once, answered the same.

    The first recall found its number absent and is slow; meanwhile the second books it, and so
    many others that it leaves the ring.
    """
    with served(tmp_path / "ledger", replace(SMALL, recent_max=1024)) as node:
        for number in range(1001, 4501, 8):
            ask(node, rides(number))
        old = ask(node, rides(1001, 1))[0].sequence
        entries = node.journal.entries_with_legs
        entered, opened = threading.Event(), threading.Event()

        def slow(sequences: Any) -> Any:
            if len(sequences):
                entered.set()
                assert opened.wait(PATIENCE_S)
            return entries(sequences)

        monkeypatch.setattr(node.journal, "entries_with_legs", slow)
        answers = Answers()
        skipped = Tap(CARD, 1, 5, 0, 0, Kind.RIDE, 100, 0, 0, 0, 0, 0)
        refund = Tap(CARD, 1, 6, 0, 0, Kind.REFUND, 1, 0, 0, old, 0, 0)
        node.taps(0, "first", Taps((skipped, refund)).message(), answers.of("first"))
        assert entered.wait(PATIENCE_S)
        node.taps(0, "again", Taps((skipped,)).message(), answers.of("again"))
        answers.wait(1)
        retirements = node.engine.recent.retirements
        for number in range(9001, 9201, 8):
            ask(node, rides(number))
        assert node.engine.recent.retirements == retirements, (
            "else it would be asked for again anyway"
        )
        opened.set()
        given = {name: answered(answer) for name, answer in answers.wait(2)}
        booked, repeated = given["again"][0], given["first"][0]
        assert not booked.repeated
        assert repeated == replace(booked, repeated=True)


# ---- what is durable ----------------------------------------------------------------------------


def test_a_read_is_answered_when_what_it_saw_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path / "ledger") as node:
        durable = node.journal.durable.last
        gate = Gate(monkeypatch, node.journal, "write")
        answers = Answers()
        node.taps(0, "A", rides(1), answers.of("taps"))
        assert gate.entered.wait(PATIENCE_S)
        node.read(last_of, answers.of("read"))
        time.sleep(0.3)
        assert answers.names() == [], "answered before it was durable"
        gate.opened.set()
        given = dict(answers.wait(2))
        assert answers.names() == ["taps", "read"]
        assert given["read"] == durable + 8 == node.journal.durable.last


@pytest.mark.parametrize("together", [False, True])
def test_what_an_act_pushed_out_of_memory_is_not_asked_of_the_disk_too_early(
    together: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of rows of an act between a tap and its repeat, none of it durable yet."""
    with served(tmp_path / "ledger") as node:
        gate = Gate(monkeypatch, node.journal, "write")
        answers = Answers()
        if together:  # all that follows is taken as one group
            node.read(lambda state: gate.entered.wait(0.3), lambda _: None)
        node.taps(0, "A", rides(1, 2), answers.of("first"))
        tokens = np.arange(0x5000, 0x5000 + 500, dtype=np.uint64)
        node.act(PutCards(tokens, 2, Funding.PREPAID), answers.of("cards"))
        node.taps(0, "A", rides(3, 1), answers.of("pushes"))
        node.taps(0, "A", rides(1, 2), answers.of("again"))
        refund = Tap(CARD, 1, 50, 0, 0, Kind.REFUND, 100, 0, 0, node.journal.written.last + 1, 0, 0)
        node.taps(0, "A", Taps((refund,)).message(), answers.of("refund"))
        threading.Timer(0.6, gate.opened.set).start()
        given = dict(answers.wait(5))
        assert node.failed is None
        first = answered(given["first"])
        assert answered(given["again"]) == [replace(one, repeated=True) for one in first]
        assert answered(given["refund"])[0].outcome == Outcome.ACCEPTED


# ---- want of room -------------------------------------------------------------------------------


def test_an_act_that_no_segment_holds_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    with served(tmp_path / "ledger") as node:
        fares = np.zeros(1024 * 1024, np.int32)
        with pytest.raises(OnecardError, match="segment"):
            wait_for(lambda done: node.act(PutTariff("wide", 0, 1024, fares), done))
        assert ask(node, rides(1))[0].outcome == Outcome.ACCEPTED
        assert node.state.count("policies") == 0


def test_a_new_ledger_without_room_for_its_rules_is_not_served_without_them(tmp_path: Path) -> None:
    Ledger.create(tmp_path / "ledger", SMALL)
    wanting = replace(SMALL, watermark_bytes=1 << 60)
    with pytest.raises(DiskLow):
        Node(tmp_path / "ledger", wanting, SystemClock(), Log(SystemClock(), out=StringIO()))
    with served(tmp_path / "ledger") as node:  # which the failed start did not keep for itself
        assert int(node.state.totals["amount_max_fen"][0]) > 0


def test_want_of_room_for_identities_refuses_taps_and_serves_reads(tmp_path: Path) -> None:
    """Their map is full: memory fills up, then taps are refused by name; a stop still ends."""
    settings = replace(SMALL, identities_map_bytes=64 * KIB)
    with served(tmp_path / "ledger", settings) as node:
        answers = Answers()
        for number in range(400):  # one tap on each of many epochs: a page of its own for each
            tap = Tap(CARD, 1, 1, number, 0, 1, 100, 0, 0, 0, 0, 0)
            taps = [replace(tap, epoch=16 * number + row) for row in range(16)]
            node.taps(0, "A", Taps(tuple(taps)).message(), answers.of(number))
            if any(isinstance(answer, DiskLow) for _, answer in answers.given):
                break
            time.sleep(0.005)
        refused = [answer for _, answer in answers.wait(number + 1) if isinstance(answer, DiskLow)]
        assert refused
        assert "identities" in str(refused[0])
        assert wait_for(lambda done: node.read(last_of, done)) == node.journal.durable.last
        stopping = threading.Thread(target=node.stop)
        stopping.start()
        stopping.join(PATIENCE_S)
        assert not stopping.is_alive(), "a stop that never ends"


# ---- the end ------------------------------------------------------------------------------------


def fail_commit(node: Node, monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate(monkeypatch, node.journal, "write")
    gate.error = WriteFailed("the disk said no")
    return gate


def fail_judge(node: Node, monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate(monkeypatch, node.engine, "judge")
    gate.error = LedgerFault("the state contradicts itself")
    return gate


def fail_recall(node: Node, monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate(monkeypatch, node.ledger.identities, "find")
    gate.error = LedgerFault("a page is damaged")
    return gate


@pytest.mark.parametrize("failing", [fail_commit, fail_judge, fail_recall])
def test_after_a_failure_everybody_hears_stopped_once(
    failing: Callable[[Node, pytest.MonkeyPatch], Gate],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is judged, waits, is held for its history or comes later: no decision goes out."""
    folder = tmp_path / "ledger"
    told: list[BaseException] = []
    with served(folder) as node:
        for number in range(1, 801, 8):
            ask(node, rides(number))
        durable = node.journal.durable.last
        node.on_failure = told.append
        recall = Gate(monkeypatch, node.ledger.identities, "find")
        gate = recall if failing is fail_recall else failing(node, monkeypatch)
        gate.error = gate.error or LedgerFault("a page is damaged")
        answers = Answers()
        submitted = 0
        for number in range(30):
            old = rides(1 + 8 * number)
            new = rides(1000 + 8 * number)
            for message in (new, old, new):
                node.taps(0, number % 5, message, answers.of(submitted))
                submitted += 1
            node.taps(0, None, old, answers.of(submitted))
            node.read(last_of, answers.of(submitted + 1))
            submitted += 2
        assert gate.entered.wait(PATIENCE_S)
        gate.opened.set()
        deadline = time.monotonic() + PATIENCE_S
        while node.failed is None and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(Stopped):
            node.taps(0, "late", rides(1), answers.of("late"))
        recall.opened.set()
        with pytest.raises(Stopped):
            node.stop()
        given = answers.wait(submitted)
        assert sorted(name for name, _ in given) == list(range(submitted))
        refused = [answer for _, answer in given if isinstance(answer, Stopped)]
        assert refused
        if failing is fail_commit:
            assert len(refused) == submitted
            assert node.journal.durable.last == durable
        assert len(told) == 1
        assert told[0] is node.failed
    with served(folder) as node:
        assert ask(node, rides(1))[0].repeated
