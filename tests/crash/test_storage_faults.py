"""Storage faults: power cuts, torn and flipped and swapped pages, failing writes, wrong files.

Of every damaged ledger only three things may be said: it is refused, it is proved to be at fault,
or every block in it is as it was written.
"""

import random
import shutil
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from onecard.core.audit.verify import Report, walk
from onecard.core.errors import OnecardError
from onecard.core.journal import Draft, LocalJournal
from onecard.core.storage.environment import DATA_FILE
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Record
from onecard.ext.state.state import State
from tests.crash import powercut
from tests.support.handmade import LEDGER_ID, Hand

MIB = 1 << 20
PAGE = 4096
SEGMENT_1 = Path("journal", "00000001", DATA_FILE)

WRITER = """
import os, sys
from pathlib import Path
from onecard.core.journal import LocalJournal
from onecard.core.storage.environment import WriteFailed, lmdb
from tests.support.handmade import LEDGER_ID, Hand
path, groups, weaker = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if weaker != "-":
    real = lmdb.Environment
    lmdb.Environment = lambda *a, **named: real(*a, **{**named, weaker: False})
acks = os.open(path / "acks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def appended(drafts):
    journal.write(drafts)
    os.write(acks, b"%d\\n" % journal.durable.last)
hand = Hand()
if not (path / "journal").exists():
    LocalJournal.create(path, LEDGER_ID, 1, 1 << 19).close()
journal = LocalJournal.open(path, LEDGER_ID, 1, 1 << 19)
try:
    appended(hand.registry())
    for group in range(groups):
        appended([hand.entries(300), hand.entries(2)])
except WriteFailed as error:
    for again in range(3):
        try:
            appended([hand.entries(1)])
        except WriteFailed:
            continue
        sys.exit("an append was taken after one had failed")
    sys.exit(3)
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return powercut.build(tmp_path_factory.mktemp("shim"))


def expected_values(groups: int) -> list[bytes]:
    """Every block that WRITER appends, sealed."""
    hand = Hand()
    drafts = hand.registry()
    for _ in range(groups):
        drafts += [hand.entries(300), hand.entries(2)]
    return [bytes(draft.body) for draft in drafts]


def proved(path: Path, head: bytes | None = None) -> Report:
    """The report of a walk; what is wrong is its fault."""
    report = Report(str(path))
    try:
        walk(path, LEDGER_ID, report, State(1 << 10, 1 << 8), head)
    except OnecardError as error:
        assert "\n" not in str(error)
        report.fault = str(error)
    return report


def bodies(path: Path) -> list[bytes]:
    """The bodies of all blocks, read as a node reads them."""
    with LocalJournal.open(path, LEDGER_ID, 1, MIB) as journal:
        return [block.value[dtypes.HEADER.itemsize :] for block in journal.blocks()]


# ---- F2: power cuts -------------------------------------------------------------------------


def lost_by_a_cut(path: Path, acks: list[str], wanted: list[bytes]) -> str | None:
    """What a disk after a cut lacks of what was answered; None if nothing."""
    acked = int(acks[-1]) if acks else 0
    if not acked and not (path / "journal" / "00000001").exists():
        return None  # the cut came before there was a ledger
    fault = proved(path).fault
    if fault is not None:
        return fault
    with LocalJournal.open(path, LEDGER_ID, 1, MIB // 2) as journal:
        found = [block.value[dtypes.HEADER.itemsize :] for block in journal.blocks()]
        if found != wanted[: len(found)]:
            return "other blocks than were written"
        if journal.durable.last < acked:
            return f"{acked} was answered, {journal.durable.last} is the last there is"
        rules = np.zeros(1, dtypes.CONFIG_RECORD)
        rules["sequence"] = journal.written.last + 1
        journal.write([Draft.of(Record.CONFIGS, rules, journal.written.booked_at_us + 1)])
    return None


def cut_everywhere(
    shim: Path, tmp_path: Path, groups: int, weaker: str, chances: int
) -> tuple[int, list[str]]:
    """Run WRITER, then cut the power at every moment; how many cuts, and what they lost."""
    folder, log = tmp_path / "ledger", tmp_path / "log"
    folder.mkdir()
    disk = powercut.Disk(folder)
    run = powercut.run(shim, folder, log, WRITER, str(groups), weaker)
    assert run.returncode == 0, run.stderr
    wanted = expected_values(groups)
    cuts, losses = 0, []
    happened = [*powercut.events(log), None]
    for number, event in enumerate(happened):
        # The disk changes with a sync only; just before it the most was answered.
        if event is None or event.kind in (powercut.SYNCED, powercut.WRITTEN_SYNCED):
            for seed in range(1 + chances):
                chance = random.Random(1000 * number + seed) if seed else None
                found = disk.lay_out(tmp_path / "found", chance)
                loss = lost_by_a_cut(found, disk.acks, wanted)
                if loss is not None:
                    losses.append(f"cut before event {number}, chance {seed}: {loss}")
                shutil.rmtree(found)
                cuts += 1
        if event is not None:
            disk.take(event)
    assert len(disk.acks) == groups + 1
    return cuts, losses


def test_f2_no_answer_is_lost_by_a_power_cut(shim: Path, tmp_path: Path) -> None:
    groups, chances = 14, 1
    cuts, losses = cut_everywhere(shim, tmp_path, groups, "-", chances)
    assert losses == []
    assert cuts > (1 + chances) * 2 * groups  # an append syncs its pages, then its meta page
    segments = list((tmp_path / "ledger" / "journal").iterdir())
    assert len(segments) > 1, "the cuts should also hit the start of a segment"


@pytest.mark.parametrize("weaker", ["sync", "metasync"])
def test_f2_the_cuts_would_tell_if_syncs_were_off(shim: Path, tmp_path: Path, weaker: str) -> None:
    _, losses = cut_everywhere(shim, tmp_path, 4, weaker, 0)
    assert losses


# ---- F3 to F6: damaged pages ----------------------------------------------------------------


@dataclass(frozen=True)
class Small:
    """A ledger of one segment, its file before and after its last commit, and its blocks."""

    path: Path
    before: bytes
    after: bytes
    wanted: list[bytes]
    acked_before: int

    def put(self, content: bytes | bytearray) -> Path:
        (self.path / SEGMENT_1).write_bytes(content)
        return self.path

    def sentence(self, content: bytes | bytearray, at_least: int | None = None) -> str:
        """`refused`, `fault` or `same`, of a file with this content; fails if none is true.

        `at_least` blocks must be there for `same`: all, unless said otherwise.
        """
        path = self.put(content)
        report = proved(path)
        if report.fault is not None:
            return "refused" if report.blocks == 0 else "fault"
        found = bodies(path)
        least = len(self.wanted) if at_least is None else at_least
        assert len(found) >= least and found == self.wanted[: len(found)], "silently wrong"
        return "same"


def small(path: Path, commits: int = 6) -> Small:
    path.mkdir(parents=True)
    hand = Hand()
    wanted: list[bytes] = []
    before, acked_before = b"", 0
    with LocalJournal.create(path, LEDGER_ID, 1, MIB) as journal:
        groups = [hand.registry()] + [[hand.entries(40), hand.entries(3)] for _ in range(commits)]
        for group in groups:
            before, acked_before = (path / SEGMENT_1).read_bytes(), len(wanted)
            journal.write(group)
            wanted += [bytes(draft.body) for draft in group]
    return Small(path, before, (path / SEGMENT_1).read_bytes(), wanted, acked_before)


def test_f3_a_torn_meta_page_gives_the_commit_before_or_is_refused(tmp_path: Path) -> None:
    torn_pages = set()
    for commits in (5, 6):
        ledger = small(tmp_path / str(commits), commits)
        changed = [
            page
            for page in (0, 1)
            if ledger.before[page * PAGE : page * PAGE + PAGE]
            != ledger.after[page * PAGE : page * PAGE + PAGE]
        ]
        assert len(changed) == 1  # a commit writes one of them
        torn_pages.update(changed)
        at = changed[0] * PAGE
        sentences: list[str] = []
        was = b""
        for k in range(513):
            content = ledger.after[: at + k] + ledger.before[at + k : at + PAGE]
            content += ledger.after[at + PAGE :]
            # Torn, that commit had not returned, so nobody was answered.
            again = content == was
            sentences.append(
                sentences[-1] if again else ledger.sentence(content, ledger.acked_before)
            )
            was = content
        assert sentences[0] == sentences[512] == "same"
        assert set(sentences) <= {"same", "refused"}
    assert torn_pages == {0, 1}


@pytest.mark.parametrize("filling", ["zeros", "noise", "ones"])
def test_f3_a_meta_page_overwritten_from_its_start_is_refused(tmp_path: Path, filling: str) -> None:
    ledger = small(tmp_path / "ledger")
    noise = random.Random(3).randbytes(512)
    written = {"zeros": bytes(512), "noise": noise, "ones": b"\xff" * 512}[filling]
    for page in (0, 1):
        for k in range(1, 513):
            content = bytearray(ledger.after)
            content[page * PAGE : page * PAGE + k] = written[:k]
            sentence = ledger.sentence(content)
            untouched = content == bytearray(ledger.after)
            assert sentence == ("same" if untouched else "refused"), (page, k)


def live_pages(content: bytes) -> int:
    return len(content) // PAGE


def bytes_of_blocks(ledger: Small) -> np.ndarray:
    """True for every byte of the file that a block's body stands in, and in no other place too: a
    page of before may hold the same, and nobody reads that."""
    of_blocks = np.zeros(len(ledger.after), bool)
    for body in ledger.wanted:
        if ledger.after.count(body) == 1:
            at = ledger.after.index(body)
            of_blocks[at : at + len(body)] = True
    return of_blocks


@pytest.mark.parametrize("tail", [1, 64, 512, 2048, 4000])
def test_f4_a_torn_data_page_is_found(tmp_path: Path, tail: int) -> None:
    ledger = small(tmp_path / "ledger", commits=6)
    of_blocks, was = bytes_of_blocks(ledger), np.frombuffer(ledger.after, np.uint8)
    noise = random.Random(4)
    torn = 0
    for page in range(2, live_pages(ledger.after)):
        for filling in (bytes(tail), noise.randbytes(tail)):
            content = bytearray(ledger.after)
            content[(page + 1) * PAGE - tail : (page + 1) * PAGE] = filling
            sentence = ledger.sentence(content)
            if (of_blocks & (np.frombuffer(content, np.uint8) != was)).any():
                assert sentence != "same", page
                torn += 1
    assert torn >= 6, "each commit has a block that goes on beyond a page"


READER = """
import os, sys
from pathlib import Path
import numpy as np
from onecard.core.errors import OnecardError
from onecard.core.journal import LocalJournal
from onecard.ext.shape import dtypes
from tests.support.handmade import LEDGER_ID
path = Path(sys.argv[1])
file = path / "journal" / "00000001" / "data.mdb"
good = file.read_bytes()
def read():
    with LocalJournal.open(path, LEDGER_ID, 1, 1 << 20) as journal:
        asked = np.arange(1, 400, dtype=np.uint64)
        blocks = [b.value for b in journal.blocks()]
        return journal.entries(asked).tobytes(), blocks, journal.durable.last
