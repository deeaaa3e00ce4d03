"""One journal block: drafted by the engine, sealed into bytes, read back with every size checked.

A block is header, rows of one record type, legs, images, blob (docs/ledger.md, Blocks).
Nothing read from a file is believed before it fits: counts may be anything.
"""

import hashlib
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import LedgerFault
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Record

Rows: TypeAlias = NDArray[np.void]
Bytes: TypeAlias = bytes | memoryview

HEADER_BYTES = dtypes.HEADER.itemsize
HASHED_BYTES = dtypes.HEADER.fields["hash"][1]  # type: ignore[index]  # fields of a struct exist
ROWS: dict[int, np.dtype[np.void]] = {
    Record.ENTRIES: dtypes.ENTRY,
    Record.PARTICIPANTS: dtypes.PARTICIPANT_RECORD,
    Record.TERMINALS: dtypes.TERMINAL_RECORD,
    Record.CARDS: dtypes.CARD_RECORD,
    Record.WINDOWS: dtypes.WINDOW_RECORD,
    Record.DECLARATIONS: dtypes.DECLARATION_RECORD,
    Record.TARIFFS: dtypes.TARIFF_RECORD,
    Record.CONFIGS: dtypes.CONFIG_RECORD,
}
NO_HASH = bytes(32)


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a chain stands: what the next block must follow."""

    last: int = 0  # sequence of the last row
    head: bytes = NO_HASH  # hash of the last block
    booked_at_us: int = 0
    epoch: int = 0


@dataclass(slots=True)
class Draft:
    """A block before it is sealed.

    `value` is the whole block in one writable, contiguous buffer of bytes: 160 free ones for the
    header, then rows, legs, images, blob. Sealing fills the header in place and copies
    nothing. The buffer must stay as it is until `Journal.append` returns.
    """

    record: int
    first: int
    count: int
    booked_at_us: int
    value: memoryview
    legs: int = 0
    images: int = 0
    blob_bytes: int = 0
    digest: "Future[bytes] | None" = None  # of the body, where another thread is at it

    @property
    def body(self) -> memoryview:
        return self.value[HEADER_BYTES:]

    @property
    def last(self) -> int:
        return self.first + self.count - 1

    @classmethod
    def of(
        cls,
        record: int,
        rows: Rows,
        booked_at_us: int,
        legs: Rows | None = None,
        images: Rows | None = None,
        blob: bytes = b"",
    ) -> "Draft":
        """The simple form, out of arrays (`rows` carry their sequences); copies each once."""
        legs = np.empty(0, dtypes.LEG) if legs is None else legs
        images = np.empty(0, dtypes.AFTER_IMAGE) if images is None else images
        body = b"".join((rows.tobytes(), legs.tobytes(), images.tobytes(), blob))
        first = int(rows["sequence"][0])
        counts = len(legs), len(images), len(blob)
        return cls.from_body(record, first, len(rows), booked_at_us, body, *counts)

    @classmethod
    def from_body(
        cls,
        record: int,
        first: int,
        count: int,
        booked_at_us: int,
        body: Bytes,
        legs: int = 0,
        images: int = 0,
        blob_bytes: int = 0,
    ) -> "Draft":
        """The simple form, out of the finished bytes; copies them once."""
        value = bytearray(HEADER_BYTES + len(body))
        value[HEADER_BYTES:] = body
        buffer = memoryview(value)
        return cls(record, first, count, booked_at_us, buffer, legs, images, blob_bytes)


def seal(draft: Draft, ledger_id: bytes, epoch: int, tip: Tip) -> Tip:
    """Fill the header of `draft.value` in place; the tip after it.

    ValueError where the draft does not fit itself or does not follow `tip`, or its legs do not
    sum to zero: a block of that kind could never be taken back.
    """
    _check_draft(draft, tip)
    header = np.frombuffer(draft.value, dtypes.HEADER, 1)
    header["magic"] = dtypes.MAGIC
    header["version"] = dtypes.VERSION
    header["record"] = draft.record
    header["ledger"] = np.void(ledger_id)
    header["epoch"] = epoch
    header["row_bytes"] = ROWS[draft.record].itemsize
    header["hash_algorithm"] = dtypes.SHA256
    header["count"] = draft.count
    header["legs"] = draft.legs
    header["images"] = draft.images
    header["blob_bytes"] = draft.blob_bytes
    header["first"] = draft.first
    header["booked_at_us"] = draft.booked_at_us
    header["body"] = np.void(draft.digest.result() if draft.digest else body_digest(draft))
    header["previous"] = np.void(tip.head)
    head = hashlib.sha256(draft.value[:HASHED_BYTES]).digest()
    header["hash"] = np.void(head)
    return Tip(draft.last, head, draft.booked_at_us, epoch)


def body_digest(draft: Draft) -> bytes:
    """SHA-256 of all after the header; of a large draft it may be taken ahead, on any thread."""
    return hashlib.sha256(draft.body).digest()


def _check_draft(draft: Draft, tip: Tip) -> None:
    rows_bytes = draft.count * ROWS[draft.record].itemsize
    legs_at = HEADER_BYTES + rows_bytes
    size = legs_at + draft.legs * dtypes.LEG.itemsize
    size += draft.images * dtypes.AFTER_IMAGE.itemsize + draft.blob_bytes
    if draft.count < 1 or draft.value.nbytes != size:
        raise ValueError(f"draft {draft.first}: {draft.value.nbytes} bytes, its counts say {size}")
    if draft.first != tip.last + 1:
        raise ValueError(f"draft {draft.first}: expected it to begin at {tip.last + 1}")
    if draft.booked_at_us <= tip.booked_at_us:
        raise ValueError(f"draft {draft.first}: booked at or before {tip.booked_at_us}")
    legs = np.frombuffer(draft.value, dtypes.LEG, draft.legs, legs_at)
    sum_fen = int(legs["amount_fen"].sum())
    if sum_fen != 0:
        raise ValueError(f"draft {draft.first}: its legs sum to {sum_fen} fen instead of 0")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A block as read. The arrays are read-only views of `value`, which is our own copy."""

    value: bytes
    header: np.void
    rows: Rows
    legs: Rows
    images: Rows
    blob: bytes
    where: str

    @property
    def record(self) -> int:
        return int(self.header["record"])

    @property
    def first(self) -> int:
        return int(self.header["first"])

    @property
    def count(self) -> int:
        return int(self.header["count"])

    @property
    def last(self) -> int:
        return self.first + self.count - 1

    @property
    def booked_at_us(self) -> int:
        return int(self.header["booked_at_us"])

    @property
    def epoch(self) -> int:
        return int(self.header["epoch"])

    @property
    def hash(self) -> bytes:
        return bytes(self.header["hash"].tobytes())

    def follow(self, tip: Tip, ledger_id: bytes) -> Tip:
        """The tip after this block; LedgerFault where it does not follow `tip`."""
        fault = _fault(self.where)
        if self.header["ledger"].tobytes() != ledger_id:
            found = self.header["ledger"].tobytes().hex()
            raise fault(f"ledger id {ledger_id.hex()}", found)
        if self.first != tip.last + 1:
            raise fault(f"it to begin at sequence {tip.last + 1}", self.first)
        previous = self.header["previous"].tobytes()
        if previous != tip.head:
            raise fault(f"the hash of the block before, {tip.head.hex()}", previous.hex())
        if self.booked_at_us <= tip.booked_at_us:
            raise fault(f"a booking time after {tip.booked_at_us}", self.booked_at_us)
        if self.epoch < tip.epoch:
            raise fault(f"epoch {tip.epoch} or higher", self.epoch)
        return Tip(self.last, self.hash, self.booked_at_us, self.epoch)


