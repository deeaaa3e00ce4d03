"""Whatever form a batch comes in, it is read as the protobuf library reads it, or refused."""

import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onecard.core.authorize import message as messages
from onecard.core.errors import BadInput
from onecard.ext.shape.numbers import Kind
from onecard.ext.wire import batch as wire
from onecard.grpc.client import Answer
from onecard.v1 import tap_pb2

TAPS_MAX = 1000
FORMATS = {"<u8": "Q", "<u4": "I", "<i8": "q", "u1": "B"}
NUMBERS = wire.TAP_NUMBERS
REQUIRED = ("card", "terminal", "terminal_seq")
BYTES = [name for name, kind in wire.TAP_COLUMNS.items() if kind == "u1"]  # to the proto


def values(kind: str, rows: int) -> st.SearchStrategy:
    info = np.iinfo(np.dtype(kind))
    return st.lists(st.integers(int(info.min), int(info.max)), min_size=rows, max_size=rows)


@st.composite
def batches(draw, rows: st.SearchStrategy) -> dict[str, list[int]]:
    """Columns of one batch: the required ones and some of the others."""
    count = draw(rows)
    optional = [name for name in wire.TAP_COLUMNS if name not in (*REQUIRED, "amount_fen")]
    names = [*REQUIRED, "amount_fen", *draw(st.lists(st.sampled_from(optional), unique=True))]
    return {name: draw(values(wire.TAP_COLUMNS[name], count)) for name in names}


def run_of(name: str, column: list[int]) -> bytes:
    """One packed run of a column."""
    packed = struct.pack(f"<{len(column)}{FORMATS[wire.TAP_COLUMNS[name]]}", *column)
    return varint(NUMBERS[name] << 3 | 2) + varint(len(packed)) + packed


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def columns_form(batch: dict[str, list[int]]) -> bytes:
    return b"".join(run_of(name, column) for name, column in batch.items())


def library_form(batch: dict[str, list[int]]) -> bytes:
    as_bytes = {name: bytes(batch[name]) for name in BYTES if name in batch}
    return tap_pb2.TapBatch(**{**batch, **as_bytes}).SerializeToString()


def unpacked_form(batch: dict[str, list[int]]) -> bytes:
    """Each value under its own tag, row by row, as an old proto2 client would."""
    out = b""
    for name in BYTES:
        out += run_of(name, batch[name]) if name in batch else b""
    for row in range(len(batch["card"])):
        for name, column in batch.items():
            form = FORMATS[wire.TAP_COLUMNS[name]]
            if form != "B":
                tag = varint(NUMBERS[name] << 3 | (1 if form in "Qq" else 5))
                out += tag + struct.pack(f"<{form}", column[row])
    return out


def split_form(batch: dict[str, list[int]]) -> bytes:
    """Each column in two runs, and an unknown group between; the last `kind` counts."""
    half = len(batch["card"]) // 2
    group = group_of(30, b"\x08\x05")
    out = b""
    for name, column in batch.items():
        if name in BYTES:
            out += run_of(name, [9] * 3) + run_of(name, column)
        else:
            out += run_of(name, column[:half]) + group + run_of(name, column[half:])
    return out


def unknown_form(batch: dict[str, list[int]]) -> bytes:
    """Fields of a newer client between the columns, of each simple wire type."""
    newer = varint(30 << 3) + b"\x96\x01" + varint(31 << 3 | 2) + b"\x03new"
    newer += varint(32 << 3 | 1) + bytes(8) + varint(33 << 3 | 5) + bytes(4)
    return newer.join(run_of(name, column) for name, column in batch.items()) + newer


FORMS = (columns_form, library_form, unpacked_form, split_form, unknown_form)


@settings(max_examples=60, deadline=None)
@given(batches(st.integers(1, 20)), st.integers(0, 2**64 - 1))
def test_every_form_of_a_batch_reads_the_same(batch, request_id):
    identified = b"\x09" + struct.pack("<Q", request_id)
    for form in FORMS:
        read = messages.read_taps(identified + form(batch), TAPS_MAX)
        assert (read.count, read.request_id) == (len(batch["card"]), request_id), form.__name__
        for name in wire.TAP_COLUMNS:
            expected = batch.get(name, [0] * read.count)
            assert read.column(name).tolist() == expected, (form.__name__, name)


