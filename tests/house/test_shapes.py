"""Every shape is said once: what is derived of it, or says it to others, agrees."""

import ctypes
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf.descriptor import FieldDescriptor

from onecard.core.days import DAY_US
from onecard.core.journal.block import ROWS
from onecard.ext.fare import shapes as fares
from onecard.ext.identity.generations import IDENTITY
from onecard.ext.judge.counters import Counters
from onecard.ext.judge.lookback import MISSING
from onecard.ext.shape import dtypes, numbers
from onecard.ext.wire import batch as wire
from onecard.grpc.client import columns_message
from onecard.v1 import tap_pb2

ROOT = Path(__file__).resolve().parent.parent.parent
IN_C = {"Slot", "PageHeader", "ShelfHeader"}  # structs that Python never sees


def snake(struct: str) -> str:
    """A struct's name as a constant: Header1 is HEADER_1."""
    return re.sub(r"(?<=[a-z])(?=[A-Z\d])", "_", struct).upper()


DTYPES: dict[str, np.dtype[np.void]] = {
    **{name: dtype for name, dtype in vars(dtypes).items() if isinstance(dtype, np.dtype)},
    **{name: dtype for name, dtype in vars(fares).items() if isinstance(dtype, np.dtype)},
    "IDENTITY": IDENTITY,
    "MISSING": MISSING,
    **{f"{part.name[:-1]}_PART": dtypes.PARTS[part] for part in numbers.Part},
}
WRITTEN = {  # struct -> its lines
    struct: body
    for path in sorted([*(ROOT / "ext").rglob("*.pxd"), *(ROOT / "ext").rglob("*.pyx")])
    for struct, body in re.findall(
        r"^cdef packed struct (\w+).*\n((?:    .*\n)+)", path.read_text(), re.M
    )
    if struct not in IN_C
}
MADE = {
    numbers.Record.TARIFF_SETS,
    numbers.Record.ACTORS,
    numbers.Record.ACT,
    numbers.Record.SCENES,
    numbers.Record.CALENDARS,
}  # of those that were reserved
RESERVED = {record for record in numbers.Record if record >= numbers.Record.NETWORKS} - MADE
EVERY = pytest.mark.parametrize("struct", sorted(WRITTEN))


def fields_of(struct: str) -> np.dtype[np.void]:
    """What the lines of a struct say, bytes as arrays of u1."""
    fields: list[tuple[str, str] | tuple[str, str, tuple[int]]] = []
    for sign, bits, name, many in re.findall(
        r"^    (u?int)(\d+)_t (\w+)(?:\[(\w+)\])?", WRITTEN[struct], re.M
    ):
        kind = f"<{sign[0]}{int(bits) // 8}"
        count = int(getattr(numbers, many, many)) if many else 0
        fields.append((name, kind, (count,)) if many else (name, kind))
    return np.dtype(fields)


def test_every_struct_has_its_dtype_and_no_dtype_is_typed_by_hand() -> None:
    assert {snake(struct) for struct in WRITTEN} == set(DTYPES)
    for path in (ROOT / "ext").rglob("*.pyx"):
        assert not re.search(r"np\.dtype\(\[\s*\(", path.read_text()), path


@EVERY
def test_a_dtype_is_its_struct_field_by_field(struct: str) -> None:
    dtypes.check(struct, fields_of(struct), DTYPES[snake(struct)])


@EVERY
def test_fields_that_differ_are_named(struct: str) -> None:
    dtype, fields = DTYPES[snake(struct)], fields_of(struct)
    described = [(name, dtype[name]) for name in dtype.names or ()]
    for at in range(len(described) - 1):
        (one, kind), (other, next_kind) = described[at : at + 2]
        swapped = [*described[:at], (other, next_kind), (one, kind), *described[at + 2 :]]
        refused(
            struct, fields, swapped, rf"{struct}: expected {one} as its next field, found {other}"
        )
    for at, (name, kind) in enumerate(described):
        worse = [np.dtype(f"V{kind.itemsize + 1}")]
        if kind.kind in "iu":
            worse += [np.dtype(f"{'u' if kind.kind == 'i' else 'i'}{kind.itemsize}")]
            worse += [np.dtype(f"V{kind.itemsize}"), np.dtype((f"<u{kind.itemsize}", (1,)))]
        for other_kind in worse:
            changed = [*described[:at], (name, other_kind), *described[at + 1 :]]
            refused(struct, fields, changed, rf"{struct}\.{name}: expected")
    refused(struct, fields, described[:-1], rf"{struct}: expected {len(described)} fields")
    refused(struct, fields, [*described, ("more", np.dtype("u1"))], rf"{struct}: expected")


