"""What stands in a ledger's folder beside its journal: each file that is not its own is refused."""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from onecard.core.clock import SystemClock
from onecard.core.config import MIB
from onecard.core.errors import LedgerForeign, LedgerMissing, LedgerOld, OnecardError
from onecard.core.ledger.folder import read_ledger_toml, read_token_key
from onecard.core.ledger.opened import Ledger
from onecard.core.watch.log import Log
from tests.storage.test_ledger import SMALL
from tests.support.algorithms import chosen


def pipe(name: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return change


def rewrite(name: str, old: str, new: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return change


def from_before(change: Callable[[Path], object] = lambda f: None) -> Callable[[Path], object]:
    """ledger.toml as it was before it held a check of the key and a checksum; then a change."""

    def rewritten(folder: Path) -> None:
        toml = read_ledger_toml(folder)
        toml = replace(toml, key_check=None, digest_key_check=None)
        (folder / "ledger.toml").write_text(toml.text((0, 9, 31)))
        change(folder)

    return rewritten


def another(name: str) -> Callable[[Path], None]:
    """A file of another ledger in place of this one's."""

    def change(folder: Path) -> None:
        Ledger.create(folder / "other", SMALL)
        shutil.move(folder / "other" / name, folder / name)
        shutil.rmtree(folder / "other")

    return change


def checked(old: str, new: str) -> Callable[[Path], None]:
    """A line of ledger.toml that another onecard wrote, with its checksum."""

    def change(folder: Path) -> None:
        text = (folder / "ledger.toml").read_text().replace(old, new)
        body = text[: text.index("checksum = ")]
        check = hashlib.blake2b(body.encode(), digest_size=8).hexdigest()
        (folder / "ledger.toml").write_text(f'{body}checksum = "{check}"\n')

    return change


def other_toml(folder: Path) -> None:
    """Another ledger's, with its keys, so that they agree with one another."""
    Ledger.create(folder / "other", SMALL)
    for name in ("ledger.toml", "token.key", "digest.key"):
        shutil.move(folder / "other" / name, folder / name)
    shutil.rmtree(folder / "other")


OPENINGS: dict[str, tuple[Callable[[Path], object], type[OnecardError], str]] = {
    "no folder": (shutil.rmtree, LedgerMissing, "found no ledger.toml"),
    "no toml": (lambda f: (f / "ledger.toml").unlink(), LedgerMissing, "found no ledger.toml"),
    "no key": (lambda f: (f / "token.key").unlink(), LedgerMissing, "expected the key"),
    "short key": (
        lambda f: (f / "token.key").write_bytes(bytes(31)),
        LedgerForeign,
        "expected 32 bytes, found 31",
    ),
    "other key": (
        another("token.key"),
        LedgerForeign,
        "token.key: .* found another one or a damaged one .*restore",
    ),
    "no digest key": (
        lambda f: (f / "digest.key").unlink(),
        LedgerMissing,
        "digest.key: expected the key of the digests of taps, found none; restore it",
    ),
    "short digest key": (
        lambda f: (f / "digest.key").write_bytes(bytes(15)),
        LedgerForeign,
        "digest.key: expected 16 bytes, found 15; restore it",
    ),
    "other digest key": (
        another("digest.key"),
        LedgerForeign,
        "digest.key: .* found another one or a damaged one .*restore",
    ),
    "digest key of a group": (
        lambda f: (f / "digest.key").chmod(0o640),
        LedgerForeign,
        "digest.key: expected a file that only its owner may read, found mode 0640; chmod 600",
    ),
    "key of a group": (
        lambda f: (f / "token.key").chmod(0o640),
        LedgerForeign,
        "only its owner may read, found mode 0640; chmod 600",
    ),
    "key of all": (
        lambda f: (f / "token.key").chmod(0o604),
        LedgerForeign,
        "found mode 0604; chmod 600",
    ),
    "toml of another": (other_toml, LedgerForeign, "expected ledger"),
    "no journal": (lambda f: shutil.rmtree(f / "journal"), LedgerMissing, "expected a journal"),
    "other format": (
        rewrite("ledger.toml", "format = 2", "format = 3"),
        LedgerForeign,
        "expected format 1 or 2, found 3; use the onecard that made it",
    ),
    "older format said": (
        rewrite("ledger.toml", "format = 2", "format = 1"),
        LedgerForeign,
        "its checksum",
    ),
    "no algorithm said": (
        checked(f'heads = "{chosen().names()["heads"]}"\n', ""),
        LedgerForeign,
        "found no line for heads; restore it",
    ),
    "another algorithm": (
        checked(f'hash = "{chosen().names()["hash"]}"', 'hash = "blake3"'),
        LedgerForeign,
        "ledger.toml: hash: expected sha256 or sm3, found blake3; use the onecard that made it",
    ),
    "an algorithm without a name": (
        checked(f'store = "{chosen().names()["store"]}"', "store = 1"),
        LedgerForeign,
        "ledger.toml: store: expected aes-gcm or sm4-gcm, found 1; use",
    ),
    "edited": (rewrite("ledger.toml", "epoch = 1", "epoch = 2"), LedgerForeign, "its checksum"),
    "checksum lost": (rewrite("ledger.toml", "checksum", "#hecksum"), LedgerForeign, "checksum"),
    "other id": (
        from_before(rewrite("ledger.toml", 'id = "', 'id = "00')),
        LedgerForeign,
        "16 bytes",
    ),
    "no toml at all": (rewrite("ledger.toml", "=", "?"), LedgerForeign, "restore it"),
    "a line missing": (
        from_before(lambda f: (f / "ledger.toml").write_text("format = 1\n")),
        LedgerForeign,
        "found no line for id; restore it",
    ),
    "toml empty": (
        lambda f: (f / "ledger.toml").write_text(""),
        LedgerForeign,
        "segment_bytes, found no line for format; restore it",
    ),
    "toml no text": (
        lambda f: (f / "ledger.toml").write_bytes(b"\xff\x00" * 9_000),
        LedgerForeign,
        "segment_bytes, found bytes that are not UTF-8; restore it$",
    ),
    "format of any length": (
        rewrite("ledger.toml", "format = 2", f"format = '{'x' * 9_000}'"),
        LedgerForeign,
        "expected format 1 or 2, found x{60}[.]{3}; use",
    ),
    "toml a pipe": (pipe("ledger.toml"), LedgerForeign, "ledger.toml: expected a regular file"),
    "key a pipe": (pipe("token.key"), LedgerForeign, "token.key: expected a regular file"),
    "digest key a pipe": (pipe("digest.key"), LedgerForeign, "digest.key: expected a regular file"),
}


@pytest.mark.parametrize("name", OPENINGS)
@pytest.mark.parametrize("readonly", [False, True])
def test_what_is_no_ledger_is_refused(tmp_path: Path, name: str, readonly: bool) -> None:
    folder = tmp_path / "ledger"
    Ledger.create(folder, SMALL)
    change, error, says = OPENINGS[name]
    change(folder)
    with pytest.raises(error, match=says) as refused:
        Ledger.open(folder, SMALL, readonly=readonly)
    assert "\n" not in str(refused.value)
    if folder.exists():
        # Whoever was refused gave everything back: the next one is not told "in use".
        with pytest.raises(error, match=says):
            Ledger.open(folder, SMALL, readonly=readonly)


def test_every_bit_of_the_folders_own_files_is_noticed(tmp_path: Path) -> None:
    """Also by those who only ask the file: settle, reconcile, verify."""
    folder = tmp_path / "ledger"
    Ledger.create(folder, SMALL)
    for name in ("ledger.toml", "token.key", "digest.key"):
        file = folder / name
        whole = file.read_bytes()
        for bit in range(8 * len(whole)):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            file.write_bytes(damaged)
            with pytest.raises(LedgerForeign) as refused:
                read_ledger_toml(folder)
            assert name in str(refused.value), (name, bit)
        file.write_bytes(whole)
        assert read_ledger_toml(folder).segment_bytes == MIB


def test_a_ledger_from_before_the_check_opens_with_one_warning(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    Ledger.create(folder, SMALL)
    for readonly in (False, True):
        log = StringIO()
        with Ledger.open(folder, SMALL, readonly, log=Log(SystemClock(), out=log)):
            assert log.getvalue() == ""
    from_before()(folder)
    key = read_token_key(folder)
    log = StringIO()
    with Ledger.open(folder, SMALL, readonly=True, log=Log(SystemClock(), out=log)) as ledger:
        assert (ledger.token_key, ledger.digest_key) == (key, None)
        assert log.getvalue().count("\n") == log.getvalue().count("key_unchecked") == 1
    assert key.hex() not in log.getvalue()
    with pytest.raises(LedgerOld, match=f"found format 1, .*; onecard migrate {folder}$"):
        Ledger.open(folder, SMALL)
