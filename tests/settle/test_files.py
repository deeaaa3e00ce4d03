"""The files of a window: sums, bytes that stay the same, kills, and files that were changed."""

import csv
import hashlib
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from onecard.core.errors import BadInput, LedgerFault, NotFound, Overloaded
from onecard.core.exchange import detail, files
from onecard.core.exchange.files import WRITING, sheet_name, window_folder, write_files
from onecard.core.exchange.manifest import MANIFEST, read_manifest
from onecard.core.journal import LocalJournal
from tests.settle.settling import DAY, LEDGER, NAMES, journal_of, lying_journal

ROOT = Path(__file__).resolve().parent.parent.parent


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_files_add_up_to_the_window(tmp_path: Path) -> None:
    """Read back by another parser than ours."""
    with journal_of(tmp_path, [20, 900]) as journal:
        manifest = write_files(journal, tmp_path, 2)
        block = journal.block_of(manifest.cut)
        assert block is not None and block.hash.hex() == manifest.head
    assert manifest.folder == window_folder(tmp_path / "files", 2)
    assert set(bytes_of(manifest.folder)) == {MANIFEST, *(sheet_name(n) for n in range(1, 6))}
    said = json.loads((manifest.folder / MANIFEST).read_bytes())
    assert (said["window"], said["business_day"], said["ledger"]) == (2, "2024-10-04", LEDGER.hex())
    assert [sheet["name"] for sheet in said["files"]] == list(NAMES)
    assert said["totals"]["net_fen"] == 0 and said["totals"]["in_fen"] > 0
    for sheet in said["files"]:
        text = (manifest.folder / sheet["file"]).read_bytes()
        assert hashlib.sha256(text).hexdigest() == sheet["sha256"] and len(text) == sheet["bytes"]
        body, _, digest = text.rpartition(b"#sha256,")
        assert hashlib.sha256(body).hexdigest() == digest.decode().strip()
        lines = body.decode().splitlines()
        header, trailer = (
            dict(zip(x[1::2], x[2::2], strict=True)) for x in csv.reader([lines[0], lines[-1]])
        )
        assert header["participant"] == str(sheet["participant"]) and header["window"] == "2"
        amounts = [int(row["amount_fen"]) for row in csv.DictReader(lines[1:-1])]
        in_fen, out_fen = sum(a for a in amounts if a > 0), -sum(a for a in amounts if a < 0)
        assert (in_fen, out_fen) == (sheet["in_fen"], sheet["out_fen"])
        assert trailer == {
            "lines": str(len(amounts)),
            "in_fen": str(in_fen),
            "out_fen": str(out_fen),
            "net_fen": str(sheet["net_fen"]),
        }
    assert read_manifest(manifest.folder) == replace(manifest, repeated=True)


def test_the_same_window_gives_the_same_bytes(tmp_path: Path) -> None:
    with journal_of(tmp_path, [500, 10]) as journal:
        first = write_files(journal, tmp_path, 1)
        kept = bytes_of(first.folder)
        again = write_files(journal, tmp_path, 1)
        assert not first.repeated and again.repeated
        assert bytes_of(first.folder) == kept
        elsewhere = write_files(journal, tmp_path, 1, tmp_path / "out")
        assert not elsewhere.repeated and bytes_of(elsewhere.folder) == kept
        (first.folder / sheet_name(3)).unlink()
        assert not write_files(journal, tmp_path, 1).repeated
        assert bytes_of(first.folder) == kept


def test_a_participant_without_lines_has_a_file_too(tmp_path: Path) -> None:
    with journal_of(tmp_path, [0]) as journal:
        manifest = write_files(journal, tmp_path, 1)
    assert [(sheet.lines, sheet.net_fen) for sheet in manifest.sheets] == [(0, 0)] * len(NAMES)
    assert b"#trailer,lines,0," in (manifest.folder / sheet_name(5)).read_bytes()


def test_small_writes_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with journal_of(tmp_path, [600], block=32) as journal:
        kept = bytes_of(write_files(journal, tmp_path, 1).folder)
        monkeypatch.setattr(detail, "GROUP_ENTRIES", 50)
        for sheet, total in ((1, 1 << 30), (1 << 30, 100)):
            monkeypatch.setattr(files, "PENDING_SHEET_BYTES", sheet)
            monkeypatch.setattr(files, "PENDING_BYTES", total)
            out = tmp_path / f"out{sheet}"
            assert bytes_of(write_files(journal, tmp_path, 1, out).folder) == kept


