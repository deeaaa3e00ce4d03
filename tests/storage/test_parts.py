"""What a row of entries has no room for: the parts of a block, byte for byte and back."""

from collections.abc import Callable

import numpy as np
import pytest

from onecard.core.journal import Draft, Tip, seal
from onecard.core.journal.block import HEADER_BYTES
from onecard.ext.block.pack import packed
from onecard.ext.block.unpack import Trace, all_of, some_of
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import LEGS_MAX, Funding, OwnerKind, Part, Record, Template
from tests.support.handmade import LEDGER_ID, START_US

FIRST = 1 << 40  # so that an entry before may be further back than 32 bits say
LOW, HIGH, FAR = -(1 << 31), (1 << 31) - 1, (1 << 32) - 1


def entries(count: int) -> np.ndarray:
    rows = np.zeros(count, dtypes.ENTRY)
    rows["sequence"] = np.arange(FIRST, FIRST + count)
    rows["booked_at_us"], rows["window"], rows["version"] = START_US, 7, 2
    rows["travel_day"] = START_US // 86_400_000_000
    return rows


def block(rows: np.ndarray, legs: np.ndarray | None = None, blob: bytes = b"") -> bytearray:
    draft = Draft.of(Record.ENTRIES, rows, START_US, legs, blob=blob)
    seal(draft, LEDGER_ID, 1, Tip(FIRST - 1))
    return bytearray(draft.value)


BOUNDS = [  # the field, its value, the row's own, whether a part says it
    *(
        (name, value, value if row else 0, not row)
        for name in ("amount_fen", "balance_fen", "face_fen")
        for value, row in ((LOW, True), (HIGH, True), (LOW - 1, False), (HIGH + 1, False))
    ),
    ("previous", FIRST - FAR, FAR, False),
    ("previous", FIRST - FAR - 1, 0, True),
    ("previous", FIRST - (1 << 31), 1 << 31, False),
    ("previous", 1, 0, True),
    ("previous", 0, 0, False),
]


@pytest.mark.parametrize(("name", "value", "own", "wide"), BOUNDS)
def test_a_wide_part_stands_where_32_bits_are_too_few(
    name: str, value: int, own: int, wide: bool
) -> None:
    rows = entries(1)
    numbers = {"amount_fen": 3, "balance_fen": 5, "face_fen": 9, "previous": FIRST - 11}
    numbers[name] = value
    for field, number in numbers.items():
        rows[field] = number
    held, parts = packed(rows)
    assert parts == [0, 0, 0, int(wide), 0, 0, 0, 0]
    [row] = np.frombuffer(held, dtypes.ENTRY_ROW, 1)
    said = {field: int(row["back" if field == "previous" else field]) for field in numbers}
    if wide:
        [part] = np.frombuffer(held, dtypes.PARTS[Part.WIDES], 1, dtypes.ENTRY_ROW.itemsize)
        assert {field: int(part[field]) for field in numbers} == numbers
        assert said == dict.fromkeys(numbers, 0)
    else:
        back = own if name == "previous" else 11
        assert said == {**numbers, "previous": back}
    assert int(row["parts"]) == int(wide) << Part.WIDES
    assert all_of(bytes(block(rows)))[0].tobytes() == rows.tobytes()


ALONE = {  # a field that is not 0 by itself, and the part that says it
    **dict.fromkeys(("about", "journey", "caused_by", "actor"), Part.REFERENCES),
    **dict.fromkeys(("rule", "tariff"), Part.RATINGS),
    **dict.fromkeys(("chip_before_fen", "chip_counter", "chip_loads"), Part.CHIPS),
    **dict.fromkeys(("sponsor", "programme", "ends_us"), Part.GRANTS),
}
SAID_ELSEWHERE = {"sequence", "booked_at_us", "window", "travel_day", "version", "legs", "legs_at"}


