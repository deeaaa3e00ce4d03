"""Ledger: what is booked. Every answer is of durable state."""

import asyncio
import base64
import hashlib
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onecard.core.audit import completeness
from onecard.core.checkpoint.identities import Gap
from onecard.core.errors import BadInput, NotFound, Overloaded, Stopped
from onecard.core.journal.block import Block
from onecard.core.ledger.token import CardTokens, key_check
from onecard.ext.identity.recent import IDENTITY
from onecard.ext.shape.numbers import Flag, Record
from onecard.ext.state.state import State
from onecard.grpc.server.access import ALL, only_party, principal
from onecard.grpc.server.bridge import Asking
from onecard.grpc.server.seats import Seats
from onecard.grpc.server.writing import Writing
from onecard.v1 import ledger_pb2 as pb
from onecard.v1 import ledger_pb2_grpc

SERVICE = "onecard.v1.Ledger"
PAGE_DEFAULT = 50
PAGE_MAX = 1000
SCANNED_MAX = 10_000  # entries of the account looked at for one page: others may share it
GAPS_MAX = 50_000  # in one answer: under 2 MiB
FOLLOW_S = 0.2  # between two looks for new blocks
PAGE = struct.Struct("<Q8s")  # next sequence, check


class Ledger(ledger_pb2_grpc.LedgerServicer):
    """The generated service over Asking."""

    def __init__(
        self, asking: Asking, token: Callable[[str], int], block_bytes_max: int, readers: Seats
    ) -> None:
        """`readers` are those of the journal."""
        self.asking = asking
        self.token = token
        self.block_bytes_max = block_bytes_max
        self.readers = readers
        self.stopping = asyncio.Event()

    @property
    def journal(self) -> Any:
        return self.asking.node.journal

    def stop(self) -> None:
        """Ends the streams that follow the journal."""
        self.stopping.set()

    async def GetBalance(self, request: pb.GetBalanceRequest, _: Any) -> pb.Balance:
        token = self._token(request)

        def balance(state: State) -> tuple[pb.Balance, int]:
            number = _account_of(state, token)
            account = state.table("accounts")[number]
            posted, held = int(account["posted_fen"]), int(account["held_fen"])
            as_of = int(state.totals["last"][0])
            return pb.Balance(
                account=number,
                posted_fen=posted,
                held_fen=held,
                available_fen=posted - held,
                as_of=as_of,
            ), int(account["issuer"])

        answer, issuer = await self.asking.read(balance)
        only_party("card", issuer)
        return answer

    async def ListTrail(self, request: pb.ListTrailRequest, _: Any) -> pb.ListTrailResponse:
        """Legs are left out here: GetEntry has them."""
        token = self._token(request)
        if request.page_size > PAGE_MAX:
            raise BadInput(f"page_size: expected at most {PAGE_MAX}, found {request.page_size}")

        def newest(state: State) -> tuple[int, int]:
            account = state.table("accounts")[_account_of(state, token)]
            return int(account["last"]), int(account["issuer"])

        last, issuer = await self.asking.read(newest)
        only_party("card", issuer)
        if request.page_token:
            start = self._page_start(request.page_token, token)
            if start > last:
                raise BadInput("page_token: it is not of this trail; start without one")
            last = start
        size = request.page_size or PAGE_DEFAULT
        rows, following = await asyncio.to_thread(self._trail, token, last, size)
        return pb.ListTrailResponse(
            entries=[_entry(row) for row in rows],
            next_page_token=self._page_token(token, following) if following else "",
        )

    async def GetEntry(self, request: pb.GetEntryRequest, _: Any) -> pb.Entry:
        return await self._entry(request.sequence)

    async def GetOutcome(self, request: pb.GetOutcomeRequest, _: Any) -> pb.Entry:
        node = self.asking.node
        key = (request.terminal, request.epoch, request.terminal_seq)
        # In memory first, on the engine's thread; then on disk, off it. What leaves memory is on
        # disk before, so between the two nothing can be missed.
        sequence = await self.asking.read(lambda _: node.engine.recent.sequence_of(*key))
        if not sequence:
            wanted = np.zeros(1, IDENTITY)
            wanted["terminal"], wanted["epoch"], wanted["terminal_seq"] = key
            sequence = int((await asyncio.to_thread(node.ledger.identities.find, wanted))[0])
        if not sequence:
            raise NotFound(
                f"terminal {key[0]}, epoch {key[1]}, sequence {key[2]}: nothing was decided on it; "
                "send the tap (again)"
            )
        return await self._entry(int(sequence))

    async def StreamJournal(self, request: pb.StreamJournalRequest, context: Writing) -> None:
        self.readers.take(context.seat)
        try:
            await self._stream(request, context)
        finally:
            self.readers.leave(context.seat)

    async def _stream(self, request: pb.StreamJournalRequest, context: Writing) -> None:
        first = max(request.from_sequence, 1)
        if first > self.journal.last + 1:
            raise BadInput(
                f"from_sequence: expected at most {self.journal.last + 1}, found {first}"
            )
        while True:
            last = self.journal.last
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
        window = await self.asking.read(lambda state: int(state.totals["window"][0]))
        tip = self.journal.tip
        card_tokens: CardTokens = self.asking.node.ledger.card_tokens
        return pb.Head(
            sequence=tip.last,
            hash=tip.head,
            window=window,
            ledger=self.journal.ledger_id,
            key_check=key_check(card_tokens.key),
            card_number=card_tokens.form.text(),
        )

    async def ListGaps(self, request: pb.ListGapsRequest, _: Any) -> pb.ListGapsResponse:
        terminal = request.terminal or None

        def not_looked_at(state: State) -> frozenset[int]:
            """Terminals that do not count, and those of other participants."""
            rows = state.rows("terminals")
            hidden = rows["counterless"] != 0
            if principal_now != ALL:
                hidden |= rows["operator_id"] != principal_now
            return frozenset(rows["terminal"][hidden].tolist())

        principal_now = principal()
        hidden = await self.asking.read(not_looked_at)
        gaps = await asyncio.to_thread(self._gaps, terminal, hidden)
        return pb.ListGapsResponse(
            gaps=[
                pb.Gap(terminal=g.terminal, epoch=g.epoch, from_seq=g.first, to_seq=g.last)
                for g in gaps
            ]
        )

    def _gaps(self, terminal: int | None, hidden: frozenset[int]) -> list[Gap]:
        gaps: list[Gap] = []
        identities = self.asking.node.ledger.identities
        for gap in completeness.find_gaps(self.journal, identities, terminal, hidden):
            gaps.append(gap)
            if len(gaps) > GAPS_MAX:
                raise Overloaded(f"more than {GAPS_MAX} gaps; ask for one terminal at a time")
        return gaps

    def _trail(self, token: int, last: int, size: int) -> tuple[list[Any], int]:
        """Entries of one card among those of its account, and where the next page starts."""
        found: list[Any] = []
        for _ in range(SCANNED_MAX):
            if not last or len(found) == size:
                break
            row = self.journal.entries(np.array([last], np.uint64))[0]
            if int(row["token"]) == token:
                found.append(row)
            last = int(row["previous"])
        return found, last

    async def _entry(self, sequence: int) -> pb.Entry:
        block = await asyncio.to_thread(self.journal.block_of, sequence)
        if block is None or block.record != Record.ENTRIES:
            raise NotFound(
                f"sequence {sequence}: it is no entry; the ledger ends at {self.journal.last}"
            )
        row = block.rows[sequence - block.first]
        legs = _legs(block, row)
        parties = {int(leg["party"]) for leg in legs}
        only_party(f"entry {sequence}", int(row["operator_id"]), int(row["issuer"]), *parties)
        return _entry(row, legs)

    def _token(self, request: pb.GetBalanceRequest | pb.ListTrailRequest) -> int:
        if request.WhichOneof("ref") == "card_number":
            return self.token(request.card_number)
        return request.card

    def _page_token(self, token: int, sequence: int) -> str:
        """Opaque: where the next page starts, for this card of this ledger alone."""
        check = self._check(token, sequence)
        return base64.urlsafe_b64encode(PAGE.pack(sequence, check)).decode()

    def _page_start(self, text: str, token: int) -> int:
        try:
            sequence, check = PAGE.unpack(base64.urlsafe_b64decode(text.encode()))
        except ValueError:
            raise BadInput("page_token: expected one that a page gave, found another") from None
        except struct.error:
            raise BadInput("page_token: expected one that a page gave, found a part") from None
        if check != self._check(token, sequence):
            raise BadInput("page_token: it was given for another card or ledger")
        return int(sequence)

    def _check(self, token: int, sequence: int) -> bytes:
        content = struct.pack("<QQ", token, sequence)
        return hashlib.blake2b(content, key=self.journal.ledger_id, digest_size=8).digest()


def _account_of(state: State, token: int) -> int:
    row = state.credential(token) if token else -1
    if row < 0:
        raise NotFound("there is no such card; register it first")
    return int(state.table("credentials")["account"][row])


def _legs(block: Block, row: Any) -> NDArray[np.void]:
    start = int(row["legs_at"])
    legs: NDArray[np.void] = block.legs[start : start + int(row["legs"])]
    return legs


def _entry(row: Any, legs: NDArray[np.void] | tuple[()] = ()) -> pb.Entry:
    names = (
        *("sequence", "account", "terminal", "epoch", "terminal_seq", "kind", "outcome", "reason"),
        *("amount_fen", "balance_fen", "tapped_at_us", "booked_at_us", "issuer", "place"),
        *("window", "tariff", "about", "journey", "previous"),
    )
    entry = pb.Entry(card=int(row["token"]), operator=int(row["operator_id"]))
    for name in names:
        setattr(entry, name, int(row[name]))
    entry.offline = bool(int(row["flags"]) & int(Flag.OFFLINE))
    for leg in legs:
        entry.legs.add(**{name: int(leg[name]) for name in leg.dtype.names})
    return entry


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        pass
