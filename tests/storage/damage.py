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
from io import StringIO
from pathlib import Path

from onecard.core.audit.verify import verify
from onecard.core.authorize.engine import TapsIn
from onecard.core.checkpoint import identities
from onecard.core.checkpoint.identities import DATABASES
from onecard.core.checkpoint.identities import LAYOUT as IDENTITIES_LAYOUT
from onecard.core.checkpoint.pages import LAYOUT as STATE_LAYOUT
from onecard.core.checkpoint.pages import PAGES
from onecard.core.config import MIB
from onecard.core.errors import OnecardError
from onecard.core.ledger.folder import read_ledger_toml
from onecard.core.storage.rebuildable import META, Rebuildable, open_rebuildable
from onecard.core.watch.log import Log
from tests.storage.at_rest import SETTINGS, Files, Made, batch, build, files_of, opened, told, write
from tests.support.engine import HandClock

PAGE_BYTES = 4096
HANG_S = 60
STARTS_MAX = 3  # one that notices it while it runs, one that sets it aside, one that is right

Key = tuple[str, bytes]  # a database, and a key of it
Values = dict[Key, bytes]
Changes = dict[Key, bytes | None]  # None: deleted
CHANGED = ("deleted", "as it was before", "another's", "a bit flipped")
INDEX = "checkpoint/identities/data.mdb"


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
    """A page as it was before, of the same number; or torn, so that only its end is."""
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
    page, torn = chance.choice(changed), chance.choice((0, 0, 512, 2048, 3584))
    rest = slice(page * PAGE_BYTES + torn, (page + 1) * PAGE_BYTES)
    content[rest] = old[rest]
    (folder / name).write_bytes(content)
    return f"page {page} from byte {torn} on as it was before"


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
    stale, found = before(folder, name, made, chance), values(folder, name)
    one, way = chance.choice(chance.choice(kinds(found))), chance.choice(CHANGED)
    put(folder, name, {one: changed(one, way, found, stale, chance)})
    return f"{one[0]} {one[1].hex()} {way}"


def changed(
    one: Key, way: str, found: Values, stale: Values, chance: random.Random
) -> bytes | None:
    """What stands under a key after that."""
    if way == "deleted":
        return None
    if way == "as it was before":
        return stale.get(one)
    if way == "another's":
        others = [some for some in kinds(found) if some[0][0] == one[0]]
        return found[chance.choice(chance.choice(others))]
    value = bytearray(found[one] or bytes(1))
    value[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
    return bytes(value)


def many_keys(folder: Path, name: str, made: Made, chance: random.Random) -> str:
    """All keys of a space, or of a database, deleted, as they were before, or exchanged."""
    stale, found = before(folder, name, made, chance), values(folder, name)
    chosen = chance.choice(kinds(found))
    database, key = chosen[0]
    what = f"{database} {key[:2].hex()}"
    if chance.random() < 0.3:
        what, chosen = database, [one for one in sorted(found) if one[0] == database]
    way = chance.choice(("deleted", "as it was before", "as it was before", "exchanged"))
    changes: Changes = dict.fromkeys(chosen)
    if way == "as it was before":
        changes = {one: stale.get(one) for one in chosen}
    elif way == "exchanged":
        turned = [*chosen[1:], chosen[0]]
        changes = {one: found[other] for one, other in zip(chosen, turned, strict=True)}
    put(folder, name, changes)
    return f"all of {what} {way}"


def kinds(found: Values) -> list[list[Key]]:
    """The keys of each database, and of it of each space of the index or table of the state."""
    names = sorted({(database, key[:2]) for database, key in found})
    return [[one for one in sorted(found) if (one[0], one[1][:2]) == name] for name in names]


def before(folder: Path, name: str, made: Made, chance: random.Random) -> Values:
    """What was stored at an earlier time."""
    earlier = folder.with_name("before")
    write(earlier, chance.choice(made.earlier))
    found = values(earlier, name)
    shutil.rmtree(earlier)
    return found


def put(folder: Path, name: str, changes: Changes) -> None:
    opened_environment = environment(folder, name)
    with opened_environment.write() as txn:
        for (database, key), value in changes.items():
            if value is None:
                txn.delete(key, db=opened_environment.database(database))
            else:
                txn.put(key, value, db=opened_environment.database(database))
    opened_environment.close()


def environment(folder: Path, name: str) -> Rebuildable:
    stamps = {"identities": (DATABASES, IDENTITIES_LAYOUT), "state": ([PAGES], STATE_LAYOUT)}
    databases, layout = stamps[Path(name).parent.name]
    stamp = read_ledger_toml(folder).origin.stamp(layout)
    log = Log(HandClock(0), out=StringIO())
    found = open_rebuildable((folder / name).parent, databases, stamp, 64 * MIB, log)
    assert found is not None
    return found


def values(folder: Path, name: str) -> Values:
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
KEY_WAYS: list[Way] = [*[keys] * 4, *[many_keys] * 2]
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
        for message, answer in made.asked:
            (found,) = engine.step([TapsIn(0, message)])
            if isinstance(found, OnecardError):
                raise found
            if told(found) != told(answer):
                return "WRONG: taken back twice, or not as much as is left"
        # No tap asks for these yet.
        over = made.over[made.over["sequence"] <= ledger.identities.retired]
        if (ledger.identities.find(over) != over["sequence"]).any():
            return "WRONG: another entry spent a lot or ended a journey"
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
    return what, starts(folder, made, what)


def starts(folder: Path, made: Made, what: str) -> list[str]:
    said: list[str] = []
    while len(said) < STARTS_MAX:
        said.append(apart(folder, made))
        if not (said[-1].startswith("refused") and what.startswith("checkpoint/")):
            break
    return said


def in_each_space(kept: Path) -> None:
    """For each database of the index, and each space in it, a key that is changed, in one way after
    the other; pages of all spaces also as they were before. Lines as those of `main`, and whether
    it was noticed."""
    identities.SHELVES_FROM = 100
    made = build(kept / "ledger", 26)
    files, folder = files_of(kept / "ledger"), kept / "copy"
    write(folder, made.earlier[0])
    stale = values(folder, INDEX)
    write(folder, files)
    found = values(folder, INDEX)
    each = [(some, CHANGED[at % len(CHANGED)]) for at, some in enumerate(kinds(found))]
    each += [(some, "as it was before") for some in kinds(found) if some[0][0] == identities.PAGES]
    for number, (some, way) in enumerate(each):
        write(folder, files)
        chance = random.Random(number)
        moved = [one for one in some if one in stale and stale[one] != found[one]]
        one = (moved or some)[0]
        put(folder, INDEX, {one: changed(one, way, found, stale, chance)})
        what = f"{INDEX}: {one[0]} {one[1].hex()} {way}"
        said = starts(folder, made, what)
        if (folder / "checkpoint/identities.aside").exists() or said[-1].startswith("verified"):
            what += ", noticed"
        print(number, what, *said, sep="\t", flush=True)


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
