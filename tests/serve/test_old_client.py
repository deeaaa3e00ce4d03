"""Clients and servers of before there were later columns, with those of today, both ways round.

The old side is made of the .proto files as they were (old_protocol.py): it knows no field, and no
value of an enum, that came since.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onecard.core.clock import SystemClock
from onecard.core.days import DAY_US
from onecard.core.errors import BadInput, NotFound
from onecard.ext.shape.numbers import Outcome
from onecard.ext.wire import batch as wire
from onecard.grpc.client import Client, columns_message
from onecard.grpc.client import client as client_module
from onecard.v1 import ledger_pb2, registry_pb2, settlement_pb2, tap_pb2
from tests.serve.old_protocol import Protocol, filled, values_of
from tests.support.serving import BANK, BUS, CARD, register, served

NUMBER = "62000001"
PROTOCOL = Protocol()
TAP, LEDGER, REGISTRY, SETTLEMENT = (
    PROTOCOL.module(name) for name in ("tap", "ledger", "registry", "settlement")
)
FIRST_COLUMNS = [name for name, number in wire.TAP_NUMBERS.items() if number < 14]


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The client over the old classes alone, at a server of today."""
    with served(tmp_path / "ledger") as server, server.client() as client:
        register(client)
        client.put_card(number=NUMBER, issuer=BANK, funding=1, floor_fen=-500)
        modules = {
            "tap_pb2": TAP,
            "ledger_pb2": LEDGER,
            "registry_pb2": REGISTRY,
            "settlement_pb2": SETTLEMENT,
        }
        for name, module in modules.items():
            monkeypatch.setattr(client_module, name, module)
        for service in ("Clearing", "Ledger", "Registry", "Settlement"):
            setattr(client, service.lower(), PROTOCOL.stub(client.channel, service))
        yield client


def message_of(rows: list[dict[str, int]]) -> bytes:
    """A TapBatch of the old class; the client makes the very same bytes of the same columns."""
    columns = {name: [row.get(name, 0) for row in rows] for name in FIRST_COLUMNS}
    as_bytes = {name: bytes(columns[name]) for name in ("kind", "flags")}
    message: bytes = TAP.TapBatch(request_id=9, **{**columns, **as_bytes}).SerializeToString()
    assert columns_message(9, **columns) == message
    return message


def test_an_old_client_and_every_kind_of_tap(old: Client) -> None:
    kinds = ("TOP_UP", "RIDE", "ENTRY", "EXIT", "PURCHASE", "HOLD", "CHECK")
    fares = np.array([[0, 300], [300, 0]], np.int32)
    old.put_tariff("line", 1, fares)
    first = old.head().sequence
    rows = [
        {
            "card": CARD,
            "terminal": 1,
            "terminal_seq": at,
            "kind": getattr(TAP, f"TAP_KIND_{kind}"),
            "amount_fen": 0 if kind in ("ENTRY", "EXIT", "CHECK") else 100,
            "place": 2 if kind == "EXIT" else 1,
        }
        for at, kind in enumerate(kinds, 1)
    ]
    [answer] = old.authorize([message_of(rows)])
    assert answer.request_id == 9
    assert set(answer.outcome) == {TAP.OUTCOME_ACCEPTED}
    assert answer.sequence.tolist() == list(range(first + 1, first + 8))
    about = dict(zip(kinds, answer.sequence.tolist(), strict=True))
    back = {"card": CARD, "terminal": 1, "amount_fen": 10}
    takes = [
        {**back, "terminal_seq": 11, "kind": TAP.TAP_KIND_REFUND, "about": about["PURCHASE"]},
        {**back, "terminal_seq": 12, "kind": TAP.TAP_KIND_CAPTURE, "about": about["HOLD"]},
        {
            **back,
            "terminal_seq": 13,
            "kind": TAP.TAP_KIND_REVERSAL,
            "about_seq": 2,
            "amount_fen": 0,
        },
        {**back, "terminal_seq": 14, "kind": TAP.TAP_KIND_RELEASE, "about": 1, "amount_fen": 0},
    ]
    [answer] = old.authorize([message_of(takes)])
    assert answer.outcome.tolist() == [1, 1, 1, TAP.OUTCOME_ORIGINAL_UNKNOWN]
    [answer] = old.authorize([message_of(rows)])
    assert answer.repeated.all() and set(answer.outcome) == {TAP.OUTCOME_ACCEPTED}
    changed = [{**row, "place": 7} for row in rows]
    strange = [{**row, "terminal_seq": 21 + at, "about": 5} for at, row in enumerate(rows)]
    conflicts, unexpected = old.authorize([message_of(changed), message_of(strange)])
    assert set(conflicts.outcome) == {TAP.OUTCOME_CONFLICT}
    assert set(unexpected.outcome) == {Outcome.COLUMN_UNEXPECTED}  # a number it has no name for
    assert Outcome.COLUMN_UNEXPECTED not in vars(TAP).values()


