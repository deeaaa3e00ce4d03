"""The client that gates, tests, samples and benchmarks share.

    with Client("127.0.0.1:7421") as client:
        for decisions in client.authorize(batches):
            print(decisions.outcome, decisions.sequence)

Errors are one line each, with a reason that a program may go by: docs/errors.md has the tree.
"""

from collections.abc import Iterable, Iterator, Sequence
from threading import Thread
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

import grpc
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from numpy.typing import ArrayLike, NDArray

from onecard.core.errors import BadInput, OnecardError
from onecard.grpc.address import Address
from onecard.grpc.client.columns import column_of, square_of
from onecard.grpc.client.errors import Unanswered, Unreachable, error_of
from onecard.grpc.client.request import (
    message_of,
    messages_of,
    only,
    parts_of,
    seconds_of,
    text_of,
)
from onecard.grpc.client.stream import WINDOW, Answer, Stream
from onecard.grpc.client.who import NOBODY, Who
from onecard.grpc.metadata import METADATA
from onecard.v1 import (
    clearing_pb2_grpc,
    ledger_pb2,
    ledger_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
    settlement_pb2,
    settlement_pb2_grpc,
    tap_pb2,
)

T = TypeVar("T")

TIMEOUT_S = 30.0  # for one answer
LOAD_ROWS = 5_000  # rows a LoadRequest, some hundred kilobytes
LOAD_TOKENS = 100_000  # tokens a LoadRequest, 800 kB
AUTHORIZE = "/onecard.v1.Clearing/Authorize"
OPTIONS = (
    ("grpc.max_receive_message_length", 65 << 20),  # a journal block goes whole
    ("grpc.max_send_message_length", 4 << 20),
    # Slower than the server's floor of 10 s between pings, quicker than most firewalls forget.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Its own connection: two clients of a process do not share one.
    ("grpc.use_local_subchannel_pool", 1),
)


