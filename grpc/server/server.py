"""Builds the server, wires the services to a node, serves, drains."""

import asyncio
from collections import Counter
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

from onecard.core.config import Settings
from onecard.core.erasable.card_numbers import CardNumbers
from onecard.core.errors import OnecardError
from onecard.core.ledger import card_number
from onecard.core.ledger.token import CardTokens
from onecard.core.watch.log import Log
from onecard.grpc.address import Address as Address
from onecard.grpc.server import clearing, ledger, reflection, registry, settlement
from onecard.grpc.server.bridge import Bridge, Node, Starting
from onecard.grpc.server.connections import Connections, connections_limit, raise_files_limit
from onecard.grpc.server.directory import Directory
from onecard.grpc.server.handler import Handlers
from onecard.grpc.server.numbers import Numbers
from onecard.grpc.server.receiving import WINDOW_BYTES
from onecard.grpc.server.refusals import Refusals
from onecard.grpc.server.seats import Seats
from onecard.grpc.server.unread import Answers
from onecard.v1 import ledger_pb2_grpc, registry_pb2_grpc, settlement_pb2_grpc

SERVICES = (clearing.SERVICE, registry.SERVICE, ledger.SERVICE, settlement.SERVICE)
# Why a call or connection ended before it was done: half sent, idle where another needed its place,
# its answer not read; or was not taken at all.
CUTS = ("half_sent", "reclaimed", "unread", "connection", "refused")
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
# Batches of one stream between its client and the journal: enough that neither waits for the
# other, few enough that a client that stops reading holds some megabytes and no more.
PIPELINED_MAX = 16
# Journal blocks go out whole: entries of the largest group, or the fares of the largest tariff.
BLOCK_BYTES_MAX = 64 << 20
HANDSHAKE_MS = 10_000
IDLE_CONNECTION_MS = 15 * 60_000
# Calls that gRPC took off the wire and the loop did not come to yet: some tenths of a second of
# them. More are dropped by gRPC with a bare CANCELLED, whosever they are, so that what was taken is
# answered soon; without a number it drops some at random from the thousandth on.
PENDING_CALLS_MAX = 1_024
METADATA_BYTES_MAX = 8_192  # ours is a name; the rest is what gRPC's clients say of themselves
MORE_TAPS = "send more taps a message on fewer streams"
LOOK_S = 0.02
CONNECTIONS_LOOK_S = 1.0  # between two looks at whether idle ones must make room
# From a stream's end until its connection is closed. A client that still sends would have it reset,
# and with it the status that it has not read yet: it would not hear why its stream ended.
HEARD_S = 0.25
QUIET_S = 1.0  # for calls that carry no taps, once all taps are answered
DRAIN_S = 30.0  # for answers in flight when stopping; a client that does not read is cut then


def options(settings: Settings, connections_max: int) -> list[tuple[str, int]]:
    """Every limit said; none is left to a default, and none is unlimited."""
    return [
        ("grpc.max_receive_message_length", settings.message_bytes_max),
        ("grpc.max_send_message_length", max(settings.message_bytes_max, BLOCK_BYTES_MAX)),
        # A second server on the same port is a mistake, not a helper.
        ("grpc.so_reuseport", 0),
        ("grpc.max_allowed_incoming_connections", connections_max),
        # A connection says what it speaks at once, or ends; one without a call ends after a while,
        # in order, and its client opens another when it has something to say.
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_MS),
        ("grpc.http2.settings_timeout", HANDSHAKE_MS),
        ("grpc.max_connection_idle_ms", IDLE_CONNECTION_MS),
        ("grpc.server.max_pending_requests", PENDING_CALLS_MAX),
        ("grpc.server.max_pending_requests_hard_limit", PENDING_CALLS_MAX),
        ("grpc.max_metadata_size", METADATA_BYTES_MAX),
        # What a client may send of a message nobody asked for yet: no more where it is quick.
        ("grpc.http2.lookahead_bytes", WINDOW_BYTES),
        ("grpc.http2.bdp_probe", 0),
        # Beyond the streams there is room for unary calls and health.
        ("grpc.max_concurrent_streams", 2 * settings.streams_max + 64),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]