def test_the_last_request_id_counts():
    message = b"\x09" + struct.pack("<Q", 1) + b"\x09" + struct.pack("<Q", 2)
    assert messages.read_taps(message, TAPS_MAX).request_id == 2


@pytest.mark.parametrize("message", [b"", b"\x09" + bytes(8), b"\x12\x00\x1a\x00\x22\x00"])
def test_an_empty_batch_has_no_rows(message):
    assert messages.read_taps(message, TAPS_MAX).count == 0


# ---- the amounts --------------------------------------------------------------------------------

AMOUNTED = {0: "RIDE"} | {
    int(kind): kind.name
    for kind in Kind
    if kind.name in "RIDE PURCHASE REFUND TOP_UP HOLD CAPTURE ADJUST".split()
}


@pytest.mark.parametrize("kind", [*range(14), 255])
def test_an_amount_that_a_kind_needs_is_not_left_out(kind):
    batch = {name: [1, 2, 3] for name in REQUIRED} | {"kind": [int(Kind.CHECK), kind, kind]}
    for form in FORMS:
        if kind not in AMOUNTED:
            assert (
                messages.read_taps(form(batch), TAPS_MAX).column("amount_fen").tolist() == [0] * 3
            )
            continue
        with pytest.raises(BadInput) as refusal:
            messages.read_taps(form(batch), TAPS_MAX)
        for said in ("column amount_fen (field 8) is missing", "row 1 ", f"a {AMOUNTED[kind]},"):
            assert said in str(refusal.value), form.__name__
        sent = messages.read_taps(form(batch | {"amount_fen": [0, 0, 0]}), TAPS_MAX)
        assert sent.column("amount_fen").tolist() == [0, 0, 0]  # said, so it is meant


def test_without_kinds_all_are_rides_and_need_an_amount():
    batch = {name: [1, 2] for name in REQUIRED}
    with pytest.raises(
        BadInput, match=r"row 0 \(counted from 0\) is a RIDE, which needs an amount"
    ):
        messages.read_taps(columns_form(batch), TAPS_MAX)


# ---- what is no batch ---------------------------------------------------------------------------

CARD, TERMINAL, SEQ = (run_of(name, [1, 2]) for name in REQUIRED)
WHOLE = CARD + TERMINAL + SEQ
MALFORMED = [
    # message, what the refusal says
    (TERMINAL + SEQ, "required column card (field 2) is missing, while terminal (field 3) has 2"),
    (CARD + SEQ, "required column terminal (field 3) is missing"),
    (CARD + TERMINAL, "required column terminal_seq (field 4) is missing"),
    (run_of("kind", [1]), "required column card (field 2) is missing, while kind (field 7) has 1"),
    (CARD + TERMINAL + run_of("terminal_seq", [1]), "card (field 2) has 2 rows, terminal_seq"),
    (
        WHOLE + run_of("kind", [1, 2, 3]),
        "unequal length: card (field 2) has 2 rows, kind (field 7)",
    ),
    (WHOLE + run_of("about_seq", [1]), "about_seq (field 13) has 1; send one value a tap"),
    (WHOLE[:-1], "truncated at terminal_seq (field 4), byte 28: expected 8 more bytes, found 7"),
    (WHOLE[:5], "truncated at card (field 2), byte 0: expected 16 more bytes, found 3"),
    (WHOLE + b"\x12\x07" + bytes(7), "card (field 2) at byte 38"),
    (b"\x12\x07" + bytes(7), "card (field 2) at byte 0: expected whole values of 8 bytes, found 7"),
    (b"\x09\x01", "truncated at request_id (field 1), byte 0: expected 8 more bytes, found 1"),
    (b"\x12", "card (field 2) at byte 0"),
    (b"\xfb\x01\x08", "field 31 at byte 0: expected a field of TapBatch, found wire type 3"),
    (b"\x7b\x08", "scene (field 15) at byte 0: expected a field of TapBatch, found wire type 3"),
    (WHOLE + run_of("caused_by", [1]), "caused_by (field 22) has 1; send one value a tap"),
    (b"\x00" + WHOLE, "field 0 at byte 0"),
    (b"\xff" * 20, "at byte 0"),
    (b"not a batch of taps", "byte"),
    (columns_form({name: [1] * (TAPS_MAX + 1) for name in REQUIRED}), "1001 taps, at most 1000"),
    (unpacked_form({name: [1] * (TAPS_MAX + 1) for name in REQUIRED}), "1001 taps, at most 1000"),
]


