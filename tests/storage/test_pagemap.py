"""Pages with two uses or none: no start that could overwrite an answered block, and none that dies.

Each damaged file is opened in a process of its own, as `serve` does it, and written to. It must be
refused by name; or else every byte of every block that was answered is still stored.
"""

import random
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from onecard.core.errors import LedgerFault, LedgerForeign
from onecard.core.journal import LocalJournal
from onecard.core.ledger.opened import Ledger
from onecard.core.storage import datafile, environment, pagemap
from onecard.core.storage.datafile import DATA_FILE, check_pages
from onecard.core.storage.environment import Environment
from onecard.core.storage.pagemap import FREE_LIST, HEAD_BYTES, MAIN, NODE_BYTES, PageMap
from tests.crash import powercut
from tests.support.algorithms import chosen
from tests.support.handmade import LEDGER_ID, Hand

MIB = 1 << 20
PAGE = 4096
SEGMENT_1 = Path("journal", "00000001")
BLOCKS = "database blocks"
OVERWRITES = "a write could overwrite what is stored"
SIZES = (0, 9, 500, 2000, 2100, 9000)

WRITER = """
import os, sys
from pathlib import Path
from onecard.core.storage import environment
from onecard.core.errors import OnecardError
from onecard.core.journal import LocalJournal
from onecard.core.storage.environment import Environment
from onecard.ext.shape.dtypes import HEADER
from tests.support.handmade import LEDGER_ID
from tests.storage.test_pagemap import SEGMENT_1, MIB, appended
path = Path(sys.argv[1])
def stored():
    with Environment(path / SEGMENT_1, ("blocks",), readonly=True) as opened:
        with opened.read("blocks") as txn, txn.cursor() as cursor:
            values = [bytes(value) for _, value in cursor]
    return {value[: HEADER.itemsize]: value for value in values}
def gone(found, header, value):
    # Its node may say a few bytes more or less, which its header contradicts: none are lost.
    shared = min(len(value), len(found.get(header, b"")))
    return found.get(header, b"")[:shared] != value[:shared] or shared <= len(value) // 2
def tried():
    if sys.argv[2] == "believed":
        environment.check_pages = lambda *_: True
    try:
        journal = LocalJournal.open(path, LEDGER_ID, 1, 8 * MIB)
    except OnecardError as error:
        return f"refused: {error}"
    with journal:
        for size in (2, 2, 60, 2, 2, 2, 2, 2, 2, 2):
            journal.write([hand.entries(size)])
    found = stored()
    lost = sum(gone(found, *block) for block in wanted.items())
    return f"OVERWRITTEN: {lost} blocks are gone" if lost else "kept"
wanted, hand = stored(), appended(None)
file = path / SEGMENT_1 / "data.mdb"
good = file.read_bytes()
for line in sys.stdin:
    at, bit = map(int, line.split())
    content = bytearray(good)
    content[at] ^= 1 << bit
    file.write_bytes(content)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            os.write(write, tried().encode())
        except BaseException as error:
            os.write(write, f"STOPPED: {type(error).__name__} {error}".encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        words = said.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(words if status == 0 else f"DIED {status}")
"""


def appended(journal: LocalJournal | None) -> Hand:
    """Blocks in leaves and beside them, under a branch page; who can write what follows."""
    hand = Hand()
    for number in range(-1, 62):
        drafts = hand.registry() if number < 0 else [hand.entries(40 if number % 9 == 0 else 3)]
        if journal is not None:
            journal.write(drafts)
    return hand


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A journal's folder, and its data file as it was written."""
    path = tmp_path_factory.mktemp("ledger")
    with LocalJournal.create(path, LEDGER_ID, 1, 8 * MIB) as journal:
        appended(journal)
    return path, (path / SEGMENT_1 / DATA_FILE).read_bytes()


def tried(ledger: tuple[Path, bytes], bits: list[tuple[int, int]], how: str) -> list[str]:
    """What becomes of a journal with each of these bits flipped, written to by a new process."""
    path, content = ledger
    (path / SEGMENT_1 / DATA_FILE).write_bytes(content)
    lines = "".join(f"{at} {bit}\n" for at, bit in bits)
    run = powercut.run_plain(WRITER, str(path), how, given=lines)
    assert run.returncode == 0, run.stderr
    said = run.stdout.splitlines()
    assert len(said) == len(bits)
    (path / SEGMENT_1 / DATA_FILE).write_bytes(content)
    return said