def refused(
    struct: str,
    fields: np.dtype[np.void],
    described: list[tuple[str, np.dtype[np.void]]],
    message: str,
) -> None:
    with pytest.raises(ImportError, match=message):
        dtypes.check(struct, fields, np.dtype(described))


def test_a_struct_with_gaps_or_floats_is_refused() -> None:
    class Gaps(ctypes.Structure):
        _fields_ = (("a", ctypes.c_uint8), ("b", ctypes.c_uint64))

    with pytest.raises(ImportError, match="Gaps: expected a packed struct of integers"):
        dtypes.fields_of("Gaps", (Gaps * 1)())
    with pytest.raises(ImportError, match="Floats: expected a packed struct of integers"):
        dtypes.fields_of("Floats", np.zeros(1, [("a", "<f8")]))


def test_what_is_counted_a_kind_has_a_row_each() -> None:
    assert max(numbers.Kind) + 1 == numbers.KINDS
    counters = Counters()
    assert counters.items_table().shape == (numbers.KINDS, 256)
    assert counters.repeats_table().shape == (numbers.KINDS,)
    for kind in (*range(numbers.KINDS), 255):
        counters.add_items(kind, 1, 1)
    table = counters.items_table()[:, 1].tolist()
    assert table == [1, 2, *[1] * (numbers.KINDS - 2)]  # 255 is not known; 0 is a ride


def test_every_record_has_its_rows() -> None:
    assert set(ROWS) == set(numbers.Record) - RESERVED
    assert len({id(dtype) for dtype in ROWS.values()}) == len(ROWS)


def test_what_c_and_python_both_count_by() -> None:
    assert numbers.DAY_S * numbers.SECOND_US == DAY_US
    assert max(numbers.OwnerKind) < numbers.OWNER_KINDS
    assert dtypes.PARTICIPANT["balance_fen"].shape == (numbers.OWNER_KINDS,)
    assert dtypes.PAGE_BYTES == 65_536  # a checkpoint's pages, known by their number


@pytest.mark.parametrize(
    ("message", "columns", "numbered"),
    [
        (tap_pb2.TapBatch, wire.TAP_COLUMNS, wire.TAP_NUMBERS),
        (tap_pb2.Decisions, wire.DECISION_COLUMNS, wire.DECISION_NUMBERS),
    ],
    ids=["TapBatch", "Decisions"],
)
def test_columns_are_the_fields_of_the_proto(
    message: Any, columns: dict[str, str], numbered: dict[str, int]
) -> None:
    fields = message.DESCRIPTOR.fields
    kinds = {
        FieldDescriptor.TYPE_FIXED64: "<u8",
        FieldDescriptor.TYPE_FIXED32: "<u4",
        FieldDescriptor.TYPE_SFIXED64: "<i8",
        FieldDescriptor.TYPE_BYTES: "u1",
    }
    first, *rest = sorted(fields, key=lambda field: int(field.number))
    assert (first.name, first.number, first.type) == ("request_id", 1, FieldDescriptor.TYPE_FIXED64)
    assert [field.name for field in rest] == list(columns)
    assert {field.name: field.number for field in rest} == numbered
    assert {field.name: kinds[field.type] for field in rest} == columns
    assert all(field.is_repeated != (columns[field.name] == "u1") for field in rest)


def test_the_struct_of_columns_is_in_the_order_of_the_table() -> None:
    text = (ROOT / "ext/wire/batch.pxd").read_text()
    body = text[text.index("cdef struct Columns:") : text.index("cdef class Taps:")]
    pointers = re.findall(r"^    const uint8_t\* (\w+)  # ([ui])(\d+)$", body, re.M)
    assert {
        name: f"<{sign}{int(bits) // 8}".replace("<u1", "u1") for name, sign, bits in pointers
    } == wire.TAP_COLUMNS
    assert [name for name, _, _ in pointers] == list(wire.TAP_COLUMNS)


def test_each_column_goes_where_its_name_says() -> None:
    """Client, protobuf's library and our reader: one value, by one name."""
    sent = {name: [number + 1] for number, name in enumerate(wire.TAP_COLUMNS)}
    message = columns_message(77, **sent)
    as_protobuf = tap_pb2.TapBatch.FromString(message)
    assert {name: list(getattr(as_protobuf, name)) for name in sent} == sent
    taps = wire.read_taps(message, 1)
    assert {name: taps.column(name).tolist() for name in sent} == sent
