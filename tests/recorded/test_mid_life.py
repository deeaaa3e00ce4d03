"""A ledger of version 1 that goes on in version 2: what was booked then is given back, finished and
known again, whether it is in memory still or must be recalled, and its old files stay as they were.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onecard.core.audit.verify import verify
from onecard.core.checkpoint.claims import claims_on, ended_by
from onecard.ext.shape.numbers import Effect, Kind, Outcome, OwnerKind, Record
from onecard.v1.tap_pb2 import TapBatch
from tests.recorded import recording
from tests.recorded.recording import Opened, message_of
from tests.recorded.traffic import NO_TAP, NOW_US
from tests.support.engine import HandClock, answered
from tests.support.onecard_command import Command, commands
from tests.support.steps import DAY_US, START_RULES, Close, NewRules
from tests.twin.state import Tap
from tests.twin.twin import Decision

LATER_US = NOW_US + 8 * DAY_US
EPOCH = 9  # of whatever is tapped in the second life, so that its identities are new
CHARGES = (Kind.RIDE, Kind.PURCHASE)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    with commands(tmp_path_factory.mktemp("commands")) as command:
        yield command


@dataclass
class Life:
    """The ledger, what was booked in it before, and every message since with its answer."""

    opened: Opened
    again: list[bytes]
    old: list[np.void] = field(default_factory=list)
    sent: list[tuple[bytes, bytes]] = field(default_factory=list)
    tapped: int = 0

    @classmethod
    def begin(cls, folder: Path) -> "Life":
        ledger, again = recording.unpack(recording.GOLDEN_1, folder)
        recording.migrated(ledger)
        life = cls(Opened(ledger, HandClock(LATER_US)), again)
        blocks = life.opened.ledger.journal.blocks()
        life.old = [row for one in blocks if one.record == Record.ENTRIES for row in one.rows]
        assert {int(row["version"]) for row in life.old} == {1}
        return life

    def tap(self, kind: int, was: np.void, **columns: int) -> Tap:
        """A tap of the card of an entry, where that was tapped."""
        self.tapped += 1
        tap = replace(NO_TAP, kind=kind, card=int(was["token"]), terminal=int(was["terminal"]))
        return replace(tap, epoch=EPOCH, terminal_seq=self.tapped, **columns)

    def send(self, taps: Sequence[Tap]) -> list[Decision]:
        self.opened.clock.us += 1_000_000
        message = message_of(taps, len(self.sent))
        answer = self.opened.taps(0, message)
        self.sent.append((message, answer))
        return answered(answer)

    def entry(self, sequence: int) -> tuple[np.void, list[Any]]:
        found = self.opened.ledger.journal.entry(sequence)
        assert found is not None
        return found[0], found[1].tolist()

    def some(self, kinds: Sequence[int], in_memory: bool, count: int) -> list[np.void]:
        """Entries of before that nothing was taken back of, still of the terminal's operator."""
        state, ring = self.opened.engine.state, self.opened.engine.ring
        ledger, recent = self.opened.engine.ledger, self.opened.engine.recent
        originals = np.array([row["sequence"] for row in self.old], np.uint64)
        cold = claims_on(originals, ledger.journal, ledger.identities)
        untaken = set(originals[(cold["taken_by"] == 0) & (cold["corrected_by"] == 0)].tolist())
        fitting = [
            row
            for row in self.old
            if row["kind"] in kinds
            and row["outcome"] == Outcome.ACCEPTED
            and 50 <= row["amount_fen"] < 1 << 40
            and int(row["sequence"]) in untaken
            and recent.claimed(int(row["sequence"])) is None
            and state.table("terminals")[row["terminal"]]["operator_id"] == row["operator_id"]
            and (row["sequence"] >= ring.first) == in_memory
        ]
        found = fitting[-count:] if in_memory else fitting[:count]
        assert len(found) == count, (kinds, in_memory, len(fitting))
        return found


def columns_of(message: bytes) -> TapBatch:
    return TapBatch.FromString(message)


