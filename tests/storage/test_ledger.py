"""A ledger's folder: made once, opened by one, read by many, brought up to date at every start."""

import os
import shutil
import stat
import threading
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from onecard.cli.init import init
from onecard.core.config import MIB, Settings
from onecard.core.errors import (
    LedgerFault,
    LedgerForeign,
    LedgerInUse,
)
from onecard.core.journal import Draft, parse
from onecard.core.journal.algorithms import NAMES
from onecard.core.ledger.folder import read_ledger_toml
from onecard.core.ledger.keyed_hash import keyed
from onecard.core.ledger.opened import Ledger
from onecard.core.ledger.token import token
from onecard.core.query.entry import find_entry
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Image, Record
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from tests.support.algorithms import chosen
from tests.support.many_rows import ManyLots, ManyRows

SMALL = Settings(
    cards_max=200_000,
    terminals_max=100_000,
    segment_bytes=MIB,
    watermark_bytes=0,
    checkpoint_map_bytes=64 * MIB,
    identities_map_bytes=64 * MIB,
    checkpoint_pause_ms=0,
)


def booked(folder: Path, blocks: int, seed: int = 1) -> tuple[State, list[Draft]]:
    """A new ledger with so many blocks, and its state by plain replay."""
    Ledger.create(folder, SMALL)
    many = ManyRows(seed)
    state = State(SMALL.cards_max, SMALL.terminals_max)
    drafts = []
    with Ledger.open(folder, SMALL) as ledger:
        for _ in range(blocks):
            draft = many.next()
            ledger.journal.write([draft])
            apply(state, draft.value)
            drafts.append(draft)
        assert blocks < 40 or len(ledger.journal.segments) > 1
    return state, drafts


# ---- making and finding ---------------------------------------------------------------------


