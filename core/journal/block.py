"""One journal block: drafted by the engine, sealed into bytes, read back with every size checked.

A block is header, rows of one record type, of entries their parts, legs, images, blob
(docs/ledger.md, Blocks). Blocks of version 1 are read for ever; version 2 is written. Nothing read
from a file is believed before it fits: counts may be anything.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import LedgerFault
from onecard.core.journal.algorithms import INTERNATIONAL, Algorithms
from onecard.core.journal.hashing import HASH_BYTES, HASHES
from onecard.ext.block.pack import packed
from onecard.ext.block.unpack import all_of, part_bytes
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import PARTS_MAX, Record

Rows: TypeAlias = NDArray[np.void]
Bytes: TypeAlias = bytes | memoryview

HEADER_BYTES = dtypes.HEADER.itemsize
HEADERS = {1: dtypes.HEADER_1, 2: dtypes.HEADER}
ROWS: dict[int, np.dtype[np.void]] = {  # what is written
    Record.ENTRIES: dtypes.ENTRY_ROW,
    Record.PARTICIPANTS: dtypes.PARTICIPANT_RECORD,
    Record.TERMINALS: dtypes.TERMINAL_RECORD,
    Record.CARDS: dtypes.CARD_RECORD,
    Record.WINDOWS: dtypes.WINDOW_RECORD,
    Record.DECLARATIONS: dtypes.DECLARATION_RECORD,
    Record.TARIFFS: dtypes.TARIFF_RECORD,
    Record.CONFIGS: dtypes.CONFIG_RECORD,
    Record.TARIFF_SETS: dtypes.POLICY_RECORD,
    Record.ACTORS: dtypes.ACTOR_RECORD,
    Record.SCENES: dtypes.SCENE_RECORD,
    Record.CALENDARS: dtypes.CALENDAR_RECORD,
    Record.ACT: dtypes.ACT_RECORD,
}
# What is read: a layout is known by its record and the size of its rows.
LAYOUTS = {(record, rows.itemsize): rows for record, rows in ROWS.items()}
for record, rows_1 in (
    (Record.ENTRIES, dtypes.ENTRY_ROW_1),
    (Record.TERMINALS, dtypes.TERMINAL_RECORD_1),
    (Record.CARDS, dtypes.CARD_RECORD_1),
):
    LAYOUTS[record, rows_1.itemsize] = rows_1
NO_HASH = bytes(HASH_BYTES)
NO_PARTS = (0,) * PARTS_MAX


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

    `value` is the whole block in one writable, contiguous buffer of bytes: HEADER_BYTES free ones
    for the header, then rows, parts, legs, images, blob. Sealing fills the header in place and
    copies nothing. The buffer must stay as it is until `Journal.write` returns. Of entries
    `parts` counts the rows of each part, and `window` and `zone_offset_us` are those of all rows.
    """

    record: int
    first: int
    count: int
    booked_at_us: int
    value: memoryview
    legs: int = 0
    images: int = 0
    blob_bytes: int = 0
    parts: Sequence[int] = NO_PARTS
    window: int = 0
    zone_offset_us: int = 0
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
        zone_offset_us: int = 0,
    ) -> "Draft":
        """The simple form, out of arrays (`rows` carry their sequences); copies each once.

        Entries are ENTRY rows of one window.
        """
        legs = np.empty(0, dtypes.LEG) if legs is None else legs
        images = np.empty(0, dtypes.AFTER_IMAGE) if images is None else images
        first = int(rows["sequence"][0])
        if record != Record.ENTRIES:
            body = b"".join((rows.tobytes(), legs.tobytes(), images.tobytes(), blob))
            return cls.from_body(
                record, first, len(rows), booked_at_us, body, len(legs), len(images), len(blob)
            )
        held, parts = packed(rows)
        body = b"".join((held, legs.tobytes(), images.tobytes(), blob))
        draft = cls.from_body(
            record, first, len(rows), booked_at_us, body, len(legs), len(images), len(blob)
        )
        draft.parts, draft.window = parts, int(rows["window"][0])
        draft.zone_offset_us = zone_offset_us
        return draft

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

    def label(self) -> None:
        """Write into the header what a state reads of it; sealing adds the rest."""
        header = np.frombuffer(self.value, dtypes.HEADER, 1)
        header["version"] = dtypes.VERSION
        header["record"] = self.record
        header["row_bytes"] = ROWS[self.record].itemsize
        header["count"] = self.count
        header["legs"] = self.legs
        header["images"] = self.images
        header["blob_bytes"] = self.blob_bytes
        header["first"] = self.first
        header["booked_at_us"] = self.booked_at_us
        header["window"] = self.window
        header["parts"] = self.parts
        header["zone_offset_us"] = self.zone_offset_us