@pytest.mark.parametrize(
    "name", sorted({*(dtypes.ENTRY.names or ())} - SAID_ELSEWHERE - {"unused"})
)
def test_each_field_by_itself_comes_back(name: str) -> None:
    rows = entries(3)
    rows[name][1] = {"layout": Template.CHARGE, "previous": FIRST}.get(name, 2)
    if name == "tapped_at_us":
        rows["travel_day"][1] = 0
    if name == "layout":
        rows["legs"][1] = 2  # of no fen, which a template has where its entry has none
    held, parts = packed(rows)
    expected = [0] * 8
    if name in ALONE:
        expected[ALONE[name]] = 1
    assert parts == expected
    size = 3 * dtypes.ENTRY_ROW.itemsize + sum(
        count * dtype.itemsize for count, dtype in zip(parts, dtypes.PARTS, strict=False)
    )
    assert len(held) == size
    found = all_of(bytes(block(rows)))[0].copy()
    found["legs_at"] = rows["legs_at"]
    assert found.tobytes() == rows.tobytes()


def test_the_day_is_that_of_the_tap_in_the_zone_of_the_header() -> None:
    day_us, zone_us = 86_400_000_000, 8 * 3_600_000_000
    for tapped_at_us, booked_at_us in ((0, START_US), (START_US - 9 * day_us, START_US)):
        rows = entries(1)
        rows["tapped_at_us"] = tapped_at_us
        for zone_offset_us in (0, zone_us, -zone_us):
            draft = Draft.of(Record.ENTRIES, rows, booked_at_us, zone_offset_us=zone_offset_us)
            seal(draft, LEDGER_ID, 1, Tip(FIRST - 1))
            [row] = all_of(bytes(draft.value))[0]
            at_us = tapped_at_us or booked_at_us
            assert row["travel_day"] == (at_us + zone_offset_us) // day_us


def mixed() -> tuple[np.ndarray, np.ndarray]:
    """Rows of which every third has each part, and their explicit legs; some are of a template."""
    rows = entries(12)
    some = np.arange(12) % 3 == 1
    for at, name in enumerate(ALONE):
        rows[name][some] = np.arange(4) + 10 * at + 1
    rows["about"][0], rows["tariff"][5], rows["chip_loads"][3] = 77, 78, 79
    rows["balance_fen"][some] = (1 << 40) + np.arange(4)
    rows["previous"][some] = np.arange(4) + 5
    rows["previous"][[3, 6, 9]] = FIRST + np.array([0, 3, 6])
    rows["legs"][some] = 2
    rows["legs_at"][some] = np.arange(4) * 2
    legs = np.zeros(8, dtypes.LEG)
    legs["amount_fen"] = [1, -1, 2, -2, 3, -3, 4, -4]
    legs["owner"] = np.arange(8)
    charged = np.arange(12) % 3 == 2
    rows["layout"][charged], rows["legs"][charged] = Template.CHARGE, 2
    rows["amount_fen"][charged], rows["issuer"][charged] = [5, 6, 7, 8], 3
    rows["operator_id"][charged], rows["account"][charged] = 4, 9
    rows["funding"][charged] = [Funding.PREPAID, Funding.CHIP, Funding.CREDIT, Funding.PREPAID]
    return rows, legs


def legs_of(row: np.void, legs: np.ndarray) -> list[tuple[int, ...]]:
    own = legs[row["legs_at"] : row["legs_at"] + row["legs"]]
    return [tuple(int(value) for value in leg) for leg in own.tolist()]


def test_each_row_has_its_own_parts_and_legs_however_it_is_read() -> None:
    rows, explicit = mixed()
    value = bytes(block(rows, explicit, b"blob"))
    found, legs, images = all_of(value)
    assert len(images) == 0
    for row, expected in zip(found, rows, strict=True):
        fields = [name for name in dtypes.ENTRY.names or () if name not in ("legs_at", "unused")]
        assert [row[name] for name in fields] == [expected[name] for name in fields]
        if expected["layout"] == Template.EXPLICIT:
            assert legs_of(row, legs) == legs_of(expected, explicit)
    payers = [legs[found["legs_at"][at]] for at in (2, 5, 8)]
    assert [(one["owner_kind"], one["owner"], one["party"]) for one in payers] == [
        (OwnerKind.ACCOUNT, 9, 3),
        (OwnerKind.FLOAT, 3, 3),
        (OwnerKind.RECEIVABLE, 3, 3),
    ]
    for at in range(12):
        one = np.zeros(1, dtypes.ENTRY)
        own = some_of(value, np.array([FIRST + at], np.uint64), one)
        assert legs_of(one[0], own) == legs_of(found[at], legs)
        one["legs_at"] = found["legs_at"][at]
        assert one.tobytes() == found[at : at + 1].tobytes()
    trace = Trace(np.zeros(4, dtypes.ENTRY))
    assert (trace.take(value, FIRST + 9), trace.at) == (0, 4)