def test_an_old_client_and_one_tap(old: Client) -> None:
    tap = {"card_number": NUMBER, "terminal_number": "T1", "terminal_seq": 1, "amount_fen": 7}
    for repeated in (False, True):
        one = old.authorize_one(**tap, place=1, offline=False, kind=TAP.TAP_KIND_RIDE)
        assert type(one) is TAP.Decision
        assert (one.outcome, one.amount_fen, one.repeated) == (1, 7, repeated)
    strange = old.authorize_one(**{**tap, "terminal_seq": 2, "about": 3})
    assert strange.outcome == Outcome.COLUMN_UNEXPECTED
    with pytest.raises(BadInput, match="needs an amount"):
        old.authorize_one(card=CARD, terminal=1, terminal_seq=3)
    with pytest.raises(BadInput, match="Tap: field line takes no such int"):
        old.authorize_one(card=CARD, line=3)


def test_an_old_client_and_all_that_is_read(old: Client) -> None:
    ride = {"card": CARD, "terminal": 1, "terminal_seq": 1, "kind": 1, "amount_fen": 100}
    [answer] = old.authorize([message_of([ride])])
    sequence = int(answer.sequence[0])
    entry = old.entry(sequence)
    assert type(entry) is LEDGER.Entry
    assert (entry.sequence, entry.amount_fen, entry.operator, len(entry.legs)) == (
        sequence,
        *(100, BUS, 2),
    )
    assert old.outcome(1, 0, 1) == entry
    [last] = old.trail(CARD, page_size=1)
    assert last.sequence == sequence
    assert old.balance(CARD).available_fen == -100
    head = old.head()
    assert (head.sequence, len(head.hash), head.window) == (sequence, 32, 1)
    blocks = list(old.journal(sequence))
    assert (blocks[-1].first, blocks[-1].count) == (sequence, 1)
    assert list(old.gaps()) == []
    assert old.card(number=NUMBER).token == old.tokens([NUMBER])[0]
    assert old.participants()["Bank"] == BANK
    with pytest.raises(NotFound):
        old.entry(1)


def test_an_old_client_and_all_acts(old: Client) -> None:
    assert old.load_participants([("Bus", 1), ("Ferry", 1)]) == [BUS, 4]
    assert old.load_terminals([REGISTRY.Terminal(number="F1", operator=4, place=3)]) == [5]
    assert old.load_cards([CARD, CARD + 900], BANK, REGISTRY.FUNDING_PREPAID).cards == 2
    assert old.put_card(token=CARD + 901, issuer=BANK, funding=2).funding == 2
    old.put_rules(amount_max_fen=900)
    assert old.rules().amount_max_fen == 900
    now_us = SystemClock().now_us()
    assert old.confirm_clock(now_us, "as the wall says") == 0  # it is not in doubt
    today = now_us // DAY_US
    old.declare([(1, today, 0, 0)])
    closed = old.close_window(1, today)
    assert (closed.window, closed.business_day) == (1, today)
    assert old.window(1).cut == closed.cut


# ---- the other way round ------------------------------------------------------------------------


def test_a_client_of_today_at_an_old_server() -> None:
    """Every call is answered with all that an old server can say, and read whole."""
    asked: dict[str, Any] = {}
    said: dict[str, Any] = {}

    def answer(path: str, kind: type[Any], request: Any) -> Any:
        asked[path], said[path] = request, filled(kind)
        return said[path]

    server, address = PROTOCOL.server(answer)
    found: dict[str, Any] = {}
    try:
        with Client(address, participant="Metro") as client:
            for path, call in CALLS.items():
                found[path] = call(client)
    finally:
        server.stop(None).wait()
    assert asked.keys() == PROTOCOL.methods.keys() == found.keys()
    for path, one in found.items():
        if hasattr(one, "ListFields"):
            assert dict(values_of(one)) == dict(values_of(said[path])), path
    sent = asked["/onecard.v1.Clearing/Authorize"]
    assert [list(getattr(sent, name)) for name in FIRST_COLUMNS] == [[1]] * len(FIRST_COLUMNS)
    [decided] = found["/onecard.v1.Clearing/Authorize"]
    assert (decided.request_id, decided.outcome.tolist(), decided.balance_fen.tolist()) == (
        1,
        *([2], [5]),
    )
    one = asked["/onecard.v1.Clearing/AuthorizeOne"]
    assert (one.card, one.terminal, one.amount_fen) == (5, 6, 7)
    entry = found["/onecard.v1.Ledger/GetEntry"]
    later = ("line", "scene", "rider_class", "media", "face_fen", "caused_by", "marks", "actor")
    assert [getattr(entry, name) for name in later] == [0] * len(later)  # it never heard of them