wanted = read()
for line in sys.stdin:
    at, bit = map(int, line.split())
    content = bytearray(good)
    content[at] ^= 1 << bit
    file.write_bytes(content)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if read() == wanted else 1)
        except OnecardError:
            os._exit(3)
        except BaseException:
            os._exit(4)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(at, bit, {0: "same", 1: "WRONG", 3: "refused"}.get(status, f"died {status}"))
"""


def flips(content: bytes, count: int, seed: int) -> list[tuple[int, int]]:
    """Single bits: a third anywhere, a third near the start of a page, a third in a meta page."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        anywhere = chance.randrange(len(content))
        at = (
            anywhere,
            anywhere // PAGE * PAGE + chance.randrange(48),
            chance.choice((0, PAGE)) + chance.randrange(152),
        )[number % 3]
        found.append((at, chance.randrange(8)))
    return found


def check_flips(tmp_path: Path, count: int, seed: int) -> Counter[str]:
    ledger = small(tmp_path / f"seed{seed}")
    sentences: Counter[str] = Counter()
    for at, bit in flips(ledger.after, count, seed):
        content = bytearray(ledger.after)
        content[at] ^= 1 << bit
        sentences[ledger.sentence(content)] += 1
    return sentences


def test_f5_no_flipped_bit_changes_what_is_read_unnoticed(tmp_path: Path) -> None:
    sentences = check_flips(tmp_path, 300, seed=5)
    assert sentences["refused"] and sentences["fault"] and sentences["same"]


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(10))
def test_f5_campaign_of_flipped_bits(tmp_path: Path, seed: int) -> None:
    assert sum(check_flips(tmp_path, 1000, seed).values()) == 1000


