"""A thread that dies stops the process; what only tells, or gives memory back, stops nothing."""

import ast
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from onecard.core.authorize import node as module
from onecard.core.authorize import retirement, watchdog
from onecard.core.authorize.node import Node, wait_for
from onecard.core.errors import DiskLow, OnecardError, Stopped
from onecard.core.watch.log import FORBIDDEN
from onecard.ext.shape.numbers import Outcome
from tests.support.node import PATIENCE_S, SMALL, ask, last_of, rides, served

BUSY = replace(SMALL, checkpoint_every_s=0.0, checkpoint_pause_ms=0.0)
ROOT = Path(__file__).resolve().parent.parent.parent
Break = Callable[[Node, pytest.MonkeyPatch], object]


class Quit(BaseException):
    """What nobody expects: it is not even an Exception."""


def raising(error: BaseException) -> Callable[..., Any]:
    def raises(*_: Any, **__: Any) -> Any:
        raise error

    return raises


def until(met: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < deadline, "it never came to it"
        time.sleep(0.01)


def ended_thread() -> threading.Thread:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    return thread


def digest_always(node: Node, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(module, "DIGEST_AHEAD_BYTES", 0)
    patch.setattr(module, "body_digest", raising(Quit()))


def deaf_client(node: Node, patch: pytest.MonkeyPatch) -> None:
    """What answers a client raises: it may have been told half of it."""
    node.taps(0, "deaf", rides(5001), raising(Quit()))


DEATHS: dict[str, Break] = {
    "engine": lambda node, patch: patch.setattr(node.inbox, "take", raising(Quit())),
    "engine, in silence": lambda node, patch: patch.setattr(node, "_drained", lambda: True),
    "commit": lambda node, patch: patch.setattr(node.engine, "commit", raising(Quit())),
    "commit, in silence": lambda node, patch: node._groups.put(None),
    "answering": deaf_client,
    "digest": digest_always,
    "recall": lambda node, patch: patch.setattr(node.inbox, "release", raising(Quit())),
    "identities": lambda node, patch: patch.setattr(
        node.ledger.identities, "retire", raising(Quit())
    ),
    "checkpoint": lambda node, patch: patch.setattr(
        node.ledger.checkpoint.pages, "put", raising(Quit())
    ),
    "checkpoint, in silence": lambda node, patch: patch.setattr(
        node.ledger.checkpoint, "_thread", ended_thread()
    ),
}


@pytest.mark.parametrize("death", DEATHS)
def test_a_thread_that_dies_stops_the_node(
    death: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path / "ledger", BUSY) as node:
        for number in range(1, 401, 8):
            ask(node, rides(number))
        told: list[BaseException] = []
        node.on_failure = told.append
        DEATHS[death](node, monkeypatch)
        number = 1001
        deadline = time.monotonic() + PATIENCE_S
        while not told and time.monotonic() < deadline:
            try:
                node.taps(0, "new", rides(number), lambda _: None)
                node.taps(0, "old", rides(1), lambda _: None)
            except Stopped:
                pass
            number += 8
            time.sleep(0.01)
        assert told == [node.failed]
        with pytest.raises(Stopped):
            node.taps(0, "late", rides(1), lambda _: None)
        monkeypatch.undo()


def quiet_maps(node: Node, patch: pytest.MonkeyPatch) -> None:
    error = OSError(5, "Input/output error", "/proc/self/maps")
    patch.setattr(node.ledger.identities, "unmap", raising(error))
    patch.setattr(node.ledger.checkpoint, "_on_saved", raising(error))
    patch.setattr(retirement, "RETIREMENTS_AN_UNMAP", 1)


TELLING: dict[str, Break] = {
    "giving memory back": quiet_maps,
    "the log's file": lambda node, patch: patch.setattr(
        node.log.out, "write", raising(BrokenPipeError(32, "Broken pipe"))
    ),
    "the log's clock": lambda node, patch: patch.setattr(
        node.log, "clock", ended_thread()
    ),  # which tells no time
    "telling an act or a refusal": lambda node, patch: patch.setattr(
        module, "log_answer", raising(KeyError())
    ),
    "asking the disk": lambda node, patch: patch.setattr(
        "os.statvfs", raising(OSError(5, "Input/output error"))
    ),
    "watching": lambda node, patch: patch.setattr(node.log, "tick", raising(KeyError())),
}


@pytest.mark.parametrize("what", TELLING)
def test_what_only_tells_stops_nothing(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path / "ledger", replace(BUSY, watermark_bytes=1)) as node:
        monkeypatch.setattr(watchdog, "WATCH_S", 0.01)
        TELLING[what](node, monkeypatch)
        passes = node.ledger.checkpoint.passes
        number = 1
        while number < 801 or node.ledger.checkpoint.passes < passes + 3:
            assert {one.outcome for one in ask(node, rides(number))} == {Outcome.ACCEPTED}
            number += 8
        with pytest.raises(OnecardError):
            wait_for(lambda done: node.taps(0, None, b"\xff", done))
        until(lambda: node.engine.recent.retirements > 3)
        assert node.failed is None
        monkeypatch.undo()


def test_words_come_after_deeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever ends the process is called before the log is, which may be dead."""
    order: list[str] = []
    with served(tmp_path / "ledger") as node:
        monkeypatch.setattr(node.log, "error", lambda event, **_: order.append(event))
        node.on_failure = lambda _: order.append("ended")
        node._fail(Quit())
        node._fail(Quit())
    assert order == ["ended", "stopped"]


def test_handing_work_over_needs_no_new_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system gives no threads any more: history is read, identities are closed all the same."""
    with served(tmp_path / "ledger", BUSY) as node:
        monkeypatch.setattr(threading.Thread, "start", raising(RuntimeError("no new thread")))
        for number in range(1, 801, 8):
            ask(node, rides(number))
        assert all(one.repeated for one in ask(node, rides(1)))
        until(lambda: node.engine.recent.retirements > 3)
        assert node.failed is None
        monkeypatch.undo()


def test_a_full_disk_is_seen_and_seen_to_end_without_a_tap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path / "ledger", replace(SMALL, watermark_bytes=1000)) as node:
        assert node.watchdog.disk_free_bytes is not None and node.watchdog.disk_free_bytes > 1000
        free = [999]
        monkeypatch.setattr(node.journal, "free_bytes", lambda: free[0])
        until(lambda: node.watchdog.disk_low)
        assert node.watchdog.disk_free_bytes == 999
        with pytest.raises(DiskLow):
            ask(node, rides(1))
        assert wait_for(lambda done: node.read(last_of, done)) == node.journal.durable.last
        # A refusal for want of more than the watermark is over only when there is so much.
        free[0] = 1001
        time.sleep(1.2)
        assert node.watchdog.disk_low
        free[0] = 1 << 30
        until(lambda: not node.watchdog.disk_low)
        assert node.failed is None
        events = [line.split()[2] for line in node.log.out.getvalue().splitlines()]  # type: ignore[attr-defined]
        assert events.count("event=disk_low") == events.count("event=disk_again") == 1
        assert ask(node, rides(1))[0].outcome == Outcome.ACCEPTED


def test_no_call_of_the_log_names_a_card() -> None:
    """The log leaves such a field out; here it is found before it is ever called."""
    calls = 0
    for path in [p for top in ("core", "grpc", "cli") for p in (ROOT / top).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = node.func.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if name in ("log", "_log") and node.func.attr in ("info", "warning", "error"):
                calls += 1
                given = {word.arg for word in node.keywords}
                assert not given & FORBIDDEN, f"{path}:{node.lineno}: {given & FORBIDDEN}"
    assert calls > 15
