"""What a served ledger answers over gRPC, byte for byte, to whoever only asks or asks again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

import grpc
from google.protobuf.message import Message

from onecard.v1.ledger_pb2 import (
    GetBalanceRequest,
    GetEntryRequest,
    GetHeadRequest,
    GetOutcomeRequest,
    ListGapsRequest,
    ListTrailRequest,
    StreamJournalRequest,
)
from onecard.v1.registry_pb2 import GetCardRequest, GetRulesRequest, TokensOfRequest
from onecard.v1.settlement_pb2 import CloseWindowRequest, GetWindowRequest
from onecard.v1.tap_pb2 import TAP_KIND_RIDE, Tap, TapBatch

Bytes = Iterable[bytes]


def answers(
    address: str, again: Sequence[bytes], cards: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """A line a call: its name and request, and what came back. `again`: batches answered before."""
    with grpc.insecure_channel(address) as channel:
        found = _told(channel.stream_stream("/onecard.v1.Clearing/Authorize")(iter(again)))
        yield "Authorize, all again", found
        for name, request in _requests(again, cards):
            call: Callable[[bytes], bytes] = channel.unary_unary(f"/onecard.v1.{name}")
            yield f"{name} {_said(request)}".strip(), _told(_once(call, request))
        journal = channel.unary_stream("/onecard.v1.Ledger/StreamJournal")
        for sequence in (0, 500):
            request = StreamJournalRequest(from_sequence=sequence)
            found = _told(journal(request.SerializeToString()))
            yield f"Ledger/StreamJournal {sequence}", found


def _requests(again: Sequence[bytes], cards: Sequence[str]) -> Iterator[tuple[str, Message]]:
    yield "Ledger/GetHead", GetHeadRequest()
    yield "Ledger/ListGaps", ListGapsRequest(terminal=1)
    yield "Registry/GetRules", GetRulesRequest()
    yield "Registry/TokensOf", TokensOfRequest(numbers=cards)
    for window in (1, 5, 6, 7):
        yield "Settlement/GetWindow", GetWindowRequest(window=window)
    yield "Settlement/CloseWindow", CloseWindowRequest(window=1, business_day=1)
    for card in cards:
        yield "Registry/GetCard", GetCardRequest(number=card)
        yield "Ledger/GetBalance", GetBalanceRequest(card_number=card)
        yield "Ledger/ListTrail", ListTrailRequest(card_number=card, page_size=5)
    for sequence in (1, 100, 1500, 1 << 20):
        yield "Ledger/GetEntry", GetEntryRequest(sequence=sequence)
    for message in again[:5]:
        batch = TapBatch.FromString(message)
        tap = Tap(
            card=batch.card[0],
            terminal=batch.terminal[0],
            terminal_seq=batch.terminal_seq[0],
            kind=batch.kind[0],
            amount_fen=batch.amount_fen[0],
        )
        yield "Clearing/AuthorizeOne", tap
        asked = GetOutcomeRequest(terminal=tap.terminal, terminal_seq=tap.terminal_seq)
        yield "Ledger/GetOutcome", asked
    yield "Clearing/AuthorizeOne", Tap(card=1, terminal=1, kind=TAP_KIND_RIDE)


def _said(request: Message) -> str:
    """What it asks for, without a card's token."""
    fields = [(field.name, value) for field, value in request.ListFields()]
    return ", ".join(f"{name} {value}" for name, value in fields if name != "card")


def _once(call: Callable[[bytes], bytes], request: Message) -> Iterator[bytes]:
    yield call(request.SerializeToString())


def _told(replies: Bytes) -> str:
    """How many messages and their digest, or the status and its words."""
    digest, count, size = sha256(), 0, 0
    try:
        for reply in replies:
            digest.update(len(reply).to_bytes(4, "big") + reply)
            count, size = count + 1, size + len(reply)
    except grpc.RpcError as error:
        return f"{error.code().name}: {error.details()}"
    return f"{count} messages, {size} bytes, {digest.hexdigest()}"