KILLED = """
import os, signal, sys
from pathlib import Path
from onecard.core.journal import LocalJournal
from onecard.core.exchange import detail
from onecard.core.exchange import files
from onecard.core.exchange import manifest

path, moment = Path(sys.argv[1]), sys.argv[2]
journal = LocalJournal.open(path, bytes(range(16)), 1, readonly=True)
detail.GROUP_ENTRIES = 100
files.PENDING_SHEET_BYTES = 1
renames = 0

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def rename(self, target, real=Path.rename):
    global renames
    renames += 1
    if moment == f"rename {renames}":
        kill()
    return real(self, target)

Path.rename = rename
if moment == "trailer":
    files._finish = kill
files.write_files(journal, path, 1, progress=kill if moment == "details" else None)
"""


@pytest.mark.parametrize("moment", ["details", "trailer", "rename 1", "rename 4", "rename 6"])
def test_a_kill_at_any_moment_leaves_a_step_that_can_be_repeated(
    tmp_path: Path, moment: str
) -> None:
    journal_of(tmp_path, [400], block=64).close()
    command = [sys.executable, "-c", KILLED, str(tmp_path), moment]
    killed = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    folder = window_folder(tmp_path / "files", 1)
    left = {name for name in bytes_of_files(folder)}
    assert MANIFEST not in left
    with LocalJournal.open(tmp_path, LEDGER, 1, readonly=True) as journal:
        expected = bytes_of(write_files(journal, tmp_path, 1, tmp_path / "fresh").folder)
        # What has its final name already is right; the rest is made again.
        assert all((folder / name).read_bytes() == expected[name] for name in left)
        assert not write_files(journal, tmp_path, 1).repeated
    assert bytes_of(folder) == expected


def bytes_of_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("name", [sheet_name(2), MANIFEST])
def test_a_changed_file_is_named_and_not_overwritten(tmp_path: Path, name: str) -> None:
    with journal_of(tmp_path, [50]) as journal:
        folder = write_files(journal, tmp_path, 1).folder
        changed = (folder / name).read_bytes().replace(b"1", b"2", 1)
        (folder / name).write_bytes(changed)
        with pytest.raises(
            BadInput, match=f"{name}: expected the bytes of SHA-256 .* move it away"
        ):
            write_files(journal, tmp_path, 1)
    assert (folder / name).read_bytes() == changed
    assert not (folder / WRITING).exists()


def test_nothing_is_emitted_where_details_and_record_differ(tmp_path: Path) -> None:
    with lying_journal(tmp_path, "moved") as journal:
        with pytest.raises(LedgerFault, match="no file was written"):
            write_files(journal, tmp_path, 1)
    assert list(window_folder(tmp_path / "files", 1).iterdir()) == []


def test_refusals(tmp_path: Path) -> None:
    with journal_of(tmp_path, [5]) as journal:
        with pytest.raises(NotFound, match="window 2 is not a closed window"):
            write_files(journal, tmp_path, 2)
        with files.sole_writer(window_folder(tmp_path / "files", 1)):
            with pytest.raises(Overloaded, match="another process"):
                write_files(journal, tmp_path, 1)
        (tmp_path / "file").write_text("")
        with pytest.raises(Overloaded, match="make room or give leave"):
            write_files(journal, tmp_path, 1, tmp_path / "file")
        manifest = write_files(journal, tmp_path, 1)
        assert manifest.sheet_of(2) == manifest.sheet_of("2") == manifest.sheet_of(NAMES[1])
        with pytest.raises(NotFound, match="participant 77 is not one of window 1"):
            manifest.sheet_of("77")
    for text in (b"", b"{}", b"[]", b'{"files": [{}]}'):
        (manifest.folder / MANIFEST).write_bytes(text)
        with pytest.raises(BadInput, match="expected a manifest of format 1"):
            read_manifest(manifest.folder)
    with pytest.raises(NotFound, match="onecard settle"):
        read_manifest(tmp_path)


def test_the_business_day_is_the_one_it_was_closed_for(tmp_path: Path) -> None:
    with journal_of(tmp_path, [5]) as journal:
        assert write_files(journal, tmp_path, 1).business_day == DAY
