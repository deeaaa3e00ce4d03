"""Blocks and a journal of version 1, written as the last onecard did that wrote them.

Nothing of the project writes them any more. Rows come in the one form that entries have in memory
(ENTRY); what version 1 had no field for may not be in them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from onecard.core.journal.block import Tip
from onecard.core.journal.segment import BLOCKS, CHECKED_BYTES, END, META, META_MAGIC
from onecard.core.storage.environment import Environment
from onecard.ext.block.unpack import all_of
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Funding, Hash, Record
from tests.support.handmade import CARDS, ISSUER, OPERATOR, Hand

VERSION = 1
HEADER_BYTES = dtypes.HEADER_1.itemsize
HASHED_BYTES = HEADER_BYTES - 32  # `hash` covers the header up to itself
# What an entry of version 1 says of itself; the rest of an ENTRY row was not known then.
FIELDS = tuple(name for name in dtypes.ENTRY_ROW_1.names or () if name != "unused")
LATER = tuple(
    name
    for name in dtypes.ENTRY.names or ()
    if name not in (*FIELDS, "version", "layout", "unused")
)


def rows_1(rows: np.ndarray) -> np.ndarray:
    """ENTRY rows as version 1 had them; ValueError where one has what it had no room for."""
    made = np.zeros(len(rows), dtypes.ENTRY_ROW_1)
    for name in FIELDS:
        made[name] = rows[name]
        if (made[name] != rows[name]).any():
            raise ValueError(f"{name}: expected what version 1 has room for")
    for name in LATER:
        if rows[name].any():
            raise ValueError(f"{name}: expected 0, version 1 has no such field")
    return made


def block(
    record: int,
    rows: np.ndarray,
    booked_at_us: int,
    legs: np.ndarray | None = None,
    images: np.ndarray | None = None,
    blob: bytes = b"",
) -> bytearray:
    """A block that is not sealed yet; entries as ENTRY rows, other rows as they are written."""
    legs = np.zeros(0, dtypes.LEG) if legs is None else legs
    images = np.zeros(0, dtypes.AFTER_IMAGE) if images is None else images
    held = rows_1(rows) if record == Record.ENTRIES else rows
    header = np.zeros(1, dtypes.HEADER_1)
    header["magic"], header["version"] = dtypes.MAGIC, VERSION
    header["record"], header["row_bytes"] = record, held.dtype.itemsize
    header["hash_algorithm"] = Hash.SHA256
    header["count"], header["legs"], header["images"] = len(held), len(legs), len(images)
    header["blob_bytes"] = len(blob)
    header["first"], header["booked_at_us"] = held["sequence"][0], booked_at_us
    parts = (header.tobytes(), held.tobytes(), legs.tobytes(), images.tobytes(), blob)
    return bytearray(b"".join(parts))


def seal(value: bytearray, ledger_id: bytes, epoch: int, tip: Tip) -> Tip:
    """Chain a block to `tip`, in place; the tip after it."""
    header = np.frombuffer(value, dtypes.HEADER_1, 1)
    header["ledger"] = np.void(ledger_id)
    header["epoch"] = epoch
    header["previous"] = np.void(tip.head)
    head = renew(value)
    last = int(header["first"][0]) + int(header["count"][0]) - 1
    return Tip(last, head, int(header["booked_at_us"][0]), epoch)


def body(words: Sequence[int]) -> int:
    """The digest of a tap's body, of its first eight words: it had no key and no later column."""
    digest = 0x9E3779B97F4A7C15
    for word in words[:8]:
        digest = (digest ^ word) * 0xFF51AFD7ED558CCD % (1 << 64)
        digest ^= digest >> 32
    return digest


def renew(value: bytearray) -> bytes:
    """Make a block's own digests true; its hash."""
    header = np.frombuffer(value, dtypes.HEADER_1, 1)
    header["body"] = np.void(hashlib.sha256(value[HEADER_BYTES:]).digest())
    header["hash"] = np.void(hashlib.sha256(value[:HASHED_BYTES]).digest())
    return bytes(header["hash"][0].tobytes())


