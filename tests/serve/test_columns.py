"""Columns made into a message: each value arrives as it was given, or is refused by its row."""

from array import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecard.core.errors import BadInput
from onecard.ext.shape.numbers import Kind
from onecard.ext.wire import batch as wire
from onecard.grpc.client import Client, columns_message, message_of
from onecard.v1 import registry_pb2, tap_pb2

# Once read as ...040 and ...6848: numpy takes integers on both sides of 2^63 for floats.
APART = [182286300517043038, 11849845791735247788]
BIG = (1 << 63) + 1

TAKEN: list[tuple[str, Any, list[int]]] = [
    ("card", APART, APART),
    ("card", tuple(APART), APART),
    ("card", np.array(APART, np.uint64), APART),
    ("card", np.array(APART, ">u8"), APART),
    ("card", np.array([*APART, 0], np.uint64)[:2], APART),
    ("card", np.array([1, 0, 2, 0], np.uint64)[::2], [1, 2]),
    ("card", [np.uint64(BIG), 5], [BIG, 5]),
    ("card", array("Q", APART), APART),
    ("card", range(3), [0, 1, 2]),
    ("card", [], []),
    ("terminal", np.array([7, 8], np.int64), [7, 8]),
    ("kind", [Kind.TOP_UP, Kind.RIDE], [7, 1]),
    ("kind", [tap_pb2.TAP_KIND_HOLD], [8]),
    ("amount_fen", [-(1 << 63), (1 << 63) - 1], [-(1 << 63), (1 << 63) - 1]),
    ("amount_fen", np.array([3, 4], np.uint8), [3, 4]),
]


@pytest.mark.parametrize(("name", "given", "found"), TAKEN)
def test_values_arrive_as_they_were_given(name: str, given: Any, found: list[int]) -> None:
    batch = tap_pb2.TapBatch.FromString(columns_message(**{name: given}))
    assert list(getattr(batch, name)) == found


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"card": [1], "colour": [1]}, "column 'colour': expected one of card"),
    ({"card": [1, 2], "terminal": [1]}, "column terminal: expected 2 rows, found 1"),
    ({"card": [1.0]}, "column card, row 0: expected an integer, found float"),
    ({"card": [1, 2, 3.5]}, "column card, row 2: expected an integer, found float"),
    ({"card": [1, np.float64(2)]}, "column card, row 1: expected an integer, found float64"),
    ({"card": np.array(APART, np.float64)}, "column card, row 0: expected .*, found float64"),
    ({"card": [5, True]}, "column card, row 1: expected an integer, found bool"),
    ({"card": np.array([True])}, "column card, row 0: expected an integer, found bool"),
    ({"card": [1, np.bool_(True)]}, "column card, row 1: expected an integer, found bool"),
    ({"card": np.array(APART, object)}, "column card, row 0: expected an integer, found object"),
    ({"card": [1, None]}, "column card, row 1: expected an integer, found NoneType"),
    ({"card": [1, "2"]}, "column card, row 1: expected an integer, found str"),
    ({"card": "12"}, "column card: expected one value a tap"),
    ({"kind": b"\x01"}, "column kind: expected one value a tap"),
    ({"card": 5}, "column card: expected one value a tap, found 0 dimensions"),
    ({"card": [[1, 2]]}, "column card, row 0: expected an integer, found list"),
    ({"card": np.zeros((1, 2), np.uint64)}, "expected one value a tap, found 2 dimensions"),
    ({"card": np.ma.masked_array([1, 2], [0, 1])}, "column card, row 1: .* found a masked value"),
    ({"card": np.array(["2026-01-01"], "datetime64[us]")}, "row 0: .*, found datetime64"),
    ({"card": [1, -1]}, "column card, row 1: expected 0 to 18446744073709551615, .* below it"),
    ({"card": [1, 1 << 64]}, "column card, row 1: expected 0 to .*, found a number above it"),
    ({"card": np.array([3, -1])}, "column card, row 1: expected 0 to .*, found a number below it"),
    ({"terminal": [1 << 32]}, "column terminal, row 0: expected 0 to 4294967295, .* above it"),
    ({"terminal": np.array([1, 1 << 32])}, "column terminal, row 1: expected 0 to 4294967295"),
    ({"kind": [1, 256]}, "column kind, row 1: expected 0 to 255, found a number above it"),
    ({"amount_fen": [1 << 63]}, "column amount_fen, row 0: expected -9223372036854775808 to"),
    ({"amount_fen": np.array([BIG], np.uint64)}, "column amount_fen, row 0: .* above it"),
    ({"amount_fen": [1.5]}, "column amount_fen, row 0: expected an integer, found float"),
]


@pytest.mark.parametrize(("columns", "says"), REFUSED)
def test_what_is_no_integer_or_does_not_fit_is_refused(columns: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        columns_message(**columns)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("request_id", [-1, 1 << 64, 1.5, True])
def test_a_request_id_is_an_integer_of_64_bits(request_id: Any) -> None:
    with pytest.raises(BadInput, match="request_id: expected an integer"):
        columns_message(request_id, card=[1])


@given(st.data())
def test_any_column_arrives_whole_as_a_list_and_as_an_array(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(list(wire.TAP_COLUMNS)))
    kind = wire.TAP_COLUMNS[name]
    limits = np.iinfo(kind)
    values = data.draw(st.lists(st.integers(int(limits.min), int(limits.max)), max_size=20))
    as_list = columns_message(**{name: values})
    assert as_list == columns_message(**{name: np.array(values, kind)})
    assert list(getattr(tap_pb2.TapBatch.FromString(as_list), name)) == values


ROWS: list[tuple[type[Any], dict[str, Any], str]] = [
    (tap_pb2.Tap, {"card": 5.0}, "Tap: field card takes no such float"),
    (tap_pb2.Tap, {"card": True}, "Tap: field card takes no such bool"),
    (tap_pb2.Tap, {"card": 1 << 64}, "Tap: field card takes no such int"),
    (tap_pb2.Tap, {"terminal": -1}, "Tap: field terminal takes no such int"),
    (tap_pb2.Tap, {"colour": 1}, "Tap: field colour takes .*; its fields are card, card_number"),
    (registry_pb2.Card, {"token": "x"}, "Card: field token takes no such str"),
    (registry_pb2.Rules, {"age_max_us": 1 << 63}, "Rules: field age_max_us takes no such int"),
]


@pytest.mark.parametrize(("kind", "fields", "says"), ROWS)
def test_a_field_that_does_not_fit_is_named_and_its_value_is_not(
    kind: type[Any], fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        message_of(kind, fields)
    assert str(1 << 64) not in str(refused.value)


def test_tokens_and_fares_that_are_no_integers_are_refused_before_a_call() -> None:
    with Client("127.0.0.1:1") as client:
        with pytest.raises(BadInput, match=r"column token, row 0: .*, found float64"):
            client.load_cards(np.array(APART, np.float64), 1, 1)
        with pytest.raises(BadInput, match=r"column fares_fen, row 0: .*, found float64"):
            client.put_tariff("metro", 0, np.array([[300.5]]))  # type: ignore[arg-type]