class Server:
    """One a process, on the loop that makes it. It listens before there is a node, so that health
    says NOT_SERVING while a ledger is opened; `attach` begins to serve."""

    def __init__(
        self,
        settings: Settings,
        log: Log,
        address: Address,
        reflect: bool | None = None,
        pipelined_max: int = PIPELINED_MAX,
    ) -> None:
        self.log = log
        self.settings = settings
        self.address = address
        self.card_tokens = CardTokens(b"", card_number.ANY)
        self.bridge = Bridge(Starting(), asyncio.get_running_loop())
        self.cuts: Counter[str] = Counter(dict.fromkeys(CUTS, 0))
        limit = connections_limit(settings.connections_max, raise_files_limit())
        self.connections = Connections(limit)
        self.answers = Answers(
            self.connections, settings.unread_bytes_max, settings.unread_max_s, self.cuts
        )
        self.numbers = Numbers(log)
        directory = Directory(self.bridge)
        self.clearing = clearing.ClearingService(
            *(self.bridge, directory, self._token),
            self._seats(
                "streams", settings.streams_max, "send more taps a message on fewer streams"
            ),
            self.answers,
            settings.batch_taps_max,
            pipelined_max,
        )
        readers = self._seats("readers of the journal", settings.journal_streams_max, "read one")
        self.ledger = ledger.LedgerService(
            self.bridge, self._token, BLOCK_BYTES_MAX - 1024, readers
        )
        self.health = health.aio.HealthServicer()
        self.serving = False
        self.refusals = Refusals(self.bridge, log, self.bridge.loop.time)
        self.handlers = Handlers(
            *(directory, address.loopback, log, settings, self.answers, self.cuts), self.refusals
        )
        self.server = grpc.aio.server(options=options(settings, limit))
        self.watches: list[asyncio.Task[None]] = []
        self._add_services(address.loopback if reflect is None else reflect)

    def _seats(self, what: str, seats_max: int, advice: str) -> Seats:
        return Seats(what, seats_max, self.settings.idle_s, advice, self.cuts)

    def _add_services(self, reflect: bool) -> None:
        handlers: Any = self.handlers
        handlers.add_registered_method_handlers(clearing.SERVICE, self.clearing.handlers())
        add_registry: Any = registry_pb2_grpc.add_RegistryServicer_to_server
        registering = registry.RegistryService(self.bridge, self._token, self.numbers)
        add_registry(registering, handlers)
        ledger_pb2_grpc.add_LedgerServicer_to_server(self.ledger, handlers)
        add_settlement: Any = settlement_pb2_grpc.add_SettlementServicer_to_server
        add_settlement(settlement.SettlementService(self.bridge, self.numbers), handlers)
        add_health: Any = health_pb2_grpc.add_HealthServicer_to_server
        add_health(self.health, handlers)
        if reflect:
            reflection.add(SERVICES, handlers)
        self.server.add_generic_rpc_handlers((handlers,))

    async def start(self) -> Address:
        """Listens, not serving yet; the address as it is. OnecardError where it is taken."""
        await self.set_serving(False)
        try:
            port = self.server.add_insecure_port(str(self.address))
        except RuntimeError:
            raise OnecardError(
                f"cannot listen on {self.address}: it is taken or not an address of this machine; "
                "choose another with --listen"
            ) from None
        self.address = Address(self.address.host, port)
        self.connections.port = port
        await self.server.start()
        self.watches = [
            asyncio.create_task(self.handlers.receiving.watch()),
            asyncio.create_task(self._watch_connections()),
        ]
        return self.address

    async def _watch_connections(self) -> None:
        """Makes room among the connections before there is none, for as long as this lives."""
        while True:
            await asyncio.sleep(CONNECTIONS_LOOK_S)
            if self.connections.is_near():
                busy = self.handlers.busy()
                self.cuts["connection"] += await asyncio.to_thread(self.connections.make_room, busy)

    async def attach(self, node: Node) -> None:
        """Serve this node from now on."""
        self.bridge.node = node
        self.card_tokens = node.ledger.card_tokens
        ledger, cipher = node.ledger, node.ledger.algorithms.store
        kept = CardNumbers(ledger.path, ledger.id, cipher, self.settings, node.clock)
        self.numbers.serve(kept)
        await self.set_serving(True)

    def _token(self, number: str) -> int:
        return self.card_tokens.of(number)

    async def set_serving(self, serving: bool) -> None:
        """What health says, of the whole and of each service."""
        self.serving = serving
        for name in ("", *SERVICES):
            await self.health.set(name, SERVING if serving else NOT_SERVING)

    async def stop(self, drain_s: float = DRAIN_S) -> None:
        """Takes nothing more, answers what is in flight, closes. `drain_s` 0 answers nothing."""
        self.serving = False
        await self.health.enter_graceful_shutdown()
        self.handlers.stopping = True
        heard_s = min(drain_s, HEARD_S) if self.clearing.streams else 0.0
        self.clearing.stop()
        self.ledger.stop()
        loop = asyncio.get_running_loop()
        until_s = loop.time() + drain_s
        while loop.time() < until_s and (self.clearing.streams or self.clearing.in_flight_bytes):
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep(heard_s)
        # What is left is not taps; whoever holds it open does not hold up the checkpoint.
        await self.server.stop(min(drain_s, QUIET_S))
        await self.numbers.stop()
        for watch in self.watches:
            watch.cancel()
