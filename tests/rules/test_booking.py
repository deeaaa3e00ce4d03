"""The clock that blocks are booked by: what is taken, what is refused, and how it ends."""

import re
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from onecard.cli.main import app
from onecard.core.audit.verify import verify
from onecard.core.authorize.booking import ConfirmClock
from onecard.core.authorize.engine import Act, ActIn, Engine, ReadIn, TapsIn
from onecard.core.authorize.node import Node, wait_for
from onecard.core.clock import SystemClock
from onecard.core.config import Settings
from onecard.core.days import instant_text
from onecard.core.errors import BadInput, ClockDoubtful, LedgerInUse, Overloaded
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.cards import PutCards
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.row_change import Change
from onecard.core.registry.rules import PutRules
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.core.watch.log import Log
from onecard.ext.shape.numbers import Flag, Funding, Outcome, Record, Role, Status
from onecard.grpc.client import Client
from onecard.v1.tap_pb2 import Decisions, TapBatch
from tests.serve.test_serve import scrape, serving
from tests.support import engine
from tests.support.engine import HandClock, quick_folder

MINUTE_US, HOUR_US, DAY_US = 60_000_000, 3_600_000_000, 86_400_000_000
NOW_US = 1_780_300_800_000_000  # 2026-06-01 16:00 in UTC+8
SETTINGS = replace(
    engine.SMALL,
    downtime_max_s=Settings.downtime_max_s,
    clock_step_max_s=Settings.clock_step_max_s,
)
CARD, REASON = 0x1001, "the wall clock of the office shows it, Li"


class Served:
    """A ledger with a card and a gate, its engine stepped by hand, opened again at will."""

    def __init__(self, folder: Path, now_us: int = NOW_US) -> None:
        self.folder, self.clock = folder, HandClock(now_us)
        Ledger.create(folder, SETTINGS)
        self.open()
        self.seq = 0

    def open(self) -> None:
        log = Log(self.clock, out=StringIO())
        self.ledger = Ledger.open(self.folder, SETTINGS, clock=self.clock, log=log)
        self.engine = Engine(self.ledger, self.clock)

    def restart(self, off_us: int = 0) -> None:
        """Closed, and opened when the wall clock says so much later."""
        self.ledger.close()
        self.pass_us(off_us)
        self.open()

    def settle_in(self) -> "Served":
        for act in (
            PutParticipants([("Metro", Role.OPERATOR), ("Bank", Role.ISSUER)]),
            PutTerminals([TerminalRow("M-1", 1)]),
            PutCards(np.array([CARD], np.uint64), 2, Funding.CHIP),
        ):
            self.act(act)
        return self

    def pass_us(self, us: int) -> None:
        """Time passes, for both clocks."""
        self.clock.us += us

    def step_us(self, us: int) -> None:
        """The wall clock is set, and no time passes."""
        self.clock.us += us
        self.clock.stepped_us += us

    def act(self, act: Act) -> Any:
        (answer,) = self.engine.step([ActIn(act)])
        return answer

    def tap(self, offline: bool = False, at_us: int = 0) -> Any:
        """An Outcome, or why the message was refused."""
        self.seq += 1
        batch = TapBatch(
            card=[CARD],
            terminal=[1],
            terminal_seq=[self.seq],
            amount_fen=[100],
            tapped_at_us=[at_us],
            flags=bytes([Flag.OFFLINE if offline else 0]),
        )
        (answer,) = self.engine.step([TapsIn(0, batch.SerializeToString())])
        if isinstance(answer, bytes):
            return Outcome(Decisions.FromString(answer).outcome[0])
        self.seq -= 1  # not bound, so the same number comes again
        return answer

    def last(self) -> int:
        (answer,) = self.engine.step([ReadIn(lambda state: int(state.totals["last"][0]))])
        assert isinstance(answer, int)
        return answer

    def confirm(self, off_us: int = 0, reason: str = REASON) -> Any:
        return self.act(ConfirmClock(self.clock.us + off_us, reason))


@pytest.fixture
def served() -> Iterator[Served]:
    with quick_folder() as folder:
        made = Served(folder / "ledger").settle_in()
        yield made
        made.ledger.close()


