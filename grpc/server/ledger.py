"""Ledger: what is booked. Every answer is of durable state."""

import asyncio
import base64
import hashlib
import struct
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from onecard.core.errors import BadInput, NotFound, Overloaded, Stopped
from onecard.core.query import outcome
from onecard.core.query.card import balance_of, card_of
from onecard.core.query.entry import find_entry, is_offline
from onecard.core.query.gaps import Gap, find_gaps, not_looked_at
from onecard.core.query.head import head_of
from onecard.core.query.trail import Drawn, card_page, drawn_before, drawn_on, is_told
from onecard.core.query.window import open_number
from onecard.grpc.server.access import only_party, principal
from onecard.grpc.server.bridge import Bridge
from onecard.grpc.server.seats import Seats
from onecard.grpc.server.writing import Writing
from onecard.v1 import ledger_pb2 as pb
from onecard.v1 import ledger_pb2_grpc

SERVICE = "onecard.v1.Ledger"
PAGE_DEFAULT = 50
PAGE_MAX = 1000
GAPS_MAX = 50_000  # in one answer: under 2 MiB
FOLLOW_S = 0.2  # between two looks for new blocks
# Of one trail: more than a card comes to in its life, and 11 kB of a page token.
ACCOUNTS_MAX = 1_000
HEAD_BYTES, CHECK_BYTES = 8, 8  # of a page token: where each account goes on, then a check


