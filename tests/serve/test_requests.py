"""What a client is given and cannot send is refused in one line, before anything is sent."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from onecard.core.errors import BadInput, OnecardError, Unreachable
from onecard.grpc.client import Client, columns_message
from onecard.grpc.client.stream import Stream
from onecard.v1 import registry_pb2 as registry

FARES = np.zeros((1, 1), np.int32)
# A call of each method of Client that sends something, whose values all fit.
CALLS: dict[str, dict[str, Any]] = {
    "authorize": {"batches": [columns_message(card=[1])], "window": 2},
    "exchange": {"batches": [columns_message(card=[1])], "window": 2},
    "authorize_one": {"card": 1, "terminal_number": "T1", "kind": 1, "amount_fen": 5},
    "load_participants": {"rows": [("Metro", 1), ("Bank", 2)]},
    "load_terminals": {"rows": [registry.Terminal(number="T1")]},
    "load_cards": {"token": [1], "issuer": 1, "funding": 1, "status": 1, "floor_fen": 5},
    "load": {"requests": [registry.LoadRequest()]},
    "put_participant": {"name": "Metro", "role": 1},
    "put_card": {"token": 1, "number": "N", "issuer": 1, "funding": 1, "floor_fen": 5},
    "card": {"token": 1, "number": ""},
    "tokens": {"numbers": ["N1", "N2"]},
    "put_tariff": {"name": "a", "effective_from_us": 1, "fares_fen": FARES, "network": 1},
    "put_rules": {"age_max_us": 1},
    "put_scenes": {"scenes": [registry.Scene(code=7)], "dry_run": True},
    "put_hold_terms": {"name": "a", "effective_from_us": 1, "fundings": [1, 3], "partial": True}
    | {"life_s": 60, "network": 1, "dry_run": True},
    "put_calendar": {"first_day": 20_000, "classes": b"\1\2", "dry_run": True},
    "put_actors": {"actors": [registry.Actor(name="Li")], "four_eyes": True},
    "confirm_clock": {"wall_us": 1, "reason": "so it is"},
    "declare": {"rows": [(1, 20_000, 3, 400)]},
    "balance": {"card": 1, "card_number": ""},
    "trail": {"card": 1, "card_number": "", "page_size": 5},
    "entry": {"sequence": 1},
    "outcome": {"terminal": 1, "epoch": 0, "terminal_seq": 1},
    "journal": {"from_sequence": 1, "follow": False},
    "gaps": {"terminal": 1},
    "close_window": {"window": 1, "business_day": 20_000, "force": False},
    "window": {"window": 1},
    "is_serving": {"service": ""},
    "wait_ready": {"timeout_s": 0.01},
}
TAKE_NOTHING = {"close", "participants", "rules", "scenes", "calendar", "head"}
WRONG = (1 << 64, -(1 << 63) - 1, 10**400, 1.5, "\ud800", None, True, b"\xff", [None], object())
NOT_ROWS = (5, "text", [()], ["ab"], [5], [(1, 2, 3, 4, 5)], [(object(),) * 4], [(1 << 64,) * 2])
TOO_MUCH = "expected an integer of -2^63 to 2^63 - 1"
SAID: list[tuple[str, dict[str, Any], str]] = [
    (
        "declare",
        {"rows": [(1, 20_000, 3, 4), (1, 20_000, 3, 1 << 63)]},
        f"row 1: DeclareRequest: field sum_fen takes no such int; {TOO_MUCH}",
    ),
    (
        "declare",
        {"rows": [(1, 20_000, 3)]},
        "row 0: expected (terminal, day, taps, sum_fen), found 3",
    ),
    (
        "load_participants",
        {"rows": [("Metro", 1 << 31)]},
        "field role takes no such int; expected a Role",
    ),
    ("load_terminals", {"rows": [("T1", 1)]}, "row 0: expected terminals of Terminal, found tuple"),
    ("put_scenes", {"scenes": [7]}, "row 0: expected scenes of Scene, found int"),
    ("put_actors", {"actors": [7]}, "row 0: expected actors of Actor, found int"),
    ("load", {"requests": [b""]}, "row 0: expected requests of LoadRequest, found bytes"),
    (
        "tokens",
        {"numbers": ["N1", 7]},
        "row 1: TokensOfRequest: field numbers takes no such int; expected text",
    ),
    ("tokens", {"numbers": "N1"}, "numbers: expected rows, found a str"),
    (
        "authorize",
        {"window": 0},
        "window: expected an integer of at least 1, found a number below it",
    ),
    ("put_tariff", {"fares_fen": [1]}, "fares_fen: expected rows of rows, found 1 dimensions"),
    ("put_tariff", {"fares_fen": [[1], [1, 2]]}, "fares_fen: expected rows of one length"),
    (
        "load_cards",
        {"floor_fen": 1 << 63},
        f"CardColumns: field floor_fen takes no such int; {TOO_MUCH}",
    ),
    (
        "gaps",
        {"terminal": -1},
        "field terminal takes no such int; expected an integer of 0 to 2^32 - 1",
    ),
    ("close_window", {"force": "no"}, "field force takes no such str; expected True or False"),
    (
        "entry",
        {"sequence": None},
        "field sequence takes no such NoneType; expected an integer of 0",
    ),
    (
        "wait_ready",
        {"timeout_s": -1},
        "timeout_s: expected seconds, 0 to 315360000, found a number",
    ),
]


@pytest.fixture(scope="module")
def nobody() -> Iterator[Client]:
    """Where nobody listens: whatever is sent is Unreachable."""
    with Client("127.0.0.1:1", timeout_s=5) as client:
        yield client


def send(client: Client, name: str, given: dict[str, Any]) -> None:
    method: Callable[..., Any] = getattr(client, name)
    answer = method(**given)
    if inspect.isgenerator(answer):
        list(answer)


def test_each_method_has_a_call_here_that_is_sent(nobody: Client) -> None:
    methods = inspect.getmembers(Client, inspect.isfunction)
    assert {name for name, _ in methods if name[0] != "_"} == CALLS.keys() | TAKE_NOTHING
    for name, call in CALLS.items():
        with pytest.raises(Unreachable):
            send(nobody, name, call)


@pytest.mark.parametrize("name", CALLS)
def test_a_value_of_another_type_or_range_is_refused_or_sent(nobody: Client, name: str) -> None:
    """By an error of ours, in one line that does not have it; never by one of a library."""
    refused = 0
    for given in CALLS[name]:
        for wrong in (*WRONG, *(NOT_ROWS if isinstance(CALLS[name][given], list) else ())):
            with pytest.raises(OnecardError) as told:
                send(nobody, name, CALLS[name] | {given: wrong})
            assert "\n" not in str(told.value) and "18446744073709551616" not in str(told.value)
            refused += isinstance(told.value, BadInput)
    assert refused > 3 * len(CALLS[name])


@pytest.mark.parametrize(("name", "wrong", "said"), SAID)
def test_what_was_expected_is_said(
    nobody: Client, name: str, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=re.escape(said)) as told:
        send(nobody, name, CALLS[name] | wrong)
    row = re.match(r"row (\d+): ", str(told.value))
    assert told.value.row == (int(row[1]) if row else None)


def test_what_streams_is_bytes() -> None:
    stream = Stream([b"", "x"], 2)  # type: ignore[list-item]
    assert list(stream.requests()) == [b""]
    assert str(stream.failed) == "row 1: expected batches of bytes, found str"


@pytest.mark.parametrize(
    "given",
    [{"address": 5}, {"address": "\ud800:1"}, {"participant": 5}, {"participant": "\ud800"}]
    + [{"timeout_s": wrong} for wrong in ("5", -1, float("nan"), 10**400, True)],
)
def test_a_client_is_made_of_what_fits(given: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=f"^{next(iter(given))}: expected "):
        Client(**{"address": "127.0.0.1:1"} | given)
