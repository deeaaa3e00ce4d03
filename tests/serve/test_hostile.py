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
from contextlib import ExitStack, suppress
from pathlib import Path

import grpc
import pytest

from onecard.core.errors import OnecardError, Overloaded
from onecard.core.watch import scrape
from onecard.grpc.client import Client
from onecard.grpc.client.errors import Unanswered, error_of
from onecard.grpc.server.connections import connections_limit
from onecard.v1 import registry_pb2, tap_pb2
from tests.serve.hostile import Raw, frame
from tests.serve.test_serve import ONECARD, Process, serving
from tests.support.serving import CARD, MIB, register, rides

ANSWER_S = 2.0  # for one tap, on a machine that does other things beside
HALF = 4 * MIB
ONE = "/onecard.v1.Clearing/AuthorizeOne"
AUTHORIZE = "/onecard.v1.Clearing/Authorize"
LOAD, DECLARE = "/onecard.v1.Registry/Load", "/onecard.v1.Registry/Declare"
CHECK, GET_CARD = "/grpc.health.v1.Health/Check", "/onecard.v1.Registry/GetCard"
EMPTY = "/onecard.v1.Ledger/GetEntry"
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


def test_calls_that_come_and_go_by_thousands_keep_no_tap_waiting(
    server: Process, client: Client
) -> None:
    """A tap among them is answered soon, or dropped soon with a line that says what to do."""
    until = time.monotonic() + 3

    def storm() -> None:
        while time.monotonic() < until:
            with suppress(OSError), Raw(server.address, "127.0.0.3") as raw:
                for _ in range(90):
                    raw.call("/no.Such/Method")

    storms = [threading.Thread(target=storm) for _ in range(2)]
    for one in storms:
        one.start()
    slowest = 0.0
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            tap(client)
        except Unanswered as error:
            assert "send the same again, or ask its outcome" in str(error)
        slowest = max(slowest, time.monotonic() - began)
    for one in storms:
        one.join()
    assert slowest < ANSWER_S
    assert wait_until(lambda: taken(client), ANSWER_S)


def test_a_call_that_grpc_dropped_says_what_to_do() -> None:
    bare = grpc.aio.AioRpcError(
        grpc.StatusCode.CANCELLED, grpc.aio.Metadata(), grpc.aio.Metadata(), "CANCELLED"
    )
    error = error_of("127.0.0.1:1", bare)
    assert isinstance(error, Unanswered)
    assert str(error).startswith("127.0.0.1:1: expected an answer, found that the server dropped")
    assert "send the same again, or ask its outcome" in str(error)


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
