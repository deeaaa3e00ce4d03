"""One writer a ledger, whatever path another comes by."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onecard.core.errors import LedgerInUse, LedgerMissing
from onecard.core.journal import Journal
from onecard.core.owner import Owner, holder
from tests.handmade import LEDGER_ID

CLAIM = """
import sys
from pathlib import Path
from onecard.core.errors import OnecardError
from onecard.core.owner import Owner
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
    Journal.create(path, LEDGER_ID, 1, 1 << 20).close()
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
        assert (ledger / "owner").read_text() == f"{os.getpid()}\n"
        for path in (ledger, symlink, hard, ledger.parent / "ledger" / ".." / "ledger"):
            found = claim(path)
            assert found.returncode == 1 and found.stdout == ""
            assert found.stderr.startswith(f"LedgerInUse: {path}: ")
            assert f"found process {os.getpid()} does" in found.stderr
            assert holder(path) == str(os.getpid())
        with pytest.raises(LedgerInUse, match=f"found process {os.getpid()} does"):
            Owner(ledger)
        assert (ledger / "owner").read_text() == f"{os.getpid()}\n"
    assert holder(ledger) is None
    for path in (ledger, symlink, hard):
        assert claim(path).stdout == "mine\n"


def test_the_owner_of_a_hard_link_keeps_the_other_path_out(ledger: Path) -> None:
    hard = linked(ledger, ledger.parent / "hard")
    with Owner(hard):
        assert f"found process {os.getpid()} does" in claim(ledger).stderr


def test_it_holds_while_the_journal_opens_and_closes(ledger: Path) -> None:
    with Owner(ledger):
        Journal.open(ledger, LEDGER_ID, 1, 1 << 20).close()
        assert claim(ledger).returncode == 1


def test_a_killed_owner_leaves_it_free(ledger: Path) -> None:
    command = [sys.executable, "-c", CLAIM, str(ledger)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "mine\n"
        with pytest.raises(LedgerInUse, match=f"found process {process.pid} does"):
            Owner(ledger)
        process.kill()
        process.wait()
        with Owner(ledger):
            assert holder(ledger) == str(os.getpid())


def test_no_ledger_no_owner(tmp_path: Path) -> None:
    with pytest.raises(LedgerMissing, match="expected a ledger's folder, found none"):
        Owner(tmp_path / "none")