@pytest.mark.parametrize(("message", "says"), MALFORMED)
def test_what_is_no_batch_is_refused_in_one_line(message, says):
    with pytest.raises(BadInput) as refusal:
        messages.read_taps(message, TAPS_MAX)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def reading_of(message: bytes) -> dict[str, list[int]] | None:
    """What the protobuf library makes of it; None where it, or a rule of TapBatch, refuses."""
    try:
        batch = tap_pb2.TapBatch.FromString(message)
    except Exception:
        return None
    columns = {name: list(getattr(batch, name)) for name in wire.TAP_COLUMNS}
    lengths = {len(column) for column in columns.values() if column}
    if len(lengths) > 1 or (lengths and not all(columns[name] for name in REQUIRED)):
        return None
    count = lengths.pop() if lengths else 0
    if not batch.amount_fen and set(batch.kind or bytes(count)) & AMOUNTED.keys():
        return None
    return {name: column or [0] * count for name, column in columns.items()}


def check_reading(message: bytes) -> None:
    expected = reading_of(message)
    try:
        read = messages.read_taps(message, TAPS_MAX)
    except BadInput:
        assert expected is None, f"refused, and the library reads {message.hex()}"
        return
    assert expected is not None, f"read, and the library refuses {message.hex()}"
    assert {name: read.column(name).tolist() for name in wire.TAP_COLUMNS} == expected


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=80))
@example(b"\x92\x00\x08" + bytes(8))
@example(b"\x12\x88\x00" + bytes(8))
@example(b"\xf2\x80\x80\x80\x80\x00")
@example(b"\x70" + b"\xff" * 9 + b"\x01")
@example(b"\x70" + b"\xff" * 9 + b"\x7f")
@example(b"\xfa\xff\xff\xff\xff\x00")
def test_random_bytes_are_read_as_the_library_reads_them(message):
    check_reading(message)


