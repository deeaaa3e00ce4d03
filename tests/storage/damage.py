"""Damages a copy of a ledger in some way, opens it as a server does and sends every tap again.

As a script (`python -m tests.storage.damage FOLDER FIRST LAST`) it does so for a range of seeds,
each start in a process of its own, since LMDB may end it; a line a seed says what came of it.
"""

import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import numpy as np

from onecard.core.audit.verify import verify
from onecard.core.authorize.engine import ActIn, Engine, TapsIn
from onecard.core.checkpoint import identities
from onecard.core.checkpoint.identities import DATABASES
from onecard.core.checkpoint.identities import LAYOUT as IDENTITIES_LAYOUT
from onecard.core.checkpoint.pages import LAYOUT as STATE_LAYOUT
from onecard.core.checkpoint.pages import PAGES
from onecard.core.config import MIB
from onecard.core.errors import OnecardError
from onecard.core.ledger.folder import read_ledger_toml
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.cards import PutCards
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.core.settlement.window import CloseWindow
from onecard.core.storage.rebuildable import META, Rebuildable, open_rebuildable
from onecard.core.watch.log import Log
from onecard.ext.shape.numbers import Funding, Kind, Outcome, Role
from onecard.v1.tap_pb2 import Decisions, TapBatch
from tests.rules.taptable import NOW_US
from tests.support.engine import SMALL, HandClock

SETTINGS = replace(
    SMALL, recent_max=256, batch_taps_max=128, group_taps_max=128, segment_bytes=MIB // 2
)
PAGE_BYTES = 4096
CARDS, TERMINALS, BATCH = 100, 12, 64
HANG_S = 60
STARTS_MAX = 3  # one that notices it while it runs, one that sets it aside, one that is right

Files = dict[str, bytes]  # by path below the ledger's folder


@dataclass
class Made:
    """A ledger at rest, some earlier states of its files, and every message with its answer."""

    sent: list[tuple[bytes, bytes]]
    last: int
    digest: str
    earlier: list[Files]
    now_us: int


# ---- the ledger -----------------------------------------------------------------------------


def build(folder: Path, batches: int = 48) -> Made:
    """A few thousand taps of every kind of trouble; saved, closed and copied on the way."""
    clock = HandClock(NOW_US)
    Ledger.create(folder, SETTINGS)
    sent: list[tuple[bytes, bytes]] = []
    earlier: list[Files] = []
    done = 0
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
    ledger.close()
    for (_, first), (_, answer) in zip(sent, again, strict=True):
        assert told(first) == told(answer)
    write(folder, earlier[-1])
    return Made(again, last, digest, earlier[:-1], clock.us)


