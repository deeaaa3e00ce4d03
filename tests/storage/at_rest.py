"""A ledger at rest that is damaged by others: made once, with all that was answered on the way.

Rides, top-ups and reversals of many cards, and beside them claims and lots that move through the
index (`taken_back.py`); so little stays in memory that most of it is in pages.
"""

import shutil
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onecard.core.authorize.engine import ActIn, Engine, TapsIn
from onecard.core.checkpoint.claims import taken_back_by
from onecard.core.config import MIB
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.cards import PutCards
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.tariffs import PutTariff
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.core.settlement.window import CloseWindow
from onecard.core.watch.log import Log
from onecard.ext.identity.pages import GROUPS_A_SPACE
from onecard.ext.shape.numbers import Funding, Kind, Outcome, Record, Role, Space, Status
from onecard.v1.tap_pb2 import Decisions, TapBatch
from tests.rules.taptable import NOW_US
from tests.storage.taken_back import REFUSED, TakenBack
from tests.support.engine import SMALL, HandClock, answered

SETTINGS = replace(
    SMALL, recent_max=256, batch_taps_max=128, group_taps_max=128, segment_bytes=MIB // 2
)
CARDS, TERMINALS, BATCH = 100, 12, 64

Files = dict[str, bytes]  # by path below the ledger's folder
Sent = list[tuple[bytes, bytes]]  # messages, and what each is answered


@dataclass
class Made:
    """A ledger at rest, some earlier states of its files, and every message with its answer."""

    sent: Sent
    asked: Sent  # after all of it: what is refused, and what is left
    over: NDArray[np.void]  # keys of spent lots and ended journeys, and by which entry they are
    last: int
    digest: bytes
    earlier: list[Files]
    now_us: int