def test_what_a_new_ledger_holds(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "ledger"
    origin = Ledger.create(folder, SMALL)
    names = ["digest.key", "journal", "ledger.toml", "settings.toml", "token.key"]
    assert sorted(os.listdir(folder)) == names
    found = tomllib.loads((folder / "ledger.toml").read_text())
    assert bytes.fromhex(found.pop("id")) == origin.ledger_id
    assert found.pop("lmdb").startswith("0.9.")
    key, digest_key = folder / "token.key", folder / "digest.key"
    tokens = chosen().tokens
    assert int(found.pop("key_check"), 16) == token(key.read_bytes(), "key check", tokens)
    made = keyed(tokens, digest_key.read_bytes())(b"key check")
    assert int(found.pop("digest_key_check"), 16) == int.from_bytes(made, "little")
    assert len(found.pop("checksum")) == 16
    assert {what: found.pop(what) for what in NAMES} == chosen().names()
    form = {"card_number": "ascii 1-32"}
    assert found == form | {"epoch": 1, "format": 2, "segment_bytes": MIB}
    for file, count in ((key, 32), (digest_key, 16)):
        assert (file.stat().st_size, stat.S_IMODE(file.stat().st_mode)) == (count, 0o600)
    with Ledger.open(folder, SMALL) as ledger:
        assert (ledger.id, ledger.epoch, ledger.journal.durable.last) == (origin.ledger_id, 1, 0)
        assert ledger.token_key == key.read_bytes()
        assert ledger.digest_key == digest_key.read_bytes()
        assert ledger.algorithms == chosen()
        assert ledger.state.digest() == State().digest()
    other = Ledger.create(tmp_path / "b", SMALL)
    assert other.ledger_id != origin.ledger_id
    for file in (key, digest_key):
        assert (tmp_path / "b" / file.name).read_bytes() != file.read_bytes()


def test_a_ledger_is_never_made_over_anything(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes").write_text("mine")
    Ledger.create(tmp_path / "ledger", SMALL)
    for name in ("file", "full", "ledger"):
        with pytest.raises(LedgerForeign, match="expected an empty folder or none"):
            Ledger.create(tmp_path / name, SMALL)
    assert os.listdir(tmp_path / "full") == ["notes"]


def test_one_writes_and_others_read(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    state, _ = booked(folder, 12)
    with Ledger.open(folder, SMALL) as ledger:
        with pytest.raises(LedgerInUse, match=f"process {os.getpid()}"):
            Ledger.open(folder, SMALL)
        assert ledger.state.digest() == state.digest()
    with Ledger.open(folder, SMALL):
        pass


def test_reading_writes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    state, _ = booked(folder, 12)
    shutil.rmtree(folder / "checkpoint")
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with Ledger.open(folder, SMALL, readonly=True) as ledger:
        assert ledger.state.digest() == state.digest()
        assert ledger.identities.retired == 0
        assert ledger.owner is None
        with pytest.raises(ValueError, match="opened to be read"):
            _ = ledger.checkpoint
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    after = {path: content for path, content in after.items() if path.name != "lock.mdb"}
    assert after == {path: c for path, c in files.items() if path.name != "lock.mdb"}


READER = """
import sys
from pathlib import Path
from onecard.core.config import Settings
from onecard.core.ledger.opened import Ledger
from onecard.core.journal import LocalJournal
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
sizes = dict(cards_max=200_000, terminals_max=100_000)
settings = Settings(**sizes)
for _ in range(15):
    with Ledger.open(Path(sys.argv[1]), settings, readonly=True) as ledger:
        state = State(*sizes.values())
        for block in ledger.journal.blocks():
            apply(state, block.value)
        assert ledger.state.digest() == state.digest(), ledger.recovery
        print(ledger.recovery.checkpoint)
"""


def test_reading_beside_a_process_that_saves_all_the_time(tmp_path: Path) -> None:
    """Pages and journal are read at different moments; the state is of one."""
    import subprocess
    import sys

    folder = tmp_path / "ledger"
    booked(folder, 12)
    stop = threading.Event()
    used: list[str] = []

    def read() -> None:
        command = [sys.executable, "-c", READER, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        used.append(done.stdout)
        used.append(done.stderr)
        stop.set()

    reader = threading.Thread(target=read)
    with Ledger.open(folder, SMALL) as ledger:
        many = ManyRows(7, last=ledger.journal.durable.last, accounts=1000, terminals=500)
        many.lots = ManyLots.of(ledger.state)
        rows = ledger.state.rows("open_holds")["sequence"].tolist()
        many.open_holds = {row: sequence for row, sequence in enumerate(rows) if sequence}
        keys = ledger.state.rows("journeys")["key"].tolist()
        many.apart = {row: (key >> 8, key & 255) for row, key in enumerate(keys) if key}
        many._first = iter(())
        reader.start()
        while not stop.is_set():
            ledger.checkpoint.begin(ledger.state)
            draft = many.entries()
            many.last = draft.last
            ledger.journal.write([draft])
            apply(ledger.state, draft.value)
            ledger.checkpoint.copy_some(ledger.state, 3)
            stop.wait(0.002)
    reader.join()
    saves, errors = used
    assert errors == ""
    assert len(saves.split()) == 15
    assert len(set(saves.split()) - {"0"}) > 3, "no reader met a save that was being made"


# ---- recovery -------------------------------------------------------------------------------


def test_a_start_says_what_it_replayed(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    state, drafts = booked(folder, 40)
    seen: list[tuple[int, int]] = []
    with Ledger.open(folder, SMALL, progress=lambda *now: seen.append(now)) as ledger:
        last = ledger.journal.durable.last
        assert (ledger.recovery.checkpoint, ledger.recovery.blocks) == (0, 40)
        assert ledger.recovery.records == last
        assert seen == [(draft.last, last) for draft in drafts]
        ledger.close(checkpoint=True)
    with Ledger.open(folder, SMALL) as ledger:
        assert (ledger.recovery.checkpoint, ledger.recovery.records) == (last, 0)
        assert ledger.state.digest() == state.digest()


def test_a_block_that_does_not_fit_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    _, drafts = booked(folder, 6)
    with Ledger.open(folder, SMALL) as ledger:
        rows = np.zeros(1, dtypes.ENTRY)
        rows["sequence"] = ledger.journal.written.last + 1
        rows["account"] = 199_999
        ledger.journal.write([Draft.of(Record.ENTRIES, rows, drafts[-1].booked_at_us + 1)])
    with pytest.raises(LedgerFault, match=f"block {drafts[-1].last + 1}: expected to apply it"):
        Ledger.open(folder, SMALL)


Bound = tuple[int, int, int, int]


def slow_identities(drafts: list[Draft]) -> list[Bound]:
    """terminal, epoch, terminal_seq, sequence of every identity bound, in order."""
    found: list[Bound] = []
    for draft in drafts:
        if draft.record != Record.ENTRIES:
            continue
        block = parse(draft.value, "as appended")
        for i, row in enumerate(block.rows):
            bound = [(int(row["epoch"]), int(row["terminal_seq"]))]
            for image in block.images[block.images["row"] == i]:
                if image["what"] == Image.VOIDED_IDENTITY:
                    bound.append(divmod(int(image["key"]), 1 << 32))
            found += [(int(row["terminal"]), *key, int(row["sequence"])) for key in bound]
    return found


def test_identities_not_closed_come_back_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    _, drafts = booked(folder, 40)
    wanted = slow_identities(drafts)
    assert any(epoch == 2 for _, epoch, _, _ in wanted), "no tombstone in this sample"
    middle = wanted[len(wanted) // 2][3]
    names = ["terminal", "epoch", "terminal_seq", "sequence"]
    with Ledger.open(folder, SMALL) as ledger:
        rows = np.concatenate(list(ledger.recent()))
        assert rows[names].tolist() == wanted
        ledger.identities.retire(rows[rows["sequence"] <= middle], middle)
        later = np.concatenate(list(ledger.recent()))
        assert later[names].tolist() == [row for row in wanted if row[3] > middle]
    with Ledger.open(folder, SMALL) as ledger:
        assert ledger.identities.retired == middle
        assert (np.concatenate(list(ledger.recent())) == later).all()
        ledger.identities.retire(later, ledger.journal.durable.last)
        assert list(ledger.recent()) == []
        assert (ledger.identities.find(rows) == rows["sequence"]).all()


@pytest.mark.parametrize("count", [0, 1, 5, 700, 10_000, 1 << 30])
def test_the_tail(tmp_path: Path, count: int) -> None:
    folder = tmp_path / "ledger"
    _, drafts = booked(folder, 40)
    entries = [
        parse(draft.value, "as appended").rows for draft in drafts if draft.record == Record.ENTRIES
    ]
    every = np.concatenate(entries)
    with Ledger.open(folder, SMALL) as ledger:
        wanted = every[every["sequence"] > max(0, ledger.journal.durable.last - count)]
        found, legs = ledger.tail_entries(count)
        assert len(found) == len(wanted)
        names = [name for name in dtypes.ENTRY.names or () if name != "legs_at"]
        assert (found[names] == wanted[names]).all()
        for row in found:
            entry = find_entry(ledger.journal, int(row["sequence"]))
            at = int(row["legs_at"])
            assert entry is not None and (entry.legs == legs[at : at + int(row["legs"])]).all()


def test_settings_may_differ_from_those_it_was_made_with(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    booked(folder, 3)
    with Ledger.open(folder, replace(SMALL, segment_bytes=64 * MIB)) as ledger:
        assert ledger.journal.segment_bytes == MIB


# ---- the command ----------------------------------------------------------------------------


def test_init_says_what_it_made_and_what_is_next(tmp_path: Path) -> None:
    import typer

    app = typer.Typer()
    app.command()(init)
    folder = tmp_path / "ledger"
    done = CliRunner().invoke(app, [str(folder), "--segment-bytes", str(128 * MIB)])
    assert done.exit_code == 0, done.output
    assert f"onecard serve {folder}" in done.output
    assert read_ledger_toml(folder).segment_bytes == 128 * MIB
    assert (folder / "token.key").read_bytes().hex() not in done.output
    again = CliRunner().invoke(app, [str(folder)])
    assert isinstance(again.exception, LedgerForeign)
    assert CliRunner().invoke(app, [str(folder), "--segment-bytes", "1"]).exit_code == 2
