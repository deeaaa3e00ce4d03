"""One writer a ledger, whatever path another comes by."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onecard.core.errors import LedgerInUse, LedgerMissing
from onecard.core.journal import LocalJournal
from onecard.core.ledger.owner import Owner, holder, is_free, said
from tests.support.handmade import LEDGER_ID

CLAIM = """
import sys
from pathlib import Path
from onecard.core.errors import OnecardError
from onecard.core.ledger.owner import Owner
try:
    owner = Owner(Path(sys.argv[1]))
except OnecardError as error:
    sys.exit(f"{type(error).__name__}: {error}")
print("mine", flush=True)
sys.stdin.read()
"""


def claim(path: Path) -> subprocess.CompletedProcess[str]:
    """Try to own it in another process, which ends at once."""
    command = [sys.executable, "-c", CLAIM, str(path)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger"
    path.mkdir()
    LocalJournal.create(path, LEDGER_ID, 1, 1 << 20).close()
    return path


def linked(ledger: Path, other: Path) -> Path:
    """The ledger's files under other names in another folder; no `owner` file among them."""
    segment = other / "journal" / "00000001"
    segment.mkdir(parents=True)
    for file in (ledger / "journal" / "00000001").iterdir():
        os.link(file, segment / file.name)
    return other


def test_a_second_process_is_refused_by_any_path_and_told_who(ledger: Path) -> None:
    symlink = ledger.parent / "symlink"
    symlink.symlink_to(ledger, target_is_directory=True)
    hard = linked(ledger, ledger.parent / "hard")
    with Owner(ledger):
        assert (ledger / "owner").read_text().startswith(f"process {os.getpid()}, started ")
        for path in (ledger, symlink, hard, ledger.parent / "ledger" / ".." / "ledger"):
            found = claim(path)
            assert found.returncode == 1 and found.stdout == ""
            assert found.stderr.startswith(f"LedgerInUse: {path}: ")
            assert f"found process {os.getpid()} does" in found.stderr
            assert holder(path) == str(os.getpid())
        with pytest.raises(LedgerInUse, match=f"found process {os.getpid()} does"):
            Owner(ledger)
        assert said(ledger) == str(os.getpid())
    assert said(ledger) is None
    assert holder(ledger) is None
    for path in (ledger, symlink, hard):
        assert claim(path).stdout == "mine\n"


def test_the_owner_of_a_hard_link_keeps_the_other_path_out(ledger: Path) -> None:
    hard = linked(ledger, ledger.parent / "hard")
    with Owner(hard):
        assert f"found process {os.getpid()} does" in claim(ledger).stderr


def test_it_holds_while_the_journal_opens_and_closes(ledger: Path) -> None:
    with Owner(ledger):
        LocalJournal.open(ledger, LEDGER_ID, 1, 1 << 20).close()
        assert claim(ledger).returncode == 1


def test_a_killed_owner_leaves_it_free(ledger: Path) -> None:
    command = [sys.executable, "-c", CLAIM, str(ledger)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "mine\n"
        with pytest.raises(LedgerInUse, match=f"found process {process.pid} does"):
            Owner(ledger)
        assert said(ledger) == str(process.pid)
        assert not is_free(ledger)
        process.kill()
        process.wait()
        assert is_free(ledger)
        with Owner(ledger):
            assert holder(ledger) == str(os.getpid())


DEAD_OWNERS = [
    # what a process that died left in the file, whom it names today
    ("", None),
    ("{pid}\n", None),  # as it was written once
    ("process {pid}, started 1 ticks after boot of long ago\n", None),
    ("process {pid}, started {ticks} ticks after boot of long ago\n", None),
    ("process {pid}, started {ticks} ticks after boot {boot}\n", "{pid}"),
    ("process 4194305, started {ticks} ticks after boot {boot}\n", None),
    ("process \xff\xff", None),
]


@pytest.mark.parametrize(("left", "names"), DEAD_OWNERS)
def test_what_a_dead_owner_left_names_no_stranger(
    left: str, names: str | None, ledger: Path
) -> None:
    """This process has got the number of one that died: only the moment it started tells."""
    facts = {
        "pid": os.getpid(),
        "ticks": Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19],
        "boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
    }
    (ledger / "owner").write_bytes(left.format(**facts).encode("latin-1"))
    assert said(ledger) == (None if names is None else names.format(**facts))
    assert holder(ledger) is None
    assert is_free(ledger)


def test_no_ledger_no_owner(tmp_path: Path) -> None:
    with pytest.raises(LedgerMissing, match="expected a ledger's folder, found none"):
        Owner(tmp_path / "none")
