"""A ledger of format 1: read as it is, stamped once; killed at any step of that, it is whole."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from onecard.cli.exit_status import Exit
from onecard.core.audit.verify import verify
from onecard.core.errors import BadInput, LedgerForeign, LedgerInUse, LedgerMissing, LedgerOld
from onecard.core.ledger.folder import (
    LedgerToml,
    read_card_tokens,
    read_digest_key,
    read_ledger_toml,
)
from onecard.core.ledger.migrate import migrate
from onecard.core.ledger.opened import Ledger
from onecard.core.ledger.owner import Owner
from tests.recorded import recording
from tests.support.onecard_command import Command, commands

KILLED = -signal.SIGKILL
# Where a ledger that is migrated may be killed, and the format that it has then.
STEPS = {"digest_key_new": 1, "before_stamp": 1, "ledger_toml_new": 1, "after_stamp": 2}
MIGRATE = (
    *(sys.executable, "-c"),
    "import sys; from pathlib import Path; from onecard.core.ledger.migrate import migrate; "
    "migrate(Path(sys.argv[1]))",
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger as version 1 of the program left it."""
    folder, _ = recording.unpack(recording.GOLDEN_1, tmp_path_factory.mktemp("kept"))
    return folder


@pytest.fixture
def old(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "old"))


@pytest.fixture(scope="module")
def onecard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    with commands(tmp_path_factory.mktemp("typed")) as command:
        yield command


def head_and_digest(folder: Path) -> tuple[int, bytes, bytes]:
    with Ledger.open(folder, recording.SETTINGS, readonly=True) as ledger:
        return ledger.journal.durable.last, ledger.journal.durable.head, ledger.state.digest()


def files(folder: Path) -> dict[str, bytes]:
    """What is stored, without what somebody who reads leaves."""
    found = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    left = {"lock.mdb", "owner", "files"}
    return {str(p): found[p].read_bytes() for p in found if not left & {p.name, p.parts[0]}}


READS = (
    "verify {old}",
    "show participants {old}",
    "show entry {old} 1200",
    "show window {old} 1",
    "settle {old} 1 --out {out}",
    "reconcile 1 {out}/window-00000001/participant-00001.csv --data {old}",
)
WRITES = (
    "serve {old} --listen 127.0.0.1:0 --metrics-port 0",
    "settle {old} 6 --close --business-day 2026-01-01",
    "demo --taps 1000 --data {old}",
    "replay --format shenzhen {taps} --data {old}",
)


def test_one_of_format_1_is_read_and_not_written(
    old: Path, tmp_path: Path, onecard: Command
) -> None:
    before, whole = files(old), head_and_digest(old)
    names = {"old": str(old), "out": str(tmp_path / "out"), "taps": str(tmp_path / "taps.csv")}
    (tmp_path / "taps.csv").write_text("")
    for typed in READS:
        done = onecard(*typed.format(**names).split())
        assert done.status in (Exit.DONE, Exit.DIFFERS), (typed, done)
    for typed in WRITES:
        done = onecard(*typed.format(**names).split())
        assert (done.status, done.err.count("\n")) == (Exit.REFUSED, 1), (typed, done)
        says = f"{old}: expected a ledger of format 2 to write to, found format 1, which is only"
        assert says in done.err and done.err.endswith(f"; onecard migrate {old}\n"), (typed, done)
    with pytest.raises(LedgerOld):
        Ledger.open(old, recording.SETTINGS)
    assert files(old) == before
    assert head_and_digest(old) == whole


def test_it_is_stamped_once_and_for_ever(old: Path, onecard: Command) -> None:
    before, whole, said = files(old), head_and_digest(old), read_ledger_toml(old)
    tokens = read_card_tokens(old)
    done = onecard("migrate", old)
    assert done.status == Exit.DONE, done
    assert "of format 2 now" in done.out and "digest.key" in done.out and "check" not in done.out
    toml, after = read_ledger_toml(old), files(old)
    assert (toml.format, toml.origin, toml.engine) == (2, said.origin, said.engine)
    assert (toml.form, toml.key_check) == (said.form, said.key_check)
    assert (old / "digest.key").stat().st_mode & 0o777 == 0o600
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {"ledger.toml", "digest.key"} and before.keys() < after.keys()
    assert read_digest_key(old).hex() not in done.out + (old / "ledger.toml").read_text()
    assert read_card_tokens(old) == tokens
    assert head_and_digest(old) == whole
    again = onecard("migrate", old)
    assert (again.status, again.out) == (Exit.DONE, f"{old}: is of format 2 already\n")
    assert files(old) == after
    with Ledger.open(old, recording.SETTINGS) as ledger:
        assert ledger.digest_key == read_digest_key(old)
        assert onecard("migrate", old).status == Exit.DONE  # served meanwhile, it is so already
    assert verify(old, settings=recording.SETTINGS).fault is None


@pytest.mark.parametrize("point", STEPS)
def test_killed_in_the_middle_it_is_of_one_format_or_the_other(point: str, old: Path) -> None:
    whole = head_and_digest(old)
    environment = os.environ | {"ONECARD_FAIL_POINT": point}
    for _ in range(2 if STEPS[point] == 1 else 1):  # over what the one before it left, too
        died = subprocess.run([*MIGRATE, str(old)], env=environment)
        assert died.returncode == KILLED
        assert read_ledger_toml(old).format == STEPS[point]
        assert head_and_digest(old) == whole
    assert (migrate(old) is None) == (STEPS[point] == 2)
    assert read_ledger_toml(old).format == 2
    assert not [name for name in files(old) if name.endswith(".new")]
    with Ledger.open(old, recording.SETTINGS) as ledger:
        end = ledger.journal.durable
        assert (end.last, end.head, ledger.state.digest()) == whole


def test_a_digest_key_that_is_there_is_kept(old: Path) -> None:
    """It was made durable, so what was stamped by somebody who was killed may name it already."""
    (old / "digest.key").touch(mode=0o600)
    (old / "digest.key").write_bytes(b"sixteen of these")
    assert migrate(old) is not None
    assert read_digest_key(old) == b"sixteen of these"


def test_one_from_before_its_key_had_a_check(old: Path, onecard: Command) -> None:
    toml = read_ledger_toml(old)
    text = LedgerToml(toml.origin, toml.segment_bytes).text(toml.engine)
    assert "key_check" not in text
    (old / "ledger.toml").write_text(text)
    done = onecard("migrate", old)
    assert done.status == Exit.DONE and "token.key: had no check" in done.out, done
    assert read_ledger_toml(old).key_check == toml.key_check
    assert read_ledger_toml(old).form.text() == ""  # it takes any number, as it did


def test_whoever_may_not_is_refused(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(old)
    with Owner(old), pytest.raises(LedgerInUse, match=f"process {os.getpid()} does"):
        migrate(old)
    with pytest.raises(LedgerMissing, match=r"found no ledger.toml"):
        migrate(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "geteuid", lambda: 4_000_000)
        with pytest.raises(BadInput, match=r"its owner, user \d+, found user 4000000; run it as"):
            migrate(old)
    (old / "token.key").chmod(0o640)
    with pytest.raises(LedgerForeign, match="chmod 600"):
        migrate(old)
    (old / "token.key").chmod(0o600)
    assert files(old) == before