@settings(max_examples=300, deadline=None)
@given(batches(st.integers(1, 4)), st.sampled_from(FORMS), st.data())
def test_a_damaged_batch_is_read_as_the_library_reads_it(batch, form, data):
    message = bytearray(form(batch))
    for _ in range(data.draw(st.integers(0, 3))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    check_reading(bytes(message[: data.draw(st.integers(0, len(message)))]))


@settings(deadline=None)
@given(batches(st.integers(1, 3)), st.sampled_from(FORMS))
def test_every_truncation_is_read_as_the_library_reads_it(batch, form):
    message = form(batch)
    for end in range(len(message)):
        check_reading(message[:end])


def group_of(number: int, inside: bytes) -> bytes:
    return varint(number << 3 | 3) + inside + varint(number << 3 | 4)


def field_of(number: int, wire_type: int, value: int, size: int) -> bytes:
    """One field in some wire type, right for its column or not; `size` values where packed."""
    tag = varint(number << 3 | wire_type)
    if wire_type == 0:
        return tag + varint(value)
    if wire_type == 1:
        return tag + struct.pack("<Q", value)
    if wire_type == 5:
        return tag + struct.pack("<I", value & 0xFFFFFFFF)
    width = {"Q": 8, "q": 8, "I": 4, "B": 1}[FORMATS[wire.TAP_COLUMNS.get(NAMES.get(number), "u1")]]
    return tag + varint(size * width) + (struct.pack("<Q", value) * size)[: size * width]


NAMES = {number: name for name, number in NUMBERS.items()}
FIELDS = st.builds(
    field_of,
    st.integers(1, 26),
    st.sampled_from((0, 1, 2, 2, 2, 5)),
    st.integers(0, 2**64 - 1),
    st.integers(0, 3),
)
GROUPS = st.builds(group_of, st.sampled_from((1, 2, 7, 15, 20, 30)), st.lists(FIELDS).map(b"".join))
MIXES = st.lists(FIELDS | FIELDS | GROUPS | st.builds(group_of, st.just(16), GROUPS), max_size=12)


@settings(max_examples=250, deadline=None)
@given(MIXES)
def test_a_mix_of_fields_is_read_as_the_library_reads_it(mix):
    """Runs that are merged, values unpacked, bytes that come again, wrong wire types, groups."""
    check_reading(b"".join(mix))
    batch = tap_pb2.TapBatch.FromString(b"".join(mix))
    lengths = {name: len(getattr(batch, name)) for name in (*REQUIRED, "amount_fen")}
    for name, length in lengths.items():  # made even, so that it is read
        mix.append(run_of(name, [1] * (max(lengths.values()) - length)))
    check_reading(b"".join(mix))


@pytest.mark.parametrize("depth", [1, 99, 100, 101, 500])
def test_groups_in_groups_are_read_as_the_library_reads_them(depth):
    inside = b""
    for _ in range(depth):
        inside = group_of(20, inside)
    check_reading(WHOLE + inside)
    check_reading(WHOLE + inside[:-1])


def test_many_small_fields_are_gathered_beside_and_quickly():
    """A message as large as may come, of values each under its own tag."""
    rows = messages.GATHER_BYTES_MIN // 4
    message = unpacked_form({name: [1] * rows for name in (*REQUIRED, "amount_fen")})
    assert messages.is_slow(message) and not messages.is_slow(
        columns_form({n: [1] * 9 for n in REQUIRED})
    )
    with pytest.raises(BadInput, match=f"{rows} taps, at most {TAPS_MAX} a message"):
        messages.regular_taps(message, TAPS_MAX)
    regular = messages.regular_taps(message, rows)
    assert not messages.is_slow(regular)
    assert messages.read_taps(regular, rows).column("card").tolist() == [1] * rows


@pytest.mark.parametrize("count", [0, 1, 15, 16, 127, 128, 2047, 2048, 8192, 300_000])
def test_decisions_are_what_the_library_reads(count):
    decisions = wire.Decisions(count, 2**64 - 1)
    read = tap_pb2.Decisions.FromString(decisions.message)
    assert read.request_id == 2**64 - 1
    for name in wire.DECISION_COLUMNS:
        assert list(getattr(read, name)) == [0] * count
    assert read.ByteSize() == len(decisions.message)


def test_decisions_are_read_back_from_either_form():
    sent = tap_pb2.Decisions(
        request_id=5, outcome=b"\1\2", sequence=[7, 8], amount_fen=[-1, 2], repeated=b"\0\1"
    )
    unpacked = b"\x12\x02\x01\x02" + b"".join(b"\x19" + struct.pack("<Q", s) for s in (7, 8))
    for message, amounts in ((sent.SerializeToString(), [-1, 2]), (unpacked, [0, 0])):
        read = wire.read_decisions(message)
        assert read.count == 2
        assert read.column("sequence").tolist() == [7, 8]
        assert read.column("amount_fen").tolist() == amounts
        assert read.column("balance_fen").tolist() == [0, 0]


@pytest.mark.parametrize("message", [b"\x12\x05\x01", b"\x1a\x08" + bytes(8), b"\xff"])
def test_a_broken_answer_is_refused(message):
    with pytest.raises(BadInput, match="Decisions: "):
        Answer.parse(message)


def test_a_negative_count_of_decisions_is_refused():
    with pytest.raises(ValueError, match="expected 0 or more"):
        wire.Decisions(-1, 0)