def read_flipped(ledger: Small, bits: list[tuple[int, int]]) -> Counter[str]:
    """Read the damaged file as a node does, without a walk before; each time in a new process."""
    ledger.put(ledger.after)
    lines = "".join(f"{at} {bit}\n" for at, bit in bits)
    run = powercut.run_plain(READER, str(ledger.path), given=lines)
    assert run.returncode == 0, run.stderr
    said = [line.split(" ", 2)[2] for line in run.stdout.splitlines()]
    assert len(said) == len(bits)
    assert "WRONG" not in said, [line for line in run.stdout.splitlines() if "WRONG" in line]
    return Counter(said)


def test_f5_a_reader_is_never_given_a_flipped_bit(tmp_path: Path) -> None:
    ledger = small(tmp_path / "ledger")
    said = read_flipped(ledger, flips(ledger.after, 150, seed=6))
    assert said["refused"] and said["same"]


def test_f5_no_bit_at_the_start_of_a_leaf_hides_a_block(tmp_path: Path) -> None:
    """There it says how many keys it holds: one less, and the newest block seems never written."""
    ledger = small(tmp_path / "ledger")
    leaves = [at for at in range(2 * PAGE, len(ledger.after), PAGE) if ledger.after[at + 10] == 2]
    bits = [(at + byte, bit) for at in leaves for byte in range(10, 16) for bit in range(8)]
    assert read_flipped(ledger, bits)["refused"] > len(bits) // 10


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(10))
def test_f5_campaign_of_readers(tmp_path: Path, seed: int) -> None:
    ledger = small(tmp_path / "ledger")
    assert sum(read_flipped(ledger, flips(ledger.after, 1000, seed)).values()) == 1000