def negated(legs: Sequence[Any]) -> list[Any]:
    return [(*leg[:4], -leg[4]) for leg in legs]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    life = Life.begin(tmp_path_factory.mktemp("life"))
    yield life
    life.opened.close(checkpoint=False)


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_charge_of_version_1_is_refunded_and_reversed(life: Life, in_memory: bool) -> None:
    refunded, reversed_ = life.some(CHARGES, in_memory, 2)
    amount_fen, about = int(refunded["amount_fen"]), int(refunded["sequence"])
    back = {"amount_fen": 20, "about": about}
    undo = {
        "about_epoch": int(reversed_["epoch"]),
        "about_seq": int(reversed_["terminal_seq"]),
    }
    answers = life.send(
        [
            life.tap(Kind.REFUND, refunded, **back),
            life.tap(Kind.REFUND, refunded, **back | {"amount_fen": amount_fen - 19}),
            life.tap(Kind.REFUND, refunded, **back | {"amount_fen": amount_fen - 20}),
            life.tap(Kind.REFUND, refunded, **back | {"amount_fen": 1}),
            life.tap(Kind.REVERSAL, reversed_, **undo),
            life.tap(Kind.REVERSAL, reversed_, **undo),
            life.tap(
                Kind.REFUND,
                reversed_,
                **back | {"amount_fen": 1, "about": int(reversed_["sequence"])},
            ),
        ]
    )
    assert [answer.outcome for answer in answers] == [
        Outcome.ACCEPTED,
        Outcome.AMOUNT_EXCEEDS_ORIGINAL,
        Outcome.ACCEPTED,
        Outcome.AMOUNT_EXCEEDS_ORIGINAL,
        Outcome.ACCEPTED,
        Outcome.ORIGINAL_CLOSED,
        Outcome.ORIGINAL_CLOSED,
    ]
    assert answers[4].amount_fen == reversed_["amount_fen"]
    _, charge = life.entry(about)
    entry, legs = life.entry(answers[0].sequence)
    assert (entry["version"], entry["about"], entry["account"]) == (2, about, refunded["account"])
    assert legs == [(*leg[:4], 20 if leg[4] < 0 else -20) for leg in charge]
    _, undone = life.entry(answers[4].sequence)
    assert undone == negated(life.entry(int(reversed_["sequence"]))[1])
    claim = life.opened.engine.recent.claimed(about)
    assert claim is not None and claim["used_fen"] == amount_fen


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_hold_of_version_1_is_captured(life: Life, in_memory: bool) -> None:
    (hold,) = life.some((Kind.HOLD,), in_memory, 1)
    held_fen, about = int(hold["amount_fen"]), int(hold["sequence"])
    answers = life.send(
        [
            life.tap(Kind.CAPTURE, hold, amount_fen=held_fen + 1, about=about),
            life.tap(Kind.CAPTURE, hold, amount_fen=held_fen - 1, about=about),
            life.tap(Kind.RELEASE, hold, about=about),
        ]
    )
    outcomes = Outcome.AMOUNT_EXCEEDS_ORIGINAL, Outcome.ACCEPTED, Outcome.ORIGINAL_CLOSED
    assert tuple(answer.outcome for answer in answers) == outcomes
    entry, legs = life.entry(answers[1].sequence)
    fen = {(kind, purse): amount_fen for _, _, kind, purse, amount_fen in legs}
    assert (entry["version"], entry["account"]) == (2, hold["account"])
    assert fen == {
        (OwnerKind.ACCOUNT, 1): -held_fen,
        (OwnerKind.PAYABLE, 0): held_fen - 1,
        (OwnerKind.ACCOUNT, 0): 1,
    }


def test_what_ended_a_journey_of_version_1_is_known(life: Life) -> None:
    """In memory or in the index; an ENTRY that replaced a journey did not say whose."""
    ended = {
        int(row["journey" if row["kind"] == Kind.EXIT else "about"]): int(row["sequence"])
        for row in life.old
        if row["kind"] in (Kind.EXIT, Kind.REVERSAL) and row["effects"] & Effect.JOURNEY_CLOSED
    }
    entries = [int(row["sequence"]) for row in life.old if row["kind"] == Kind.ENTRY]
    cold = ended_by(np.array(entries, np.uint64), life.opened.ledger.identities).tolist()
    recent = life.opened.engine.recent
    found = [recent.ended_by(entry) or one for entry, one in zip(entries, cold, strict=True)]
    assert found == [ended.get(entry, 0) for entry in entries]
    assert len(ended) > 20 and any(cold) and 0 in found