def refused(answer: object, *said: str) -> bool:
    """Returns True when it is a doubtful clock, in one line that says so and what to do."""
    text = str(answer)
    return (
        isinstance(answer, ClockDoubtful)
        and "\n" not in text
        and all(
            part in text for part in ("clock: expected", "found", "onecard clock confirm", *said)
        )
    )


# ---- while it runs ------------------------------------------------------------------------------

TAKEN = (  # time that passes, and steps of the wall clock, that are no reason for doubt
    (0, 0),
    (1, 0),
    (400 * DAY_US, 0),  # nobody tapped for a year, or the machine was suspended
    (MINUTE_US, -1_000_000),  # a leap second
    (0, 1_000_000),
    (0, 299_000_000),
    (0, -299_000_000),
    (2 * DAY_US, 40_000_000),
)
STEPS = (
    (301_000_000, "5 minutes ahead"),
    (8 * HOUR_US, "8 hours ahead"),
    (200 * DAY_US, "200 days ahead"),
    (-301_000_000, "5 minutes behind"),
    (-8 * HOUR_US, "8 hours behind"),
    (-56 * 365 * DAY_US, "days behind"),
)


@pytest.mark.parametrize(("passed_us", "step_us"), TAKEN)
def test_time_passes_and_small_steps_are_taken(
    served: Served, passed_us: int, step_us: int
) -> None:
    served.pass_us(passed_us)
    served.step_us(step_us)
    assert served.tap() == Outcome.ACCEPTED


@pytest.mark.parametrize(("step_us", "said"), STEPS)
def test_a_step_books_nothing_until_the_clock_comes_back(
    served: Served, step_us: int, said: str
) -> None:
    assert served.tap() == Outcome.ACCEPTED
    before = served.last()
    served.step_us(step_us)
    for _ in range(2):
        assert refused(served.tap(), said, "clock_step_max_s")
        assert refused(served.act(PutRules(amount_max_fen=5)), said)
        served.pass_us(2 * DAY_US)  # time alone makes it no better
    assert served.last() == before  # reads are served
    served.step_us(-step_us + 7_000_000)
    assert served.tap() == Outcome.ACCEPTED
    assert served.tap(at_us=served.clock.us) == Outcome.ACCEPTED
    assert served.last() == before + 2


def test_a_clock_far_ahead_poisons_nothing(served: Served) -> None:
    """A tap booked at +200 days made every later one TIME_TOO_OLD, after a restart as well."""
    served.step_us(200 * DAY_US)
    assert refused(served.tap())
    served.step_us(-200 * DAY_US)
    assert served.tap(at_us=served.clock.us) == Outcome.ACCEPTED
    served.restart()
    assert served.tap(at_us=served.clock.us) == Outcome.ACCEPTED


def test_a_blocked_card_does_not_ride_on_a_clock_that_is_ahead(served: Served) -> None:
    served.step_us(8 * HOUR_US)
    block = PutCards(np.array([CARD], np.uint64), 2, Funding.CHIP, Status.BLOCKED)
    assert refused(served.act(block))
    served.step_us(-8 * HOUR_US)
    assert served.act(block).change.tolist() == [Change.CHANGED]
    served.pass_us(HOUR_US)
    at_us = served.clock.us - 1_000_000
    assert served.tap(offline=True, at_us=at_us) == Outcome.ACCEPTED_SUSPENSE


def test_steps_do_not_add_up_to_more_than_the_bound_a_day(served: Served) -> None:
    for _ in range(5):
        served.step_us(200_000_000)
        served.pass_us(DAY_US + 1)
        assert served.tap() == Outcome.ACCEPTED
    served.step_us(200_000_000)
    assert served.tap() == Outcome.ACCEPTED
    served.step_us(200_000_000)
    assert refused(served.tap(), "7 minutes ahead")


def test_a_process_that_was_stopped_between_two_readings_saw_no_step(served: Served) -> None:
    clock = served.clock
    stops = iter([3_600_000_000])

    class Stopped(HandClock):
        def now_us(self) -> int:
            clock.us += next(stops, 0)  # an hour between the reading before and this one
            return clock.us

        def boottime_us(self) -> int:
            return clock.boottime_us()

    served.engine.booking.clock = Stopped(0)
    assert served.tap() == Outcome.ACCEPTED


# ---- at the start -------------------------------------------------------------------------------