def test_f6_swapped_and_stale_pages_are_found(tmp_path: Path) -> None:
    ledger = small(tmp_path / "ledger")
    chance = random.Random(7)
    pages = live_pages(ledger.after)
    sentences: Counter[str] = Counter()
    for _ in range(150):
        one, other = (PAGE * page for page in chance.sample(range(pages), 2))
        content = bytearray(ledger.after)
        content[one : one + PAGE] = ledger.after[other : other + PAGE]
        content[other : other + PAGE] = ledger.after[one : one + PAGE]
        sentences["swapped", ledger.sentence(content)] += 1
    for page in range(2, len(ledger.before) // PAGE):
        content = bytearray(ledger.after)
        content[page * PAGE : page * PAGE + PAGE] = ledger.before[page * PAGE : page * PAGE + PAGE]
        sentences["stale", ledger.sentence(content)] += 1
    assert sentences["swapped", "refused"] + sentences["swapped", "fault"] > 75
    assert sentences["stale", "refused"] + sentences["stale", "fault"] > 0


def test_f6_a_stale_meta_page_is_told_by_a_head_kept_elsewhere(tmp_path: Path) -> None:
    """It takes back exactly the last commit, as if that had never been: the file cannot tell."""
    ledger = small(tmp_path / "ledger")
    head = bytes.fromhex(proved(ledger.put(ledger.after)).head)
    told = 0
    for page in (0, PAGE):
        content = bytearray(ledger.after)
        content[page : page + PAGE] = ledger.before[page : page + PAGE]
        if content != ledger.after:
            assert ledger.sentence(content, ledger.acked_before) == "same"
            fault = proved(ledger.path, head).fault
            assert fault is not None and "a tail is missing or changed" in fault
            told += 1
    assert told == 1


# ---- F7: a write that fails once ------------------------------------------------------------


# The first appends, some around the start of a segment, and one that never comes.
FAILING = (1, 2, 5, 9, 10, 11, 12, 13, 1000)


@pytest.mark.parametrize("what", ["write", "meta", "sync"])
def test_f7_a_failed_write_stops_the_process_for_good(
    shim: Path, tmp_path: Path, what: str
) -> None:
    groups = 14
    wanted = expected_values(groups)
    failures = 0
    for nth in FAILING:
        folder = tmp_path / str(nth)
        folder.mkdir()
        LocalJournal.create(folder, LEDGER_ID, 1, MIB // 2).close()
        run = powercut.run(
            shim, folder, tmp_path / "log", WRITER, str(groups), "-", fail=f"{what}:{nth}"
        )
        acks = (folder / "acks").read_text().split()
        if nth == FAILING[-1]:
            assert run.returncode == 0 and len(acks) == groups + 1, run.stderr
            break
        assert run.returncode == 3, run.stderr
        failures += 1
        assert proved(folder).fault is None
        found = bodies(folder)
        assert found == wanted[: len(found)]
        with LocalJournal.open(folder, LEDGER_ID, 1, MIB) as journal:
            acked = int(acks[-1]) if acks else 0
            # What failed may be there or not; what was answered is.
            assert acked <= journal.durable.last <= acked + 302
    assert failures == len(FAILING) - 1


# ---- F9: a tiny map -------------------------------------------------------------------------


def test_f9_a_tiny_map_grows_by_segments_under_live_readers(tmp_path: Path) -> None:
    hand = Hand()
    tiny = 256 << 10
    with LocalJournal.create(tmp_path, LEDGER_ID, 1, tiny) as journal:
        journal.write(hand.registry())
        stop = threading.Event()
        failures: list[BaseException] = []

        def read() -> None:
            try:
                while not stop.is_set():
                    slow = journal.blocks()
                    first = next(slow)
                    stop.wait(0.001)
                    assert first.first == 1 and sum(block.count for block in slow) > 0
            except BaseException as error:
                failures.append(error)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for _ in range(60):
            journal.write([hand.entries(90), hand.entries(60)])
        stop.set()
        for reader in readers:
            reader.join()
        assert failures == []
        assert len(journal.segments) > 10 and journal.durable.last == hand.last
        assert all(s.environment.bytes_used <= tiny for s in journal.segments)
    assert proved(tmp_path).fault is None
