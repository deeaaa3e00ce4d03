"""`verify` proves a sound ledger, and names what is wrong with one that was tampered with.

The forger has the whole file and our code: it may leave the digests, renew the block's own, or
chain every block anew. What it cannot renew is the head that somebody keeps elsewhere.
"""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from onecard.cli import verify as command
from onecard.cli.exit_status import Exit
from onecard.core.audit.verify import verify
from onecard.core.errors import LedgerForeign, LedgerMissing
from onecard.core.journal import ROWS, LocalJournal
from onecard.core.journal.block import HASH_BYTES, HEADER_BYTES
from onecard.core.journal.hashing import HASHES
from onecard.core.ledger.folder import (
    LedgerToml,
    digest_key_check,
    write_ledger_toml,
    write_new,
)
from onecard.core.ledger.opened import Ledger
from onecard.core.ledger.owner import Owner
from onecard.core.ledger.token import key_check
from onecard.core.storage.environment import Environment
from onecard.core.storage.rebuildable import Origin
from onecard.ext.block.unpack import part_bytes
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Part
from tests.rules.test_against_twin import play
from tests.support.engine import SMALL
from tests.support.handmade import LEDGER_ID, OPERATOR, Hand

MIB = 1 << 20
Values = dict[int, bytearray]  # first sequence -> block, of the ledger that `made` makes
TAPS = (24, 54, 87, 117)  # where its blocks of entries begin
WINDOW = 85


def made(path: Path, segment_bytes: int = 4 * MIB, groups: int = 0) -> Path:
    """Registry, entries at 24 and 54, a window at 85, entries at 87 and 117."""
    hand = Hand()
    with LocalJournal.create(path, LEDGER_ID, 1, segment_bytes) as journal:
        journal.write(hand.registry())
        journal.write([hand.entries(30), hand.entries(30), *hand.close()])
        journal.write([hand.entries(30), hand.entries(30)])
        for _ in range(groups):
            journal.write([hand.entries(40), hand.entries(50)])
    key, digest_key = bytes(32), bytes(16)
    for name, content in (("token.key", key), ("digest.key", digest_key)):
        write_new(path / name, content)
    toml = LedgerToml(Origin(LEDGER_ID, 1), segment_bytes, key_check(key))
    toml = replace(toml, digest_key_check=digest_key_check(digest_key, toml.algorithms.tokens))
    write_ledger_toml(path, toml, (0, 9, 0))
    return path


def rows(value: bytearray) -> np.ndarray:
    header = np.frombuffer(value, dtypes.HEADER, 1)[0]
    return np.frombuffer(value, ROWS[int(header["record"])], int(header["count"]), HEADER_BYTES)


def legs(value: bytearray) -> np.ndarray:
    header = np.frombuffer(value, dtypes.HEADER, 1)[0]
    at = HEADER_BYTES + rows(value).nbytes + part_bytes(header["parts"])
    return np.frombuffer(value, dtypes.LEG, int(header["legs"]), at)


def images(value: bytearray) -> np.ndarray:
    header = np.frombuffer(value, dtypes.HEADER, 1)[0]
    at = HEADER_BYTES + rows(value).nbytes + part_bytes(header["parts"]) + legs(value).nbytes
    return np.frombuffer(value, dtypes.AFTER_IMAGE, int(header["images"]), at)


def spans(value: bytearray) -> np.ndarray:
    """Where the legs of each entry begin; the only part that these blocks have."""
    found = header(value)[0]
    at = HEADER_BYTES + rows(value).nbytes
    return np.frombuffer(value, dtypes.PARTS[Part.SPANS], int(found["parts"][Part.SPANS]), at)


def header(value: bytearray) -> np.ndarray:
    return np.frombuffer(value, dtypes.HEADER, 1)


def renew(value: bytearray, previous: bytes | None = None) -> bytes:
    """Make a block's own digests true again; its new hash."""
    found = header(value)
    if previous is not None:
        found["previous"] = np.void(previous)
    hashed = HASHES[int(found["hash_algorithm"][0])]
    found["body"] = np.void(hashed(value[HEADER_BYTES:]))
    found["hash"] = np.void(hashed(value[: HEADER_BYTES - HASH_BYTES]))
    return found["hash"].tobytes()


