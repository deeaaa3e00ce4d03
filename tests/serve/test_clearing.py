"""The stream of taps: order, limits, refusals, cancels, slow readers, and draining."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pytest

from onecard.core.errors import BadInput, NotFound, Overloaded, Stopped
from onecard.ext.shape.numbers import Outcome
from onecard.grpc.client import Client, Unanswered, Unreachable, columns_message
from onecard.grpc.server.clearing import one_row
from onecard.v1 import registry_pb2, tap_pb2
from tests.support.serving import (
    BANK,
    BUS,
    CARD,
    SMALL,
    HeldBack,
    Served,
    register,
    rides,
    run,
    served,
)

ACCEPTED, REPEATED = int(Outcome.ACCEPTED), 1


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "ledger") as running, running.client() as client:
        register(client)
        yield running


@pytest.fixture
def client(server: Served) -> Iterator[Client]:
    with server.client() as client:
        yield client


def test_answers_come_in_order_each_with_its_request_id(client: Client) -> None:
    batches = [rides(1 + 3 * at, 3, request_id=at + 1) for at in range(100)]
    answers = list(client.authorize(batches))
    assert [answer.request_id for answer in answers] == list(range(1, 101))
    sequences = np.concatenate([answer.sequence for answer in answers])
    assert (np.diff(sequences.astype(np.int64)) == 1).all()
    assert all((answer.outcome == ACCEPTED).all() for answer in answers)
    again = list(client.authorize(batches))
    assert np.array_equal(np.concatenate([answer.sequence for answer in again]), sequences)
    assert all((answer.repeated == REPEATED).all() for answer in again)


def test_streams_side_by_side_lose_nothing(server: Served) -> None:
    def one(terminal: int) -> list[int]:
        with server.client() as client:
            batches = [rides(1 + 5 * at, 5, terminal) for at in range(40)]
            return [int(s) for answer in client.authorize(batches) for s in answer.sequence]

    with ThreadPoolExecutor(4) as pool:
        sequences = sorted(sequence for part in pool.map(one, range(1, 5)) for sequence in part)
    first = server.node.journal.durable.last - 4 * 40 * 5 + 1
    assert sequences == list(range(first, first + 4 * 40 * 5))


def test_an_empty_batch_has_an_empty_answer(client: Client) -> None:
    (answer,) = client.authorize([columns_message(9)])
    assert (answer.request_id, len(answer)) == (9, 0)


WHOLE = rides(1, 2)
BAD_MESSAGES = [
    # what is sent, what the error says
    (b"garbage, not a batch", "field"),
    (WHOLE[:-3], "truncated"),
    (columns_message(card=[1], terminal=[1]), "required column terminal_seq (field 4) is missing"),
    (WHOLE + b"\x3a\x01\x01", "unequal length"),
    (WHOLE + b"\x3a\x03\x01\x01\x01", "columns of unequal length: card (field 2) has 2 rows"),
    (rides(1, SMALL.batch_taps_max + 1), "1001 taps, at most 1000 a message"),
]


@pytest.mark.parametrize(("message", "says"), BAD_MESSAGES)
def test_a_bad_message_ends_its_stream_after_the_answers_before_it(
    server: Served, client: Client, message: bytes, says: str
) -> None:
    before = server.node.journal.durable.last
    answers = []
    with pytest.raises(BadInput) as refusal:
        for answer in client.authorize([rides(1), message]):
            answers.append(answer)
    assert says in str(refusal.value)
    assert "message 2 of this stream" in str(refusal.value)
    assert len(answers) == 1
    assert server.node.journal.durable.last == before + 4
    assert len(list(client.authorize([rides(50)]))) == 1


def test_an_oversized_message_is_refused_by_its_size(server: Served, client: Client) -> None:
    limit = SMALL.message_bytes_max
    with grpc.insecure_channel(
        server.address, options=[("grpc.max_send_message_length", 2 * limit)]
    ) as channel:
        stream = channel.stream_stream("/onecard.v1.Clearing/Authorize")
        with pytest.raises(grpc.RpcError) as refusal:
            list(stream(iter([bytes(limit + 1)]), timeout=10))
    assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert str(limit) in refusal.value.details()
    assert str(limit + 1) in refusal.value.details()
    assert client.is_serving()


def test_an_unknown_kind_refuses_its_row_and_no_other(client: Client) -> None:
    message = columns_message(
        card=[CARD, CARD, 0],
        terminal=[1, 1, 1],
        terminal_seq=[1, 2, 3],
        kind=[1, 77, 1],
        amount_fen=[0, 0, 0],
    )
    (answer,) = client.authorize([message])
    assert answer.outcome.tolist() == [1, int(Outcome.KIND_UNKNOWN), int(Outcome.CARD_ZERO)]
    for kind in (77, 300, -1):
        one = client.authorize_one(card=CARD, terminal=1, terminal_seq=9, kind=kind)
        assert one.outcome == tap_pb2.OUTCOME_KIND_UNKNOWN


def test_two_cards_on_both_sides_of_2_63_are_both_found(client: Client) -> None:
    """The README's example; tokens that were once rounded on their way, and the right ones lost."""
    one, other = 182286300517043038, 11849845791735247788
    client.load_cards([one, other], BANK, registry_pb2.FUNDING_PREPAID)
    message = columns_message(
        card=[one, other, one],
        terminal=[3, 3, 3],
        terminal_seq=[9001, 9002, 9003],
        kind=[tap_pb2.TAP_KIND_TOP_UP, tap_pb2.TAP_KIND_TOP_UP, tap_pb2.TAP_KIND_RIDE],
        amount_fen=[5_000, 2_000, 300],
    )
    (answer,) = client.authorize([message])
    assert answer.outcome.tolist() == [Outcome.ACCEPTED] * 3
    assert client.balance(one).posted_fen == 4_700
    assert client.balance(other).posted_fen == 2_000
    (again,) = client.authorize([message])
    assert again.repeated.all() and again.sequence.tolist() == answer.sequence.tolist()


