"""Counters in C, published by name; logs of one line that hold no card."""

import asyncio
import json
import logging
import os
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from typing import Any

import pytest
from prometheus_client import generate_latest

from onecard.core.watch.lines import Lines
from onecard.core.watch.log import Log
from onecard.core.watch.metrics import Snapshot, new_registry, serve_metrics
from onecard.ext.judge.counters import BOUNDS_NS, BUCKETS, STAGES, Counters
from onecard.ext.shape.numbers import Kind, Outcome
from onecard.grpc.server.bridge import Bridge, Starting
from tests.support.serving import run


def exposed(counters: Counters, **values: Any) -> dict[str, float]:
    """Each sample by its name and labels, as a scrape reads it."""
    snapshot = Snapshot(counters, **values)
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
    ("kind", "row"), [(0, "ride"), (1, "ride"), (13, "event"), (15, "unknown"), (255, "unknown")]
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

    def boottime_us(self) -> int:
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
@pytest.mark.parametrize("style", ["logfmt", "json"])
def test_a_card_is_not_logged(name: str, style: Any) -> None:
    out = StringIO()
    Log(FixedClock(), style, out).info("taken", **{name: 987654}, batch=5)
    assert "987654" not in out.getvalue()
    assert name in out.getvalue() and "batch" in out.getvalue()


class Untellable:
    """Has no words."""

    def __str__(self) -> str:
        raise RecursionError

    __repr__ = __str__


class DeadFile:
    """Takes nothing."""

    def write(self, text: str) -> None:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise ValueError("I/O operation on closed file")


WEIRD = [
    # value, what is told of it; None: the line is dropped and counted
    (Untellable(), None),
    ("\ud800", '"\\ud800"'),
    ("x" * 5000, "x" * 1000 + "..."),
    (float("nan"), "nan"),
    (1 << 300, str(1 << 300)),
    (b"\xff", "\"b'\\\\xff'\""),
]


@pytest.mark.parametrize(("value", "told"), WEIRD)
def test_the_log_never_raises_whatever_it_is_given(value: Any, told: str | None) -> None:
    with open(os.devnull, "w") as null:
        lines = Lines(null.fileno())
        for style in ("logfmt", "json"):
            for out in (lines, DeadFile(), None):
                log = Log(FixedClock(), style, out)  # type: ignore[arg-type]
                log.out = out if out is not None else None  # type: ignore[assignment]
                log.warning("taken", value=value)
                assert log.dropped == (1 if told is None or out is not lines else 0)
        assert lines.drain(5.0)
    text = StringIO()
    Log(FixedClock(), out=text).info("taken", value=value)
    expected = "" if told is None else f"at_us=17 level=info event=taken value={told}\n"
    assert text.getvalue() == expected.replace("\\ud800", "\ud800")


class MovedClock(FixedClock):
    """Moved by hand."""

    at_s = 0.0

    def monotonic(self) -> float:
        return self.at_s


def test_of_one_event_ten_lines_a_second_are_shown_and_the_rest_is_counted() -> None:
    out, clock = StringIO(), MovedClock()
    log = Log(clock, out=out)

    def lines() -> list[str]:
        found = [line.removeprefix("at_us=17 level=") for line in out.getvalue().splitlines()]
        out.seek(0)
        out.truncate()
        return found

    for _ in range(25):
        log.warning("batch_refused", participant=1)
    log.info("act")
    shown = ["warning event=batch_refused participant=1"]
    assert lines() == shown * 10 + ["info event=act"]
    log.tick()
    assert lines() == []
    clock.at_s = 1.0
    log.warning("batch_refused", participant=1)  # the next one tells of those before
    assert lines() == ["warning event=not_shown of=batch_refused count=15", *shown]
    for _ in range(12):
        log.warning("batch_refused", participant=1)
    assert lines() == shown * 9
    clock.at_s = 2.0
    log.tick()  # or, where none comes, the clock
    assert lines() == ["warning event=not_shown of=batch_refused count=3"]
    clock.at_s = 3.0
    log.tick()
    assert lines() == []


def test_lines_wait_apart_and_are_dropped_beyond_their_limit() -> None:
    reading, writing = os.pipe()
    with suppress(BlockingIOError):
        os.set_blocking(writing, False)
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    lines = Lines(writing, bytes_max=1000)
    for _ in range(30):
        lines.write("y" * 99 + "\n")
    assert not lines.drain(0.1), "nobody reads"
    # Ten wait, and one may be on its way.
    assert 19 <= lines.dropped <= 20
    found = b""
    while found.count(b"\n") < 30 - lines.dropped:
        found += os.read(reading, 65536)
    assert lines.drain(5.0)
    assert found.lstrip(b"x") == (b"y" * 99 + b"\n") * (30 - lines.dropped)
    os.close(reading)
    lines.write("gone\n")
    assert lines.drain(5.0)
    assert lines.dropped in (20, 21)
    os.close(writing)