STARTS = (  # after the last block, how, what a refusal says
    (1, True, ""),
    (7 * DAY_US, True, ""),
    (7 * DAY_US + MINUTE_US, False, "at most 7 days (downtime_max_s) after the last block"),
    (200 * DAY_US, False, "200 days after it"),
    (-299_000_000, True, ""),
    (-301_000_000, False, "before the last block"),
    (-8 * HOUR_US, False, "8 hours before it"),
)


@pytest.mark.parametrize(("off_us", "taken", "said"), STARTS)
def test_a_start_is_held_against_the_last_block(
    served: Served, off_us: int, taken: bool, said: str
) -> None:
    before = served.last()
    served.restart(off_us)
    answer = served.tap()
    assert answer == Outcome.ACCEPTED if taken else refused(answer, said)
    assert served.last() == before + taken
    if not taken:
        served.step_us(-off_us)  # NTP sets it, a minute after the boot
        assert served.tap() == Outcome.ACCEPTED


@pytest.mark.parametrize("now_us", [0, 946_684_799_999_999, 4_102_444_800_000_000])
def test_a_fresh_ledger_takes_no_time_that_cannot_be(now_us: int) -> None:
    with quick_folder() as folder, pytest.raises(ClockDoubtful, match="a time from 2000 to 2099"):
        Served(folder / "ledger", now_us)


# ---- confirmed ----------------------------------------------------------------------------------


@pytest.mark.parametrize("off_us", [200 * DAY_US, 8 * HOUR_US, -8 * HOUR_US])
@pytest.mark.parametrize("restarted", [True, False])
def test_an_operator_confirms(served: Served, off_us: int, restarted: bool) -> None:
    served.tap()
    before = served.last()
    if restarted:
        served.restart(off_us)
    else:
        served.step_us(off_us)
    if off_us == 8 * HOUR_US and restarted:  # a night; nothing is to be confirmed
        assert served.confirm() == 0
        return
    assert refused(served.tap())
    booked_at_us = served.confirm()
    assert booked_at_us == int(served.engine.state.totals["booked_at_us"][0])
    # Who says so is on record a microsecond before.
    first_us = booked_at_us - 1
    assert first_us == served.clock.us if off_us > 0 else first_us > served.clock.us
    block = served.engine.journal.block_of(before + 2)
    assert block is not None
    assert (block.record, block.booked_at_us) == (Record.CONFIGS, booked_at_us)
    assert served.tap(at_us=served.clock.us) == Outcome.ACCEPTED
    served.pass_us(HOUR_US)
    assert served.tap() == Outcome.ACCEPTED
    assert served.confirm() == 0  # sent again, it books nothing
    assert served.last() == before + 4
    rules = PutRules()
    assert served.act(rules) is False  # they are as they were
    if off_us > 0:
        served.restart()
        assert served.tap() == Outcome.ACCEPTED
    served.ledger.close()
    report = verify(served.folder, settings=SETTINGS)
    served.open()
    assert report.ok, report.fault


WRONG_CONFIRMS = (
    (MINUTE_US * 6, REASON, "expected the time of the server's clock"),
    (-MINUTE_US * 6, REASON, "set the clock right first"),
    (0, "", "reason: expected 1 to 200 printable characters"),
    (0, "two\nlines", "reason: expected"),
    (0, "x" * 201, "reason: expected"),
)


@pytest.mark.parametrize(("off_us", "reason", "said"), WRONG_CONFIRMS)
def test_a_confirmation_that_is_none(served: Served, off_us: int, reason: str, said: str) -> None:
    served.step_us(8 * HOUR_US)
    assert refused(served.tap())
    answer = served.confirm(off_us, reason)
    assert isinstance(answer, BadInput) and said in str(answer)
    assert refused(served.tap())


def test_a_ledger_that_is_months_ahead_is_not_confirmed(served: Served) -> None:
    """Every tap would be too old, for ever; before, such a ledger was served."""
    served.step_us(200 * DAY_US)
    served.tap()
    assert served.confirm() > NOW_US  # an operator who confirmed the wrong clock
    served.step_us(-200 * DAY_US)
    answer = served.confirm()
    assert isinstance(answer, BadInput) and "restore the ledger" in str(answer)
    served.restart()
    assert refused(served.tap(), "200 days before it")


# ---- what is told -------------------------------------------------------------------------------