def walked(path: Path) -> PageMap:
    """The map of a sound file."""
    with datafile._opened(path / DATA_FILE) as descriptor:
        meta = datafile._newer(datafile._metas(descriptor, "it"))
        found = PageMap(descriptor, "it", PAGE, meta.last_page, meta.commit)
        found.check(meta.free, meta.main)
    return found


def pages_of(found: PageMap, *names: str) -> list[int]:
    return [page for use in found.uses if use.name in names for page in use.first.tolist()]


def nodes_of(content: bytes, page: int) -> list[int]:
    (lower,) = struct.unpack_from("<H", content, page * PAGE + 12)
    count = (lower - HEAD_BYTES) // 2
    starts = struct.unpack_from(f"<{count}H", content, page * PAGE + HEAD_BYTES)
    return [page * PAGE + start for start in starts]


def told(content: bytes, page: int) -> list[int]:
    """The bytes of a page that say where things are: its head, and heads and keys of its nodes."""
    flags, lower = struct.unpack_from("<HH", content, page * PAGE + 10)
    places = list(range(page * PAGE, page * PAGE + lower))
    for node in nodes_of(content, page):
        node_flags, key_bytes = struct.unpack_from("<HH", content, node + 4)
        big = NODE_BYTES if flags == pagemap.LEAF and node_flags & pagemap.BIG else 0
        places += range(node, node + NODE_BYTES + key_bytes + big)
    return places


def flips(ledger: tuple[Path, bytes], count: int, seed: int) -> list[tuple[int, int]]:
    """Half anywhere in the pages of the free list, half where the trees of blocks say places."""
    path, content = ledger
    found = walked(path / SEGMENT_1)
    chance = random.Random(seed)
    anywhere = [page * PAGE + at for page in pages_of(found, FREE_LIST) for at in range(PAGE)]
    places = [at for page in pages_of(found, MAIN, BLOCKS) for at in told(content, page)]
    return [
        (chance.choice(anywhere if number % 2 else places), chance.randrange(8))
        for number in range(count)
    ]


def check(ledger: tuple[Path, bytes], count: int, seed: int) -> None:
    bits = flips(ledger, count, seed)
    said = tried(ledger, bits, "checked")
    kinds = Counter(words.split(":")[0] for words in said)
    wrong = [(bit, words) for bit, words in zip(bits, said, strict=True) if words[0].isupper()]
    assert wrong == []
    assert kinds["refused"] > count // 3 and kinds["kept"]
    assert all("data.mdb" in words or "segment" in words for words in said if words != "kept")


def test_f46_no_flipped_bit_of_the_free_list_or_a_tree_overwrites_a_block(
    ledger: tuple[Path, bytes],
) -> None:
    check(ledger, 240, seed=46)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(10))
def test_f46_campaign(ledger: tuple[Path, bytes], seed: int) -> None:
    check(ledger, 1000, seed)


def freeing(content: bytes, found: PageMap) -> Iterator[tuple[int, int]]:
    """The bits of the free list that make a freed page one that a block lies in."""
    used = {
        first + nth
        for use in found.uses
        if use.name in (BLOCKS, f"large values of {BLOCKS}")
        for first, pages in zip(use.first.tolist(), use.pages.tolist(), strict=True)
        for nth in range(pages)
    }
    for page in pages_of(found, FREE_LIST):
        for node in nodes_of(content, page):
            (size,) = struct.unpack_from("<H", content, node)
            for at in range(node + 24, node + 16 + size, 8):  # after the commit and the count
                (freed,) = struct.unpack_from("<Q", content, at)
                yield from ((at, bit) for bit in range(8) if freed ^ 1 << bit in used)


def test_f46_a_free_list_that_names_a_block_would_overwrite_it_and_is_refused(
    ledger: tuple[Path, bytes],
) -> None:
    path, content = ledger
    bits = list(freeing(content, walked(path / SEGMENT_1)))
    assert len(bits) >= 3
    said = tried(ledger, bits, "checked")
    assert all(words.startswith("refused") for words in said), said
    assert sum(OVERWRITES in words for words in said) > len(said) // 2
    # LMDB itself believes it: the block is lost, and nothing tells.
    assert any(words.startswith("OVERWRITTEN") for words in tried(ledger, bits, "believed"))


def test_the_head_of_a_large_value_that_is_replaced_says_its_pages(tmp_path: Path) -> None:
    """LMDB frees as many as it says: here also those of the value after it."""
    with Environment(tmp_path / "it", ("pages",), map_bytes=MIB, create=True) as opened:
        with opened.write("pages") as txn:
            for key in (b"1", b"2", b"3"):
                txn.put(key, key * 9000)
    [page, *_] = pages_of(walked(tmp_path / "it"), "large values of database pages")
    content = bytearray((tmp_path / "it" / DATA_FILE).read_bytes())
    content[page * PAGE + 12] ^= 4
    (tmp_path / "it" / DATA_FILE).write_bytes(content)
    assert check_pages(tmp_path / "it")  # as a journal is opened, whose values are never freed
    with pytest.raises(LedgerFault, match=r"of 3 pages, found page \d of 7"):
        Environment(tmp_path / "it", ("pages",), map_bytes=MIB, heads=True)


