"""Blocks: sealed in place, and nothing of one is believed that does not fit."""

import hashlib

import numpy as np
import pytest

from onecard.core.errors import LedgerFault
from onecard.core.journal import Draft, Tip, parse, seal
from onecard.core.journal.block import HASH_BYTES, HEADER_BYTES
from onecard.ext.block.unpack import part_bytes
from onecard.ext.shape import dtypes
from tests.support.handmade import LEDGER_ID, Hand

TIP = Tip(0, bytes(32), 0, 1)


def sealed(count: int = 5) -> tuple[bytes, Tip]:
    hand = Hand()
    draft = hand.entries(count)
    tip = seal(draft, LEDGER_ID, 1, TIP)
    return bytes(draft.value), tip


def entries_draft() -> Draft:
    return Hand().entries(5)


def test_seal_fills_the_header_in_place_and_parse_gives_it_back() -> None:
    draft = entries_draft()
    body = bytes(draft.body)
    at = np.frombuffer(draft.value, np.uint8).ctypes.data
    tip = seal(draft, LEDGER_ID, 7, Tip(0, b"p" * 32, 5, 3))
    assert np.frombuffer(draft.value, np.uint8).ctypes.data == at
    block = parse(draft.value, "here")
    assert (block.first, block.count, block.last, block.epoch) == (1, 5, 5, 7)
    assert (tip.last, tip.head, tip.booked_at_us) == (5, block.hash, draft.booked_at_us)
    assert block.header["previous"].tobytes() == b"p" * 32
    assert block.value[HEADER_BYTES:] == body
    assert block.header["body"].tobytes() == hashlib.sha256(body).digest()
    assert block.hash == hashlib.sha256(block.value[: HEADER_BYTES - HASH_BYTES]).digest()
    assert not block.rows.flags.writeable


def test_a_block_outlives_the_buffer_it_was_read_from() -> None:
    draft = entries_draft()
    seal(draft, LEDGER_ID, 1, TIP)
    block = parse(draft.value, "here")
    was = block.rows.tobytes()
    draft.value[:] = bytes(len(draft.value))
    assert block.rows.tobytes() == was


def test_a_body_of_bytes_and_arrays_give_the_same_block() -> None:
    one = entries_draft()
    other = Draft.from_body(
        one.record,
        one.first,
        one.count,
        one.booked_at_us,
        bytes(one.body),
        one.legs,
        one.images,
    )
    other.parts, other.window = one.parts, one.window
    assert seal(one, LEDGER_ID, 1, TIP) == seal(other, LEDGER_ID, 1, TIP)
    assert one.value == other.value


UNSEALABLE = [  # what is wrong with the draft, the tip it is to follow, what the error says
    ({"count": 4}, TIP, "its counts say"),
    ({"count": 0}, TIP, "its counts say"),
    ({"legs": 9}, TIP, "its counts say"),
    ({"blob_bytes": 1}, TIP, "its counts say"),
    ({"first": 2}, TIP, "expected it to begin at 1"),
    ({}, Tip(3), "expected it to begin at 4"),
    ({}, Tip(booked_at_us=1 << 60), "booked at or before"),
    ({"booked_at_us": 0}, TIP, "booked at or before"),
]


@pytest.mark.parametrize(("change", "tip", "said"), UNSEALABLE)
def test_a_draft_that_contradicts_itself_is_not_sealed(
    change: dict[str, int], tip: Tip, said: str
) -> None:
    draft = entries_draft()
    for name, value in change.items():
        setattr(draft, name, value)
    with pytest.raises(ValueError, match=said):
        seal(draft, LEDGER_ID, 1, tip)


def test_legs_that_do_not_sum_to_zero_are_not_sealed() -> None:
    draft = entries_draft()
    at = HEADER_BYTES + 5 * dtypes.ENTRY_ROW.itemsize + part_bytes(draft.parts)
    np.frombuffer(draft.value, dtypes.LEG, 10, at)["amount_fen"][3] += 1
    with pytest.raises(ValueError, match="sum to 1 fen"):
        seal(draft, LEDGER_ID, 1, TIP)


HOSTILE = [  # header field, forged value, what the error says
    ("magic", 0, "expected magic"),
    ("version", 3, "expected version 1 to 2, found 3"),
    ("version", 0, "expected version 1 to 2, found 0"),
    ("version", 1, "bytes as its header counts"),
    ("record", 0, "record type"),
    ("record", 9, "record type"),
    ("record", 2, "rows of 104 bytes, found 83"),
    ("row_bytes", 0, "rows of 83 or 128 bytes, found 0"),
    ("row_bytes", 128, "bytes as its header counts"),
    ("hash_algorithm", 99, "expected hash_algorithm"),
    ("count", 0, "at least one row"),
    ("count", 4, "bytes as its header counts"),
    ("count", 0xFFFFFFFF, "bytes as its header counts"),
    ("legs", 0xFFFFFFFF, "bytes as its header counts"),
    ("images", 0xFFFFFFFF, "bytes as its header counts"),
    ("blob_bytes", 0xFFFFFFFF, "bytes as its header counts"),
    ("first", 0, "a first sequence"),
    ("first", (1 << 64) - 1, "a first sequence"),
    ("booked_at_us", 1, "the hash"),
    ("epoch", 9, "the hash"),
]


@pytest.mark.parametrize(("field", "forged", "said"), HOSTILE)
def test_a_forged_header_is_refused(field: str, forged: int, said: str) -> None:
    value = bytearray(sealed()[0])
    np.frombuffer(value, dtypes.HEADER, 1)[field] = forged
    with pytest.raises(LedgerFault) as raised:
        parse(value, "segment 1, block 1")
    assert str(raised.value).startswith("segment 1, block 1: expected ")
    assert said in str(raised.value)


def test_every_flipped_bit_and_every_length_is_refused() -> None:
    value, _ = sealed(2)
    for at in range(len(value)):
        flipped = bytearray(value)
        flipped[at] ^= 1 << at % 8
        with pytest.raises(LedgerFault, match=r"^here: expected "):
            parse(flipped, "here")
    for length in range(len(value)):
        with pytest.raises(LedgerFault, match=r"^here: expected "):
            parse(value[:length], "here")
    with pytest.raises(LedgerFault, match=r"^here: expected "):
        parse(value + b"\0", "here")


UNFOLLOWED = [  # tip, ledger id, what the error says
    (Tip(0, bytes(32), 0, 1), b"x" * 16, "expected ledger id"),
    (Tip(1, bytes(32), 0, 1), LEDGER_ID, "begin at sequence 2, found 1"),
    (Tip(0, b"x" * 32, 0, 1), LEDGER_ID, "the hash of the block before"),
    (Tip(0, bytes(32), 1 << 60, 1), LEDGER_ID, "a booking time after"),
    (Tip(0, bytes(32), 0, 2), LEDGER_ID, "epoch 2 or higher, found 1"),
]


@pytest.mark.parametrize(("tip", "ledger_id", "said"), UNFOLLOWED)
def test_a_block_that_follows_another_chain_is_refused(
    tip: Tip, ledger_id: bytes, said: str
) -> None:
    value, after = sealed()
    assert parse(value, "here").follow(TIP, LEDGER_ID) == after
    with pytest.raises(LedgerFault, match=said):
        parse(value, "here").follow(tip, ledger_id)
