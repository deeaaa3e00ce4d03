"""What is written and not durable: nothing of it is answered, shown, or relied on."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from onecard.core.authorize import unanswered
from onecard.core.authorize.node import Node
from onecard.core.errors import NotFound, Stopped
from onecard.core.registry.participants import PutParticipants
from onecard.ext.shape.numbers import Kind, Outcome
from onecard.grpc.client import Client
from tests.support import serving
from tests.support.engine import answered
from tests.support.lagging import LaggingJournal, open_lagging
from tests.support.node import (
    CARD,
    PATIENCE_S,
    SMALL,
    Answers,
    ask,
    last_of,
    rides,
    served,
)
from tests.support.steps import Taps
from tests.twin.state import Tap

BUSY = replace(SMALL, checkpoint_every_s=0.0, checkpoint_pause_ms=0.0)
A_WHILE_S = 0.3  # in which a fault would show


def until(met: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < deadline, "it never came to it"
        time.sleep(0.005)


@contextmanager
def lagging(folder: Path, settings: Any = SMALL) -> Iterator[tuple[Node, LaggingJournal]]:
    """A served node with its gate still open; opened at the end, so that it can stop."""
    with served(folder, settings, open_lagging) as node:
        journal: Any = node.journal
        try:
            yield node, journal
        finally:
            journal.open_gate()


def alone(node: Node, submit: Callable[[], object]) -> None:
    """Submit something while the gate is closed, and wait until it is a group that waits."""
    groups = len(node._unanswered)
    submit()
    until(lambda: len(node._unanswered) > groups)


def test_groups_are_written_one_after_another_and_answered_as_they_become_durable(
    tmp_path: Path,
) -> None:
    with lagging(tmp_path / "ledger") as (node, journal):
        ask(node, rides(1))
        journal.close_gate()
        durable, answers = journal.durable, Answers()
        parties = PutParticipants([("Ferry", 1)])
        alone(node, lambda: node.taps(0, "A", rides(100), answers.of("taps")))
        alone(node, lambda: node.taps(0, "A", rides(1), answers.of("repeat")))
        alone(node, lambda: node.act(parties, answers.of("act")))
        alone(node, lambda: node.read(last_of, answers.of("read")))
        alone(node, lambda: node.taps(0, "B", rides(200), answers.of("more taps")))
        time.sleep(A_WHILE_S)
        assert answers.names() == [], "answered before it was durable"
        assert journal.durable == durable and journal.written.last == durable.last + 8 + 2 + 8
        assert sum(block.count for block in journal.blocks()) == durable.last
        journal.let(1)
        answers.wait(2)
        time.sleep(A_WHILE_S)
        assert answers.names() == ["taps", "repeat"], "a repeat shows what is durable with it"
        journal.let(1)
        answers.wait(4)
        time.sleep(A_WHILE_S)
        assert answers.names() == ["taps", "repeat", "act", "read"]
        assert dict(answers.given)["read"] == durable.last + 10 == journal.durable.last
        journal.let(1)
        assert [name for name, _ in answers.wait(5)][4:] == ["more taps"]
        assert node.failed is None


def test_while_it_lags_nothing_leaves_memory_nor_is_saved_nor_recalled_beyond_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Generations of 64 identities, a checkpoint without end, and a ring of 64 entries."""
    with lagging(tmp_path / "ledger", BUSY) as (node, journal):
        early: list[int] = []  # of pages and manifests that were saved too early
        checkpoint, identities = node.ledger.checkpoint, node.ledger.identities
        put, seal = checkpoint.pages.put, checkpoint.pages.seal

        def noting_put(pages: Any) -> None:
            early.extend(page.as_of for page in pages if page.as_of > journal.durable.last)
            put(pages)

        def noting_seal(sequence: int, *rest: Any) -> None:
            early.extend([sequence] if sequence > journal.durable.last else [])
            seal(sequence, *rest)

        monkeypatch.setattr(checkpoint.pages, "put", noting_put)
        monkeypatch.setattr(checkpoint.pages, "seal", noting_seal)
        first = {number: ask(node, rides(number)) for number in range(1, 801, 8)}
        until(lambda: checkpoint.passes and identities.retired > 200)
        journal.close_gate()
        durable, answers = journal.durable.last, Answers()
        refund = Tap(CARD, 1, 5000, 0, 0, Kind.REFUND, 50, 0, 0, durable + 1, 0, 0)
        for number in range(1000, 1400, 8):
            node.taps(0, "A", rides(number), answers.of(number))
            old = number - 999
            node.taps(0, "B", rides(old), answers.of(old))  # left memory long ago
        node.taps(0, "A", Taps((refund,)).message(), answers.of("refund"))
        time.sleep(A_WHILE_S)
        assert answers.names() == []
        assert journal.written.last > durable + 8, "it went on meanwhile"
        assert journal.written.last - durable <= node.engine.ring.size
        assert identities.retired <= durable and checkpoint.sequence <= durable
        journal.open_gate()
        given = dict(answers.wait(101))
        for number in range(1000, 1400, 8):
            assert not any(one.repeated for one in answered(given[number]))
            assert all(one.outcome == Outcome.ACCEPTED for one in answered(given[number]))
            again = [replace(one, repeated=True) for one in first[number - 999]]
            assert answered(given[number - 999]) == again
        assert answered(given["refund"])[0].outcome == Outcome.ACCEPTED
        assert early == journal.beyond == []
        until(lambda: identities.retired > durable and checkpoint.sequence > durable)