def part(value: bytearray, number: int) -> np.ndarray:
    at = HEADER_BYTES + 12 * dtypes.ENTRY_ROW.itemsize
    counts = np.frombuffer(value, dtypes.HEADER, 1)["parts"][0]
    for before in range(number):
        at += int(counts[before]) * dtypes.PARTS[before].itemsize
    return np.frombuffer(value, dtypes.PARTS[number], int(counts[number]), at)


def row_of(number: int, place: int, row: int) -> Callable[[bytearray], None]:
    def change(value: bytearray) -> None:
        part(value, number)["row"][place] = row

    return change


def put(number: int, name: str, place: int, to: int) -> Callable[[bytearray], None]:
    def change(value: bytearray) -> None:
        part(value, number)[name][place] = to

    return change


def own(name: str, row: int, to: int) -> Callable[[bytearray], None]:
    def change(value: bytearray) -> None:
        np.frombuffer(value, dtypes.ENTRY_ROW, 12, HEADER_BYTES)[name][row] = to

    return change


def part_7(value: bytearray) -> None:
    np.frombuffer(value, dtypes.HEADER, 1)["parts"][0, 7] = 1


HOSTILE = [  # what is forged, what the error says
    (part_7, "it has a part that is not known here"),
    (own("layout", 0, 2), "a row has a template that is not known, or one and other legs"),
    (own("layout", 1, 1), "a row has a template that is not known, or one and other legs"),
    (row_of(Part.REFERENCES, 1, 2), "a row's references are missing or not known"),
    (put(Part.REFERENCES, "what", 1, 5), "a row's references are missing or not known"),
    (put(Part.REFERENCES, "value", 4, 1 << 16), "a row's references are missing or not known"),
    (own("parts", 3, 1 << Part.REFERENCES), "a row's references are missing or not known"),
    (row_of(Part.RATINGS, 0, 2), "a row's rating is missing"),
    (row_of(Part.CHIPS, 0, 2), "what a row's chip says is missing"),
    (row_of(Part.GRANTS, 0, 2), "what a row grants is missing"),
    (row_of(Part.WIDES, 0, 2), "a row's wide numbers are missing"),
    (row_of(Part.SPANS, 0, 2), "a row's legs are missing"),
    (put(Part.SPANS, "at", 0, 7), "a row names legs that the block has not"),
    (put(Part.SPANS, "legs", 3, 3), "a row names legs that the block has not"),
    (put(Part.SPANS, "at", 0, 2), "its legs are not in the order of its rows"),
    (put(Part.SPANS, "legs", 3, 1), "it has legs of no row"),
    (own("parts", 5, 0), "a row's rating is missing"),
    (own("parts", 3, 0), "what a row's chip says is missing"),
    (own("parts", 0, 0), "a row's references are missing or not known"),
    (own("parts", 10, 1 << Part.SPANS), "it has parts of no row"),
]


@pytest.mark.parametrize(("forge", "said"), HOSTILE)
def test_parts_that_are_not_those_of_the_rows_are_refused(
    forge: Callable[[bytearray], None], said: str
) -> None:
    value = block(*mixed())
    forge(value)
    with pytest.raises(ValueError) as raised:
        all_of(bytes(value))
    assert str(raised.value) == said


def test_more_legs_than_an_entry_may_have_are_refused() -> None:
    for count in (LEGS_MAX, LEGS_MAX + 1):
        rows = entries(1)
        rows["legs"] = count
        value = bytes(block(rows, np.zeros(count, dtypes.LEG)))
        if count == LEGS_MAX:
            assert all_of(value)[0]["legs"] == LEGS_MAX
            continue
        with pytest.raises(ValueError, match="a row names legs that the block has not"):
            all_of(value)


def test_an_entry_that_calls_a_later_one_the_one_before_is_refused() -> None:
    value = block(*mixed())
    part(value, Part.WIDES)["previous"][0] = FIRST + 1
    trace = Trace(np.zeros(4, dtypes.ENTRY))
    with pytest.raises(ValueError, match="an entry is before the one that it calls the one before"):
        trace.take(bytes(value), FIRST + 1)