CALLS = {  # of every method, by the client's own; where it reads more than one answer, the first
    "/onecard.v1.Clearing/Authorize": lambda c: list(
        c.authorize([columns_message(1, **{name: [1] for name in wire.TAP_COLUMNS})])
    ),
    "/onecard.v1.Clearing/AuthorizeOne": lambda c: c.authorize_one(
        card=5, terminal=6, amount_fen=7, line=8, scene=9, media=1, caused_by=2
    ),
    "/onecard.v1.Ledger/GetBalance": lambda c: c.balance(1),
    "/onecard.v1.Ledger/ListTrail": lambda c: ledger_pb2.ListTrailResponse(
        entries=islice(c.trail(1), 1), next_page_token="text 2"
    ),
    "/onecard.v1.Ledger/GetEntry": lambda c: c.entry(1),
    "/onecard.v1.Ledger/GetOutcome": lambda c: c.outcome(1, 0, 1),
    "/onecard.v1.Ledger/StreamJournal": lambda c: next(c.journal()),
    "/onecard.v1.Ledger/GetHead": lambda c: c.head(),
    "/onecard.v1.Ledger/ListGaps": lambda c: ledger_pb2.ListGapsResponse(gaps=c.gaps()),
    "/onecard.v1.Registry/Load": lambda c: c.load([registry_pb2.LoadRequest()]),
    "/onecard.v1.Registry/PutParticipant": lambda c: c.registry.PutParticipant(
        registry_pb2.Participant(name="Metro")
    ),
    "/onecard.v1.Registry/PutTerminal": lambda c: c.registry.PutTerminal(registry_pb2.Terminal()),
    "/onecard.v1.Registry/PutCard": lambda c: c.put_card(token=1),
    "/onecard.v1.Registry/GetCard": lambda c: c.card(1),
    "/onecard.v1.Registry/TokensOf": lambda c: registry_pb2.TokensOfResponse(
        tokens=c.tokens([NUMBER]).tolist()
    ),
    "/onecard.v1.Registry/PutTariff": lambda c: c.registry.PutTariff(registry_pb2.Tariff()),
    "/onecard.v1.Registry/PutRules": lambda c: c.registry.PutRules(registry_pb2.Rules()),
    "/onecard.v1.Registry/GetRules": lambda c: c.rules(),
    "/onecard.v1.Registry/ConfirmClock": lambda c: registry_pb2.ConfirmClockResponse(
        booked_at_us=c.confirm_clock(1, "so")
    ),
    "/onecard.v1.Registry/Declare": lambda c: c.declare([(1, 2, 3, 4)]),
    "/onecard.v1.Settlement/CloseWindow": lambda c: c.close_window(1, 2),
    "/onecard.v1.Settlement/GetWindow": lambda c: c.window(1),
}


def test_no_field_and_no_number_of_before_is_gone() -> None:
    """What an old side says is understood: same numbers, same types, same places."""
    today = (tap_pb2, ledger_pb2, registry_pb2, settlement_pb2)
    for name, module in zip(("tap", "ledger", "registry", "settlement"), today, strict=True):
        then = PROTOCOL.file(name)
        for kind, message in then.message_types_by_name.items():
            fields = module.DESCRIPTOR.message_types_by_name[kind].fields_by_name
            for field in message.fields:
                now = fields[field.name]
                assert (now.number, now.type, now.is_repeated, now.has_presence) == (
                    *(field.number, field.type, field.is_repeated, field.has_presence),
                ), f"{kind}.{field.name}"
        for kind, enum in then.enum_types_by_name.items():
            now_values = module.DESCRIPTOR.enum_types_by_name[kind].values_by_name
            assert {value.name: value.number for value in enum.values}.items() <= {
                name: value.number for name, value in now_values.items()
            }.items(), kind
