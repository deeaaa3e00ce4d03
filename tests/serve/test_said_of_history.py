"""What the page and ledger.proto say of a card's trail, of outcomes, of gaps."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from onecard.grpc.client import Client
from onecard.v1 import registry_pb2 as registry
from onecard.v1 import tap_pb2 as taps

HERE, THERE, THIRD = (0x5EED_0000_0000_0000 + n for n in (1, 2, 3))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    tmp_path = tmp_path_factory.mktemp("said")
    command = str(Path(sys.executable).with_name("onecard"))
    folder, ready = tmp_path / "ledger", tmp_path / "ready.json"
    subprocess.run([command, "init", str(folder)], check=True, timeout=60)
    where = ["--listen", "127.0.0.1:0", "--metrics-port", "0", "--ready-file", str(ready)]
    server = subprocess.Popen([command, "serve", str(folder), *where])
    try:
        until = time.monotonic() + 60
        while not (ready.exists() and ready.read_text().strip().endswith("}")):
            assert server.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        with Client(json.loads(ready.read_text())["address"]) as there:
            yield there
    finally:
        server.terminate()
        assert server.wait(60) == 0


def gate_of(client: Client, number: str) -> int:
    operator = client.put_participant("Said Line", registry.ROLE_OPERATOR)
    return client.load_terminals([registry.Terminal(number=number, operator=operator)])[0]


def put(client: Client, token: int, account: int = 0) -> int:
    issuer = client.put_participant("Said Bank", registry.ROLE_ISSUER)
    card = client.put_card(
        token=token, issuer=issuer, funding=registry.FUNDING_PREPAID, account=account
    )
    return int(card.account)


def test_a_trail_is_of_the_account_that_the_card_draws_on_now(client: Client) -> None:
    gate = gate_of(client, "said-1")

    def check(seq: int) -> int:
        tap = {"card": HERE, "terminal": gate, "terminal_seq": seq, "kind": taps.TAP_KIND_CHECK}
        return int(client.authorize_one(**tap).sequence)

    unknown = check(1)
    first, other = put(client, HERE), put(client, THERE)
    before = check(2)
    assert [entry.sequence for entry in client.trail(HERE)] == [before]
    put(client, HERE, other)
    assert not list(client.trail(HERE))
    after = check(3)
    assert [entry.sequence for entry in client.trail(HERE)] == [after]
    put(client, HERE, first)
    assert [entry.sequence for entry in client.trail(HERE)] == [before]
    for seq, sequence in enumerate((unknown, before, after), 1):
        assert client.outcome(gate, 0, seq) == client.entry(sequence)


def test_a_reversal_that_came_first_is_the_outcome_and_is_not_declined(client: Client) -> None:
    gate = gate_of(client, "said-2")
    put(client, THIRD)

    def reverse(seq: int, about: int) -> taps.Decision:
        kind = taps.TAP_KIND_REVERSAL
        return client.authorize_one(
            card=THIRD, terminal=gate, terminal_seq=seq, kind=kind, about_seq=about
        )

    tombstone = reverse(5, 9)
    assert tombstone.outcome == taps.OUTCOME_TOMBSTONED
    assert client.outcome(gate, 0, 9) == client.entry(tombstone.sequence)
    assert reverse(6, 5).outcome == taps.OUTCOME_NOT_REVERSIBLE
    assert [(gap.from_seq, gap.to_seq) for gap in client.gaps(gate)] == [(7, 8)]
