"""Registry, Ledger and Settlement over gRPC, who may ask for what, health and reflection."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from onecard.core.errors import BadInput, NotFound, OnecardError, Overloaded
from onecard.core.ledger.token import token
from onecard.core.watch.log import Log
from onecard.grpc.client import Client, Refused, Unreachable, columns_message
from onecard.grpc.server import ledger
from onecard.grpc.server.server import SERVICES, Address, Server
from onecard.v1 import ledger_pb2, registry_pb2, tap_pb2
from tests.support.serving import BANK, BUS, CARD, METRO, Served, register, rides, run, served

PREPAID, CHIP = registry_pb2.FUNDING_PREPAID, registry_pb2.FUNDING_CHIP
DAY = 20_000  # 2024-10-04


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "ledger") as running, running.client() as client:
        register(client)
        yield running


@pytest.fixture
def client(server: Served) -> Iterator[Client]:
    with server.client() as client:
        yield client


def test_rows_that_are_known_change_nothing(client: Client) -> None:
    before = client.head().sequence
    register(client)
    assert client.head().sequence == before
    assert client.put_participant("Canteen", 1) == 4
    assert client.head().sequence == before + 2  # and who did it


def test_a_card_is_put_and_got_by_token_and_by_number(server: Served, client: Client) -> None:
    put = client.put_card(number="62170001", issuer=BANK, funding=PREPAID, floor_fen=-100)
    ledger = server.node.ledger
    assert put.token == token(ledger.token_key, "62170001", ledger.algorithms.tokens)
    assert client.card(number="62170001") == put == client.card(put.token)
    blocked = client.put_card(token=put.token, issuer=BANK, funding=PREPAID, status=2)
    assert (blocked.status, blocked.account) == (registry_pb2.STATUS_BLOCKED, put.account)
    shared = client.put_card(token=77, issuer=BANK, funding=PREPAID, account=put.account)
    assert shared.account == put.account
    with pytest.raises(BadInput, match="not that of its number"):
        client.put_card(token=5, number="62170001", issuer=BANK, funding=PREPAID)
    with pytest.raises(NotFound, match="no such card") as missing:
        client.card(number="62170002")
    assert "6217" not in str(missing.value)


def test_a_card_says_what_it_was(client: Client) -> None:
    one = {"token": 99, "issuer": BANK}
    client.put_card(**one, funding=CHIP)
    assert not client.card(99).pasts
    lost = client.put_card(**one, funding=CHIP, status=2)
    found = client.put_card(**one, funding=PREPAID, status=1, since_us=lost.since_us + 5)
    assert found == client.card(99)
    spell, drew = found.pasts
    at = lost.since_us, lost.since_us + 5
    assert spell == registry_pb2.CardPast(from_us=at[0], until_us=at[1], status=2)
    was = {"account": found.account, "issuer": BANK, "funding": CHIP}
    assert drew == registry_pb2.CardPast(until_us=at[1], **was)
    assert client.put_card(**one, funding=PREPAID, status=1) == found  # what it was is no request


def test_cards_load_as_columns_and_rows(client: Client) -> None:
    columns = client.load_cards(np.arange(5000, 7500, dtype=np.uint64), BANK, CHIP)
    assert (columns.cards, columns.changed) == (2500, 2500)
    rows = [registry_pb2.Card(token=at, issuer=BANK, funding=PREPAID) for at in (8001, 8002)]
    rows.append(registry_pb2.Card(token=8003, issuer=BANK, funding=CHIP))
    loaded = client.load([registry_pb2.LoadRequest(cards=rows)])
    assert (loaded.cards, loaded.changed, loaded.sequence) == (3, 3, client.head().sequence)
    assert client.card(8003).funding == CHIP


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    # method, arguments, what the error says
    ("put_participant", {"name": "", "role": 1}, "participant name"),
    ("put_participant", {"name": "X", "role": 9}, "participant role"),
    ("put_card", {"token": 0, "issuer": BANK, "funding": PREPAID}, "card token"),
    ("put_card", {"token": 9, "issuer": 99, "funding": PREPAID}, "card issuer"),
    ("put_card", {"token": 9, "issuer": BANK, "funding": 0}, "card funding"),
    ("put_rules", {"amount_max_fen": 0}, "rule amount_max_fen"),
    ("close_window", {"window": 1, "business_day": 3}, "business day"),
    ("declare", {"rows": [(99, DAY, 1, 1)]}, "declared terminal"),
]


@pytest.mark.parametrize(("method", "arguments", "says"), REFUSED)
def test_what_does_not_fit_is_refused_in_one_line(
    client: Client, method: str, arguments: dict[str, Any], says: str
) -> None:
    before = client.head().sequence
    with pytest.raises(BadInput, match=says) as refusal:
        getattr(client, method)(**arguments)
    assert "\n" not in str(refusal.value)
    assert client.head().sequence == before


def test_a_tariff_and_the_rules_are_put(client: Client) -> None:
    fares = np.array([[-1, 300], [300, -1]], np.int32)
    assert client.put_tariff("metro", 1, fares) == 1
    assert client.put_tariff("metro", 1, fares) == 1
    assert client.put_tariff("metro", 2, fares, entry_min_fen=5) == 2
    client.put_rules(
        go_live_us=0, age_max_us=1 << 60, ahead_max_us=1 << 60, amount_max_fen=99, zone_offset_us=0
    )
    one = client.authorize_one(card=CARD, terminal=1, terminal_seq=1, amount_fen=100)
    assert one.outcome == tap_pb2.OUTCOME_AMOUNT_BEYOND_LIMIT


def test_balance_entry_and_outcome_are_what_was_booked(client: Client) -> None:
    one = client.authorize_one(
        card=CARD, terminal=3, terminal_seq=7, epoch=2, amount_fen=250, place=4
    )
    balance = client.balance(CARD)
    assert (balance.posted_fen, balance.available_fen, balance.as_of) == (-250, -250, one.sequence)
    entry = client.entry(one.sequence)
    assert entry == client.outcome(3, 2, 7)
    assert (entry.card, entry.terminal, entry.epoch, entry.terminal_seq) == (CARD, 3, 2, 7)
    assert (entry.operator, entry.issuer, entry.place, entry.amount_fen) == (METRO, BANK, 4, 250)
    legs = [(leg.owner_kind, leg.owner, leg.party, leg.amount_fen) for leg in entry.legs]
    assert legs == [(1, balance.account, BANK, -250), (4, METRO, METRO, 250)]
    with pytest.raises(NotFound, match="is no entry"):
        client.entry(one.sequence + 1)
    with pytest.raises(NotFound, match="is no entry"):
        client.entry(1)  # the rules
    with pytest.raises(NotFound, match="no such card"):
        client.balance(card_number="nobody")


def test_a_trail_pages_newest_first_and_follows_its_card_alone(client: Client) -> None:
    other = client.put_card(
        token=77, issuer=BANK, funding=PREPAID, floor_fen=-10_000, account=client.card(CARD).account
    )
    assert other.account
    mine = []
    for at in range(1, 31):
        card = CARD if at % 3 else 77
        one = client.authorize_one(card=card, terminal=1, terminal_seq=at, amount_fen=at)
        if card == CARD:
            mine.append(one.sequence)
    for page_size in (1, 7, 20, 1000):
        trail = list(client.trail(CARD, page_size=page_size))
        assert [entry.sequence for entry in trail] == mine[::-1], page_size
        assert all(entry.card == CARD for entry in trail)
    with pytest.raises(BadInput, match="at most 1000"):
        list(client.trail(CARD, page_size=1001))


def test_a_card_of_too_many_accounts_has_no_trail(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "ACCOUNTS_MAX", 2)
    accounts = [client.card(CARD + at).account for at in range(3)]
    for account in (accounts[1], accounts[0], accounts[1]):
        client.put_card(token=CARD, issuer=BANK, funding=PREPAID, account=account)
    list(client.trail(CARD))
    client.put_card(token=CARD, issuer=BANK, funding=PREPAID, account=accounts[2])
    with pytest.raises(Overloaded, match=r"at most 2 accounts.*by sequence or identity"):
        list(client.trail(CARD))


def test_a_page_token_is_checked(client: Client) -> None:
    list(client.authorize([rides(1, 60), rides(61, 60)]))

    def page(card: int, page_token: str) -> ledger_pb2.ListTrailResponse:
        request = ledger_pb2.ListTrailRequest(card=card, page_size=2, page_token=page_token)
        answer: ledger_pb2.ListTrailResponse = client.ledger.ListTrail(request, timeout=5)
        return answer

    given = page(CARD, "").next_page_token
    assert len(page(CARD, given).entries) == 2
    changed = ("B" if given[0] != "B" else "C") + given[1:]
    for card, bad in (
        (CARD + 1, given),
        (CARD, changed),
        (CARD, given[:8]),
        (CARD, "é"),
        (CARD, "A" * 12_000),
    ):
        with pytest.raises(grpc.RpcError) as refusal:
            page(card, bad)
        assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "page_token" in refusal.value.details()


def test_gaps_leave_out_terminals_that_do_not_count(client: Client) -> None:
    row = registry_pb2.Terminal(number="T5", operator=BUS, counterless=True)
    assert client.load_terminals([row]) == [5]
    for terminal, seqs in ((1, [1, 2, 5]), (3, [10, 12]), (5, [1, 9])):
        for seq in seqs:
            client.authorize_one(card=CARD, terminal=terminal, terminal_seq=seq, amount_fen=0)
    gaps = [(gap.terminal, gap.from_seq, gap.to_seq) for gap in client.gaps()]
    assert gaps == [(1, 3, 4), (3, 11, 11)]
    assert [gap.terminal for gap in client.gaps(3)] == [3]


def test_declarations_that_do_not_agree_come_back(client: Client) -> None:
    at_us = 1_790_000_000_000_000
    client.put_rules(
        go_live_us=0,
        age_max_us=1 << 60,
        ahead_max_us=1 << 60,
        amount_max_fen=1000,
        zone_offset_us=28_800_000_000,
    )
    day = (at_us + 28_800_000_000) // 86_400_000_000
    message = columns_message(
        card=[CARD, CARD, 9, CARD],
        terminal=[1, 1, 1, 2],
        terminal_seq=[1, 2, 3, 1],
        tapped_at_us=[at_us] * 4,
        amount_fen=[100, 150, 70, 5],
    )
    (answer,) = client.authorize([message])
    assert answer.outcome.tolist() == [1, 1, 20, 1]
    agrees = [(1, day, 3, 250), (2, day, 1, 5), (3, day, 0, 0), (1, day + 1, 0, 0)]
    response = client.declare(agrees)
    assert (response.compared, len(response.differences)) == (4, 0)
    (difference,) = client.declare([(2, day, 1, 5), (1, day, 4, 320)]).differences
    assert (difference.terminal, difference.day) == (1, day)
    assert (difference.declared_taps, difference.booked_taps) == (4, 3)
    assert (difference.declared_fen, difference.booked_fen) == (320, 250)


def test_a_day_whose_sum_no_message_holds_is_said(client: Client) -> None:
    most = (1 << 62) - 1  # twice that is what a window of a participant can turn over
    client.put_rules(
        go_live_us=0,
        age_max_us=1 << 60,
        ahead_max_us=1 << 60,
        amount_max_fen=most,
        zone_offset_us=28_800_000_000,
    )
    card = client.put_card(token=79, issuer=BANK, funding=registry_pb2.FUNDING_CREDIT).token
    at_us = 1_790_000_000_000_000
    same = {"card": card, "terminal": 1, "amount_fen": most, "tapped_at_us": at_us}
    for seq in (1, 3):  # there and back, so no balance grows, and the sum of the day does
        bought = client.authorize_one(**same, terminal_seq=seq, kind=tap_pb2.TAP_KIND_PURCHASE)
        back = client.authorize_one(
            **same, terminal_seq=seq + 1, kind=tap_pb2.TAP_KIND_REFUND, about=bought.sequence
        )
        assert (bought.outcome, back.outcome) == (1, 1)
    with pytest.raises(OnecardError, match=f"{4 * most} fen, is beyond 64 bits"):
        client.declare([(1, (at_us + 28_800_000_000) // 86_400_000_000, 4, 5)])


def test_the_journal_streams_from_a_sequence_and_follows(server: Served, client: Client) -> None:
    list(client.authorize([rides(1)]))
    blocks = list(client.journal())
    assert blocks[0].first == 1
    ends = np.cumsum([block.count for block in blocks])
    assert [block.first for block in blocks[1:]] == (ends[:-1] + 1).tolist()
    assert blocks == [
        ledger_pb2.JournalBlock(first=b.first, count=b.count, block=b.value)
        for b in server.node.journal.blocks()
    ]
    last = client.head().sequence
    assert [block.first for block in client.journal(last)] == [last - 3]
    assert list(client.journal(last + 1)) == []
    with pytest.raises(BadInput, match="from_sequence"):
        list(client.journal(last + 2))
    following = client.journal(last + 1, follow=True)
    threading.Timer(0.1, lambda: list(client.authorize([rides(100)]))).start()
    assert next(following).first == last + 1
    following.close()


def test_a_window_closes_once_and_its_positions_sum_to_zero(client: Client) -> None:
    list(client.authorize([rides(1, 10), rides(1, 3, terminal=3)]))
    opened = client.window(1)
    assert not opened.closed
    closed = client.close_window(1, DAY, force=True)  # long past
    assert closed == client.close_window(1, DAY) == client.window(1)
    positions = {position.name: position for position in closed.positions}
    assert {name: p.net_fen for name, p in positions.items()} == {
        "Bus": 1000,
        "Metro": 300,
        "Bank": -1300,
    }
    assert (positions["Bank"].in_fen, positions["Bank"].out_fen) == (0, 1300)
    assert client.head().window == 2
    with pytest.raises(BadInput, match="was closed for"):
        client.close_window(1, DAY + 1)
    with pytest.raises(NotFound, match="the open one is 2"):
        client.window(9)


def test_a_participant_sees_and_does_what_is_its_own(server: Served, client: Client) -> None:
    bus = client.authorize_one(card=CARD, terminal=1, terminal_seq=1, amount_fen=5)
    client.authorize_one(card=CARD, terminal=3, terminal_seq=1, amount_fen=0)
    client.authorize_one(card=CARD, terminal=3, terminal_seq=3, amount_fen=0)
    with server.client("Bus") as theirs, server.client("Bank") as bank:
        assert theirs.entry(bus.sequence) == bank.entry(bus.sequence)
        assert bank.balance(CARD).posted_fen == -5
        assert len(list(bank.trail(CARD))) == 3
        assert [p.name for p in theirs.window(1).positions] == ["Bus"]
        assert len(theirs.gaps()) == 0
        assert len(client.gaps()) == 1
        theirs.declare([(1, DAY, 1, 1)])
        for call in (
            lambda: theirs.entry(bus.sequence + 1),
            lambda: theirs.outcome(3, 0, 1),
            lambda: theirs.balance(CARD),
            lambda: list(theirs.trail(CARD)),
            lambda: theirs.card(CARD),
            lambda: theirs.declare([(3, DAY, 1, 1)]),
            lambda: theirs.put_participant("Mine", 1),
            lambda: theirs.put_rules(amount_max_fen=1),
            lambda: theirs.close_window(1, DAY),
            lambda: list(theirs.journal()),
        ):
            with pytest.raises(Refused, match=r"participant \d"):
                call()
    with server.client("Nobody") as nobody, pytest.raises(Refused, match="'Nobody'"):
        nobody.head()


def test_beyond_loopback_everyone_says_who_they_are(tmp_path: Path) -> None:
    with served(tmp_path / "ledger") as first, first.client() as client:
        register(client)
    with served(tmp_path / "ledger", host="0.0.0.0") as server:
        with server.client() as client, pytest.raises(Refused, match="onecard-participant"):
            client.head()
        with server.client("Bus") as client:
            assert client.head().sequence
            assert client.is_serving()
            assert reflected(server.address) is None


def reflected(address: str) -> set[str] | None:
    """The services that reflection lists; None where it is off."""
    with grpc.insecure_channel(address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        try:
            (answer,) = stub.ServerReflectionInfo(iter([request]), timeout=5)
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.UNIMPLEMENTED
            return None
        return {service.name for service in answer.list_services_response.service}


def test_reflection_lists_every_service_on_loopback(server: Served) -> None:
    assert reflected(server.address) == {
        *SERVICES,
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }


def test_health_says_not_serving_while_starting_and_stopping(tmp_path: Path) -> None:
    with served(tmp_path / "ledger", attach=False) as server, server.client() as client:
        for service in ("", *SERVICES):
            assert not client.is_serving(service)
        for call in (client.head, lambda: list(client.authorize([rides(1)]))):
            with pytest.raises(Unreachable, match="the server is starting"):
                call()
        run(server.server.attach(server.node))
        for service in ("", *SERVICES):
            assert client.is_serving(service)
        with pytest.raises(NotFound):
            client.is_serving("onecard.v1.Nothing")
        run(server.server.set_serving(False))
        assert not client.is_serving()
        run(server.server.set_serving(True))


def test_a_fault_of_ours_is_logged_without_what_was_sent(server: Served, client: Client) -> None:
    def broken(number: str) -> int:
        raise RuntimeError(f"secret {number}")

    server.server.clearing.token = broken
    with pytest.raises(OnecardError, match=r"INTERNAL: .*its log has the event"):
        client.authorize_one(card_number="62170000", terminal=1)
    line = server.log.getvalue().splitlines()[-1]
    assert "event=call_failed" in line
    assert "RuntimeError" in line
    assert "6217" not in server.log.getvalue()


def test_a_port_that_is_taken_is_one_line(server: Served, tmp_path: Path) -> None:
    async def second() -> None:
        taken = Address.parse(server.address)
        await Server(server.node.settings, Log(server.node.clock), taken).start()

    with pytest.raises(OnecardError, match=r"cannot listen on .*--listen"):
        run(second())


ADDRESSES = [
    ("127.0.0.1:7421", "127.0.0.1", 7421, True),
    ("[::1]:0", "::1", 0, True),
    ("localhost:1", "localhost", 1, True),
    ("0.0.0.0:65535", "0.0.0.0", 65535, False),
    ("gate.example:80", "gate.example", 80, False),
]


@pytest.mark.parametrize(("text", "host", "port", "loopback"), ADDRESSES)
def test_an_address_is_read_and_written(text: str, host: str, port: int, loopback: bool) -> None:
    address = Address.parse(text)
    assert (address.host, address.port, address.loopback) == (host, port, loopback)
    assert str(address) == text


@pytest.mark.parametrize("text", ["", "7421", ":7421", "host:", "host:x", "host:65536", "h:-1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="expected HOST:PORT"):
        Address.parse(text)