def build(folder: Path, batches: int = 36) -> Made:
    """A few thousand taps of every kind of trouble; saved, closed and copied on the way. Each
    message of them is followed by one of TakenBack."""
    clock = HandClock(NOW_US)
    Ledger.create(folder, SETTINGS)
    sent: Sent = []
    earlier: list[Files] = []
    done = 0
    back = TakenBack(CARDS + 1, TERMINALS + 1, TERMINALS + 2)
    for upto in (batches // 3, 2 * batches // 3, batches):
        ledger, engine = opened(folder, clock)
        if not sent:
            engine.step(registry())
        for number in range(done, upto):
            clock.us += 1_000_000
            message = batch(number)
            (answer,) = engine.step([TapsIn(0, message)])
            assert isinstance(answer, bytes), answer
            sent.append((message, answer))
            more = back.message()
            (answer,) = engine.step([TapsIn(0, more.message())])
            back.answered(more, answered(answer))
            sent.append((more.message(), answer))
            if number == batches // 2:
                engine.step([ActIn(CloseWindow(1, clock.us // 86_400_000_000))])
        done = upto
        last, digest = ledger.journal.durable.last, ledger.state.digest()
        ledger.close(checkpoint=True)
        earlier.append(files_of(folder))
    # What is sent again is answered as a repeat, and a tombstone's target as voided.
    ledger, engine = opened(folder, clock)
    again = [(message, engine.step([TapsIn(0, message)])[0]) for message, _ in sent]
    assert ledger.state.digest() == digest and ledger.journal.durable.last == last
    assert ledger.identities.retired > last // 2 and len(ledger.journal.segments) > 1
    over = all_over(ledger)
    asked = ask_for_more(engine, sent, back)
    ledger.close()
    for (_, first), (_, answer) in zip(sent, again, strict=True):
        assert told(first) == told(answer)
    write(folder, earlier[-1])
    return Made(again, asked, over, last, digest, earlier[:-1], clock.us)


def ask_for_more(engine: Engine, sent: Sent, back: TakenBack) -> Sent:
    """What is refused for ever, and then what is left of each original."""
    messages = [once_more(sent), *(one.message() for one in back.too_much())]
    messages.append(back.the_rest().message())
    asked = [(message, engine.step([TapsIn(0, message)])[0]) for message in messages]
    outcomes = [set(Decisions.FromString(answer).outcome) for _, answer in asked]
    assert set().union(*outcomes[:-1]) == REFUSED and outcomes[-1] == {Outcome.ACCEPTED}
    return asked


def all_over(ledger: Ledger) -> NDArray[np.void]:
    blocks = ledger.journal.blocks(1)
    entries = [one for one in blocks if one.record == Record.ENTRIES]
    moved = np.concatenate([taken_back_by(one, 0) for one in entries])
    space = moved["terminal"] // GROUPS_A_SPACE
    assert {Space.SPENT_LOTS, Space.JOURNEYS} < {*space}
    return moved[np.isin(space, (Space.SPENT_LOTS, Space.JOURNEYS))]


def registry() -> list[ActIn]:
    return [
        ActIn(PutParticipants([("metro", Role.OPERATOR), ("bank", Role.ISSUER)])),
        ActIn(PutTariff("flat", 1, 1, np.array([100], np.int32))),
        ActIn(PutTerminals([TerminalRow(f"T{n}", 1, 1) for n in range(TERMINALS + 1)])),
        ActIn(PutTerminals([TerminalRow("internal:0", 1, status=Status.INTERNAL)])),
        ActIn(PutCards(np.arange(1, CARDS + 2, dtype=np.uint64), 2, Funding.PREPAID)),
    ]


def batch(number: int) -> bytes:
    """Rides and top-ups; each eighth tap takes back an earlier one, each ninth one to come."""
    rows = range(number * BATCH, (number + 1) * BATCH)
    taps = [tap(row) for row in rows]
    return TapBatch(
        request_id=number + 1,
        card=[row % CARDS + 1 for row in rows],
        terminal=[row % TERMINALS + 1 for row in rows],
        terminal_seq=[row // TERMINALS + 1 for row in rows],
        kind=bytes(kind for kind, _, _ in taps),
        amount_fen=[amount_fen for _, amount_fen, _ in taps],
        about_seq=[about_seq for _, _, about_seq in taps],
    ).SerializeToString()


def tap(row: int) -> tuple[int, int, int]:
    """Kind, amount and the sequence it is about."""
    if row < 2 * CARDS or row % 5 == 0:
        return Kind.TOP_UP, 3_000, 0
    if row % 8 == 3:
        return Kind.REVERSAL, 0, max(1, row // TERMINALS - 24)  # of the same card
    if row % 9 == 4:
        return Kind.REVERSAL, 0, row // TERMINALS + 40
    return Kind.RIDE, 200 + row % 50, 0


def once_more(sent: Sent) -> bytes:
    """Reversals, by new taps, of some of what was reversed and has left memory."""
    rows = []
    for number, (_, answer) in enumerate(sent[::2]):
        for at, outcome in enumerate(Decisions.FromString(answer).outcome):
            row = number * BATCH + at
            kind, _, about = tap(row)
            if kind == Kind.REVERSAL and outcome == Outcome.ACCEPTED:
                rows.append((row, about))
    rows = rows[:: max(1, len(rows) // BATCH)][:BATCH]
    assert len(rows) > BATCH // 2
    return TapBatch(
        card=[row % CARDS + 1 for row, _ in rows],
        terminal=[row % TERMINALS + 1 for row, _ in rows],
        terminal_seq=[5_000_000 + at for at in range(len(rows))],
        kind=bytes([Kind.REVERSAL] * len(rows)),
        amount_fen=[0] * len(rows),
        about_seq=[about for _, about in rows],
    ).SerializeToString()


def opened(folder: Path, clock: HandClock) -> tuple[Ledger, Engine]:
    ledger = Ledger.open(folder, SETTINGS, clock=clock, log=Log(clock, out=StringIO()))
    return ledger, Engine(ledger, clock)


def told(answer: bytes) -> list[list[int]]:
    """What an answer says of each tap, but for whether it was said before."""
    found = Decisions.FromString(answer)
    return [
        list(column)
        for column in (found.outcome, found.sequence, found.amount_fen, found.balance_fen)
    ]


def files_of(folder: Path) -> Files:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write(folder: Path, files: Files) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
