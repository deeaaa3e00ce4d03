"""Counters in C, published by name; logs of one line that hold no card."""

import asyncio
import json
import logging
import threading
from io import StringIO

import pytest
from prometheus_client import generate_latest

from onecard.core.log import Log
from onecard.core.metrics import Snapshot, new_registry
from onecard.ext.counters import BOUNDS_NS, BUCKETS, STAGES, Counters
from onecard.ext.outcome import Kind, Outcome
from onecard.grpc.mailbox import Mailbox
from tests.serving import run


def exposed(counters: Counters, **values: float) -> dict[str, float]:
    """Each sample by its name and labels, as a scrape reads it."""
    snapshot = Snapshot(counters, **values)  # type: ignore[arg-type]
    text = generate_latest(new_registry(lambda: snapshot)).decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_readers_show() -> None:
    found = exposed(Counters(), readers=2, reader_lag_commits=7)
    assert (found["onecard_readers"], found["onecard_reader_lag_commits"]) == (2, 7)


def test_every_kind_and_outcome_has_a_name() -> None:
    counters = Counters()
    for kind in Kind:
        for outcome in Outcome:
            counters.add_items(kind, outcome, int(kind) * 1000 + int(outcome))
    found = exposed(counters)
    for kind in Kind:
        for outcome in Outcome:
            labels = f'kind="{kind.name.lower()}",outcome="{outcome.name.lower()}"'
            expected = int(kind) * 1000 + int(outcome)
            assert found[f"onecard_items_total{{{labels}}}"] == expected
    conflicts = sum(int(kind) * 1000 + int(Outcome.CONFLICT) for kind in Kind)
    assert found["onecard_conflicts_total"] == conflicts


@pytest.mark.parametrize(
    ("kind", "row"), [(0, "ride"), (1, "ride"), (11, "check"), (12, "unknown"), (255, "unknown")]
)
def test_a_kind_as_sent_is_counted_under_its_name(kind: int, row: str) -> None:
    counters = Counters()
    counters.add_items(kind, 1, 3)
    counters.add_items(kind, 1, 2, repeated=True)
    found = exposed(counters)
    assert found[f'onecard_items_total{{kind="{row}",outcome="accepted"}}'] == 3
    assert found[f'onecard_duplicates_total{{kind="{row}"}}'] == 2


@pytest.mark.parametrize("stage", range(len(STAGES)))
def test_a_duration_falls_into_its_bucket(stage: int) -> None:
    assert BUCKETS <= 15
    counters = Counters()
    durations = [0, BOUNDS_NS[0], BOUNDS_NS[0] + 1, BOUNDS_NS[-1], BOUNDS_NS[-1] + 1]
    for ns in durations:
        counters.observe_ns(stage, ns)
    alone, sum_ns, count = counters.stage(stage)
    assert (alone[0], alone[1], alone[-2], alone[-1]) == (2, 1, 1, 1)
    assert (sum_ns, count) == (sum(durations), 5)
    name = f"onecard_batch_{STAGES[stage]}_seconds"
    found = exposed(counters)
    assert found[f'{name}_bucket{{le="1e-05"}}'] == 2
    assert found[f'{name}_bucket{{le="10"}}'] == 4
    assert found[f'{name}_bucket{{le="+Inf"}}'] == found[f"{name}_count"] == 5
    assert found[f"{name}_sum"] == pytest.approx(sum(durations) / 1e9)


@pytest.mark.parametrize("stage", [-1, 4])
def test_a_stage_that_is_none_is_refused(stage: int) -> None:
    with pytest.raises(ValueError, match="expected 0 to 3"):
        Counters().observe_ns(stage, 1)
    with pytest.raises(ValueError, match="expected 0 to 3"):
        Counters().stage(stage)


class FixedClock:
    """Stands still."""

    def now_us(self) -> int:
        return 17

    def monotonic(self) -> float:
        return 1.0

    def elapsed_ns(self) -> int:
        return 0

    def sleep(self, seconds: float) -> None:
        pass


LINES = [
    ({"batch": 5}, "batch=5"),
    ({"reason": "two words"}, 'reason="two words"'),
    ({"reason": 'a "quote"'}, 'reason="a \\"quote\\""'),
    ({"reason": "line\nbreak"}, 'reason="line\\nbreak"'),
    ({"reason": ""}, 'reason=""'),
    ({"reason": None}, 'reason=""'),
    ({"name": "公交"}, "name=公交"),
    ({"ok": True, "s": 0.5}, "ok=true s=0.5"),
    ({"x": "a=b"}, 'x="a=b"'),
]


@pytest.mark.parametrize(("fields", "text"), LINES)
def test_an_event_is_one_line(fields: dict[str, str], text: str) -> None:
    out = StringIO()
    Log(FixedClock(), out=out).info("taken", **fields)
    assert out.getvalue() == f"at_us=17 level=info event=taken {text}\n"
    out = StringIO()
    Log(FixedClock(), "json", out).error("taken", **fields)
    assert out.getvalue().count("\n") == 1
    row = json.loads(out.getvalue())
    assert row == {"at_us": 17, "level": "error", "event": "taken", **fields}


@pytest.mark.parametrize("name", ["card", "card_number", "token", "number", "key"])
def test_a_card_may_not_be_logged(name: str) -> None:
    out = StringIO()
    with pytest.raises(ValueError, match="may not be logged"):
        Log(FixedClock(), out=out).info("taken", **{name: 1})
    assert out.getvalue() == ""


def test_what_modules_log_comes_as_an_event() -> None:
    out = StringIO()
    logger = logging.getLogger("onecard")
    before = logger.handlers, logger.propagate, logger.level
    try:
        Log(FixedClock(), out=out).capture()
        logging.getLogger("onecard.core.x").warning("set %s aside", "it")
    finally:
        logger.handlers, logger.propagate, logger.level = before
    expected = 'at_us=17 level=warning event=note source=onecard.core.x text="set it aside"\n'
    assert out.getvalue() == expected


def test_a_burst_of_answers_wakes_the_loop_once() -> None:
    async def burst() -> tuple[list[object], int]:
        loop = asyncio.get_running_loop()
        woken = 0
        mailbox = Mailbox(loop)
        deliver = mailbox._deliver

        def counted() -> None:
            nonlocal woken
            woken += 1
            deliver()

        mailbox._deliver = counted  # type: ignore[method-assign]
        waits = [mailbox.expect() for _ in range(100)]

        def answer() -> None:
            for number, (_, done) in enumerate(waits):
                done(ValueError("99") if number == 99 else number)

        thread = threading.Thread(target=answer)
        thread.start()
        thread.join()  # the loop is held up meanwhile, as under load
        futures = [future for future, _ in waits]
        futures[50].cancel()
        return await asyncio.gather(*futures, return_exceptions=True), woken

    answers, woken = run(burst())
    assert woken == 1
    assert answers[:50] == list(range(50))
    assert isinstance(answers[50], asyncio.CancelledError)
    assert answers[51:99] == list(range(51, 99))
    assert isinstance(answers[99], ValueError)


def test_answers_from_many_threads_all_arrive() -> None:
    async def many() -> list[int]:
        mailbox = Mailbox(asyncio.get_running_loop())
        waits = [mailbox.expect() for _ in range(2000)]

        def answer(part: int) -> None:
            for at in range(part, 2000, 4):
                waits[at][1](at)

        for part in range(4):
            threading.Thread(target=answer, args=(part,)).start()
        return await asyncio.gather(*(future for future, _ in waits))

    assert run(many()) == list(range(2000))
