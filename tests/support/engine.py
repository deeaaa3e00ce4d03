"""The engine on a real ledger, step by step and without threads, and the twin held against it."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from onecard.core.authorize.engine import Act, ActIn, Engine, Submission, TapsIn
from onecard.core.config import MIB, Settings
from onecard.core.errors import BadInput, CalendarEnds, OnecardError, SweepsDue
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.actors import ActorRow, PutActors
from onecard.core.registry.calendar import CalendarPut, Days, PutCalendar
from onecard.core.registry.cards import PutCards
from onecard.core.registry.declarations import Declare as PutDeclarations
from onecard.core.registry.hold_terms import PutHoldTerms, TermsPut
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.row_change import Put
from onecard.core.registry.rules import PutRules
from onecard.core.registry.scenes import PutScenes, SceneRow
from onecard.core.registry.tariffs import PutTariff
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.core.settlement.window import Closed, CloseWindow, closed_view
from onecard.core.watch.log import Log
from onecard.ext.judge.body import BodyKey
from onecard.ext.shape.numbers import ActOutcome, Outcome, Record
from onecard.ext.state.hold_terms import HoldTerms
from onecard.v1.tap_pb2 import Decisions
from tests.support.steps import (
    CARDS_MAX,
    HOLDS_MAX,
    MALFORMED,
    Actors,
    Calendar,
    Cards,
    Close,
    Declare,
    Item,
    Message,
    NewHoldTerms,
    NewRules,
    NewTariff,
    Participants,
    Scenes,
    Taps,
    Terminals,
    TwinSide,
)
from tests.twin import acts as twin_acts
from tests.twin.digest import DIGEST_KEY
from tests.twin.state import Act as TwinAct
from tests.twin.state import Terminal
from tests.twin.twin import Decision

ROOM_BYTES = 512 << 20
SMALL = Settings(  # so small that identities are closed, and entries recalled, all the time
    cards_max=CARDS_MAX,
    terminals_max=1 << 8,
    holds_max=HOLDS_MAX,
    lots_max=1 << 8,
    recent_max=32,
    batch_taps_max=16,
    group_taps_max=16,
    segment_bytes=64 * MIB,
    watermark_bytes=0,
    checkpoint_map_bytes=64 * MIB,
    identities_map_bytes=64 * MIB,
    # The clock is thrown about here; tests/rules/test_booking.py has the bounds.
    downtime_max_s=10**9,
    clock_step_max_s=10**9,
)


class HandClock:
    """A clock that shows what it is set to."""

    def __init__(self, now_us: int) -> None:
        self.us = now_us  # moved, time has passed
        self.stepped_us = 0  # by which the wall clock was set, and no time passed

    def now_us(self) -> int:
        return self.us

    def boottime_us(self) -> int:
        return self.us - self.stepped_us

    def monotonic(self) -> float:
        return self.us / 1e6

    def elapsed_ns(self) -> int:
        return self.us * 1000

    def sleep(self, seconds: float) -> None:
        """Nobody waits for anybody here."""


class EngineSide:
    """Engine and ledger in one folder; can be closed and opened again."""

    def __init__(self, folder: Path, now_us: int, settings: Settings = SMALL) -> None:
        self.folder, self.settings, self.clock = folder, settings, HandClock(now_us)
        Ledger.create(folder, settings)
        self._open()

    def step(self, items: Sequence[Item], now_us: int) -> list[Any]:
        self.clock.us = now_us
        submissions: list[Submission] = []
        window = int(self.engine.state.totals["window"][0])
        for item in items:
            if isinstance(item, Taps | Message):
                submissions.append(TapsIn(item.principal, item.message()))
            else:
                submissions.append(ActIn(act_of(item, window)))
        return [answered(answer) for answer in self.engine.step(submissions)]

    def record(self, sequence: int) -> dict[str, Any]:
        block = self.engine.journal.block_of(sequence)
        assert block is not None and block.record == Record.ENTRIES, sequence
        return block_records(block)[sequence]

    def records(self, first: int) -> dict[int, dict[str, Any]]:
        """All entries from a sequence on."""
        found: dict[int, dict[str, Any]] = {}
        for block in self.engine.journal.blocks(first):
            if block.record == Record.ENTRIES:
                found |= block_records(block)
        return found

    def acts(self, first: int) -> list[TwinAct]:
        """Who did what, from a sequence on; AssertionError where the record is not what it is."""
        found = []
        for block in self.engine.journal.blocks(first):
            if block.record != Record.ACT or block.first < first:
                continue
            (row,) = block.rows
            assert (int(row["outcome"]), int(row["blocks"])) == (ActOutcome.DONE, 1)
            assert int(row["reason_bytes"]) == len(block.blob)
            names = ("sequence", "subject", "act", "actor", "checker", "participant")
            found.append(TwinAct(*(int(row[name]) for name in names), block.blob.decode()))
        return found

    def restart(self, checkpoint: bool = True) -> None:
        """Close and open again: from a checkpoint saved now, or by replaying everything."""
        self.ledger.close(checkpoint)
        if not checkpoint:
            shutil.rmtree(self.folder / "checkpoint", ignore_errors=True)
        self._open()

    def _open(self) -> None:
        log = Log(self.clock, out=StringIO())
        self.ledger = Ledger.open(self.folder, self.settings, clock=self.clock, log=log)
        self.engine = Engine(self.ledger, self.clock)
        self.engine.body_key = BodyKey(DIGEST_KEY)

    def close(self) -> None:
        self.ledger.close()


class Both:
    """Engine and twin fed the same; AssertionError where they differ."""

    def __init__(self, folder: Path, now_us: int, settings: Settings = SMALL) -> None:
        self.engine_side = EngineSide(folder, now_us, settings)
        self.twin_side = TwinSide(now_us, cards_max=settings.cards_max)
        self.compared = 0

    def step(self, items: Sequence[Item], now_us: int) -> list[Any]:
        """One window is closed at most a step: the engine is told its number beforehand."""
        first = self.twin_side.book.last + 1
        found = self.engine_side.step(items, now_us)
        expected = self.twin_side.step(items, now_us, self._booked_at(first, found))
        for item, one, other in zip(items, found, expected, strict=True):
            assert one == other, f"{item}\n engine {one}\n twin   {other}"
        self.compare(first)
        return found

    def record(self, sequence: int) -> dict[str, Any]:
        return self.engine_side.record(sequence)

    def restart(self, checkpoint: bool = True) -> None:
        self.engine_side.restart(checkpoint)
        self.compare(self.twin_side.book.last + 1)

    def close(self) -> None:
        """Everything once more, and the same digest from the checkpoint and from a replay."""
        self.compare(1)
        for checkpoint in (True, False):
            self.restart(checkpoint)

    def compare(self, first: int) -> None:
        """Entries from a sequence on, trial balance, open nets, and the digest of the state."""
        book, state = self.twin_side.book, self.engine_side.engine.state
        assert int(state.totals["last"][0]) == book.last
        records = self.engine_side.records(first)
        mine = {number for number in book.entries if number >= first}
        assert records.keys() >= mine
        for number in sorted(mine):
            assert records[number] == self.twin_side.record(number)
        found = self.engine_side.acts(first)
        assert found == [act for act in book.acts if act.sequence >= first]
        self._compare_sums()
        for name, rows in self.twin_side.tables().items():
            assert_rows(name, state.rows(name), rows)
        assert_rows("totals", state.totals, self.twin_side.totals())
        assert state.digest() == self.twin_side.digest()

    def _compare_sums(self) -> None:
        book, rows = self.twin_side.book, self.engine_side.engine.state.rows("participants")
        by_kind = {
            kind: sum(int(row["balance_fen"][kind]) for row in rows)
            for kind in book.trial_balance()
        }
        assert by_kind == book.trial_balance()
        assert sum(by_kind.values()) == 0
        nets = [int(row["window_in_fen"]) - int(row["window_out_fen"]) for row in rows]
        assert sum(nets) == 0
        for window in book.windows[-1:]:
            self._compare_window(window)

    def _compare_window(self, window: Any) -> None:
        number, first, cut, record = window.window, window.first, window.cut, window.record
        at_us, day = window.closed_at_us, window.business_day
        closed = Closed(number, day, first, cut, record, at_us)
        view = closed_view(self.engine_side.engine.journal, closed)
        found = {one.participant: (one.in_fen, one.out_fen, one.legs) for one in view.positions}
        expected = {
            number: (one.in_fen, one.out_fen, one.legs) for number, one in window.positions.items()
        }
        assert found == expected
        assert (view.first, view.cut, view.closed_at_us) == (first, cut, at_us)

    def _booked_at(self, first: int, answers: list[Any]) -> list[int]:
        """When the engine booked each item, which is an input to the twin as the clock is.

        It may end a block early where its memory for identities is full, so the time is read
        from the journal; that it grows from block to block is asserted here.
        """
        times: dict[int, int] = {}
        before_us = self.twin_side.book.booked_at_us
        now_us = self.engine_side.clock.us
        for block in self.engine_side.engine.journal.blocks(first):
            assert block.booked_at_us == max(now_us, before_us + 1)
            before_us = block.booked_at_us
            times |= dict.fromkeys(range(block.first, block.last + 1), before_us)
        booked = []
        for answer in answers:
            fresh = []
            if isinstance(answer, list) and answer and isinstance(answer[0], Decision):
                fresh = [d.sequence for d in answer if d.sequence and not d.repeated]
            booked.append(times[fresh[0]] if fresh else 0)
        return booked


def act_of(item: Item, window: int) -> Act:
    """An act as the engine is given it; `window` is the open one, for a Close."""
    match item:
        case Participants(rows):
            return PutParticipants(list(rows))
        case Terminals(terminals):
            return PutTerminals([terminal_row(row) for row in terminals])
        case Cards(tokens, issuer, funding, status, since_us, floor_fen, accounts, recorded):
            token = np.array(tokens, np.uint64)
            account = None if accounts is None else np.array(accounts, np.uint32)
            put = PutCards(token, issuer, funding, status, since_us, floor_fen, account)
            return replace(put, **dict(recorded))
        case NewTariff(name, effective_from_us, stations, fares_fen, entry_min_fen, network):
            fares = np.array(fares_fen, np.int32)
            return PutTariff(name, effective_from_us, stations, fares, entry_min_fen, network)
        case NewHoldTerms(effective_from_us, fundings, partial, life_s, network):
            terms = HoldTerms(fundings, partial, life_s)
            return PutHoldTerms("holds", effective_from_us, terms, network)
        case NewRules(rules):
            return PutRules(**vars(rules))
        case Declare(rows):
            return PutDeclarations([(r.terminal, r.day, r.taps, r.sum_fen) for r in rows])
        case Actors(rows, four_eyes):
            return PutActors([ActorRow(**vars(row)) for row in rows], four_eyes)
        case Scenes(rows):
            return PutScenes([SceneRow(**vars(row)) for row in rows])
        case Calendar(first_day, classes):
            return PutCalendar(Days(first_day, classes))
        case Close(business_day, force):
            return CloseWindow(window, business_day, force)
    raise TypeError(item)


def terminal_row(row: Terminal | twin_acts.TerminalRow) -> TerminalRow:
    said = (row.number, row.operator, row.place, row.mode, row.status, row.counterless, row.network)
    return TerminalRow(*said, row.since_us if isinstance(row, twin_acts.TerminalRow) else 0)


def answered(answer: Any) -> Any:
    """An answer of the engine in the twin's words."""
    if isinstance(answer, OnecardError):
        assert isinstance(answer, BadInput | CalendarEnds | SweepsDue), answer
        return MALFORMED
    if isinstance(answer, Closed):
        return answer.window, answer.first, answer.cut, answer.record
    if isinstance(answer, Put):
        return answer.ids or answer.changed
    if isinstance(answer, TermsPut):
        return answer.version
    if isinstance(answer, CalendarPut):
        return answer.changed
    if isinstance(answer, bytes):
        batch = Decisions.FromString(answer)
        columns = (batch.outcome, batch.sequence, batch.amount_fen, batch.balance_fen)
        rows = zip(*columns, batch.repeated, strict=True)
        return [
            Decision(Outcome(outcome), sequence, amount_fen, balance_fen, bool(repeated))
            for outcome, sequence, amount_fen, balance_fen, repeated in rows
        ]
    return answer