def registry() -> list[ActIn]:
    return [
        ActIn(PutParticipants([("metro", Role.OPERATOR), ("bank", Role.ISSUER)])),
        ActIn(PutTerminals([TerminalRow(f"T{n}", 1) for n in range(TERMINALS)])),
        ActIn(PutCards(np.arange(1, CARDS + 1, dtype=np.uint64), 2, Funding.PREPAID)),
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


def once_more(made: Made) -> bytes:
    """Reversals, by new taps, of some of what was reversed and has left memory."""
    rows = []
    for number, (_, answer) in enumerate(made.sent):
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


# ---- the damage -----------------------------------------------------------------------------


def damage(folder: Path, made: Made, chance: random.Random) -> str:
    """Do one thing to one file; what it was, in words."""
    names = list(files_of(folder))
    groups = [
        [name for name in names if name.startswith("checkpoint/identities/data")],
        [name for name in names if name.startswith("checkpoint/state/data")],
        [name for name in names if name.endswith("data.mdb") and name.startswith("journal")],
        [name for name in names if not name.endswith("data.mdb")],
    ]
    name = chance.choice(chance.choices(groups, (5, 3, 3, 1))[0])
    ways = DATA_WAYS if name.endswith("data.mdb") else FILE_WAYS
    if name.startswith("checkpoint") and name.endswith("data.mdb"):
        ways = DATA_WAYS + KEY_WAYS
    way = chance.choice(ways)
    return f"{name}: {way(folder, name, made, chance)}"


def flip(folder: Path, name: str, made: Made, chance: random.Random) -> str:
    content = bytearray((folder / name).read_bytes())
    if not content:
        return "is empty"
    at = chance.randrange(len(content))
    if len(content) >= 2 * PAGE_BYTES and chance.random() < 0.7:
        page = chance.randrange(len(content) // PAGE_BYTES)
        head = chance.choice((16, 16, 48, 160, 400))  # of a page, where its nodes are listed
        at = page * PAGE_BYTES + chance.randrange(head)
    bit = chance.randrange(8)
    content[at] ^= 1 << bit
    (folder / name).write_bytes(content)
    return f"bit {bit} of byte {at} (page {at // PAGE_BYTES}, byte {at % PAGE_BYTES}) flipped"


def exchange(folder: Path, name: str, made: Made, chance: random.Random) -> str:
    content = bytearray((folder / name).read_bytes())
    one, other = (chance.randrange(len(content) // PAGE_BYTES) for _ in range(2))
    a, b = (slice(n * PAGE_BYTES, (n + 1) * PAGE_BYTES) for n in (one, other))
    content[a], content[b] = content[b], content[a]
    (folder / name).write_bytes(content)
    return f"pages {one} and {other} exchanged"


def overlay(folder: Path, name: str, made: Made, chance: random.Random) -> str:
    """A page as it was before, of the same number."""
    old = chance.choice(made.earlier).get(name, b"")
    content = bytearray((folder / name).read_bytes())
    pages = min(len(old), len(content)) // PAGE_BYTES
    changed = [
        page
        for page in range(pages)
        if old[page * PAGE_BYTES : (page + 1) * PAGE_BYTES]
        != content[page * PAGE_BYTES : (page + 1) * PAGE_BYTES]
    ]
    if not changed:
        return zero(folder, name, made, chance)
    page = chance.choice(changed)
    content[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = old[
        page * PAGE_BYTES : (page + 1) * PAGE_BYTES
    ]
    (folder / name).write_bytes(content)
    return f"page {page} as it was before"


def zero(folder: Path, name: str, made: Made, chance: random.Random) -> str:
    content = bytearray((folder / name).read_bytes())
    page = chance.randrange(len(content) // PAGE_BYTES)
    content[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = bytes(PAGE_BYTES)
    (folder / name).write_bytes(content)
    return f"page {page} zeroed"


def cut(folder: Path, name: str, made: Made, chance: random.Random) -> str:
    size = (folder / name).stat().st_size
    unit = chance.choice((1, PAGE_BYTES))
    size = chance.randrange(size + 1) // unit * unit
    os.truncate(folder / name, size)
    return f"cut to {size} bytes"


def whole(folder: Path, name: str, made: Made, chance: random.Random) -> str:
    """The whole file gone, or as it was before."""
    old = chance.choice([*made.earlier, {}]).get(name)
    if old is None:
        (folder / name).unlink()
        return "removed"
    (folder / name).write_bytes(old)
    return "as it was before"


def noise(folder: Path, name: str, made: Made, chance: random.Random) -> str:
    content = bytearray((folder / name).read_bytes() or bytes(8))
    at = chance.randrange(len(content))
    content[at : at + 64] = chance.randbytes(min(64, len(content) - at))
    (folder / name).write_bytes(content)
    return f"noise from byte {at} on"


def keys(folder: Path, name: str, made: Made, chance: random.Random) -> str:
    """A key deleted, a value as it was before or of another key, one bit of a value: in LMDB."""
    old = chance.choice(made.earlier)
    before = folder.with_name("before")
    write(before, old)
    stale = values(before, name)
    shutil.rmtree(before)
    found = values(folder, name)
    database, key = chance.choice(sorted(found))
    way = chance.choice(("deleted", "as it was before", "another's", "a bit flipped"))
    value: bytes | None = found[database, key]
    if way == "deleted":
        value = None
    elif way == "as it was before":
        value = stale.get((database, key))
    elif way == "another's":
        value = found[chance.choice([one for one in sorted(found) if one[0] == database])]
    else:
        changed = bytearray(value or bytes(1))
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        value = bytes(changed)
    opened_environment = environment(folder, name)
    with opened_environment.write() as txn:
        if value is None:
            txn.delete(key, db=opened_environment.database(database))
        else:
            txn.put(key, value, db=opened_environment.database(database))
    opened_environment.close()
    return f"{database} {key.hex()} {way}"


def environment(folder: Path, name: str) -> Rebuildable:
    stamps = {"identities": (DATABASES, IDENTITIES_LAYOUT), "state": ([PAGES], STATE_LAYOUT)}
    databases, layout = stamps[Path(name).parent.name]
    stamp = read_ledger_toml(folder).origin.stamp(layout)
    log = Log(HandClock(0), out=StringIO())
    found = open_rebuildable((folder / name).parent, databases, stamp, 64 * MIB, log)
    assert found is not None
    return found


def values(folder: Path, name: str) -> dict[tuple[str, bytes], bytes]:
    databases = DATABASES if "identities" in name else (PAGES,)
    found = {}
    opened_environment = environment(folder, name)
    for database in (*databases, META):
        with opened_environment.read(database) as txn:
            found |= {(database, bytes(k)): bytes(v) for k, v in txn.cursor().iternext()}
    opened_environment.close()
    return found


Way = Callable[[Path, str, Made, random.Random], str]
DATA_WAYS: list[Way] = [flip, flip, flip, exchange, exchange, overlay, overlay, zero, cut, whole]
KEY_WAYS: list[Way] = [keys] * 4
FILE_WAYS: list[Way] = [flip, cut, whole, noise]


# ---- the proof ------------------------------------------------------------------------------


def start(folder: Path, made: Made) -> str:
    """Open it as a server does, send everything again: what came of it, in one line.

    `right`: the same answers, nothing booked, a new tap booked once, and verify agrees. `verified`:
    the same, but verify names a fault. `refused`: by name. Anything else is wrong.
    """
    try:
        ledger, engine = opened(folder, HandClock(made.now_us + 1_000_000))
        # More where a start before this one was refused at its end.
        last = ledger.journal.durable.last
        for message, answer in made.sent:
            (found,) = engine.step([TapsIn(0, message)])
            if isinstance(found, OnecardError):
                raise found
            assert isinstance(found, bytes)
            if found != answer:
                return "WRONG: another answer than before"
        if ledger.journal.durable.last != max(last, made.last):
            return "WRONG: something was booked again"
        if last <= made.last and ledger.state.digest() != made.digest:
            return "WRONG: other balances"
        (answer,) = engine.step([TapsIn(0, once_more(made))])
        if isinstance(answer, OnecardError):
            raise answer
        if set(Decisions.FromString(answer).outcome) != {Outcome.ORIGINAL_CLOSED}:
            return "WRONG: taken back twice"
        message = batch(1_000_000)
        (answer,) = engine.step([TapsIn(0, message)])
        if isinstance(answer, OnecardError):
            raise answer
        if engine.step([TapsIn(0, message)]) == [answer] and last <= made.last:
            return "WRONG: new twice"
        ledger.close(checkpoint=True)
    except OnecardError as error:
        return f"refused {error}"
    fault = verify(folder, settings=SETTINGS).fault
    return "right" if fault is None else f"verified {fault}"


def apart(folder: Path, made: Made) -> str:
    """`start` in a process of its own: LMDB may abort it, or hang."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.alarm(HANG_S)
        sys.stderr = open(os.devnull, "w")
        try:
            said = start(folder, made)
        except BaseException as error:
            said = f"DIED {type(error).__name__}: {error}"
        os.write(writing, said.encode()[:4000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told_file:
        said = told_file.read().decode()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return said if status == 0 else f"DIED of signal {-status}"


def once(folder: Path, files: Files, made: Made, seed: int) -> tuple[str, list[str]]:
    """One damage, and as many starts as it takes."""
    write(folder, files)
    chance = random.Random(seed)
    what = damage(folder, made, chance)
    said: list[str] = []
    while len(said) < STARTS_MAX:
        said.append(apart(folder, made))
        if not (said[-1].startswith("refused") and what.startswith("checkpoint/")):
            break
    return what, said


def main(kept: Path, first: int, last: int) -> None:
    """For each seed a line: seed, what was done, what each start said; tabs between.

    Every second seed is of a ledger whose terminals have shelves.
    """
    ledgers = []
    for shelves_from in (identities.SHELVES_FROM, 100):
        identities.SHELVES_FROM = shelves_from
        folder = kept / f"shelves{shelves_from}"
        made = build(folder)
        ledgers.append((files_of(folder), made))
    for seed in range(first, last):
        files, made = ledgers[seed % 2]
        what, said = once(kept / "copy", files, made, seed)
        print(seed, what, *said, sep="\t", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