def journal(
    path: Path,
    ledger_id: bytes,
    blocks: Sequence[bytearray],
    map_bytes: int,
    tip: Tip | None = None,
) -> Tip:
    """The first segment of the journal of the folder `path`, with sealed copies of `blocks`."""
    folder = path / "journal" / "00000001"
    tip = Tip(epoch=1) if tip is None else tip
    with Environment(folder, (BLOCKS,), map_bytes=map_bytes, create=True) as environment:
        meta = np.zeros(1, META)
        meta["magic"], meta["version"] = META_MAGIC, VERSION  # no word of how it is hashed
        meta["lmdb"] = environment.lib_version
        meta["number"], meta["first"] = 1, tip.last + 1
        meta["ledger"], meta["previous"] = np.void(ledger_id), np.void(tip.head)
        meta["check"] = np.void(hashlib.sha256(meta.tobytes()[:CHECKED_BYTES]).digest())
        with environment.write() as txn:
            txn.put(b"meta", meta.tobytes())
            for value in blocks:
                first = tip.last + 1
                tip = seal(value, ledger_id, 1, tip)
                key = first.to_bytes(8, "big")
                txn.put(key, bytes(value), append=True, db=environment.database(BLOCKS))
            end = np.zeros(1, END)
            end["last"], end["hash"] = tip.last, np.void(tip.head)
            txn.put(b"end", end.tobytes())
    return tip


def entries_of(value: bytes | bytearray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows, legs and images of a block of entries, to be written to where it can be."""
    header = np.frombuffer(value, dtypes.HEADER_1, 1)[0]
    rows = np.frombuffer(value, dtypes.ENTRY_ROW_1, int(header["count"]), HEADER_BYTES)
    at = HEADER_BYTES + rows.nbytes
    legs = np.frombuffer(value, dtypes.LEG, int(header["legs"]), at)
    at += legs.nbytes
    return rows, legs, np.frombuffer(value, dtypes.AFTER_IMAGE, int(header["images"]), at)


@dataclass
class OldHand:
    """The ledger of handmade.py as it would be in version 1, which says of nobody who did it."""

    hand: Hand = field(default_factory=Hand)

    def registry(self) -> list[bytearray]:
        people = self.hand._rows(dtypes.PARTICIPANT_RECORD, 2)
        people["participant"] = people["kind"] = [OPERATOR, ISSUER]
        people["status"] = 1
        people["name"], people["name_bytes"] = [b"metro", b"bank"], [5, 4]
        blocks = [self._block(Record.PARTICIPANTS, people)]
        terminals = self.hand._rows(dtypes.TERMINAL_RECORD_1, 1)
        terminals["terminal"] = terminals["operator_id"] = terminals["status"] = 1
        blocks.append(self._block(Record.TERMINALS, terminals))
        cards = self.hand._rows(dtypes.CARD_RECORD_1, CARDS)
        cards["account"] = np.arange(1, CARDS + 1)
        cards["token"] = cards["account"].astype(np.uint64) * np.uint64(7919)
        cards["issuer"], cards["funding"], cards["status"] = ISSUER, Funding.PREPAID, 1
        cards["floor_fen"] = -1_000_000
        return [*blocks, self._block(Record.CARDS, cards)]

    def entries(self, count: int) -> bytearray:
        draft = self.hand.entries(count)
        draft.label()
        rows, legs, images = all_of(draft.value)
        return block(Record.ENTRIES, rows, draft.booked_at_us, legs, images)

    def close(self) -> bytearray:
        """Of what closes a window the second draft: the first says who did it."""
        self.hand.last -= 1
        _, draft = self.hand.close()
        rows = np.frombuffer(draft.body, dtypes.WINDOW_RECORD)
        return block(Record.WINDOWS, rows, draft.booked_at_us)

    def _block(self, record: int, rows: np.ndarray) -> bytearray:
        self.hand.last += len(rows)
        self.hand.booked_at_us += 1
        return block(record, rows, self.hand.booked_at_us)
