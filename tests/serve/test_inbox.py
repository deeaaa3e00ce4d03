"""The queue between many streams and one engine: in turn, in order, bounded by name."""

from dataclasses import replace
from pathlib import Path

import pytest

from onecard.core.authorize.engine import TapsIn
from onecard.core.authorize.inbox import Inbox
from onecard.core.config import KIB
from onecard.core.errors import BadInput, Overloaded
from tests.support.node import SMALL, Answers, Gate, rides, served


def test_streams_are_served_in_turn() -> None:
    inbox = Inbox(SMALL)
    for stream, count in (("A", 5), ("B", 2), (None, 2), ("C", 1)):
        for number in range(count):
            inbox.put(TapsIn(number, b"tap", stream))
    taken = [
        (one.stream, one.principal) for one in inbox.take(6, 10**9, 0.0) if type(one) is TapsIn
    ]
    assert taken == [("A", 0), ("B", 0), (None, 0), ("C", 0), ("A", 1), ("B", 1)]
    rest = inbox.take(100, 10**9, 0.0)
    assert [one.stream for one in rest] == [None, "A", "A", "A"]
    assert (inbox.count, inbox.bytes) == (0, 0)


def test_a_held_stream_keeps_its_place_and_its_order() -> None:
    inbox = Inbox(SMALL)
    for number in range(4):
        inbox.put(TapsIn(number, b"tap", "A"))
    inbox.put(TapsIn(9, b"tap", "B"))
    taken = [one for one in inbox.take(3, 10**9, 0.0) if one.stream == "A"]
    inbox.hold(taken)
    inbox.put(TapsIn(4, b"tap", "A"))
    inbox.put(TapsIn(10, b"tap", "B"))
    assert [one.stream for one in inbox.take(100, 10**9, 0.0)] == ["B"]
    inbox.release("A")
    order = [one.principal for one in inbox.take(100, 10**9, 0.0) if isinstance(one, TapsIn)]
    assert order == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"inbox_bytes_max": 8 * KIB}, r"^inbox: \d+ bytes wait, \d+ more .* limit of 8192; "),
        ({"inbox_stream_bytes_max": 4 * KIB}, r"^inbox of this stream: .* limit of 4096; read"),
    ],
)
def test_a_full_inbox_says_which_limit(
    limits: dict[str, int], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused at once, nothing of it taken; what waited is answered, and then there is room."""
    with served(tmp_path / "ledger", replace(SMALL, **limits)) as node:  # type: ignore[arg-type]
        gate = Gate(monkeypatch, node.journal, "write")
        answers = Answers()
        accepted = 0
        with pytest.raises(Overloaded, match=said):
            for number in range(100):
                node.taps(0, "A", rides(1 + 8 * number), answers.of(number))
                accepted += 1
        assert accepted >= 2
        if "inbox_stream_bytes_max" in limits:
            node.taps(0, "B", rides(1, terminal=2), answers.of("B"))
            accepted += 1
        gate.opened.set()
        answers.wait(accepted)
        node.taps(0, "A", rides(5000), answers.of("after"))
        answers.wait(accepted + 1)
        assert (node.inbox.count, node.inbox.bytes) == (0, 0)


def test_what_is_no_batch_does_not_come_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused where it is submitted, before anything of the engine looks at it."""
    with served(tmp_path / "ledger") as node:
        gate = Gate(monkeypatch, node.engine, "prepare")
        gate.opened.set()
        for message in (b"garbage, not a batch", rides(1)[:-1], rides(1, 17)):
            with pytest.raises(BadInput, match=r"^TapBatch: "):
                node.taps(0, "A", message, lambda answer: None)
        assert (node.inbox.count, gate.calls) == (0, 0)
        answers = Answers()
        node.taps(0, "A", rides(1), answers.of("whole"))
        answers.wait(1)