def test_what_a_node_tells_of_its_clock(served: Served) -> None:
    served.ledger.close()
    served.pass_us(2 * HOUR_US)
    lines = StringIO()
    node = Node(served.folder, SETTINGS, served.clock, Log(served.clock, out=lines))
    node.start()
    try:
        assert not node.clock_watch.doubtful
        assert node.clock_watch.booked_minus_wall_s() == pytest.approx(-7200, abs=1)
        assert "level=warning event=clock_gap seconds=7199" in lines.getvalue()
        served.step_us(8 * HOUR_US)
        with pytest.raises(ClockDoubtful):
            wait_for(lambda done: node.act(PutRules(amount_max_fen=5), done))
        assert node.clock_watch.doubtful
        asked = ConfirmClock(served.clock.us, REASON)
        assert isinstance(wait_for(lambda done: node.act(asked, done)), int)
        assert wait_for(lambda done: node.act(PutRules(amount_max_fen=5), done)) is True
        assert not node.clock_watch.doubtful
        assert node.clock_watch.booked_minus_wall_s() == pytest.approx(0, abs=1)
    finally:
        node.stop()
        served.open()
    told = [line for line in lines.getvalue().splitlines() if "event=clock" in line]
    events = [line.partition("event=")[2].split()[0] for line in told]
    assert events[:2] == ["clock_gap", "clock_doubtful"]
    assert sorted(events[2:]) == ["clock_believed", "clock_confirmed"]
    assert any("booked_minus_wall_s=-36000.0" in line for line in told)
    assert any(f'reason="{REASON}"' in line for line in told)


def test_a_server_after_a_month_waits_for_a_word(tmp_path: Path) -> None:
    """A real one, its clock the machine's: refused, seen in its metrics, confirmed by a command."""
    path = tmp_path / "ledger"
    Ledger.create(path, SETTINGS)
    now_us = SystemClock().now_us()
    with Ledger.open(path, SETTINGS, clock=(then := HandClock(now_us - 30 * DAY_US))) as ledger:
        Engine(ledger, then)  # books the rules that a ledger starts with

    def confirm(at_us: int, *where: str) -> str:
        command = ["clock", "confirm", instant_text(at_us), "--reason", REASON, *where]
        done = CliRunner().invoke(app, command)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    with serving(path) as server, Client(server.address) as client:
        assert "onecard_clock_doubtful 1.0" in scrape(server.metrics)
        with pytest.raises(Overloaded, match=r"30 days after it; nothing is booked: .* confirm"):
            client.put_participant("Metro", Role.OPERATOR)
        assert client.head().sequence == 2
        assert client.is_serving()
        with pytest.raises(BadInput, match="expected the time of the server's clock"):
            confirm(now_us - 8 * HOUR_US, "--to", server.address)
        assert "confirmed, and on record as of 20" in confirm(now_us, "--to", server.address)
        assert "not in doubt" in confirm(now_us, "--to", server.address)
        assert client.put_participant("Metro", Role.OPERATOR) == 1
        page = scrape(server.metrics)
        assert "onecard_clock_doubtful 0.0" in page
        ahead_s = float(
            re.findall(r"^onecard_clock_booked_minus_wall_seconds (.*)$", page, re.M)[0]
        )
        assert -60 < ahead_s <= 0
        with pytest.raises(LedgerInUse, match="or confirm to its server"):
            confirm(now_us, "--data", str(path))
        status, _, log = server.stop()
    assert status == 0
    assert log.count("event=clock_doubtful") == log.count("event=clock_confirmed") == 1
    assert "not in doubt" in confirm(now_us, "--data", str(path))
    with pytest.raises(BadInput, match="expected one of --to"):
        confirm(now_us)


def test_a_step_is_told_of_though_nobody_taps(served: Served) -> None:
    served.ledger.close()
    lines = StringIO()
    node = Node(served.folder, SETTINGS, served.clock, Log(served.clock, out=lines))
    node.start()
    try:
        served.step_us(-8 * HOUR_US)
        for _ in range(500):
            if node.clock_watch.doubtful:
                break
            node.clock.sleep(0.0)
            wait_for(lambda done: node.read(lambda state: 0, done))
        assert "event=clock_doubtful" in lines.getvalue()
    finally:
        node.stop()
        served.open()
