"""A real server beside clients that stay silent, send by halves, or do not read.

Memory stays within what the limits say, others are served meanwhile, and each is counted.
"""

import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from onecard.core import scrape
from onecard.core.errors import OnecardError, Overloaded
from onecard.grpc.client import Client
from onecard.grpc.connections import connections_limit
from onecard.grpc.door import METADATA, OPERATORS_OWN
from onecard.grpc.registry import COLUMN_MAX, LOADED_MAX
from onecard.v1 import registry_pb2, tap_pb2
from tests.hostile import Raw, frame
from tests.serving import CARD, MIB, register, rides
from tests.test_serve import ONECARD, Process, serving

ANSWER_S = 2.0  # for one tap, on a machine that does other things beside
HALF = 4 * MIB
ONE = "/onecard.v1.Clearing/AuthorizeOne"
AUTHORIZE = "/onecard.v1.Clearing/Authorize"
LOAD, DECLARE = "/onecard.v1.Registry/Load", "/onecard.v1.Registry/Declare"
CHECK, GET_CARD = "/grpc.health.v1.Health/Check", "/onecard.v1.Registry/GetCard"
EMPTY = "/onecard.v1.Ledger/GetEntry"
TOKENS_OF, PUT_TARIFF = "/onecard.v1.Registry/TokensOf", "/onecard.v1.Registry/PutTariff"
SEQUENCES = iter(range(1, 1 << 20))


def rss_mib(server: Process) -> float:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found is not None
    return int(found[1]) / 1024


