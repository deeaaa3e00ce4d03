"""Readers that were killed or stand still, and limits of the system: the files stay small, and
nothing stops for what only says "try later"."""

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path

import pytest

from onecard.core.clock import SystemClock
from onecard.core.errors import DiskLow, Overloaded
from onecard.core.journal import LocalJournal
from onecard.core.ledger.opened import Ledger
from onecard.core.storage import environment as store_module
from onecard.core.storage import unmap
from onecard.core.storage.environment import READERS_MAX, Environment, Readers
from onecard.core.storage.rebuildable import open_rebuildable
from onecard.core.watch.log import Log
from tests.support.engine import SMALL
from tests.support.handmade import LEDGER_ID, Hand

MIB = 1 << 20
PAGE = bytes(64 << 10)  # as a page of the state
PAGES = 100

READER = """
import signal, sys
from pathlib import Path
from onecard.core.storage.environment import Environment
with Environment(Path(sys.argv[1]), ("pages",), readonly=True) as it, it.read("pages") as txn:
    print("reads", flush=True)
    signal.pause()
"""


@contextmanager
def reader(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process in a read transaction."""
    run = subprocess.Popen([sys.executable, "-c", READER, str(path)], stdout=-1, text=True)
    assert run.stdout is not None
    try:
        assert run.stdout.readline() == "reads\n"
        yield run
    finally:
        run.kill()
        run.wait()
        run.stdout.close()


BUSY = """
import itertools, sys
from pathlib import Path
from onecard.core.storage.environment import Environment
with Environment(Path(sys.argv[1]), ("pages",), map_bytes=1 << 30) as opened:
    for number in itertools.count():
        with opened.write("pages") as txn:
            for key in range(number % 7 + 1):
                txn.put((977 * (number + key) % 5000).to_bytes(4, "big"), bytes(number % 5 * 999))
        if number == 20:
            print("writes", flush=True)
"""


@contextmanager
def files_left(count: int) -> Iterator[None]:
    """Only so many files more may be opened."""
    free = os.dup(2)
    os.close(free)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + count, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def save(store: Environment) -> None:
    """Every page anew, eight a transaction."""
    for first in range(0, PAGES, 8):
        with store.write("pages") as txn:
            for number in range(first, min(first + 8, PAGES)):
                txn.put(number.to_bytes(4, "big"), PAGE)


def saved(path: Path) -> Environment:
    store = Environment(path, ("pages",), map_bytes=1 << 30, create=True)
    for _ in range(3):
        save(store)
    return store


def test_f10_a_killed_reader_does_not_make_the_file_grow(tmp_path: Path) -> None:
    with saved(tmp_path / "it") as store:
        before = store.bytes_used
        with reader(tmp_path / "it") as run:
            run.send_signal(signal.SIGKILL)
            run.wait()
            for _ in range(16):
                save(store)
        # What the commits between two checks freed, and not sixteen times all of it.
        assert store.bytes_used < before + 4 * PAGES * len(PAGE)
        assert store.readers() == Readers(0, 0)


def test_f10_a_reader_that_stands_still_shows(tmp_path: Path) -> None:
    with saved(tmp_path / "it") as store:
        assert store.readers() == Readers(0, 0)
        with reader(tmp_path / "it") as run:
            run.send_signal(signal.SIGSTOP)
            for _ in range(3):
                save(store)
            assert store.readers() == Readers(1, 3 * 13)
            run.kill()
            run.wait()
            store.reader_check()
            assert store.readers() == Readers(0, 0)


def test_f10_a_ledger_tells_of_the_oldest_reader(tmp_path: Path) -> None:
    Ledger.create(tmp_path / "it", SMALL)
    with Ledger.open(tmp_path / "it", SMALL) as ledger:
        assert ledger.readers() == Readers(0, 0)
        with reader(tmp_path / "it" / "checkpoint" / "state"):
            assert ledger.readers() == Readers(1, 0)


def test_a_file_that_is_being_written_is_opened_and_sound(tmp_path: Path) -> None:
    """Its pages are freed and used again all the while, but none of the commit that is read."""
    saved(tmp_path / "it").close()
    command = [sys.executable, "-c", BUSY, str(tmp_path / "it")]
    with subprocess.Popen(command, stdout=-1, text=True) as writer:
        try:
            assert writer.stdout is not None and writer.stdout.readline() == "writes\n"
            commits = set()
            for _ in range(150):
                with Environment(tmp_path / "it", ("pages",), readonly=True) as opened:
                    commits.add(opened._env.info()["last_txnid"])
            assert writer.poll() is None and len(commits) > 10
        finally:
            writer.kill()


def test_all_slots_of_readers_taken_is_overload_and_no_fault(tmp_path: Path) -> None:
    with saved(tmp_path / "it") as store, ExitStack() as open_now:
        for _ in range(READERS_MAX):
            open_now.enter_context(store._env.begin())
        with pytest.raises(Overloaded, match="512 readers are open, try later"):
            with store.read("pages"):
                pass
        unmap.unmap(store)
        save(store)


MAPS = {
    "none": None,
    "odd lines": "\n-\nxyz r--s\n7f00-zz00 r--s 0 0:0 12 x\n7f00 r--s\n",
    "not text": b"\xff\xfe\x00",
    "a folder": (),
}


@pytest.mark.parametrize("what", MAPS)
def test_f44_maps_that_cannot_be_read_stop_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    content = MAPS[what]
    maps = tmp_path / "maps"
    if isinstance(content, str):
        maps.write_text(content)
    elif isinstance(content, bytes):
        maps.write_bytes(content)
    elif content is not None:
        maps.mkdir()
    monkeypatch.setattr(unmap, "MAPS", maps)
    with saved(tmp_path / "it") as store:
        unmap.unmap(store)
        save(store)


def test_f14_no_file_to_spare_stops_neither_advice_nor_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "LET_GO_BYTES", 1)
    with saved(tmp_path / "it") as store:
        with files_left(0):
            store.let_go(0)
            unmap.unmap(store)
            save(store)
        assert store._file == -1
        store.let_go(0)
        assert store._file != -1


def test_f14_a_sound_environment_is_not_set_aside_for_want_of_files(tmp_path: Path) -> None:
    log = Log(SystemClock(), StringIO())
    made = open_rebuildable(tmp_path / "it", ("pages",), b"stamp", 1 << 24, log)
    assert made is not None
    made.close()
    overloaded = 0
    for count in range(8):
        try:
            with files_left(count):
                found = open_rebuildable(tmp_path / "it", ("pages",), b"stamp", 1 << 24, log)
            assert found is not None
            found.close()
        except Overloaded as error:
            assert "Too many open files" in str(error) and "\n" not in str(error)
            overloaded += 1
    assert 2 < overloaded < 8
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


@pytest.mark.parametrize("count", range(7))
def test_f14_the_next_segment_waits_for_files(tmp_path: Path, count: int) -> None:
    """At whatever file of the new segment it stands."""
    hand = Hand()
    with LocalJournal.create(tmp_path, LEDGER_ID, 1, MIB // 2) as journal:
        journal.write(hand.registry())
        full = [hand.entries(600)]
        while journal.segments[-1].fits(full):
            journal.write(full)
            full = [hand.entries(600)]
        done: list[int] = []

        def append() -> None:
            journal.write(full)
            done.append(len(journal.segments))

        appending = threading.Thread(target=append)
        with files_left(count):
            appending.start()
            appending.join(0.25)
            waited = appending.is_alive()
        appending.join()
        assert done == [2]
        assert waited or count > 3
        journal.write([hand.entries(1)])
    with LocalJournal.open(tmp_path, LEDGER_ID, 1, MIB // 2) as journal:
        assert sum(block.count for block in journal.blocks()) == journal.durable.last == hand.last


def test_a_disk_that_does_not_say_what_is_free_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking only tells: a write that finds no room says so itself, and stops before an answer."""

    def unknown(_: object) -> None:
        raise OSError(5, "Input/output error")

    with LocalJournal.create(tmp_path, LEDGER_ID, 1, MIB) as journal:
        monkeypatch.setattr(os, "statvfs", unknown)
        journal.room(1)
        with pytest.raises(DiskLow, match="at most"):
            journal.room(MIB)