def test_a_ride_that_says_no_amount_is_refused_and_one_of_0_is_free(client: Client) -> None:
    before = client.head().sequence
    tap = {"card": CARD, "terminal": 1, "terminal_seq": 1}
    forgotten = "column amount_fen (field 8) is missing"
    with pytest.raises(BadInput) as refusal:
        list(client.authorize([columns_message(**{name: [one] for name, one in tap.items()})]))
    assert forgotten in str(refusal.value)
    for kind in (tap_pb2.TAP_KIND_UNSPECIFIED, tap_pb2.TAP_KIND_PURCHASE, tap_pb2.TAP_KIND_TOP_UP):
        with pytest.raises(BadInput) as refusal:
            client.authorize_one(**tap, kind=kind)
        assert forgotten in str(refusal.value)
    with pytest.raises(BadInput, match="is a gate-rated EXIT, which needs an amount"):
        client.authorize_one(**tap, kind=tap_pb2.TAP_KIND_EXIT, gate_rated=True)
    assert client.head().sequence == before
    check = client.authorize_one(**tap, kind=tap_pb2.TAP_KIND_CHECK)
    assert check.outcome == tap_pb2.OUTCOME_ACCEPTED  # it has no amount that could be forgotten
    free = client.authorize_one(**{**tap, "terminal_seq": 2}, amount_fen=0)
    assert (free.outcome, free.amount_fen) == (tap_pb2.OUTCOME_ACCEPTED, 0)