def forge(path: Path, change: Callable[[Values], None], renewed: str) -> None:
    """Change the blocks of segment 1; renew "nothing", the "block" before each... or "all"."""
    folder = path / "journal" / "00000001"
    with Environment(folder, ("blocks",), map_bytes=8 * MIB) as store, store.write("blocks") as txn:
        main = store._env.open_db(None, txn=txn)
        with txn.cursor() as cursor:
            values = {int.from_bytes(k, "big"): bytearray(v) for k, v in cursor}
        before = {first: bytes(value) for first, value in values.items()}
        change(values)
        previous = bytes(32)
        for first, value in sorted(values.items()):
            if renewed == "all":
                previous = renew(value, previous)
            elif renewed == "block" and before.get(first) != value:
                renew(value)
        for first in before:
            txn.delete(first.to_bytes(8, "big"))
        for first, value in values.items():
            txn.put(first.to_bytes(8, "big"), bytes(value))
        if renewed == "all":
            newest = header(values[max(values)])
            end = (int(newest["first"][0]) + int(newest["count"][0]) - 1).to_bytes(8, "little")
            txn.put(b"end", end + previous, db=main)


def test_a_sound_ledger_is_proved(tmp_path: Path) -> None:
    made(tmp_path, MIB, 90)
    with LocalJournal.open(tmp_path, LEDGER_ID, 1, MIB) as journal:
        heads = [block.hash for block in journal.blocks()]
        last, segments = journal.durable.last, len(journal.segments)
    seen: list[tuple[int, int]] = []
    report = verify(tmp_path, heads[-1], lambda done, total: seen.append((done, total)))
    assert report.fault is None and report.ok and segments > 1
    assert (report.segments, report.blocks, report.last) == (segments, len(heads), last)
    assert (report.records, report.entries, report.windows) == (last, last - 26, 1)
    assert report.legs == 2 * report.entries and report.head == heads[-1].hex()
    assert sum(report.trial_balance_fen.values()) == 0 != report.trial_balance_fen["PAYABLE"]
    assert (report.structure, report.checkpoint) == ("ok", "skipped: this ledger has no checkpoint")
    assert len(seen) == segments and seen[-1][0] == seen[-1][1]
    for head in heads[::40]:
        assert verify(tmp_path, head).ok


def flip(values: Values) -> None:
    values[54][-9] ^= 4


def edit_amount(values: Values) -> None:
    rows(values[54])["amount_fen"][3] += 100


def edit_leg(values: Values) -> None:
    legs(values[54])["amount_fen"][7] += 100


def edit_amount_and_legs(values: Values, first: int = 54, row: int = 3) -> None:
    """The amount, and both legs with it, so that they still sum to zero."""
    sign = np.sign(legs(values[first])["amount_fen"][2 * row : 2 * row + 2])
    rows(values[first])["amount_fen"][row] += 100
    legs(values[first])["amount_fen"][2 * row : 2 * row + 2] += 100 * sign


def edit_all_of_an_entry(values: Values, first: int = 54) -> None:
    """And the balances of its account from there on."""
    edit_amount_and_legs(values, first)
    account = rows(values[first])["account"][3]
    change = 100 * np.sign(legs(values[first])["amount_fen"][6])
    for at in TAPS:
        sequences = at + np.arange(len(rows(values[at])))
        later = (sequences >= first + 3) & (rows(values[at])["account"] == account)
        rows(values[at])["balance_fen"][later] += change


def edit_everything(values: Values) -> None:
    """And an open window, whose nets nobody has written yet: a perfect forgery."""
    edit_all_of_an_entry(values, 87)


def remove(first: int) -> Callable[[Values], None]:
    return lambda values: values.pop(first) and None


def swap(values: Values) -> None:
    values[24], values[54] = values[54], values[24]


def insert(values: Values) -> None:
    values[60] = bytearray(values[54])


def poke(
    part: Callable[[bytearray], np.ndarray], first: int, row: int, field: str, value: int
) -> Callable[[Values], None]:
    def change(values: Values) -> None:
        part(values[first])[field][row] = value

    return change


def close_twice(values: Values) -> None:
    """The first block closes original 24, a later one claims of it again."""
    images(values[24])["what"][0] = 3
    images(values[54])["key"][0] = 24