def parse(value: Bytes, where: str, *, digest: bool = True) -> Block:
    """A block out of its bytes, copied once; LedgerFault, naming `where`, if it does not fit.

    With `digest` the body and the header are hashed and compared as well.
    """
    value = bytes(value)
    header = parse_header(value, where)
    if digest:
        check_digests(value, header, where)
    at = HEADER_BYTES
    rows = np.frombuffer(value, ROWS[int(header["record"])], int(header["count"]), at)
    at += rows.nbytes
    legs = np.frombuffer(value, dtypes.LEG, int(header["legs"]), at)
    at += legs.nbytes
    images = np.frombuffer(value, dtypes.AFTER_IMAGE, int(header["images"]), at)
    at += images.nbytes
    return Block(value, header, rows, legs, images, value[at:], where)


def parse_header(value: Bytes, where: str) -> np.void:
    """The header, copied, after it was compared with the length of the value."""
    fault = _fault(where)
    if len(value) < HEADER_BYTES:
        raise fault(f"at least {HEADER_BYTES} bytes", len(value))
    header: np.void = np.frombuffer(value, dtypes.HEADER, 1).copy()[0]
    for field, wanted in (
        ("magic", dtypes.MAGIC),
        ("version", dtypes.VERSION),
        ("hash_algorithm", dtypes.SHA256),
    ):
        if int(header[field]) != wanted:
            raise fault(f"{field} {wanted}", int(header[field]))
    dtype = ROWS.get(int(header["record"]))
    if dtype is None:
        raise fault(f"a record type of 1 to {max(ROWS)}", int(header["record"]))
    if int(header["row_bytes"]) != dtype.itemsize:
        raise fault(f"rows of {dtype.itemsize} bytes", int(header["row_bytes"]))
    if int(header["count"]) < 1:
        raise fault("at least one row", 0)
    if not 1 <= int(header["first"]) < 1 << 62:
        raise fault("a first sequence from 1 on", int(header["first"]))
    size = HEADER_BYTES + int(header["count"]) * dtype.itemsize + int(header["blob_bytes"])
    size += int(header["legs"]) * dtypes.LEG.itemsize
    size += int(header["images"]) * dtypes.AFTER_IMAGE.itemsize
    if size != len(value):
        raise fault(f"{size} bytes as its header counts them", len(value))
    return header


def check_digests(value: Bytes, header: np.void, where: str) -> None:
    """LedgerFault unless the bytes are the ones that were sealed."""
    view = memoryview(value)
    for part, stored, name in (
        (view[:HASHED_BYTES], header["hash"].tobytes(), "hash"),
        (view[HEADER_BYTES:], header["body"].tobytes(), "body digest"),
    ):
        computed = hashlib.sha256(part).digest()
        if computed != stored:
            raise _fault(where)(f"the {name} {stored.hex()}", computed.hex())


def _fault(where: str) -> Callable[[str, Any], LedgerFault]:
    return lambda expected, found: LedgerFault(f"{where}: expected {expected}, found {found}")