def cut(server: Process) -> dict[str, float]:
    """What the metrics say was ended or refused, by why."""
    with urllib.request.urlopen(f"http://{server.metrics}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = re.findall(r'onecard_calls_cut_total\{why="(\w+)"\} (\S+)', text)
    return {why: float(count) for why, count in found}


def tap(client: Client) -> float:
    """Seconds until a tap is answered."""
    began = time.monotonic()
    one = client.authorize_one(card=CARD, terminal=1, terminal_seq=next(SEQUENCES), amount_fen=1)
    assert one.outcome == tap_pb2.OUTCOME_ACCEPTED
    return time.monotonic() - began


def taken(client: Client) -> bool:
    """Whether a tap is taken now, and answered soon."""
    try:
        return tap(client) < ANSWER_S
    except OnecardError:
        return False


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Of small limits, so that few clients reach them; files as a usual service has them."""
    limits = {"receiving_max": 16, "calls_max": 700, "idle_s": 1}
    limits |= {"journal_streams_max": 3, "unread_max_s": 2, "between_s": 3, "receive_s": 4}
    options = [word for name in limits for word in ("--set", f"{name}={limits[name]}")]
    options = [*options, "--set", "connections_max=400", "--streams-max", "8"]
    folder = tmp_path_factory.mktemp("hostile") / "ledger"
    with serving(folder, *options) as running:
        with Client(running.address) as client:
            register(client)
            tap(client)
        yield running


@pytest.fixture
def client(server: Process) -> Iterator[Client]:
    with Client(server.address) as client:
        yield client


def test_half_sent_messages_hold_little_and_others_are_served(
    server: Process, client: Client
) -> None:
    before = rss_mib(server)
    part = frame(bytes(HALF - 1), announced=HALF)
    with ExitStack() as stack:
        raws = [stack.enter_context(Raw(server.address)) for _ in range(4)]
        left = [(raw, raw.call(ONE), memoryview(part)) for raw in raws for _ in range(150)]
        slowest, most = 0.0, 0.0
        until = time.monotonic() + 4
        while left and time.monotonic() < until:
            going = []
            for at, (raw, stream, rest) in enumerate(left):
                try:
                    sent = raw.send(stream, bytes(rest[: 1 << 20]))
                except Exception:  # cut
                    continue
                going.append((raw, stream, rest[sent:]))
                if at % 50 == 0:
                    for one in raws:
                        one.read()
            left = going
            slowest = max(slowest, tap(client))
            assert client.is_serving()
            most = max(most, rss_mib(server) - before)
    # 16 messages of 4 MiB, 600 windows of 64 KiB, and what the allocator keeps.
    assert most < 16 * 4 + 40 + 60, most
    assert slowest < ANSWER_S
    assert cut(server)["half_sent"] > 16


def test_a_half_sent_message_is_cut_in_its_time(server: Process) -> None:
    with Raw(server.address) as raw:
        code, says, _ = raw.ends(raw.call(ONE, frame(b"abc", announced=9)), 12)
    assert code == "DEADLINE_EXCEEDED"
    assert "expected a whole message in time" in says


@pytest.mark.parametrize("method", [LOAD, DECLARE])
def test_idle_loads_lock_nobody_out(server: Process, client: Client, method: str) -> None:
    with ExitStack() as stack:
        raws = [stack.enter_context(Raw(server.address)) for _ in range(6)]
        calls = [(raw, raw.call(method)) for raw in raws for _ in range(150)]
        assert wait_until(lambda: taken(client), ANSWER_S)
        raw, stream = calls[0]
        code, says, _ = raw.ends(stream)
        assert code in ("RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"), (code, says)
        assert "\n" not in says


def test_a_load_that_goes_on_is_not_cut(server: Process, client: Client) -> None:
    def requests() -> Iterator[registry_pb2.LoadRequest]:
        for number in range(3):
            time.sleep(1.5)
            yield registry_pb2.LoadRequest(
                cards=[registry_pb2.Card(token=900 + number, issuer=3, funding=1)]
            )

    assert client.registry.Load(requests(), timeout=20).cards == 3


def test_an_idle_stream_goes_where_its_place_is_needed(server: Process, client: Client) -> None:
    """Of the host that holds most, the one idle longest; none before."""
    quiet = client.exchange(gateway := Gateway())
    gateway.send(rides(next(SEQUENCES), 1, terminal=3))
    assert next(quiet)
    with ExitStack() as stack:
        raws = [stack.enter_context(Raw(server.address, "127.0.0.2")) for _ in range(7)]
        streams = [(raw, raw.call(AUTHORIZE)) for raw in raws]
        time.sleep(1.3)
        with Client(server.address) as other:
            (answer,) = other.authorize([rides(next(SEQUENCES), 1, terminal=2)])
            assert len(answer) == 1
        ended = [raw.ends(stream, 0.3) for raw, stream in streams]
        # One of theirs, whichever the server saw first, and no more than one.
        assert sorted(code for code, _, _ in ended) == ["RESOURCE_EXHAUSTED"] + ["none"] * 6
        [says] = [says for code, says, _ in ended if code != "none"]
        assert "streams: all 8 were open and this one was idle for" in says
        # The gateway, silent as long and on another host, is still there.
        gateway.send(rides(next(SEQUENCES), 1, terminal=3))
        assert next(quiet)
    gateway.close()
    assert list(quiet) == []


class Gateway:
    """Batches that come when a test says so."""

    def __init__(self) -> None:
        self.batches: list[bytes] = []
        self.changed = threading.Semaphore(0)

    def send(self, batch: bytes) -> None:
        self.batches.append(batch)
        self.changed.release()

    def close(self) -> None:
        self.changed.release()

    def __iter__(self) -> Iterator[bytes]:
        while self.changed.acquire(timeout=20) and self.batches:
            yield self.batches.pop(0)


def test_journals_that_are_not_read_hold_little(server: Process, client: Client) -> None:
    for at in range(8):
        list(client.authorize([rides(1 + at * 10_000, 10_000, terminal=4)]))
    before = rss_mib(server)
    method = "/onecard.v1.Ledger/StreamJournal"
    with ExitStack() as stack:
        raws = [stack.enter_context(Raw(server.address)) for _ in range(4)]
        for raw in raws:
            for _ in range(50):
                raw.call(method, frame(b""), end=True)
        most = 0.0
        for _ in range(20):
            time.sleep(0.1)
            most = max(most, rss_mib(server) - before)
            assert tap(client) < ANSWER_S
        assert most < 60, most  # three blocks of some 2 MB, twice each, and what is kept
        # Those who hold a place and do not read lose it.
        assert wait_until(lambda: cut(server)["unread"] >= 1, 10)
        assert wait_until(lambda: bool(list(client.journal(1))), 10)


def test_connections_that_say_nothing_leave_room(server: Process) -> None:
    """More than there may be, and a newcomer is served; those who spoke are not ended."""
    with Client(server.address) as known, ExitStack() as stack:
        tap(known)
        for _ in range(500):
            silent = stack.enter_context(socket.socket())
            silent.connect(("127.0.0.1", int(server.address.rpartition(":")[2])))
        assert tap(known) < ANSWER_S

        def newcomer() -> bool:
            with Client(server.address) as client:
                return taken(client)

        assert wait_until(newcomer, 10)
        assert tap(known) < ANSWER_S
        assert cut(server)["connection"] > 0


def test_few_open_files_stop_nothing(tmp_path: Path) -> None:
    """Idle connections beyond the limit on files, hard and soft."""
    shell = ("bash", "-c", 'ulimit -n 512; exec "$@"', "bash")
    with serving(tmp_path / "ledger", command=(*shell, *ONECARD)) as server, ExitStack() as stack:
        with Client(server.address) as client:
            register(client)
            for _ in range(650):
                silent = stack.enter_context(socket.socket())
                silent.connect(("127.0.0.1", int(server.address.rpartition(":")[2])))
            for _ in range(5):
                assert tap(client) < ANSWER_S
            files = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
            assert files <= 512 - 128
            assert cut(server) is not None
        stack.close()
        assert server.stop()[0] == 0


LIMITS = [
    # wished, files, connections
    (4096, 1 << 20, 4096),
    (4096, 1024, 768),
    (100, 1024, 100),
    (4096, 300, 150),
    (4096, -1, 4096),
]


@pytest.mark.parametrize(("wished", "files", "limit"), LIMITS)
def test_connections_leave_files_to_the_ledger(wished: int, files: int, limit: int) -> None:
    assert connections_limit(wished, files) == limit


BAD_CALLS = [
    # method, what is sent, the code, what it says
    (GET_CARD, frame(b"\x12\x02\xff\xfe"), "INVALID_ARGUMENT", "text that is not UTF-8"),
    (GET_CARD, frame(b"\xff\xff"), "INVALID_ARGUMENT", "expected the message of its .proto"),
    (ONE, frame(b"\x0a\x01"), "INVALID_ARGUMENT", "expected the message of its .proto"),
    (ONE, b"", "INVALID_ARGUMENT", "expected one whole message, found none"),
    (ONE, frame(b"\x10\x01", flags=2), "INVALID_ARGUMENT", "found no bytes"),
    (EMPTY, frame(b"\x08\x01", flags=255), "INVALID_ARGUMENT", "found no bytes"),
    (ONE, frame(b"\x10\x01", flags=1), "INTERNAL", "Compression bit set"),
    (AUTHORIZE, frame(rides(1), flags=2), "INVALID_ARGUMENT", "another flag"),
    (AUTHORIZE, frame(rides(1), flags=128), "INVALID_ARGUMENT", "another flag"),
    (LOAD, frame(b"\x0a\x04\x12\x02\xff\xfe"), "INVALID_ARGUMENT", "not UTF-8"),
    (DECLARE, frame(b"\x0a"), "INVALID_ARGUMENT", "expected the message of its .proto"),
    (CHECK, frame(b"\x0a\x01\xff"), "INVALID_ARGUMENT", "not UTF-8"),
]


@pytest.mark.parametrize(("method", "data", "code", "says"), BAD_CALLS)
def test_what_is_no_message_is_refused(
    server: Process, method: str, data: bytes, code: str, says: str
) -> None:
    with Raw(server.address) as raw:
        ended = raw.ends(raw.call(method, data, end=True) if data else half_closed(raw, method))
    assert ended[0] == code, ended
    assert says in ended[1] and "\n" not in ended[1]


def half_closed(raw: Raw, method: str) -> int:
    """A call that ends without a message."""
    stream = raw.call(method)
    raw.http.end_stream(stream)
    raw.flush()
    return stream


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


def test_reflection_of_either_version_has_every_descriptor(server: Process) -> None:
    from google.protobuf import descriptor_pb2
    from grpc_reflection.v1alpha import reflection_pb2

    asked = [
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=name)
        for name in ("onecard.v1.Clearing", "onecard.v1.Clearing.Authorize", "onecard.v1.TapBatch")
    ]
    asked.append(
        reflection_pb2.ServerReflectionRequest(
            file_containing_symbol="grpc.reflection.v1.ServerReflection"
        )
    )
    for package in ("grpc.reflection.v1", "grpc.reflection.v1alpha"):
        with grpc.insecure_channel(server.address) as channel:
            call = channel.stream_stream(
                f"/{package}.ServerReflection/ServerReflectionInfo",
                reflection_pb2.ServerReflectionRequest.SerializeToString,
                reflection_pb2.ServerReflectionResponse.FromString,
            )
            answers = list(call(iter(asked), timeout=10))
        files = [
            descriptor_pb2.FileDescriptorProto.FromString(text)
            for answer in answers
            for text in answer.file_descriptor_response.file_descriptor_proto
        ]
        names = {file.name for file in files}
        assert {"onecard/v1/clearing.proto", "onecard/v1/tap.proto"} <= names, (package, answers)
        services = {f"{file.package}.{service.name}" for file in files for service in file.service}
        assert {"onecard.v1.Clearing", "grpc.reflection.v1.ServerReflection"} <= services


# ---- the scrape endpoint ----------------------------------------------------------------------


def test_the_scrape_endpoint_outlives_who_holds_it(server: Process) -> None:
    """Silent, slow, not reading, garbage: few threads, and each is ended in its time."""
    host, _, port = server.metrics.rpartition(":")
    threads = len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))
    with ExitStack() as stack:
        for at in range(60):
            silent = stack.enter_context(socket.create_connection((host, int(port))))
            try:
                silent.sendall((b"", b"GET /metrics", b"\x00\xff\r\n\r\n", b"GET ")[at % 4])
            except OSError:
                pass  # beyond what may wait: closed at once
        now = len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))
        assert now <= threads + scrape.THREADS
        # At most what waits before it, by the few threads, each in its time.
        assert wait_until(lambda: scraped(server), 4 * scrape.CONNECTION_S)


def scraped(server: Process) -> bool:
    try:
        return bool(cut(server))
    except OSError:
        return False


ASKED = [
    # request line, status, whether there is a body
    ("GET /metrics", 200, True),
    ("GET /", 200, True),
    ("HEAD /metrics", 200, False),
    ("GET /nothing", 404, True),
    ("POST /metrics", 405, True),
]


@pytest.mark.parametrize(("line", "status", "body"), ASKED)
def test_the_scrape_endpoint_answers_by_path_and_method(
    server: Process, line: str, status: int, body: bool
) -> None:
    method, path = line.split()
    request = urllib.request.Request(f"http://{server.metrics}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            found, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        found, text = error.code, error.read()
        error.close()
    assert (found, bool(text)) == (status, body)


def test_full_seats_refuse_where_none_is_idle(server: Process) -> None:
    with ExitStack() as stack:
        raws = [stack.enter_context(Raw(server.address)) for _ in range(8)]
        for raw in raws:
            raw.call(AUTHORIZE)
        with Client(server.address) as client, pytest.raises(Overloaded, match="8 are open"):
            time.sleep(0.1)
            list(client.authorize([rides(1)]))