FORGED: list[tuple[str, Callable[[Values], None], str, str]] = [
    ("flipped bit", flip, "nothing", "block 54: expected the body digest"),
    ("edited amount", edit_amount, "nothing", "block 54: expected the body digest"),
    ("amount, own digests", edit_amount, "block", "entry 57: expected legs that move its 475 fen"),
    ("place", poke(rows, 54, 4, "place", 9), "nothing", "block 54: expected the body digest"),
    (
        "place, own digests",
        poke(rows, 54, 4, "place", 9),
        "block",
        "block 84: expected the hash of",
    ),
    ("amount, chained", edit_amount, "all", "block 54, entry 57: expected legs that move its"),
    ("edited leg", edit_leg, "nothing", "block 54: expected the body digest"),
    (
        "leg, chained",
        edit_leg,
        "all",
        "block 54, entry 57: expected legs that sum to 0 fen",
    ),
    ("amount and legs", edit_amount_and_legs, "all", "block 54, entry 57: expected balance_fen"),
    ("and balances", edit_all_of_an_entry, "all", "block 85, entry 85: expected in_fen, out_fen"),
    ("removed block", remove(54), "nothing", "block 84: expected it to begin at sequence 54"),
    ("removed, chained", remove(54), "all", "block 84: expected it to begin at sequence 54"),
    ("removed last", remove(117), "nothing", "expected its newest block to end at 146, as"),
    ("removed first", remove(1), "all", "block 2: expected it to begin at sequence 1, found 2"),
    ("swapped", swap, "nothing", "block 24: expected it to begin there, found 54"),
    ("inserted", insert, "nothing", "block 60: expected it to begin there, found 54"),
    ("header", poke(header, 54, 0, "epoch", 2), "nothing", "block 54: expected the hash"),
    ("lower epoch", poke(header, 54, 0, "epoch", 0), "all", "expected epoch 1 or higher, found 0"),
    ("early", poke(header, 54, 0, "booked_at_us", 9), "all", "block 54: expected a booking time"),
    ("count", poke(header, 54, 0, "count", 31), "all", "block 54: expected 4039 bytes as its he"),
    ("legs_at", poke(spans, 54, 4, "at", 9), "all", "its legs are not in the order of its rows"),
    ("legs beyond", poke(spans, 54, 4, "at", 60), "all", "a row names legs that the block has not"),
    ("legs' row", poke(spans, 54, 4, "row", 9), "all", "block 54: expected a block that fits its"),
    ("legs", poke(spans, 54, 4, "legs", 3), "all", "its legs are not in the order of its rows"),
    ("last legs", poke(spans, 54, 29, "legs", 1), "all", "found it has legs of no row"),
    ("no legs", poke(rows, 54, 4, "parts", 0), "all", "expected a block that fits itself, found"),
    ("parts", poke(rows, 54, 4, "parts", 31), "all", "a row's references are missing"),
    ("template", poke(rows, 54, 4, "layout", 2), "all", "a row has a template that is not known"),
    (
        "both",
        poke(rows, 54, 4, "layout", 1),
        "all",
        "not known, or one and other legs",
    ),
    ("window", poke(header, 54, 0, "window", 2), "all", "entry 54: expected window 1, found 2"),
    ("previous", poke(rows, 54, 4, "back", 1), "all", "entry 58: expected previous"),
    (
        "declined",
        poke(rows, 54, 4, "outcome", 23),
        "all",
        "entry 58: expected legs that move",
    ),
    ("owner", poke(legs, 54, 8, "owner", 99), "all", "entry 58: expected account legs on"),
    (
        "owner kind",
        poke(legs, 54, 9, "owner_kind", 17),
        "all",
        "entry 58: expected a leg of",
    ),
    ("account", poke(rows, 54, 4, "account", 1 << 31), "all", "entry 58: expected account legs"),
    ("terminal", poke(rows, 54, 4, "terminal", 9), "all", "block 54: expected to replay it"),
    ("image's row", poke(images, 54, 0, "row", 30), "all", "expected images of rows 0 to 29"),
    (
        "image",
        poke(images, 54, 0, "what", 99),
        "all",
        "entry 83: expected an after-image of a known",
    ),
    ("image's key", poke(images, 54, 0, "key", 83), "all", "expected an original that came before"),
    ("closed twice", close_twice, "all", "expected nothing less of original 24, closed, found 50"),
    ("net", poke(rows, WINDOW, 0, "in_fen", 1), "all", "entry 85: expected in_fen, out_fen and"),
    ("cut", poke(rows, WINDOW, 1, "cut", 85), "all", "entry 86: expected cut 86, found 85"),
    ("opening", poke(rows, WINDOW, 1, "first", 2), "all", "entry 86: expected first 1, found 2"),
    (
        "twice",
        poke(rows, WINDOW, 1, "participant", OPERATOR),
        "all",
        "a row a participant in",
    ),
    ("nobody", poke(rows, WINDOW, 1, "participant", 9), "all", "a row for participant 2, who has"),
]