def test_one_row_goes_the_way_of_a_batch(client: Client) -> None:
    client.put_card(number="62000001", issuer=3, funding=1, floor_fen=-500)
    for tap, outcome in (
        ({"card": CARD, "terminal": 1}, tap_pb2.OUTCOME_ACCEPTED),
        ({"card": CARD, "terminal_number": "T1"}, tap_pb2.OUTCOME_ACCEPTED),
        ({"card_number": "62000001", "terminal": 1}, tap_pb2.OUTCOME_ACCEPTED),
        ({"card_number": "62009999", "terminal": 1}, tap_pb2.OUTCOME_CARD_UNKNOWN),
        ({"card": CARD, "terminal_number": "T99"}, tap_pb2.OUTCOME_TERMINAL_UNKNOWN),
        ({"card": CARD}, tap_pb2.OUTCOME_TERMINAL_UNKNOWN),
        ({"terminal": 1}, tap_pb2.OUTCOME_CARD_ZERO),
    ):
        seq = 1000 + client.head().sequence
        one = client.authorize_one(**tap, terminal_seq=seq, amount_fen=7, epoch=2, place=5)
        assert one.outcome == outcome, tap
        if one.sequence:
            entry = client.entry(one.sequence)
            assert (entry.terminal_seq, entry.epoch, entry.place) == (seq, 2, 5)
    every = {
        **{"card": CARD, "terminal": 2, "terminal_seq": 3, "epoch": 4, "amount_fen": -6},
        **{"tapped_at_us": 1_700_000_000_000_000, "kind": 5, "offline": True, "place": 7},
        **{"gate_rated": True},
        **{"about": 1 << 40, "about_epoch": 9, "about_seq": 10},
        **{"line": 11, "scene": 12, "rider_class": 13, "media": 255, "face_fen": -15},
        **{"chip_before_fen": 16, "chip_counter": 17, "chip_loads": 18, "caused_by": 1 << 63},
        **{"sponsor": 19, "programme": 20, "ends_us": -21},
    }
    assert {field.name for field in tap_pb2.Tap.DESCRIPTOR.fields} - set(every) == {
        "card_number",
        "terminal_number",
    }
    row = tap_pb2.TapBatch.FromString(one_row(tap_pb2.Tap(**every), CARD, 2))
    flags = ("offline", "gate_rated")
    assert {name: list(getattr(row, name)) for name in every if name not in flags} == {
        name: [value] for name, value in every.items() if name not in flags
    }
    assert list(row.flags) == [3]
    with pytest.raises(BadInput, match="media: expected 0 to 255, found 256"):
        one_row(tap_pb2.Tap(media=256), CARD, 2)


def test_more_streams_than_the_limit_are_refused_and_health_answers(server: Served) -> None:
    hold = threading.Event()

    def slow() -> Iterator[bytes]:
        yield rides(1)
        hold.wait(20)

    clients = [server.client() for _ in range(SMALL.streams_max + 1)]
    streams = [client.authorize(slow()) for client in clients]
    for stream in streams[:-1]:
        next(stream)
    with pytest.raises(Overloaded, match=f"{SMALL.streams_max} are open, the limit is 4"):
        next(streams[-1])
    assert clients[-1].is_serving()
    assert clients[-1].balance(CARD).account
    hold.set()
    assert list(streams[0]) == []
    assert len(list(clients[-1].authorize([rides(1)]))) == 1
    for client in clients:
        client.close()


def test_a_cancelled_stream_is_decided_and_its_outcome_can_be_asked(tmp_path: Path) -> None:
    nodes: list[HeldBack] = []

    def wrap(node: object) -> HeldBack:
        nodes.append(HeldBack(node))  # type: ignore[arg-type]
        return nodes[0]

    with served(tmp_path / "ledger", wrap=wrap) as server, server.client() as client:
        register(client)
        stream = client.authorize_raw(iter([rides(1)]))
        assert nodes[0].answered.acquire(timeout=10)
        stream.cancel()
        with pytest.raises(grpc.RpcError):
            next(stream)
        assert client.outcome(1, 0, 1).outcome == tap_pb2.OUTCOME_ACCEPTED
        with pytest.raises(NotFound, match="nothing was decided"):
            client.outcome(1, 0, 99)
        nodes[0].let_go()
        (again,) = client.authorize([rides(1)])
        assert (again.repeated == REPEATED).all()
        assert wait_until(lambda: not server.server.clearing.streams)
        assert wait_until(lambda: server.server.clearing.in_flight_bytes == 0)


