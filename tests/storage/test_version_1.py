"""Blocks of version 1, which nobody writes any more: every reader gives what a slow one does.

What does not fit is refused by name.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from onecard.core.audit.verify import verify
from onecard.core.errors import LedgerFault
from onecard.core.journal import LocalJournal, Tip, parse
from onecard.core.ledger.folder import LedgerToml, digest_key_check, write_ledger_toml, write_new
from onecard.core.ledger.token import key_check
from onecard.core.storage.rebuildable import Origin
from onecard.ext.identity.generations import Generations
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import (
    OWNER_KINDS,
    Template,
)
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from tests.storage.drawn import (
    ACCOUNTS,
    ENTRY_FIELDS,
    HEADER,
    MIB,
    PARTIES,
    TERMINALS,
    Drawn,
    Slow,
    SlowState,
    drawn_blocks,
    is_entries,
    slow_entries,
)
from tests.support import version_1
from tests.support.handmade import LEDGER_ID
from tests.support.version_1 import OldHand


def assert_read(
    row: np.void, legs: list[tuple[int, ...]], slow: Slow, but: tuple[str, ...] = ()
) -> None:
    """One ENTRY row and its legs are what the slow reader found, and nothing else."""
    found = {name: int(row[name]) for name in ENTRY_FIELDS if name not in but}
    assert found == {name: fen for name, fen in slow.entry.items() if name not in but}
    assert legs == slow.legs
    assert not any(row[name] for name in version_1.LATER)
    assert (row["version"], row["layout"]) == (1, Template.EXPLICIT)


# ---- version 1, by every reader ---------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_every_reader_gives_what_stands_there(tmp_path: Path, seed: int) -> None:
    blocks = drawn_blocks(seed)
    slow = {}
    for value in filter(is_entries, blocks):
        block = parse(value, "here")
        for row, one in zip(block.rows, slow_entries(value), strict=True):
            at = int(row["legs_at"])
            assert_read(row, block.legs[at : at + int(row["legs"])].tolist(), one)
            slow[one.entry["sequence"]] = one
        assert [image[1:] for image in block.images.tolist()] == [
            image for one in slow_entries(value) for image in one.images
        ]
    version_1.journal(tmp_path, LEDGER_ID, blocks, MIB)
    with LocalJournal.open(tmp_path, LEDGER_ID, 1, MIB) as journal:
        assert [bytearray(block.value) for block in journal.blocks()] == blocks
        _by_sequence(journal, slow, random.Random(seed))
        _by_account(journal, slow, random.Random(seed))


def _by_sequence(journal: LocalJournal, slow: dict[int, Slow], chance: random.Random) -> None:
    """In any order, some twice, and some that are no entries or beyond the end."""
    asked = [chance.randint(0, journal.durable.last + 3) for _ in range(300)]
    rows, legs = journal.entries_with_legs(np.array(asked, np.uint64))
    for sequence, row in zip(asked, rows, strict=True):
        if sequence in slow:
            at = int(row["legs_at"])
            own = legs[at : at + int(row["legs"])].tolist()
            assert_read(row, own, slow[sequence], ("legs_at",))
        else:
            assert not row.tobytes().strip(b"\0")


def _by_account(journal: LocalJournal, slow: dict[int, Slow], chance: random.Random) -> None:
    for most in (1, 2, 7, 1000):
        last = chance.choice(list(slow))
        wanted = []
        while last and len(wanted) < most:
            wanted.append(last)
            last = slow[last].entry["previous"]
        rows = journal.chain(wanted[0], most)
        assert rows["sequence"].tolist() == wanted
        for row in rows:
            assert_read(
                row, slow[int(row["sequence"])].legs, slow[int(row["sequence"])], ("legs_at",)
            )


@pytest.mark.parametrize("seed", range(4))
def test_a_replay_makes_of_them_what_the_page_says(seed: int) -> None:
    state, slow = State(1 << 10, 1 << 8), SlowState()
    for value in drawn_blocks(seed):
        apply(state, value)
        for one in slow_entries(value) if is_entries(value) else ():
            slow.take(one)
    assert_same(state, "accounts", slow.accounts, ACCOUNTS, ("posted_fen", "held_fen", "last"))
    assert_same(state, "accounts", slow.accounts, ACCOUNTS, ("entries",))
    for account, row in enumerate(state.rows("accounts")[1:], 1):
        travel, kept = state.rows("travels")[int(row["travel"])], slow.accounts[account]
        found = tuple(int(travel[name]) for name in ("sequence", "at_us", "place"))
        assert found == tuple(kept[f"journey{name}"] for name in ("", "_at_us", "_place")), account
    assert_same(state, "terminals", slow.terminals, TERMINALS, ("seen", "taken"))
    for row in state.rows("credentials"):
        card = slow.cards[int(row["token"])]
        assert (row["denied"], row["deny_version"]) == (card["denied"], card["deny_version"])
    for party in range(1, PARTIES + 1):
        row, sums = state.table("participants")[party], slow.parties[party]
        assert row["balance_fen"].tolist() == [sums[kind] for kind in range(OWNER_KINDS)]
        window = [int(row[f"window_{name}"]) for name in ("in_fen", "out_fen", "legs")]
        assert window == [sums["in"], sums["out"], sums["legs"]]
    journalled = Generations(1 << 10, TERMINALS)
    for value in drawn_blocks(seed):
        if is_entries(value):
            block = parse(value, "drawn", digest=False)
            journalled.fill_claims(block.images, np.uint64(block.first) + block.images["row"])
    for original, said in slow.claims.items():
        claim = journalled.claimed(original)
        assert claim is not None and (claim["used_fen"], claim["closed"]) == said


def assert_same(
    state: State, table: str, slow: dict[int, dict[str, int]], count: int, names: tuple[str, ...]
) -> None:
    for number in range(1, count + 1):
        row = state.table(table)[number]
        found = {name: int(row[name]) for name in names}
        assert found == {name: slow[number][name] for name in names}, (table, number)


def test_every_flipped_bit_and_every_length_is_refused() -> None:
    drawn = Drawn(5)
    value = drawn.entries_1(2)
    version_1.seal(value, LEDGER_ID, 1, Tip(epoch=1))
    assert len(slow_entries(value)) == 2
    for at in range(8 * len(value)):
        flipped = bytearray(value)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises(LedgerFault, match=r"^here: expected "):
            parse(flipped, "here")
    for length in range(len(value)):
        with pytest.raises(LedgerFault, match=r"^here: expected "):
            parse(value[:length], "here")
    with pytest.raises(LedgerFault, match=r"^here: expected "):
        parse(value + b"\0", "here")


# ---- what was forged, and sealed anew -----------------------------------------------------------

Blocks = dict[int, bytearray]  # first sequence -> block
FIRST, SECOND, WINDOW, THIRD = 21, 51, 81, 83  # where entries begin, and the window


def old_ledger(path: Path, change: Callable[[Blocks], None]) -> Path:
    """A ledger of version 1 that keeps its books, but for `change`; its digests are true."""
    hand = OldHand()
    blocks = hand.registry()
    blocks += [hand.entries(30), hand.entries(30), hand.close(), hand.entries(30)]
    by_first = {int(HEADER.unpack_from(value)[11]): value for value in blocks}
    change(by_first)
    version_1.journal(path, LEDGER_ID, list(by_first.values()), MIB)
    key, digest_key = bytes(32), bytes(16)
    for name, content in (("token.key", key), ("digest.key", digest_key)):
        write_new(path / name, content)
    toml = LedgerToml(Origin(LEDGER_ID, 1), MIB, key_check(key))
    check = digest_key_check(digest_key, toml.algorithms.tokens)
    write_ledger_toml(path, replace(toml, digest_key_check=check), (0, 9, 0))
    return path


def poke(part: int, first: int, row: int, name: str, found: int) -> Callable[[Blocks], None]:
    """Change a field of the rows (0), the legs (1) or the images (2) of a block of entries."""

    def change(blocks: Blocks) -> None:
        version_1.entries_of(blocks[first])[part][name][row] = found

    return change


def poke_header(first: int, name: str, found: int) -> Callable[[Blocks], None]:
    def change(blocks: Blocks) -> None:
        np.frombuffer(blocks[first], dtypes.HEADER_1, 1)[name] = found

    return change


def say_version_2(blocks: Blocks) -> None:
    np.frombuffer(blocks[SECOND], dtypes.HEADER_1, 1)["version"] = 2


def nothing(blocks: Blocks) -> None:
    pass


FORGED: list[tuple[str, Callable[[Blocks], None], str]] = [
    ("amount", poke(0, SECOND, 3, "amount_fen", 1), "entry 54: expected legs that move its 1 fen"),
    ("leg", poke(1, SECOND, 7, "amount_fen", 1), "entry 54: expected legs that sum to 0 fen"),
    ("balance", poke(0, SECOND, 4, "balance_fen", 1), "entry 55: expected balance_fen"),
    ("previous", poke(0, SECOND, 4, "previous", 1), "entry 55: expected previous"),
    ("sequence", poke(0, SECOND, 4, "sequence", 9), "a row has another sequence than its place"),
    ("window", poke(0, SECOND, 4, "window", 2), "entry 55: expected window 1, found 2"),
    ("row's time", poke(0, SECOND, 1, "booked_at_us", 9), "entry 52: expected booked_at_us"),
    ("legs_at", poke(0, SECOND, 4, "legs_at", 9), "its legs are not in the order of its rows"),
    ("beyond", poke(0, SECOND, 4, "legs_at", 59), "a row names legs that the block has not"),
    ("wraps", poke(0, SECOND, 4, "legs_at", 2**32 - 1), "a row names legs that the block has not"),
    ("legs", poke(0, SECOND, 4, "legs", 3), "its legs are not in the order of its rows"),
    ("many legs", poke(0, SECOND, 4, "legs", 17), "a row names legs that the block has not"),
    ("last legs", poke(0, SECOND, 29, "legs", 1), "found it has legs of no row"),
    ("no legs", poke(0, SECOND, 4, "legs", 0), "its legs are not in the order of its rows"),
    ("declined", poke(0, SECOND, 4, "outcome", 23), "entry 55: expected legs that move its 0"),
    ("account", poke(0, SECOND, 4, "account", 1 << 31), "entry 55: expected account legs"),
    ("terminal", poke(0, SECOND, 4, "terminal", 9), "block 51: expected to replay it"),
    ("owner", poke(1, SECOND, 8, "owner", 99), "entry 55: expected account legs on its own"),
    ("owner kind", poke(1, SECOND, 9, "owner_kind", 17), "entry 55: expected a leg of a known"),
    ("purse", poke(1, SECOND, 9, "purse", 9), "entry 55: expected a leg of a known"),
    ("image's row", poke(2, SECOND, 0, "row", 30), "expected images of rows 0 to 29"),
    ("image", poke(2, SECOND, 0, "what", 99), "entry 80: expected an after-image of a known"),
    ("image's key", poke(2, SECOND, 0, "key", 80), "entry 80: expected an original that came"),
    ("early", poke_header(SECOND, "booked_at_us", 9), "block 51: expected a booking time after"),
    ("count", poke_header(SECOND, "count", 31), "bytes as its header counts them"),
    ("row size", poke_header(SECOND, "row_bytes", 83), "bytes as its header counts them"),
    ("hash", poke_header(SECOND, "hash_algorithm", 2), "block 51: expected the hash"),
    ("version", say_version_2, "block 51: expected "),
    ("net", poke_header(WINDOW, "count", 1), "bytes as its header counts them"),
]


def test_a_ledger_of_version_1_is_proved(tmp_path: Path) -> None:
    report = verify(old_ledger(tmp_path, nothing))
    assert report.ok and (report.entries, report.windows, report.acts) == (90, 1, 0), report


@pytest.mark.parametrize(("name", "change", "said"), FORGED, ids=[f[0] for f in FORGED])
def test_a_forgery_is_named(
    tmp_path: Path, name: str, change: Callable[[Blocks], None], said: str
) -> None:
    fault = verify(old_ledger(tmp_path, change)).fault
    assert fault is not None and said in fault, fault
    assert fault.startswith("segment 00000001, block ") and "\n" not in fault


def test_no_reader_takes_a_row_that_stands_elsewhere(tmp_path: Path) -> None:
    """Of version 1 a row says its own sequence: read by its place, it must be that one."""
    old_ledger(tmp_path, poke(0, SECOND, 4, "sequence", 9))
    said = "a row has another sequence than its place"
    with LocalJournal.open(tmp_path, LEDGER_ID, 1, MIB) as journal:
        with pytest.raises(LedgerFault, match=said):
            journal.chain(SECOND + 4, 1)
        with pytest.raises(LedgerFault, match=said):
            journal.entries(np.array([SECOND + 4], np.uint64))
        with pytest.raises(LedgerFault, match=said):
            journal.block_of(SECOND + 4)