@pytest.mark.parametrize(("name", "change", "renewed", "said"), FORGED, ids=[f[0] for f in FORGED])
def test_a_forgery_is_named_with_its_block(
    tmp_path: Path, name: str, change: Callable[[Values], None], renewed: str, said: str
) -> None:
    forge(made(tmp_path), change, renewed)
    report = verify(tmp_path)
    assert report.fault is not None and said in report.fault
    assert report.fault.startswith(("segment 00000001, block ", "segment 00000001: expected its"))
    assert "\n" not in report.fault


TAILS: list[tuple[str, Callable[[Values], None]]] = [
    ("the last block removed", remove(117)),
    ("a perfect forgery", edit_everything),
]


@pytest.mark.parametrize(("name", "change"), TAILS, ids=[t[0] for t in TAILS])
def test_only_a_head_kept_elsewhere_tells_a_changed_tail(
    tmp_path: Path, name: str, change: Callable[[Values], None]
) -> None:
    made(tmp_path)
    with LocalJournal.open(tmp_path, LEDGER_ID, 1, 4 * MIB) as journal:
        head = journal.durable.head
    forge(tmp_path, change, "all")
    assert verify(tmp_path).ok
    fault = verify(tmp_path, head).fault
    assert fault is not None and fault.startswith("the journal ends at ")
    assert fault.endswith(f"{head.hex()}, is not in it: a tail is missing or changed")


def test_a_ledger_that_is_written_meanwhile_is_proved_but_for_its_pages(tmp_path: Path) -> None:
    made(tmp_path, MIB, 90)
    with Owner(tmp_path):
        command = (
            "import sys; from pathlib import Path; from onecard.core.audit.verify import verify; "
        )
        command += "r = verify(Path(sys.argv[1])); print(r.fault, r.structure)"
        said = subprocess.run(
            [sys.executable, "-c", command, str(tmp_path)], capture_output=True, text=True
        )
    assert said.stdout.startswith("None last segment skipped: process "), said


def test_the_state_of_the_checkpoint_is_compared_with_a_replay(tmp_path: Path) -> None:
    made(tmp_path, groups=3)
    with Ledger.open(tmp_path) as ledger:
        ledger.checkpoint.save(ledger.state)
    assert verify(tmp_path).checkpoint == "ok"
    shutil.rmtree(tmp_path / "checkpoint")
    with Ledger.open(tmp_path) as ledger:
        ledger.state.rows("accounts")["posted_fen"][7] += 1
        ledger.state.dirty("accounts")[0] = 1
        ledger.checkpoint.save(ledger.state)
    fault = verify(tmp_path).fault
    assert fault is not None and "expected the state of a replay" in fault
    assert "found another row 7 of accounts; delete " in fault


@pytest.mark.parametrize("seed", range(3))
def test_what_the_engine_books_is_what_the_books_want(tmp_path: Path, seed: int) -> None:
    """Every kind of entry, as random storms make them, proved from the legs alone."""
    play(random.Random(seed), tmp_path / "ledger", 35)
    report = verify(tmp_path / "ledger", settings=SMALL)
    assert report.fault is None and report.entries > 50 and report.legs > 20


def test_what_is_no_ledger_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(LedgerMissing, match=r"expected a ledger, found no ledger.toml"):
        verify(tmp_path)
    (tmp_path / "ledger.toml").write_text("id = 'xyz'")
    with pytest.raises(LedgerForeign, match="expected id, epoch"):
        verify(tmp_path)
    (tmp_path / "ledger.toml").write_text(LedgerToml(Origin(LEDGER_ID, 1), MIB).text((0, 9, 0)))
    assert "expected a journal, found none" in str(verify(tmp_path).fault)


def test_the_command(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(command.verify)
    made(tmp_path)
    run = CliRunner().invoke
    sound = run(app, [str(tmp_path)])
    assert sound.exit_code == 0 and sound.stdout.endswith("\nok\n")
    found = json.loads(run(app, [str(tmp_path), "--json"]).stdout)
    assert found["ok"] and found["fault"] is None and found["entries"] == 120
    assert run(app, [str(tmp_path), "--head", found["head"]]).exit_code == 0
    assert run(app, [str(tmp_path), "--head", "ab" * 32]).exit_code == Exit.FAULT
    forge(tmp_path, edit_amount, "nothing")
    for options in ([], ["--json"]):
        broken = run(app, [str(tmp_path), *options])
        assert broken.exit_code == Exit.FAULT
        assert "block 54: expected the body digest" in broken.output
    assert "hexadecimal" in str(run(app, [str(tmp_path), "--head", "zz"]).exception)
