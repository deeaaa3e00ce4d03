"""A disk that is full, a map that is full, a commit that fails: nothing is answered and lost.

The full disk is a small tmpfs, which needs the right to mount one; without it the tests skip.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onecard.core.audit.verify import verify
from onecard.core.authorize.node import wait_for
from onecard.core.config import KIB, MIB
from onecard.core.errors import DiskLow, Stopped
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.participants import PutParticipants
from onecard.core.storage.environment import DATA_FILE, WriteFailed
from onecard.ext.shape.numbers import Outcome, Record, Role
from onecard.grpc.client import Unreachable
from tests.crash import powercut
from tests.support.node import PATIENCE_S, SMALL, Answers, Gate, ask, last_of, rides, served
from tests.support.server_process import server_process
from tests.support.serving import register
from tests.support.serving import rides as wire_rides

TMPFS_BYTES = 192 * MIB
ON_TMPFS = replace(
    SMALL,
    segment_bytes=16 * MIB,
    watermark_bytes=24 * MIB,
    checkpoint_every_s=0.0,
    checkpoint_pause_ms=0.0,
)


class SmallDisk:
    """A tmpfs and the ballast that fills it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ballast = path / "ballast"

    def free(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def leave(self, free_bytes: int) -> None:
        """Fill it up to so many bytes, page by page at the end."""
        with self.ballast.open("ab") as file:
            while (more := self.free() - free_bytes) > 0:
                os.write(file.fileno(), bytes(min(more, MIB)))

    def clear(self) -> None:
        self.ballast.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("may not mount a small tmpfs here")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", str(path)], check=True)


def eventually(met: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < deadline, "it never came to it"
        time.sleep(0.005)


# ---- the disk is full ---------------------------------------------------------------------------


@pytest.mark.parametrize("free_bytes", [TMPFS_BYTES // 100, 0])
def test_f8_a_full_disk_refuses_and_reads_are_served_until_there_is_space(
    free_bytes: int, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = disk.path / "ledger"
    with served(folder, ON_TMPFS) as node:
        before = [ask(node, rides(number)) for number in range(1, 241, 8)]
        closing = Gate(monkeypatch, node.ledger.identities, "retire")
        number = 1001
        while not closing.entered.is_set():
            ask(node, rides(number))
            number += 8
        durable = node.journal.durable.last
        disk.leave(free_bytes)

        late = PutParticipants([("Late", Role.OPERATOR)])
        for _ in range(3):
            with pytest.raises(DiskLow, match="bytes free"):
                ask(node, rides(5001))
            with pytest.raises(DiskLow):
                wait_for(lambda done: node.act(late, done))
            assert wait_for(lambda done: node.read(last_of, done)) == durable
            assert node.journal.entries(np.array([durable], np.uint64))["sequence"][0] == durable
        # What a running ledger writes by itself is given up or waits, and stops nothing.
        closing.opened.set()
        eventually(lambda: node._retirement.no_space is not None)
        passes = node.ledger.checkpoint.passes
        assert node.ledger.checkpoint.given_up > 0 or not node.ledger.checkpoint.running
        assert node.failed is None
        assert node.watchdog.disk_low
        assert node.journal.durable.last == durable

        disk.clear()
        after = ask(node, rides(5001))
        assert all(one.outcome == Outcome.ACCEPTED and not one.repeated for one in after)
        eventually(lambda: node.ledger.identities.retired > 0 and node._retirement.no_space is None)
        eventually(lambda: ask(node, rides(5001)) and node.ledger.checkpoint.passes > passes)
        assert not node.watchdog.disk_low
        assert "disk_low" in node.log.out.getvalue()  # type: ignore[attr-defined]
        assert "disk_again" in node.log.out.getvalue()  # type: ignore[attr-defined]
    holds(folder, before, after)


def test_f8_a_commit_that_meets_a_full_disk_stops_and_loses_nothing_answered(
    disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else filled the disk between the look at it and the commit."""
    folder = disk.path / "ledger"
    size = 1_024  # taps a batch: more pages than the file has free ones within
    settings = replace(
        ON_TMPFS, watermark_bytes=0, batch_taps_max=size, group_taps_max=size, recent_max=4 * size
    )
    with served(folder, settings) as node:
        before = [ask(node, rides(number)) for number in range(1, 241, 8)]
        gate = Gate(monkeypatch, node.journal, "write")
        answers = Answers()
        for number in range(20):
            node.taps(0, number, rides(1001 + size * number, size), answers.of(number))
        assert gate.entered.wait(PATIENCE_S)
        disk.leave(0)
        gate.opened.set()
        given = answers.wait(20)
        assert any(isinstance(answer, Stopped) for _, answer in given)
        assert isinstance(node.failed, WriteFailed)
        with pytest.raises(Stopped):
            node.taps(0, "A", rides(1), answers.of("late"))
        monkeypatch.undo()
    disk.clear()
    holds(folder, before)
    with served(folder, settings) as node:
        for number, answer in given:
            again = ask(node, rides(1001 + size * number, size))
            assert [one.outcome for one in again] == [Outcome.ACCEPTED] * size
            assert len({one.repeated for one in again}) == 1, "a part of a batch was there"
            if isinstance(answer, bytes):
                assert all(one.repeated for one in again)


def holds(folder: Path, *acknowledged: Any) -> None:
    """The ledger is proved, and what was answered is answered again."""
    report = verify(folder, settings=SMALL)
    assert report.ok, report.fault
    with served(folder) as node:
        for first, decisions in zip(range(1, 241, 8), acknowledged[0], strict=True):
            assert ask(node, rides(first)) == [replace(one, repeated=True) for one in decisions]
        for decisions in acknowledged[1:]:
            assert ask(node, rides(5001)) == [replace(one, repeated=True) for one in decisions]


# ---- the map is full ----------------------------------------------------------------------------


def test_f9_full_segments_are_followed_by_new_ones_under_readers(tmp_path: Path) -> None:
    """Every so many batches a new file; readers of all kinds go on over all of them meanwhile.

    How many taps a file takes depends on how long the readers keep its old pages, so taps are sent
    until there are so many files.
    """
    settings = replace(SMALL, segment_bytes=5 * 64 * KIB)
    folder = tmp_path / "ledger"
    with served(folder, settings) as node:
        ended = threading.Event()
        faults: list[BaseException] = []
        seen = [0, 0, 0]

        def walk() -> None:
            expected = 1
            for block in node.journal.blocks():
                assert block.first == expected
                expected = block.last + 1
            seen[0] += 1

        def pick() -> None:
            last = node.journal.durable.last
            wanted = np.random.default_rng(seen[1]).integers(1, last + 1, 50).astype(np.uint64)
            found = node.journal.entries(wanted)["sequence"]
            assert np.isin(found, [0, *wanted]).all()
            assert (found[wanted > 10] == wanted[wanted > 10]).all()
            seen[1] += 1

        def look() -> None:
            block = node.journal.block_of(node.journal.durable.last)
            assert block is not None and block.record in (Record.ENTRIES, Record.CARDS)
            seen[2] += 1

        def again(read: Callable[[], None]) -> None:
            try:
                while not ended.is_set():
                    read()
                    ended.wait(0.002)  # or three readers leave the engine no turn
            except BaseException as error:
                faults.append(error)

        readers = [threading.Thread(target=again, args=(read,)) for read in (walk, pick, look)]
        for reader in readers:
            reader.start()
        try:
            number = 1
            while len(node.journal.segments) < 4 or min(seen) == 0:
                assert number < 40_000, "no fourth file, or a reader that read nothing"
                assert ask(node, rides(number))[0].outcome == Outcome.ACCEPTED
                number += 8
        finally:
            ended.set()
            for reader in readers:
                reader.join()
        assert faults == []
        for segment in node.journal.segments:
            assert (segment.environment.path / DATA_FILE).stat().st_size <= settings.segment_bytes
    report = verify(folder, settings=SMALL)
    assert report.ok, report.fault
    assert report.segments > 3


def test_f9_a_group_that_no_segment_holds_is_refused_before_it_is_judged(tmp_path: Path) -> None:
    settings = replace(
        SMALL, segment_bytes=5 * 64 * KIB, batch_taps_max=1024, group_taps_max=1024, recent_max=4096
    )
    with served(tmp_path / "ledger", settings) as node:
        with pytest.raises(DiskLow, match="fits a segment"):
            ask(node, rides(1, 1000))
        assert ask(node, rides(1, 100))[0].outcome == Outcome.ACCEPTED


# ---- a commit fails -----------------------------------------------------------------------------


def test_f7_a_failed_commit_is_never_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ledger"
    with served(folder) as node:
        before = [ask(node, rides(number)) for number in range(1, 241, 8)]
        told: list[BaseException] = []
        late = PutParticipants([("Late", Role.OPERATOR)])
        node.on_failure = told.append
        store = node.journal.segments[-1].environment
        writes = Gate(monkeypatch, store, "write")
        writes.error = OSError(5, "Input/output error")
        writes.opened.set()
        with pytest.raises(Stopped):
            ask(node, rides(1001))
        for _ in range(3):
            with pytest.raises(Stopped):
                ask(node, rides(1001))
            with pytest.raises(Stopped):
                wait_for(lambda done: node.read(last_of, done))
            with pytest.raises(Stopped):
                wait_for(lambda done: node.act(late, done))
        assert writes.calls == 1
        assert told == [node.failed]
        assert isinstance(node.failed, WriteFailed)
        monkeypatch.undo()
    holds(folder, before)


@pytest.mark.parametrize("fault", ["sync:25", "write:40", "meta:30"])
def test_f7_onecard_serve_ends_when_the_disk_fails_it(fault: str, tmp_path: Path) -> None:
    """EIO once, then all is well again: the process has said its last word nevertheless."""
    folder = tmp_path / "ledger"
    Ledger.create(folder, SMALL)
    library = powercut.build(tmp_path)
    shim = {
        "LD_PRELOAD": str(library),
        "SHIM_DIR": str(folder / "journal"),
        "SHIM_LOG": str(tmp_path / "shim.log"),
        "SHIM_FAIL": fault,
    }
    limits = {"batch_taps_max": 100, "recent_max": 200, "checkpoint_every_s": 0}
    answered = 0
    with server_process(folder, limits, **shim) as server, server.client() as client:
        with pytest.raises(Unreachable):
            register(client)
            for answer in client.authorize((wire_rides(8 * at + 1, 8) for at in range(500)), 1):
                assert (answer.outcome == Outcome.ACCEPTED).all()
                answered += 1
        assert server.end() == 2
        assert "Input/output error" in server.log.read_text()
    assert answered
    report = verify(folder)
    assert report.ok, report.fault
    with server_process(folder, limits) as server, server.client() as client:
        again = list(client.authorize(wire_rides(8 * at + 1, 8) for at in range(answered + 1)))
        assert all(answer.repeated.all() for answer in again[:answered])
        assert (again[answered].outcome == Outcome.ACCEPTED).all()