class Client:
    """One connection to a server. Any thread may use it; a stream belongs to one."""

    def __init__(
        self,
        address: str,
        participant: str | None = None,
        timeout_s: float = TIMEOUT_S,
        who: Who = NOBODY,
    ) -> None:
        """`address` is HOST:PORT, BadInput otherwise: gRPC would take port 443 for one left out.

        `who` acts, and why. BadInput where its secret would leave this machine in the clear.
        """
        there = Address.parse(text_of("address", address))
        if (who.actor or who.checker) and not there.loopback:
            raise BadInput(
                f"{address}: expected an address of this machine to sign in at, since a secret "
                "goes in the clear, found another; reach it through a tunnel"
            )
        self.address = address
        self.timeout_s = seconds_of("timeout_s", timeout_s)
        named: tuple[tuple[str, str], ...] = ()
        if participant not in (None, ""):
            named = ((METADATA, quote(text_of("participant", participant))),)
        self.metadata = (*named, *who.metadata()) or None
        self.channel = grpc.insecure_channel(address, options=OPTIONS)
        self.clearing = clearing_pb2_grpc.ClearingStub(self.channel)
        self.registry = registry_pb2_grpc.RegistryStub(self.channel)
        self.ledger = ledger_pb2_grpc.LedgerStub(self.channel)
        self.settlement = settlement_pb2_grpc.SettlementStub(self.channel)
        self.health = health_pb2_grpc.HealthStub(self.channel)
        self.authorize_raw: Any = self.channel.stream_stream(AUTHORIZE)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self.channel.close()

    # ---- taps -------------------------------------------------------------------------------

    def authorize(self, batches: Iterable[bytes], window: int = WINDOW) -> Iterator[Answer]:
        """Streams TapBatch messages, up to `window` of them unanswered, and yields the answers
        in their order. `timeout_s` is for one answer: a stream may last for days."""
        for message in self.exchange(batches, window):
            yield Answer.parse(message)

    def exchange(self, batches: Iterable[bytes], window: int = WINDOW) -> Iterator[bytes]:
        """As `authorize`, bytes to bytes."""
        stream = Stream(batches, window)
        call = self.authorize_raw(stream.requests(), metadata=self.metadata)
        watch = Thread(target=stream.watch, args=(call, self.timeout_s), daemon=True)
        watch.start()
        try:
            for message in call:
                stream.answered()
                yield message
            if stream.failed is not None:
                raise stream.failed
        except grpc.RpcError as error:
            if stream.stalled:
                raise Unanswered(
                    f"{self.address}: expected an answer within {self.timeout_s:g} s, found none; "
                    "send what is unanswered again, or ask for its outcome"
                ) from None
            raise error_of(self.address, error) from None
        finally:
            stream.end()
            call.cancel()

    def authorize_one(self, **tap: Any) -> tap_pb2.Decision:
        """One tap as a row: the fields of `Tap` in tap.proto, printed numbers too."""
        row = message_of(tap_pb2.Tap, tap)
        return self._call(tap_pb2.Decision, self.clearing.AuthorizeOne, row)

    # ---- registry ---------------------------------------------------------------------------

    def load_participants(self, rows: Iterable[tuple[str, int]]) -> list[int]:
        """(name, role) rows; their ids in order. Rows that are known change nothing."""
        participants = messages_of(registry_pb2.Participant, ("name", "role"), rows)
        requests = (
            message_of(registry_pb2.LoadRequest, {"participants": part})
            for part in parts_of("participants", participants, LOAD_ROWS)
        )
        return list(self.load(requests).participant_ids)

    def load_terminals(self, rows: Iterable[registry_pb2.Terminal]) -> list[int]:
        """Terminals by printed number; their ids in order."""
        gates = only("terminals", registry_pb2.Terminal, rows)
        parts = parts_of("terminals", gates, LOAD_ROWS)
        requests = (message_of(registry_pb2.LoadRequest, {"terminals": part}) for part in parts)
        return list(self.load(requests).terminal_ids)

    def load_cards(
        self,
        token: ArrayLike,
        issuer: int,
        funding: int,
        status: int = registry_pb2.STATUS_UNSPECIFIED,
        floor_fen: int | None = None,
    ) -> registry_pb2.LoadResponse:
        """Cards by token, all alike, each with an account of its own. BadInput as for columns.

        A status that is not given stays as it is, so that a blocked card is not made active.
        """
        tokens = column_of("token", token, "<u8")

        def requests() -> Iterator[registry_pb2.LoadRequest]:
            for first in range(0, len(tokens), LOAD_TOKENS):
                columns = message_of(
                    registry_pb2.CardColumns,
                    {
                        "token": tokens[first : first + LOAD_TOKENS].tolist(),
                        "issuer": issuer,
                        "funding": funding,
                        "status": status,
                        "floor_fen": floor_fen,
                    },
                )
                yield registry_pb2.LoadRequest(card_columns=columns)

        return self.load(requests())

    def load(self, requests: Iterable[registry_pb2.LoadRequest]) -> registry_pb2.LoadResponse:
        """Registry.Load as it is; its deadline is of each request."""
        total = registry_pb2.LoadResponse()
        for request in only("requests", registry_pb2.LoadRequest, requests):
            # A call a request: each has its own deadline, and each is durable when it returns.
            response = self._call(registry_pb2.LoadResponse, self.registry.Load, iter((request,)))
            total.participant_ids.extend(response.participant_ids)
            total.terminal_ids.extend(response.terminal_ids)
            for kind in ("participant", "terminal", "card"):
                changes, notes = (getattr(total, f"{kind}_{what}") for what in ("changes", "notes"))
                for note in getattr(response, f"{kind}_notes"):
                    notes.add(row=len(changes) + note.row, what=note.what)
                changes.extend(getattr(response, f"{kind}_changes"))
            total.cards += response.cards
            total.changed += response.changed
            total.sequence = response.sequence
        return total

    def put_participant(self, name: str, role: int) -> int:
        """The participant's id."""
        return self.load_participants([(name, role)])[0]

    def participants(self) -> dict[str, int]:
        """Ids by name, of all there are; a participant sees itself alone."""
        window = self.window(self.head().window)
        return {position.name: position.participant for position in window.positions}

    def put_card(self, **card: Any) -> registry_pb2.Card:
        """One card: the fields of `Card` in registry.proto, a printed number too."""
        row = message_of(registry_pb2.Card, card)
        return self._call(registry_pb2.Card, self.registry.PutCard, row)

    def card(self, token: int = 0, number: str = "") -> registry_pb2.Card:
        """A card by token or by printed number; NotFound."""
        ref = {"number": number} if number else {"token": token}
        request = message_of(registry_pb2.GetCardRequest, ref)
        return self._call(registry_pb2.Card, self.registry.GetCard, request)

    def tokens(self, numbers: Iterable[str]) -> NDArray[np.uint64]:
        """The tokens of printed numbers, registered or not, in their order; BadInput names the
        row of one that is no card number."""
        parts: list[NDArray[np.uint64]] = [np.empty(0, np.uint64)]
        done = 0
        for part in parts_of("numbers", numbers, LOAD_ROWS):
            request = message_of(registry_pb2.TokensOfRequest, {"numbers": part}, done)
            try:
                method = self.registry.TokensOf
                found = self._call(registry_pb2.TokensOfResponse, method, request)
            except OnecardError as error:
                if error.row is not None:
                    error.row += done
                raise
            parts.append(np.array(found.tokens, np.uint64))
            done += len(part)
        return np.concatenate(parts)

    def put_tariff(
        self,
        name: str,
        effective_from_us: int,
        fares_fen: NDArray[np.int32],
        entry_min_fen: int = 0,
        network: int = 0,
    ) -> int:
        """A square of fares of a network, row = from, -1 = no fare; the version it was stored
        under."""
        fares = square_of("fares_fen", fares_fen)
        tariff = message_of(
            registry_pb2.Tariff,
            {
                "name": name,
                "effective_from_us": effective_from_us,
                "stations": len(fares),
                "fares_fen": column_of("fares_fen", fares.reshape(-1), "<i4").tolist(),
                "entry_min_fen": entry_min_fen,
            }
            | ({"network": network} if network else {}),  # a .proto of before has no such field
        )
        return int(self._call(registry_pb2.Tariff, self.registry.PutTariff, tariff).version)

    def put_hold_terms(
        self,
        name: str,
        effective_from_us: int,
        fundings: Sequence[int],
        partial: bool = False,
        life_s: int = 0,
        network: int = 0,
        dry_run: bool = False,
    ) -> registry_pb2.HoldTerms:
        """By what money is held in a network: which fundings may, whether captures take a part
        each, and for how many seconds (0: for ever); as they are stored, with their version."""
        fields: dict[str, Any] = {"name": name, "effective_from_us": effective_from_us}
        fields |= {"fundings": fundings, "partial": partial, "life_s": life_s}
        fields |= {"network": network, "dry_run": dry_run}
        request = message_of(registry_pb2.HoldTerms, fields)
        return self._call(registry_pb2.HoldTerms, self.registry.PutHoldTerms, request)

    def put_rules(self, **rules: int) -> None:
        """The ledger's rules from now on: the fields of `Rules` in registry.proto."""
        self._call(
            registry_pb2.Rules, self.registry.PutRules, message_of(registry_pb2.Rules, rules)
        )

    def rules(self) -> registry_pb2.Rules:
        """The ledger's rules as they are."""
        request = registry_pb2.GetRulesRequest()
        return self._call(registry_pb2.Rules, self.registry.GetRules, request)

    def put_actors(
        self, actors: Iterable[registry_pb2.Actor], four_eyes: bool | None = None
    ) -> registry_pb2.PutActorsResponse:
        """Who may act, by name; `four_eyes`, whether some acts need two, None as it is."""
        rows = list(only("actors", registry_pb2.Actor, actors))
        fields = {"actors": rows, "four_eyes": four_eyes}
        request = message_of(registry_pb2.PutActorsRequest, fields)
        return self._call(registry_pb2.PutActorsResponse, self.registry.PutActors, request)

    def put_scenes(
        self, scenes: Iterable[registry_pb2.Scene], dry_run: bool = False
    ) -> registry_pb2.PutScenesResponse:
        """What taps may be for, by code; 2,000 at most, all or none."""
        rows = list(only("scenes", registry_pb2.Scene, scenes))
        fields = {"scenes": rows, "dry_run": dry_run}
        request = message_of(registry_pb2.PutScenesRequest, fields)
        return self._call(registry_pb2.PutScenesResponse, self.registry.PutScenes, request)

    def scenes(self) -> Iterator[registry_pb2.Scene]:
        """All that are loaded, in the order of their codes."""
        after = 0
        while True:
            request = registry_pb2.ListScenesRequest(after=after)
            answer = self._call(registry_pb2.ListScenesResponse, self.registry.ListScenes, request)
            yield from answer.scenes
            if not answer.scenes:
                return
            after = answer.scenes[-1].code

    def put_calendar(
        self, first_day: int, classes: bytes, dry_run: bool = False
    ) -> registry_pb2.Calendar:
        """Give days their classes (a byte a DayClass), from `first_day` on, in days since
        1970-01-01; answers the whole calendar afterwards, and how many days changed."""
        fields = {"first_day": first_day, "classes": classes, "dry_run": dry_run}
        request = message_of(registry_pb2.PutCalendarRequest, fields)
        return self._call(registry_pb2.Calendar, self.registry.PutCalendar, request)

    def calendar(self) -> registry_pb2.Calendar:
        """The days that are loaded and their classes; no classes where none are."""
        request = registry_pb2.GetCalendarRequest()
        return self._call(registry_pb2.Calendar, self.registry.GetCalendar, request)

    def confirm_clock(self, wall_us: int, reason: str) -> int:
        """The server's clock is right, by another one that shows `wall_us`; when that was booked,
        0 where it was not in doubt. BadInput where the server shows another time."""
        fields = {"wall_us": wall_us, "reason": reason}
        request = message_of(registry_pb2.ConfirmClockRequest, fields)
        answer = self._call(registry_pb2.ConfirmClockResponse, self.registry.ConfirmClock, request)
        return int(answer.booked_at_us)

    def declare(self, rows: Iterable[tuple[int, int, int, int]]) -> registry_pb2.DeclareResponse:
        """(terminal, day, taps, sum_fen) rows; what does not agree with the ledger."""
        names = ("terminal", "day", "taps", "sum_fen")
        requests = list(messages_of(registry_pb2.DeclareRequest, names, rows))
        return self._call(registry_pb2.DeclareResponse, self.registry.Declare, iter(requests))

    # ---- what is booked ---------------------------------------------------------------------

    def balance(self, card: int = 0, card_number: str = "") -> ledger_pb2.Balance:
        """By token or by printed number; NotFound."""
        request = message_of(ledger_pb2.GetBalanceRequest, _ref(card, card_number))
        return self._call(ledger_pb2.Balance, self.ledger.GetBalance, request)

    def trail(
        self, card: int = 0, card_number: str = "", page_size: int = 0
    ) -> Iterator[ledger_pb2.Entry]:
        """A card's entries, newest first, without their legs, on every account that it draws on or
        drew on; pages as it goes."""
        page = ""
        while True:
            fields = {"page_size": page_size, "page_token": page}
            request = message_of(ledger_pb2.ListTrailRequest, _ref(card, card_number) | fields)
            response = self._call(ledger_pb2.ListTrailResponse, self.ledger.ListTrail, request)
            yield from response.entries
            page = response.next_page_token
            if not page:
                return

    def entry(self, sequence: int) -> ledger_pb2.Entry:
        """With its legs; NotFound."""
        request = message_of(ledger_pb2.GetEntryRequest, {"sequence": sequence})
        return self._call(ledger_pb2.Entry, self.ledger.GetEntry, request)

    def outcome(self, terminal: int, epoch: int, terminal_seq: int) -> ledger_pb2.Entry:
        """What was decided on an identity: the way out after a lost answer; NotFound."""
        fields = {"terminal": terminal, "epoch": epoch, "terminal_seq": terminal_seq}
        request = message_of(ledger_pb2.GetOutcomeRequest, fields)
        return self._call(ledger_pb2.Entry, self.ledger.GetOutcome, request)

    def journal(
        self, from_sequence: int = 0, follow: bool = False
    ) -> Iterator[ledger_pb2.JournalBlock]:
        """Blocks of the journal from a sequence on; with `follow`, until it is closed."""
        fields = {"from_sequence": from_sequence, "follow": follow}
        request = message_of(ledger_pb2.StreamJournalRequest, fields)
        call = self.ledger.StreamJournal(request, metadata=self.metadata)
        try:
            yield from call
        except grpc.RpcError as error:
            raise error_of(self.address, error) from None
        finally:
            call.cancel()

    def head(self) -> ledger_pb2.Head:
        """Where the journal ends: kept elsewhere, `onecard verify` finds a missing tail by it."""
        return self._call(ledger_pb2.Head, self.ledger.GetHead, ledger_pb2.GetHeadRequest())

    def gaps(self, terminal: int = 0) -> Sequence[ledger_pb2.Gap]:
        """Terminal sequences that never came; 0 = of all terminals."""
        request = message_of(ledger_pb2.ListGapsRequest, {"terminal": terminal})
        return self._call(ledger_pb2.ListGapsResponse, self.ledger.ListGaps, request).gaps

    # ---- windows ----------------------------------------------------------------------------

    def close_window(
        self, window: int, business_day: int, force: bool = False
    ) -> settlement_pb2.Window:
        """Closes the open window; a closed one answers as it did. BadInput for a business day
        (days since 1970-01-01) that does not follow the window before, unless by `force`."""
        fields = {"window": window, "business_day": business_day, "force": force}
        request = message_of(settlement_pb2.CloseWindowRequest, fields)
        return self._call(settlement_pb2.Window, self.settlement.CloseWindow, request)

    def window(self, window: int) -> settlement_pb2.Window:
        """An open window as far as it is, or a closed one; NotFound."""
        request = message_of(settlement_pb2.GetWindowRequest, {"window": window})
        return self._call(settlement_pb2.Window, self.settlement.GetWindow, request)

    # ---- the server -------------------------------------------------------------------------

    def is_serving(self, service: str = "") -> bool:
        """Returns True when health says that it serves; Unreachable where nobody answers."""
        request = message_of(health_pb2.HealthCheckRequest, {"service": service})
        answer = self._call(health_pb2.HealthCheckResponse, self.health.Check, request)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Returns when the connection is there; Unreachable if that takes longer."""
        wait_s = self.timeout_s if timeout_s is None else seconds_of("timeout_s", timeout_s)
        request = health_pb2.HealthCheckRequest()
        try:
            # Not channel_ready_future(): it looks every 0.2 s, and closing waits for its look.
            self.health.Check(request, timeout=wait_s, wait_for_ready=True)
        except grpc.RpcError:
            raise Unreachable(
                f"{self.address}: expected a server within {wait_s:g} s, found none; "
                "start one with onecard serve"
            ) from None

    def _call(self, answer: type[T], method: Any, request: Any) -> T:
        try:
            found: T = method(request, timeout=self.timeout_s, metadata=self.metadata)
            return found
        except grpc.RpcError as error:
            raise error_of(self.address, error) from None


def _ref(card: int, card_number: str) -> dict[str, Any]:
    return {"card_number": card_number} if card_number else {"card": card}