def test_without_a_file_all_lines_are_dropped() -> None:
    lines = Lines(None)
    lines.write("one\n")
    lines.write("two\n")
    assert lines.dropped == 2
    assert lines.drain(0.0)


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """What a log that captures everything says."""
    out = StringIO()
    root, ours = logging.getLogger(), logging.getLogger("onecard")
    before = root.handlers, root.level, ours.level
    for owner, name in ((threading, "excepthook"), (sys, "unraisablehook"), (sys, "excepthook")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    try:
        Log(FixedClock(), out=out).capture()
        yield out
    finally:
        logging.captureWarnings(False)
        root.handlers, level, ours.level = before[0], before[1], before[2]
        root.setLevel(level)


def test_what_modules_log_comes_as_an_event(captured: StringIO) -> None:
    logging.getLogger("onecard.core.x").warning("set %s aside", "it")
    torn = logging.makeLogRecord({"name": "onecard.core.x", "msg": "%s", "args": ("it", "more")})
    logging.getLogger().handlers[0].handle(torn)
    try:
        raise KeyError("6222020000000000")
    except KeyError:
        logging.getLogger("asyncio").exception("of card %s\nin <Task>", 10**16)
    logging.getLogger("grpc").info("by the way")
    assert captured.getvalue().splitlines() == [
        'at_us=17 level=warning event=note source=onecard.core.x text="set it aside"',
        'at_us=17 level=error event=note source=asyncio text="of card ..." reason=KeyError',
    ]


def test_a_thread_that_dies_comes_as_an_event(captured: StringIO) -> None:
    def die() -> None:
        raise KeyError("6222020000000000")

    thread = threading.Thread(target=die, name="poor")
    thread.start()
    thread.join()
    line = captured.getvalue()
    assert "event=thread_died thread=poor error=KeyError where=test_metrics.py:" in line
    assert "6222" not in line


GAUGES = [
    # field of the snapshot, its value, the sample, its value (None: absent)
    ("engine_stopped", True, "onecard_engine_stopped", 1),
    ("engine_stopped", False, "onecard_engine_stopped", 0),
    ("log_lines_dropped", 7, "onecard_log_lines_dropped_total", 7),
    ("disk_free_bytes", 99, "onecard_disk_free_bytes", 99),
    ("disk_free_bytes", None, "onecard_disk_free_bytes", None),
    ("calendar_ends_s", 7.5, "onecard_calendar_end_timestamp_seconds", 7.5),
    ("calendar_ends_s", None, "onecard_calendar_end_timestamp_seconds", None),
    ("window_open_s", 5.5, "onecard_window_open_seconds", 5.5),
    ("window_open_s", None, "onecard_window_open_seconds", None),
    ("backup_age_s", 60.0, "onecard_backup_age_seconds", 60),
    ("backup_age_s", None, "onecard_backup_age_seconds", None),
    ("used", {"cards": (3, 8)}, "onecard_cards", 3),
    ("used", {"cards": (3, 8)}, "onecard_cards_limit", 8),
    ("used", {"terminals": (4, 9)}, "onecard_terminals", 4),
    ("used", {"terminals": (4, 9)}, "onecard_terminals_limit", 9),
    ("used", {"card_pasts": (6, 11)}, "onecard_card_pasts", 6),
    ("used", {"card_pasts": (6, 11)}, "onecard_card_pasts_limit", 11),
    ("used", {"terminal_pasts": (7, 12)}, "onecard_terminal_pasts", 7),
    ("used", {"terminal_pasts": (7, 12)}, "onecard_terminal_pasts_limit", 12),
]


@pytest.mark.parametrize(("name", "value", "sample", "shown"), GAUGES)
def test_what_somebody_is_alarmed_by_is_shown(
    name: str, value: Any, sample: str, shown: float | None
) -> None:
    assert exposed(Counters(), **{name: value}).get(sample) == shown


def test_what_went_into_suspense_is_counted_over_all_kinds() -> None:
    counters = Counters()
    assert exposed(counters)["onecard_suspense_taps_total"] == 0
    counters.add_items(Kind.RIDE, Outcome.ACCEPTED_SUSPENSE, 3)
    counters.add_items(Kind.EXIT, Outcome.ACCEPTED_SUSPENSE, 4)
    assert exposed(counters)["onecard_suspense_taps_total"] == 7


def test_a_scrape_that_fails_is_answered_500_and_the_next_one_is_not(
    capfd: pytest.CaptureFixture[str],
) -> None:
    broken = [True]

    def snapshot() -> Snapshot:
        if broken[0]:
            raise KeyError("6222020000000000")
        return Snapshot(Counters())

    server = serve_metrics(snapshot, "127.0.0.1", 0)
    try:
        url = f"http://{server.address}/metrics"
        with pytest.raises(urllib.error.HTTPError) as failed:
            urllib.request.urlopen(url, timeout=10)
        with failed.value as answer:
            assert answer.code == 500
            assert answer.read() == b"onecard: this scrape failed: KeyError\n"
        broken[0] = False
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.status == 200
    finally:
        server.stop()
    assert capfd.readouterr().err == ""


def test_a_burst_of_answers_wakes_the_loop_once() -> None:
    async def burst() -> tuple[list[object], int]:
        loop = asyncio.get_running_loop()
        woken = 0
        bridge = Bridge(Starting(), loop)
        deliver = bridge._deliver

        def counted() -> None:
            nonlocal woken
            woken += 1
            deliver()

        bridge._deliver = counted  # type: ignore[method-assign]
        waits = [bridge.expect() for _ in range(100)]

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
        bridge = Bridge(Starting(), asyncio.get_running_loop())
        waits = [bridge.expect() for _ in range(2000)]

        def answer(part: int) -> None:
            for at in range(part, 2000, 4):
                waits[at][1](at)

        for part in range(4):
            threading.Thread(target=answer, args=(part,)).start()
        return await asyncio.gather(*(future for future, _ in waits))

    assert run(many()) == list(range(2000))