def test_a_client_that_does_not_read_stops_being_read(tmp_path: Path) -> None:
    nodes: list[HeldBack] = []

    def wrap(node: object) -> HeldBack:
        nodes.append(HeldBack(node))  # type: ignore[arg-type]
        return nodes[0]

    pipelined = 8
    with served(tmp_path / "ledger", wrap=wrap, pipelined_max=pipelined) as server:
        with server.client() as client:
            register(client)
            stream = client.exchange((rides(1 + at * 4) for at in range(200)), window=200)
            answers: list[bytes] = []
            reader = threading.Thread(target=lambda: answers.extend(stream))
            reader.start()
            node = nodes[0]
            assert wait_until(lambda: node.taken >= pipelined)
            threading.Event().wait(0.3)
            # One is awaited by the writer, and one was read before the queue was found full.
            assert node.taken <= pipelined + 2
            assert server.server.clearing.in_flight_bytes <= (pipelined + 2) * len(rides(999))
            node.let_go()
            reader.join(20)
            assert len(answers) == 200


def test_a_client_that_never_reads_is_cut(tmp_path: Path) -> None:
    with (
        served(tmp_path / "ledger", settings=replace(SMALL, unread_max_s=0.3)) as server,
        server.client() as client,
    ):
        register(client)
        batches = (rides(1 + at * 1000, 1000) for at in range(1000))
        unread = client.authorize_raw(batches)
        assert wait_until(lambda: len(server.server.clearing.streams) == 1)
        assert (next(client.authorize([rides(1, terminal=2)])).outcome == ACCEPTED).all()
        assert wait_until(lambda: not server.server.clearing.streams)
        with pytest.raises(grpc.RpcError):
            for _ in unread:
                pass
        assert server.server.clearing.batches["refused"] == 1
        assert wait_until(lambda: server.server.clearing.in_flight_bytes == 0)


def test_a_message_that_unpacks_beyond_the_limit_is_refused(server: Served) -> None:
    with grpc.insecure_channel(
        server.address, options=[("grpc.max_send_message_length", 1 << 30)]
    ) as channel:
        stream = channel.stream_stream("/onecard.v1.Clearing/Authorize")
        with pytest.raises(grpc.RpcError) as refusal:
            bomb = iter([bytes(64 << 20)])
            list(stream(bomb, timeout=20, compression=grpc.Compression.Gzip))
    assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_more_calls_than_the_limit_are_refused_and_health_answers(tmp_path: Path) -> None:
    nodes: list[HeldBack] = []

    def wrap(node: object) -> HeldBack:
        nodes.append(HeldBack(node))  # type: ignore[arg-type]
        return nodes[0]

    with (
        served(tmp_path / "ledger", settings=replace(SMALL, calls_max=2), wrap=wrap) as server,
        server.client() as client,
    ):
        register(client)
        with ThreadPoolExecutor(2) as pool:
            waiting = [
                pool.submit(
                    client.authorize_one, card=CARD, terminal=1, terminal_seq=seq, amount_fen=0
                )
                for seq in (1, 2)
            ]
            assert nodes[0].answered.acquire(timeout=10)
            assert nodes[0].answered.acquire(timeout=10)
            with pytest.raises(Overloaded, match="calls: 2 are open, the limit is 2"):
                client.head()
            assert client.is_serving()
            nodes[0].let_go()
            assert [call.result().outcome for call in waiting] == [ACCEPTED, ACCEPTED]
        assert client.head().sequence


def test_a_full_inbox_is_said_with_its_limit_and_actual(tmp_path: Path) -> None:
    settings = replace(SMALL, inbox_stream_bytes_max=3000)
    with served(tmp_path / "ledger", settings) as server, server.client() as client:
        register(client)
        with pytest.raises(Overloaded, match=r"\d+ more would pass the limit of 3000"):
            list(client.authorize([rides(1, 500)]))
        assert (next(client.authorize([rides(1, 2)])).outcome == ACCEPTED).all()