class LedgerService(ledger_pb2_grpc.LedgerServicer):
    """The generated service over a bridge."""

    def __init__(
        self, bridge: Bridge, token: Callable[[str], int], block_bytes_max: int, readers: Seats
    ) -> None:
        """`readers` are those of the journal."""
        self.bridge = bridge
        self.token = token
        self.block_bytes_max = block_bytes_max
        self.readers = readers
        self.stopping = asyncio.Event()

    @property
    def journal(self) -> Any:
        return self.bridge.journal

    def stop(self) -> None:
        """Ends the streams that follow the journal."""
        self.stopping.set()

    async def GetBalance(self, request: pb.GetBalanceRequest, _: Any) -> pb.Balance:
        token = self._token(request)
        balance = await self.bridge.read(lambda state: balance_of(state, token))
        only_party("card", balance.issuer)
        return pb.Balance(
            account=balance.account,
            posted_fen=balance.posted_fen,
            held_fen=balance.held_fen,
            available_fen=balance.available_fen,
            as_of=balance.as_of,
        )

    async def ListTrail(self, request: pb.ListTrailRequest, _: Any) -> pb.ListTrailResponse:
        """Legs are left out here: GetEntry has them."""
        token = self._token(request)
        if request.page_size > PAGE_MAX:
            raise BadInput(f"page_size: expected at most {PAGE_MAX}, found {request.page_size}")

        card, drawn = await self.bridge.read(
            lambda state: (card_of(state, token), drawn_on(state, token))
        )
        only_party("card", card.issuer)
        drawn = await self._all_drawn(drawn)
        heads = drawn.heads
        if request.page_token:
            heads = self._page_start(request.page_token, token)
            if max(heads) > max(drawn.heads, default=0):
                raise BadInput("page_token: it is not of this trail; start without one")
        size = request.page_size or PAGE_DEFAULT
        party = principal()
        page = await asyncio.to_thread(
            card_page,
            self.journal,
            heads,
            size,
            lambda row: is_told(row, token, drawn.account, party),
        )
        return pb.ListTrailResponse(
            entries=[_entry(row) for row in page.rows],
            next_page_token=self._page_token(token, page.following) if page.following else "",
        )

    async def _all_drawn(self, drawn: Drawn) -> Drawn:
        """All accounts of a card, looked up in parts between which taps go on."""
        while drawn.past:
            drawn = await self.bridge.read(partial(drawn_before, drawn=drawn))
            if len(drawn.newest) > ACCOUNTS_MAX:
                raise Overloaded(
                    f"trail: expected a card of at most {ACCOUNTS_MAX} accounts, found one that "
                    "drew on more; ask for its entries by sequence or identity"
                )
        return drawn

    async def GetEntry(self, request: pb.GetEntryRequest, _: Any) -> pb.Entry:
        return await self._entry(request.sequence)

    async def GetOutcome(self, request: pb.GetOutcomeRequest, _: Any) -> pb.Entry:
        identity = outcome.Identity(request.terminal, request.epoch, request.terminal_seq)
        recent, identities = self.bridge.recent, self.bridge.identities
        # In memory first, on the engine's thread; then on disk, off it (core/query/outcome.py).
        sequence = await self.bridge.read(lambda _: outcome.in_memory(recent, identity))
        if not sequence:
            sequence = await asyncio.to_thread(outcome.on_disk, identities, identity)
        if not sequence:
            raise NotFound(
                f"terminal {identity.terminal}, epoch {identity.epoch}, sequence "
                f"{identity.terminal_seq}: nothing was decided on it; send the tap (again)"
            )
        return await self._entry(sequence)

    async def StreamJournal(self, request: pb.StreamJournalRequest, context: Writing) -> None:
        self.readers.take(context.seat)
        try:
            await self._stream(request, context)
        finally:
            self.readers.leave(context.seat)

    async def _stream(self, request: pb.StreamJournalRequest, context: Writing) -> None:
        first = max(request.from_sequence, 1)
        if first > self.journal.durable.last + 1:
            raise BadInput(
                f"from_sequence: expected at most {self.journal.durable.last + 1}, found {first}"
            )
        while True:
            last = self.journal.durable.last
            while first <= last:
                first = await self._send_block(first, context)
            if not request.follow:
                return
            if self.stopping.is_set():
                raise Stopped(
                    "the server is stopping; go on later from the sequence after the last"
                )
            await _wait(self.stopping, FOLLOW_S)

    async def _send_block(self, first: int, context: Writing) -> int:
        """The first sequence after the block that was sent."""
        message, following = await asyncio.to_thread(self._block_message, first)
        await context.write_bytes(message)
        return following

    def _block_message(self, first: int) -> tuple[bytes, int]:
        """Its serialized form alone: while a client does not read it, it is held once."""
        block = self.journal.block_of(first)
        if len(block.value) > self.block_bytes_max:
            raise Overloaded(
                f"block {block.first}: {len(block.value)} bytes, a message holds at most "
                f"{self.block_bytes_max}; copy the journal's segments instead"
            )
        message = pb.JournalBlock(first=block.first, count=block.count, block=block.value)
        return message.SerializeToString(), block.last + 1

    async def GetHead(self, _: pb.GetHeadRequest, __: Any) -> pb.Head:
        window = await self.bridge.read(open_number)
        head = head_of(self.journal, self.bridge.card_tokens, window)
        return pb.Head(
            sequence=head.sequence,
            hash=head.hash,
            window=head.window,
            ledger=head.ledger,
            key_check=head.key_check,
            card_number=head.card_number,
            tokens=head.tokens,
        )

    async def ListGaps(self, request: pb.ListGapsRequest, _: Any) -> pb.ListGapsResponse:
        """A participant is told of its own terminals."""
        operator = principal()
        hidden = await self.bridge.read(lambda state: not_looked_at(state, operator))
        gaps = await asyncio.to_thread(self._gaps, request.terminal or None, hidden)
        return pb.ListGapsResponse(
            gaps=[
                pb.Gap(terminal=g.terminal, epoch=g.epoch, from_seq=g.first, to_seq=g.last)
                for g in gaps
            ]
        )

    def _gaps(self, terminal: int | None, hidden: frozenset[int]) -> list[Gap]:
        gaps: list[Gap] = []
        for gap in find_gaps(self.journal, self.bridge.identities, terminal, hidden):
            gaps.append(gap)
            if len(gaps) > GAPS_MAX:
                raise Overloaded(f"more than {GAPS_MAX} gaps; ask for one terminal at a time")
        return gaps

    async def _entry(self, sequence: int) -> pb.Entry:
        entry = await asyncio.to_thread(find_entry, self.journal, sequence)
        if entry is None:
            raise NotFound(
                f"sequence {sequence}: it is no entry; "
                f"the ledger ends at {self.journal.durable.last}"
            )
        only_party(f"entry {sequence}", *entry.parties)
        return _entry(entry.row, entry.legs)

    def _token(self, request: pb.GetBalanceRequest | pb.ListTrailRequest) -> int:
        if request.WhichOneof("ref") == "card_number":
            return self.token(request.card_number)
        return request.card

    def _page_token(self, token: int, heads: list[int]) -> str:
        """Opaque: where the next page starts, for this card of this ledger alone."""
        packed = _packed(heads)
        return base64.urlsafe_b64encode(packed + self._check(token, packed)).decode()

    def _page_start(self, text: str, token: int) -> list[int]:
        """Where each account goes on."""
        try:
            packed = base64.urlsafe_b64decode(text.encode())
        except ValueError:
            raise BadInput("page_token: expected one that a page gave, found another") from None
        packed, check = packed[:-CHECK_BYTES], packed[-CHECK_BYTES:]
        heads, rest = divmod(len(packed), HEAD_BYTES)
        if rest or not 1 <= heads <= ACCOUNTS_MAX:
            raise BadInput("page_token: expected one that a page gave, found a part")
        if check != self._check(token, packed):
            raise BadInput("page_token: it was given for another card or ledger")
        return list(struct.unpack(f"<{heads}Q", packed))

    def _check(self, token: int, packed: bytes) -> bytes:
        content = _packed([token]) + packed
        key = self.journal.ledger_id
        return hashlib.blake2b(content, key=key, digest_size=CHECK_BYTES).digest()


def _packed(sequences: list[int]) -> bytes:
    return struct.pack(f"<{len(sequences)}Q", *sequences)


def _entry(row: Any, legs: Iterable[Any] = ()) -> pb.Entry:
    names = (
        *("sequence", "account", "terminal", "epoch", "terminal_seq", "kind", "outcome", "reason"),
        *("amount_fen", "balance_fen", "tapped_at_us", "booked_at_us", "issuer", "place"),
        *("window", "tariff", "about", "journey", "previous", "line", "scene", "rider_class"),
        *("media", "face_fen", "chip_before_fen", "chip_counter", "chip_loads", "caused_by"),
        *("marks", "rule", "actor", "sponsor", "programme", "ends_us"),
    )
    entry = pb.Entry(card=int(row["token"]), operator=int(row["operator_id"]))
    for name in names:
        setattr(entry, name, int(row[name]))
    entry.offline = is_offline(row)
    for leg in legs:
        entry.legs.add(**{name: int(leg[name]) for name in leg.dtype.names})
    return entry


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        pass
