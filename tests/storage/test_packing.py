"""Entries come out of version 2 as they went in, and as version 1 would have had them."""

from typing import Any

import numpy as np
import pytest

from onecard.core.journal import Draft, Tip, parse, seal
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import (
    LEGS_MAX,
    Funding,
    OwnerKind,
    Record,
    Template,
)
from tests.storage.drawn import DAY_US, ENTRY_FIELDS, ZONE_US, Drawn
from tests.support import version_1
from tests.support.handmade import LEDGER_ID, START_US


def as_version_2(rows: np.ndarray, legs: np.ndarray, booked_at_us: int) -> Any:
    """Packed, sealed and parsed; `rows` are changed to be of one window and time, as those are."""
    rows["window"], rows["booked_at_us"] = 7, booked_at_us
    at_us = np.where(rows["tapped_at_us"] != 0, rows["tapped_at_us"], booked_at_us)
    rows["travel_day"] = [(int(one) + ZONE_US) // DAY_US for one in at_us]
    draft = Draft.of(Record.ENTRIES, rows, booked_at_us, legs, zone_offset_us=ZONE_US)
    seal(draft, LEDGER_ID, 1, Tip(int(rows["sequence"][0]) - 1, epoch=1))
    return parse(draft.value, "here")


def assert_equal(found: np.ndarray, wanted: np.ndarray) -> None:
    for name in (*ENTRY_FIELDS, *version_1.LATER):
        if name != "legs_at":
            assert found[name].tolist() == wanted[name].tolist(), name


@pytest.mark.parametrize("seed", range(4))
def test_the_same_rows_are_the_same_in_version_2(seed: int) -> None:
    drawn = Drawn(seed, last=1 << 40)
    rows, legs = drawn.rows(60, ENTRY_FIELDS)
    rows["tapped_at_us"] >>= 1  # a day of it must fit 32 bits, as a tap's that was taken does
    rows["tapped_at_us"] %= 1 << 52
    new = as_version_2(rows, legs, drawn.next_booked())
    value = version_1.block(Record.ENTRIES, rows, drawn.booked_at_us, legs)
    version_1.seal(value, LEDGER_ID, 1, Tip(1 << 40, epoch=1))
    old = parse(value, "here")
    assert_equal(new.rows, old.rows)
    assert (new.rows["version"] == 2).all() and (old.rows["version"] == 1).all()
    assert new.legs.tolist() == old.legs.tolist() == legs.tolist()
    assert new.rows["legs_at"][new.rows["legs"] > 0].tolist() == (
        old.rows["legs_at"][old.rows["legs"] > 0].tolist()
    )


@pytest.mark.parametrize("seed", range(4))
def test_what_version_2_has_more_comes_back(seed: int) -> None:
    """With each of the fields that most rows do not have in some of them, in all and in none."""
    drawn = Drawn(seed, last=1 << 40)
    rows, legs = drawn.rows(80, (*ENTRY_FIELDS, *version_1.LATER))
    rows["tapped_at_us"] >>= 1
    rows["tapped_at_us"] %= 1 << 52
    for row in rows[:60]:
        for name in ("about", "journey", *version_1.LATER):
            row[name] = row[name] if drawn.random.random() < 0.3 else 0
    assert_equal(as_version_2(rows, legs, drawn.next_booked()).rows, rows)


U32, U64, I64 = 2**32 - 1, 2**64 - 1, 2**63 - 1
SEQUENCE = 1 << 61
EXTREMES: list[dict[str, int]] = [
    {},
    {"amount_fen": 2**31 - 1, "balance_fen": -(2**31)},
    {"amount_fen": 2**31, "balance_fen": -(2**31) - 1},
    {"amount_fen": -(2**63), "balance_fen": I64, "face_fen": 1},
    {"face_fen": I64},
    {"previous": SEQUENCE - 1},
    {"previous": SEQUENCE - U32},
    {"previous": SEQUENCE - U32 - 1},
    {"previous": 1},
    {"previous": 1, "balance_fen": 5, "amount_fen": -5, "face_fen": 6},
    {"epoch": U32, "terminal_seq": U32, "place": U32, "line": U32, "account": U32, "terminal": U32},
    {"about": U64},
    {"journey": U64, "actor": 65535},
    {"about": 1, "journey": 2, "caused_by": 3, "actor": 4},
    {"tariff": U32},
    {"rule": U32},
    {"chip_loads": U32},
    {"chip_before_fen": U32, "chip_counter": 1},
    {"token": U64, "body": U64, "marks": 65535, "scene": 65535, "effects": 65535},
    {"operator_id": 65535, "issuer": 65535, "kind": 255, "outcome": 255, "reason": 255},
    {"funding": 255, "flags": 255, "rider_class": 255, "media": 255},
]
ALL_PARTS = {
    **{"about": U64, "journey": U64, "caused_by": U64, "actor": 65535, "rule": U32, "tariff": U32},
    **{"chip_before_fen": U32, "chip_counter": U32, "chip_loads": U32},
    **{"amount_fen": I64, "balance_fen": -(2**63), "face_fen": -(2**63), "previous": 1},
}


@pytest.mark.parametrize("legs", [0, 2, LEGS_MAX])
@pytest.mark.parametrize("among", [0, 1])
@pytest.mark.parametrize("extreme", [*EXTREMES, ALL_PARTS], ids=str)
def test_extremes_come_back(extreme: dict[str, int], among: int, legs: int) -> None:
    """Alone in a block, and between two rows that have all parts."""
    said = [ALL_PARTS, extreme, ALL_PARTS] if among else [extreme]
    rows = np.zeros(len(said), dtypes.ENTRY)
    rows["sequence"] = np.arange(SEQUENCE - among, SEQUENCE - among + len(said))
    for row, fields in zip(rows, said, strict=True):
        for name, found in fields.items():
            row[name] = found
    rows["legs"], rows["legs_at"] = legs, legs * np.arange(len(said))
    own = np.zeros(legs * len(said), dtypes.LEG)
    own["amount_fen"] = np.resize([I64, -I64], len(own))
    block = as_version_2(rows, own, START_US)
    assert_equal(block.rows, rows)
    assert block.legs.tolist() == own.tolist()


@pytest.mark.parametrize("funding", [Funding.PREPAID, Funding.CHIP, Funding.CREDIT])
@pytest.mark.parametrize("amount_fen", [1, U32, I64])
def test_legs_of_a_template_are_those_that_version_1_wrote(funding: int, amount_fen: int) -> None:
    """A charge as version 1 has it, and as version 2 leaves its legs out."""
    rows = np.zeros(1, dtypes.ENTRY)
    rows["sequence"], rows["amount_fen"], rows["funding"] = SEQUENCE, amount_fen, funding
    rows["account"], rows["issuer"], rows["operator_id"], rows["legs"] = U32, 65535, 65534, 2
    kind = {1: OwnerKind.ACCOUNT, 2: OwnerKind.FLOAT, 3: OwnerKind.RECEIVABLE}[funding]
    owner = U32 if kind == OwnerKind.ACCOUNT else 65535
    legs = np.array(
        [
            (owner, 65535, kind, 0, -amount_fen),
            (65534, 65534, OwnerKind.PAYABLE, 0, amount_fen),
        ],
        dtypes.LEG,
    )
    value = version_1.block(Record.ENTRIES, rows, START_US, legs)
    version_1.seal(value, LEDGER_ID, 1, Tip(SEQUENCE - 1, epoch=1))
    old = parse(value, "here")
    rows["layout"] = Template.CHARGE
    new = as_version_2(rows, legs[:0], START_US)
    assert new.legs.tolist() == old.legs.tolist() == legs.tolist()