def seal(
    draft: Draft, ledger_id: bytes, epoch: int, tip: Tip, algorithms: Algorithms = INTERNATIONAL
) -> Tip:
    """Fill the header of `draft.value` in place; the tip after it.

    ValueError where the draft does not fit itself or does not follow `tip`, or its legs do not
    sum to zero: a block of that kind could never be taken back.
    """
    _check_draft(draft, tip)
    draft.label()
    header = np.frombuffer(draft.value, dtypes.HEADER, 1)
    header["magic"] = dtypes.MAGIC
    header["ledger"] = np.void(ledger_id)
    header["epoch"] = epoch
    header["hash_algorithm"] = algorithms.hash
    header["token_algorithm"] = algorithms.tokens
    header["store_algorithm"] = algorithms.store
    header["head_algorithm"] = algorithms.heads
    digest = draft.digest.result() if draft.digest else body_digest(draft, algorithms)
    header["body"] = np.void(digest)
    header["previous"] = np.void(tip.head)
    head = HASHES[algorithms.hash](draft.value[: HEADER_BYTES - HASH_BYTES])
    header["hash"] = np.void(head)
    return Tip(draft.last, head, draft.booked_at_us, epoch)


def body_digest(draft: Draft, algorithms: Algorithms) -> bytes:
    """The digest of all after the header; of a large draft taken ahead, on any thread."""
    return HASHES[algorithms.hash](draft.body)


def _check_draft(draft: Draft, tip: Tip) -> None:
    rows_bytes = draft.count * ROWS[draft.record].itemsize
    legs_at = HEADER_BYTES + rows_bytes + part_bytes(draft.parts)
    size = legs_at + draft.legs * dtypes.LEG.itemsize
    size += draft.images * dtypes.AFTER_IMAGE.itemsize + draft.blob_bytes
    if draft.count < 1 or draft.value.nbytes != size:
        raise ValueError(f"draft {draft.first}: {draft.value.nbytes} bytes, its counts say {size}")
    if draft.first != tip.last + 1:
        raise ValueError(f"draft {draft.first}: expected it to begin at {tip.last + 1}")
    if draft.booked_at_us <= tip.booked_at_us:
        raise ValueError(f"draft {draft.first}: booked at or before {tip.booked_at_us}")
    # Those of a template sum to zero by themselves.
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

    def follow(self, tip: Tip, ledger_id: bytes, hash_algorithm: int = INTERNATIONAL.hash) -> Tip:
        """The tip after this block; LedgerFault where it does not follow `tip`, or is hashed
        otherwise than its ledger's blocks are."""
        fault = _fault(self.where)
        if self.header["ledger"].tobytes() != ledger_id:
            found = self.header["ledger"].tobytes().hex()
            raise fault(f"ledger id {ledger_id.hex()}", found)
        if int(self.header["hash_algorithm"]) != hash_algorithm:
            raise fault(f"hash_algorithm {hash_algorithm}", int(self.header["hash_algorithm"]))
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
    at = HEADERS[int(header["version"])].itemsize
    record, blob_bytes = int(header["record"]), int(header["blob_bytes"])
    if record == Record.ENTRIES:
        try:
            rows, legs, images = all_of(value)
        except ValueError as error:
            raise unfit(where, error) from None
    else:
        layout = LAYOUTS[record, int(header["row_bytes"])]
        rows = np.frombuffer(value, layout, int(header["count"]), at)
        at += rows.nbytes
        legs = np.frombuffer(value, dtypes.LEG, int(header["legs"]), at)
        at += legs.nbytes
        images = np.frombuffer(value, dtypes.AFTER_IMAGE, int(header["images"]), at)
    return Block(value, header, rows, legs, images, value[len(value) - blob_bytes :], where)