def test_verify_says_what_an_opening_says(ledger: tuple[Path, bytes], tmp_path: Path) -> None:
    path, content = ledger
    at, bit = next(freeing(content, walked(path / SEGMENT_1)))
    damaged = bytearray(content)
    damaged[at] ^= 1 << bit
    (tmp_path / DATA_FILE).write_bytes(damaged)
    with pytest.raises(LedgerFault, match="in freed pages and in") as raised:
        Environment(tmp_path, ("blocks",), map_bytes=MIB)
    assert environment.structure(tmp_path) == [str(raised.value)]


def test_f46_serve_refuses_with_what_verify_says(tmp_path: Path) -> None:
    origin = Ledger.create(tmp_path)
    with LocalJournal.open(tmp_path, origin.ledger_id, 1, algorithms=chosen()) as journal:
        appended(journal)
    file = tmp_path / SEGMENT_1 / DATA_FILE
    content = bytearray(file.read_bytes())
    at, bit = next(freeing(bytes(content), walked(file.parent)))
    content[at] ^= 1 << bit
    file.write_bytes(content)
    said = []
    for command in (["verify"], ["serve", "--listen", "127.0.0.1:0", "--metrics-port", "0"]):
        words = [str(Path(sys.executable).with_name("onecard")), *command, str(tmp_path)]
        run = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert run.returncode not in (0, -6, -7, -11)
        said.append(" ".join((run.stdout + run.stderr).split()))
        assert "Traceback" not in said[-1]
    fault = f"{file}: expected one use of every page, found page "
    assert all(fault in words and OVERWRITES in words for words in said), said
    assert file.read_bytes() == content


def test_every_file_of_ours_has_a_use_for_every_page(tmp_path: Path) -> None:
    """Overwritten and growing values, in leaves and beside them; many levels; a full free list."""
    chance = random.Random(1)
    with Environment(tmp_path / "it", ("one", "two"), map_bytes=64 * MIB, create=True) as opened:
        for _ in range(40):
            with opened.write() as txn:
                # Each key once a transaction, as we write: a large value that is made smaller in
                # the transaction that wrote it keeps the pages it had.
                for number in chance.sample(range(3000), 200):
                    key, value = number.to_bytes(5, "big"), bytes(chance.choice(SIZES))
                    txn.put(key, value, db=opened.database(chance.choice(("one", "two"))))
                for number in chance.sample(range(3000), 50):
                    txn.delete(number.to_bytes(5, "big"), db=opened.database("one"))
            assert check_pages(tmp_path / "it")
        assert environment.structure(tmp_path / "it") == []


def test_where_old_leaves_are_too_many_to_read_large_values_tell_their_places(
    ledger: tuple[Path, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, content = ledger
    whole = walked(path / SEGMENT_1)
    assert len(pages_of(whole, BLOCKS)) > 4
    monkeypatch.setattr(PageMap.__init__, "__defaults__", (1, False))
    found = walked(path / SEGMENT_1)
    assert found.unread and sorted(
        pages_of(found, "large values", f"large values of {BLOCKS}")
    ) == (sorted(pages_of(whole, f"large values of {BLOCKS}")))
    for at, bit in freeing(content, whole):
        damaged = bytearray(content)
        damaged[at] ^= 1 << bit
        (tmp_path / DATA_FILE).write_bytes(damaged)
        with pytest.raises(LedgerFault, match=f"{OVERWRITES}|descending order"):
            check_pages(tmp_path)


def test_a_page_in_use_beyond_the_end_is_told_from_a_free_one(
    ledger: tuple[Path, bytes], tmp_path: Path
) -> None:
    path, content = ledger
    used = [use for use in walked(path / SEGMENT_1).uses if use.name != pagemap.FREED]
    end = max(int((use.first + use.pages).max()) for use in used)
    for pages in range(1, end):
        (tmp_path / DATA_FILE).write_bytes(content[: pages * PAGE])
        with pytest.raises(LedgerForeign, match="cut short"):
            check_pages(tmp_path)
    (tmp_path / DATA_FILE).write_bytes(content[: end * PAGE])
    assert end * PAGE < len(content) and check_pages(tmp_path)