def block_records(block: Any) -> dict[int, dict[str, Any]]:
    """The entries of a block by sequence, each with its own legs and images."""
    legs = [dict(zip(block.legs.dtype.names, leg, strict=True)) for leg in block.legs.tolist()]
    images: dict[int, list[dict[str, int]]] = {}
    for image in block.images:
        row = {name: int(image[name]) for name in ("what", "key", "value")}
        images.setdefault(int(image["row"]), []).append(row)
    records = {}
    for number, values in enumerate(block.rows.tolist()):
        record = dict(zip(block.rows.dtype.names, values, strict=True))
        first = record.pop("legs_at")
        del record["layout"], record["version"]
        record["legs"] = legs[first : first + record["legs"]]
        record["images"] = images.get(number, [])
        records[record["sequence"]] = record
    return records


def assert_rows(name: str, found: Any, expected: Any) -> None:
    """Names the first row and field that differ, since a digest says only that something does."""
    assert len(found) == len(expected), f"{name}: {len(found)} rows, the twin has {len(expected)}"
    if found.tobytes() == expected.tobytes():
        return
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        for column in one.dtype.names:
            same = one[column].tobytes() == other[column].tobytes()
            assert same, f"{name}[{number}].{column}: engine {one[column]}, twin {other[column]}"


@contextmanager
def opened(name: str, now_us: int, settings: Settings = SMALL) -> Iterator[Any]:
    """A side by its name: "twin", or "engine", which is held against the twin at every step."""
    if name == "twin":
        yield TwinSide(now_us, cards_max=settings.cards_max)
        return
    with quick_folder() as folder:
        both = Both(folder / "ledger", now_us, settings)
        try:
            yield both
            both.close()
        finally:
            both.engine_side.close()


@contextmanager
def quick_folder() -> Iterator[Path]:
    """In memory where there is room: what is shown here does not hang on the disk."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM_BYTES
    with tempfile.TemporaryDirectory(dir=memory if roomy else None) as folder:
        yield Path(folder)