def parse_header(value: Bytes, where: str) -> np.void:
    """The header as HEADER, copied, after it was compared with the length of the value."""
    fault = _fault(where)
    if len(value) < dtypes.HEADER_1.itemsize:
        raise fault(f"at least {dtypes.HEADER_1.itemsize} bytes", len(value))
    old: np.void = np.frombuffer(value, dtypes.HEADER_1, 1)[0]
    if int(old["magic"]) != dtypes.MAGIC:
        raise fault(f"magic {dtypes.MAGIC}", int(old["magic"]))
    version = int(old["version"])
    if version not in HEADERS:
        raise fault(f"version 1 to {dtypes.VERSION}", version)
    header_bytes = HEADERS[version].itemsize
    if len(value) < header_bytes:
        raise fault(f"at least {header_bytes} bytes", len(value))
    header: np.void = np.zeros(1, dtypes.HEADER)[0]
    found = np.frombuffer(value, HEADERS[version], 1)[0]
    for name in HEADERS[version].names or ():
        header[name] = found[name]
    if int(header["hash_algorithm"]) not in HASHES:
        names = ", ".join(map(str, HASHES))
        raise fault(f"hash_algorithm {names}", int(header["hash_algorithm"]))
    record, row_bytes = int(header["record"]), int(header["row_bytes"])
    if record not in ROWS:
        raise fault(f"a record type of 1 to {max(ROWS)}", record)
    if (record, row_bytes) not in LAYOUTS:
        sizes = " or ".join(str(size) for one, size in LAYOUTS if one == record)
        raise fault(f"rows of {sizes} bytes", row_bytes)
    if int(header["count"]) < 1:
        raise fault("at least one row", 0)
    if not 1 <= int(header["first"]) < 1 << 62:
        raise fault("a first sequence from 1 on", int(header["first"]))
    try:
        size = header_bytes + int(header["count"]) * row_bytes + part_bytes(header["parts"])
    except ValueError as error:
        raise LedgerFault(f"{where}: {error}") from None
    size += int(header["blob_bytes"]) + int(header["legs"]) * dtypes.LEG.itemsize
    size += int(header["images"]) * dtypes.AFTER_IMAGE.itemsize
    if size != len(value):
        raise fault(f"{size} bytes as its header counts them", len(value))
    return header


def check_digests(value: Bytes, header: np.void, where: str) -> None:
    """LedgerFault unless the bytes are the ones that were sealed."""
    view = memoryview(value)
    header_bytes = HEADERS[int(header["version"])].itemsize
    digest = HASHES[int(header["hash_algorithm"])]
    for part, stored, name in (
        (view[: header_bytes - HASH_BYTES], header["hash"].tobytes(), "hash"),
        (view[header_bytes:], header["body"].tobytes(), "body digest"),
    ):
        computed = digest(part)
        if computed != stored:
            raise _fault(where)(f"the {name} {stored.hex()}", computed.hex())


def unfit(where: str, error: ValueError) -> LedgerFault:
    """What ext/block says of a block of entries whose pieces do not agree."""
    return LedgerFault(f"{where}: expected a block that fits itself, found {error}")


def _fault(where: str) -> Callable[[str, Any], LedgerFault]:
    return lambda expected, found: LedgerFault(f"{where}: expected {expected}, found {found}")
