"""Builds the server, wires the services to a node, serves, drains."""

import asyncio
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from grpc_reflection.v1alpha import reflection  # type: ignore[import-untyped]

from onecard.core import card_number
from onecard.core.config import Settings
from onecard.core.errors import OnecardError
from onecard.core.log import Log
from onecard.core.token import CardTokens
from onecard.grpc import clearing, ledger, registry, settlement
from onecard.grpc.address import Address as Address
from onecard.grpc.asking import Asking, Node, Starting
from onecard.grpc.directory import Directory
from onecard.grpc.door import Door
from onecard.grpc.mailbox import Mailbox
from onecard.v1 import ledger_pb2_grpc, registry_pb2_grpc, settlement_pb2_grpc

SERVICES = (clearing.SERVICE, registry.SERVICE, ledger.SERVICE, settlement.SERVICE)
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
# Batches of one stream between its client and the journal: enough that neither waits for the
# other, few enough that a client that stops reading holds some megabytes and no more.
PIPELINED_MAX = 16
# Over all connections: each holds some kilobytes, and more would only wait for the one writer.
CALLS_MAX = 1024
UNREAD_MAX_S = 60.0  # a client that reads nothing for so long is gone or stuck
# Journal blocks go out whole: entries of the largest group, or the fares of the largest tariff.
BLOCK_BYTES_MAX = 64 << 20
LOOK_S = 0.02
QUIET_S = 1.0  # for calls that carry no taps, once all taps are answered
DRAIN_S = 30.0  # for answers in flight when stopping; a client that does not read is cut then


def options(settings: Settings) -> list[tuple[str, int]]:
    """Every limit said; none is left to a default, and none is unlimited."""
    return [
        ("grpc.max_receive_message_length", settings.message_bytes_max),
        ("grpc.max_send_message_length", max(settings.message_bytes_max, BLOCK_BYTES_MAX)),
        # A second server on the same port is a mistake, not a helper.
        ("grpc.so_reuseport", 0),
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
        unread_max_s: float = UNREAD_MAX_S,
        calls_max: int = CALLS_MAX,
    ) -> None:
        self.log = log
        self.settings = settings
        self.address = address
        self.card_tokens = CardTokens(b"", card_number.ANY)
        self.mailbox = Mailbox(asyncio.get_running_loop())
        self.asking = Asking(Starting(), self.mailbox)
        directory = Directory(self.asking)
        self.clearing = clearing.Clearing(
            self.asking, directory, self._token, settings.streams_max, pipelined_max, unread_max_s
        )
        self.ledger = ledger.Ledger(self.asking, self._token, BLOCK_BYTES_MAX - 1024)
        self.health = health.aio.HealthServicer()
        self.serving = False
        door = Door(directory, address.loopback, log, calls_max)
        self.server = grpc.aio.server(interceptors=(door,), options=options(settings))
        self._add_services(address.loopback if reflect is None else reflect)

    def _add_services(self, reflect: bool) -> None:
        server = self.server
        server.add_generic_rpc_handlers((self.clearing.handlers(),))
        add_registry: Any = registry_pb2_grpc.add_RegistryServicer_to_server
        add_registry(registry.Registry(self.asking, self._token), server)
        ledger_pb2_grpc.add_LedgerServicer_to_server(self.ledger, server)
        add_settlement: Any = settlement_pb2_grpc.add_SettlementServicer_to_server
        add_settlement(settlement.Settlement(self.asking), server)
        add_health: Any = health_pb2_grpc.add_HealthServicer_to_server
        add_health(self.health, server)
        if reflect:
            names = (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
            add_reflection: Any = reflection.enable_server_reflection
            add_reflection(names, server)

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
        await self.server.start()
        return self.address

    async def attach(self, node: Node, token_key: bytes) -> None:
        """Serve this node from now on."""
        self.asking.node = node
        self.card_tokens = CardTokens(token_key, node.ledger.card_tokens.form)
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
        self.clearing.stop()
        self.ledger.stop()
        stopped = asyncio.create_task(self.server.stop(drain_s))
        while not stopped.done() and (self.clearing.streams or self.clearing.in_flight_bytes):
            await asyncio.sleep(LOOK_S)
        # What is left is not taps; whoever holds it open does not hold up the checkpoint.
        await self.server.stop(min(drain_s, QUIET_S))
        await stopped