def test_draining_answers_what_is_in_flight_and_then_says_so(tmp_path: Path) -> None:
    nodes: list[HeldBack] = []

    def wrap(node: object) -> HeldBack:
        nodes.append(HeldBack(node))  # type: ignore[arg-type]
        return nodes[0]

    with served(tmp_path / "ledger", wrap=wrap) as server, server.client() as client:
        register(client)
        hold = threading.Event()

        def batches() -> Iterator[bytes]:
            yield from (rides(1), rides(5), rides(9))
            hold.wait(20)

        answers: list[object] = []
        errors: list[Exception] = []

        def read() -> None:
            try:
                answers.extend(client.authorize(batches()))
            except Exception as error:
                errors.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(3):
            assert nodes[0].answered.acquire(timeout=10)
        stopped = threading.Thread(target=lambda: run(server.server.stop(10.0)))
        stopped.start()
        assert wait_until(lambda: server.server.clearing.stopping)
        threading.Event().wait(0.1)
        assert answers == []
        with pytest.raises(Stopped, match="stopping"):  # nothing of ours, and health until the end
            client.rules()
        assert not client.is_serving()
        nodes[0].let_go()
        reader.join(20)
        stopped.join(20)
        hold.set()
        assert len(answers) == 3
        assert isinstance(errors[0], Unreachable), errors
        assert "stopping" in str(errors[0])


def test_a_participant_carries_its_own_terminals_alone(server: Served) -> None:
    message = columns_message(
        card=[CARD] * 2, terminal=[1, 3], terminal_seq=[1, 1], amount_fen=[0, 0]
    )
    foreign = int(Outcome.TERMINAL_FOREIGN)
    for name, outcomes in (
        ("Bus", [ACCEPTED, foreign]),
        (str(BUS), [ACCEPTED, foreign]),
        ("Metro", [foreign, ACCEPTED]),
        (None, [ACCEPTED, ACCEPTED]),
    ):
        with server.client(name) as client:
            (answer,) = client.authorize([message])
            assert answer.outcome.tolist() == outcomes, name


def test_an_answer_that_does_not_come_is_an_error(tmp_path: Path) -> None:
    with served(tmp_path / "ledger", wrap=HeldBack) as server:
        with server.client() as client:
            register(client)
        with server.client(timeout_s=0.3) as client:
            with pytest.raises(Unanswered, match=r"within 0.3 s"):
                list(client.authorize([rides(1)]))
            with pytest.raises(Unanswered):
                client.authorize_one(card=CARD, terminal=1, terminal_seq=77, amount_fen=0)


def test_what_the_batches_raise_comes_after_the_answers_due(client: Client) -> None:
    def batches() -> Iterator[bytes]:
        yield rides(1)
        raise ValueError("the file ended in the middle of a row")

    answers = []
    with pytest.raises(ValueError, match="middle of a row"):
        for answer in client.authorize(batches()):
            answers.append(answer)
    assert len(answers) == 1


def test_a_stream_left_early_ends(server: Served, client: Client) -> None:
    for _ in client.authorize((rides(1 + at * 4) for at in range(1000)), window=4):
        break
    assert wait_until(lambda: not server.server.clearing.streams)


def test_no_server_is_one_line() -> None:
    with Client("127.0.0.1:1", timeout_s=2) as client:
        with pytest.raises(Unreachable):
            client.head()
        with pytest.raises(Unreachable, match="onecard serve"):
            client.wait_ready(0.2)


def wait_until(holds: object, seconds: float = 10.0) -> bool:
    """Whether something becomes true in time."""
    for _ in range(int(seconds / 0.01)):
        if holds():  # type: ignore[operator]
            return True
        threading.Event().wait(0.01)
    return False
