"""A real server and messages that swell once they are parsed, or are not of who may ask.

They are refused before they cost anything, and nothing of them stays.
"""

import threading
from collections.abc import Iterator

import grpc
import pytest

from onecard.grpc.client import Client
from onecard.grpc.metadata import METADATA
from onecard.grpc.server.methods import OPERATORS_OWN
from onecard.grpc.server.registry import COLUMN_MAX, LOADED_MAX
from onecard.v1 import registry_pb2
from tests.serve.test_hostile import ANSWER_S, DECLARE, LOAD, ONE, rss_mib, tap
from tests.serve.test_serve import Process, serving
from tests.support.serving import CARD, register

TOKENS_OF, PUT_TARIFF = "/onecard.v1.Registry/TokensOf", "/onecard.v1.Registry/PutTariff"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with serving(tmp_path_factory.mktemp("swollen") / "ledger") as running:
        with Client(running.address) as client:
            register(client)
            tap(client)
        yield running


@pytest.fixture
def client(server: Process) -> Iterator[Client]:
    with Client(server.address) as client:
        yield client


# Four megabytes of the smallest fields there are: each is many times as much once it is parsed.
NOTHINGS = [
    # method, a field, who asks, the code, what it says
    (TOKENS_OF, b"\x0a\x00", "1", "INVALID_ARGUMENT", "at most 393216 bytes, found 4000000"),
    (ONE, b"\x78\x00", "1", "INVALID_ARGUMENT", "at most 65536 bytes, found 4000000"),
    (DECLARE, b"\x08\x01", "1", "INVALID_ARGUMENT", "at most 65536 bytes, found 4000000"),
    (PUT_TARIFF, b"\x28\x00", "1", "PERMISSION_DENIED", "found participant 1"),
    (LOAD, b"\x1a\x00", "", "INVALID_ARGUMENT", "at most 10000 rows a message, found 2000000"),
]


@pytest.mark.parametrize(("method", "field", "who", "code", "says"), NOTHINGS)
def test_large_messages_of_nothing_hold_little_and_stop_no_tap(
    server: Process, client: Client, method: str, field: bytes, who: str, code: str, says: str
) -> None:
    before, most, slowest = rss_mib(server), 0.0, 0.0
    for _ in range(12):
        call = threading.Thread(target=ended, args=(server, method, field * 2_000_000, who))
        call.start()
        slowest = max(slowest, tap(client))
        call.join()
        most = max(most, rss_mib(server) - before)
    assert ended(server, method, field * 2_000_000, who)[0] == code
    assert says in ended(server, method, field * 2_000_000, who)[1]
    # Of a load, one that is parsed; of the others, what came.
    assert most < (400 if method == LOAD else 100), most
    assert slowest < ANSWER_S


def ended(server: Process, method: str, message: bytes, who: str = "") -> tuple[str, str]:
    """How a call of one message ends: its code, and what it says."""
    with grpc.insecure_channel(server.address) as channel:
        call = channel.stream_stream(method)
        metadata = [(METADATA, who)] if who else []
        try:
            list(call(iter([message]), timeout=20, metadata=metadata))
        except grpc.RpcError as error:
            return error.code().name, error.details()
        return "OK", ""


@pytest.mark.parametrize("method", sorted(OPERATORS_OWN))
def test_who_may_not_ask_is_not_read(server: Process, method: str) -> None:
    """What is no message at all is refused for who sent it, not for what it is."""
    code, says = ended(server, method, b"\xff\xff", "1")
    assert (code, "expected the ledger's own operator, found participant 1" in says) == (
        "PERMISSION_DENIED",
        True,
    )
    assert ended(server, method, b"\xff\xff")[0] == "INVALID_ARGUMENT"


def loads(cards: int = 0, gates: int = 0, people: int = 0, tokens: int = 0) -> bytes:
    """A dry run of rows that are none, and of one card so many times as a column."""
    pb = registry_pb2
    return pb.LoadRequest(
        dry_run=True,
        cards=[pb.Card(token=CARD, issuer=3, funding=pb.FUNDING_PREPAID)] * cards,
        terminals=[pb.Terminal()] * gates,
        participants=[pb.Participant()] * people,
        card_columns=pb.CardColumns(token=[CARD] * tokens, issuer=3, funding=pb.FUNDING_PREPAID),
    ).SerializeToString()


LOADS = [
    # a message, how it ends, what it says
    (loads(cards=LOADED_MAX), "OK", ""),
    (loads(tokens=COLUMN_MAX), "OK", ""),
    (loads(cards=LOADED_MAX + 1), "INVALID_ARGUMENT", "10000 rows a message, found 10001"),
    (loads(9_999, 1, 1), "INVALID_ARGUMENT", "10000 rows a message, found 10001"),
    (loads(tokens=COLUMN_MAX + 1), "INVALID_ARGUMENT", "100000 tokens a message, found 100001"),
]


@pytest.mark.parametrize(("message", "code", "says"), LOADS, ids=range(len(LOADS)))
def test_a_load_is_so_many_rows_a_message(
    server: Process, message: bytes, code: str, says: str
) -> None:
    found = ended(server, LOAD, message)
    assert (found[0], says in found[1]) == (code, True), found