def test_so_many_groups_are_written_ahead_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unanswered, "GROUPS_MAX", 3)
    with lagging(tmp_path / "ledger") as (node, journal):
        journal.close_gate()
        answers = Answers()
        for number in range(3):
            message = rides(1 + number, 1)
            alone(node, lambda one=message: node.taps(0, "A", one, answers.of(one)))
        for number in range(3, 12):
            node.taps(0, "A", rides(1 + number, 1), answers.of(number))
        time.sleep(A_WHILE_S)
        assert journal.waiting == 3 and answers.names() == []
        journal.let(1)
        until(lambda: journal.waiting == 3)
        assert len(answers.wait(1)) == 1
        journal.open_gate()
        answers.wait(12)


def test_a_journal_that_never_becomes_durable_stops_the_node(tmp_path: Path) -> None:
    with lagging(tmp_path / "ledger") as (node, journal):
        told: list[BaseException] = []
        node.on_failure = told.append
        journal.close_gate()
        answers = Answers()
        alone(node, lambda: node.taps(0, "A", rides(1), answers.of("taps")))
        node.read(last_of, answers.of("read"))
        journal.fail(OSError(5, "Input/output error"))
        given = answers.wait(2)
        assert [name for name, _ in given] == ["taps", "read"]
        assert all(isinstance(answer, Stopped) for _, answer in given)
        assert told == [node.failed] and "expected what is written to become" in str(node.failed)
        with pytest.raises(Stopped):
            node.taps(0, "A", rides(9), answers.of("late"))


@pytest.mark.parametrize("in_time", [True, False])
def test_a_stop_waits_for_a_while(
    in_time: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it ends without a checkpoint; what was written is there at the next start."""
    monkeypatch.setattr(unanswered, "STOP_S", PATIENCE_S if in_time else 0.2)
    answers = Answers()
    with lagging(tmp_path / "ledger") as (node, journal):
        saved = node.ledger.checkpoint.sequence
        journal.close_gate()
        before = journal.written.last
        for number in range(1, 801, 8):  # more than the ring lets through
            node.taps(0, "A", rides(number), answers.of(number))
        until(lambda: journal.written.last > before + 32)
        if in_time:
            threading.Timer(0.2, journal.open_gate).start()
            node.stop()
            assert all(isinstance(answer, bytes) for _, answer in answers.wait(100))
        else:
            with pytest.raises(Stopped, match=r"expected all that is written, .* after the stop"):
                node.stop()
            assert all(isinstance(answer, Stopped) for _, answer in answers.wait(100))
        written = journal.written.last
    with served(tmp_path / "ledger") as node:
        assert node.ledger.recovery.checkpoint == (written if in_time else saved)
        assert last_of(node.state) == written
        again = [one.repeated for one in ask(node, rides(1))]
        assert again == [True] * 8


def end_told(client: Client, call: str) -> int:
    """The last sequence that a call tells of."""
    if call == "head":
        return int(client.head().sequence)
    if call == "journal":
        return sum(block.count for block in client.journal())
    with pytest.raises(NotFound) as told:
        client.entry(100_000)
    return int(str(told.value).rpartition(" ")[2])


@pytest.mark.parametrize("call", ["head", "journal", "entry"])
def test_clients_are_told_of_what_is_durable(call: str, tmp_path: Path) -> None:
    """A call waits for what it saw of the state, if anything, and tells of what is durable then."""
    with serving.served(tmp_path / "ledger", open_journal=open_lagging) as server:
        node, journal = server.node, cast(LaggingJournal, server.node.journal)
        numbers = iter(range(1, 1000, 8))

        def more() -> None:
            written = journal.written.last
            node.taps(0, "A", rides(next(numbers)), lambda _: None)
            until(lambda: journal.written.last > written)

        with server.client() as client, ThreadPoolExecutor(1) as asking:
            serving.register(client)
            journal.close_gate()
            try:
                more()
                told = asking.submit(end_told, client, call)
                wait([told], A_WHILE_S)
                assert told.done() == (call == "entry"), "it answers though it saw more"
                while not told.done():  # it may ask more than once
                    more()
                    journal.let(1)
                    wait([told], A_WHILE_S)
                assert told.result() == journal.durable.last == journal.written.last - 8
            finally:
                journal.open_gate()
            assert end_told(client, call) == journal.written.last