def test_what_was_tapped_before_is_known_again(life: Life) -> None:
    """Of every message of before: a repeat as it is, a conflict with another column, no entry."""
    last = life.opened.ledger.journal.durable.last
    first = {(int(r["terminal"]), int(r["epoch"]), int(r["terminal_seq"])): r for r in life.old}
    known, voided = 0, 0
    for message in life.again:
        batch = columns_of(message)
        answers = answered(life.opened.taps(0, message))
        batch.line.extend([5] * len(batch.card))  # a column that version 1 did not know
        others = answered(life.opened.taps(0, batch.SerializeToString()))
        epochs = batch.epoch or [0] * len(batch.card)
        identities = zip(batch.terminal, epochs, batch.terminal_seq, strict=True)
        for identity, one, other in zip(identities, answers, others, strict=True):
            if one.repeated and (was := first.get(identity)) is not None:
                assert (one.sequence, one.outcome) == (was["sequence"], was["outcome"])
                assert other.outcome == Outcome.CONFLICT
                known += 1
            else:  # it was voided before it came, or came otherwise
                assert one.outcome in (Outcome.VOIDED, Outcome.CONFLICT)
                assert other.outcome == one.outcome
                voided += one.outcome == Outcome.VOIDED
    assert known > 1000 and voided > 0 and life.opened.ledger.journal.durable.last == last


def test_the_journal_of_both_is_proved_followed_and_restarted(life: Life, ask: Command) -> None:
    opened = life.opened
    rides = life.some((Kind.RIDE,), False, 6)
    opened.act(NewRules(replace(START_RULES, amount_max_fen=1000)))
    life.send([life.tap(Kind.RIDE, was, amount_fen=0) for was in rides])
    closed = opened.act(Close((LATER_US + START_RULES.zone_offset_us) // DAY_US))
    assert closed.window == 6, closed
    life.send([life.tap(Kind.CHECK, was) for was in rides])
    _assert_followed(life)
    digest, last = opened.digest(), opened.ledger.journal.durable.last
    for checkpoint in (True, False):
        opened.close(checkpoint)
        opened.open()
        assert opened.digest() == digest
        for message, answer in life.sent:
            _assert_repeated(opened.taps(0, message), answer)
        assert (opened.digest(), opened.ledger.journal.durable.last) == (digest, last)
    opened.close(checkpoint=True)
    report = verify(opened.folder, settings=recording.SETTINGS)
    assert report.ok and (report.last, report.windows) == (last, 6), report
    assert report.checkpoint == "ok" and report.identities.startswith("ok, "), report
    _assert_files_as_recorded(opened.folder, ask)
    opened.open()


def _assert_followed(life: Life) -> None:
    """Each account's entries of both versions, found by sequence, as the blocks have them."""
    journal = life.opened.ledger.journal
    by_account: dict[int, list[int]] = {}
    for block in journal.blocks():
        for row in block.rows if block.record == Record.ENTRIES else ():
            by_account.setdefault(int(row["account"]), []).append(int(row["sequence"]))
    both = 0
    for account, sequences in by_account.items():
        if account:
            assert life.opened.engine.state.table("accounts")[account]["last"] == sequences[-1]
            rows = journal.chain(sequences[-1], 10_000)
            assert rows["sequence"].tolist() == sequences[::-1]
            both += len(set(rows["version"].tolist())) == 2
    assert both >= 4


def _assert_repeated(found: bytes, answer: bytes) -> None:
    for one, other in zip(answered(found), answered(answer), strict=True):
        assert one == (replace(other, repeated=True) if other.sequence else other)


def _assert_files_as_recorded(folder: Path, ask: Command) -> None:
    """Of the windows of version 1; files of the newest are written too."""
    recorded = recording.read(recording.FACTS_1)
    for window in range(1, 6):
        for name, fact in recording.files_of(folder, window, ask).items():
            assert recorded[name] == fact, name
    assert len(recording.files_of(folder, 6, ask)) > 3
