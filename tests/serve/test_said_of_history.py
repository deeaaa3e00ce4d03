"""What the page and ledger.proto say of a card's trail, of outcomes, of gaps."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from onecard.grpc.client import Client
from onecard.v1 import registry_pb2 as registry
from onecard.v1 import tap_pb2 as taps

HERE, THERE, THIRD, MOVING = (0x5EED_0000_0000_0000 + n for n in (1, 2, 3, 4))


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


def test_a_trail_is_of_every_account_that_the_card_drew_on(client: Client) -> None:
    gate = gate_of(client, "said-1")
    seqs = count(1)

    def check(token: int) -> int:
        seq, kind = next(seqs), taps.TAP_KIND_CHECK
        tap = {"card": token, "terminal": gate, "terminal_seq": seq, "kind": kind}
        return int(client.authorize_one(**tap).sequence)

    def trail(token: int, page_size: int = 0) -> list[int]:
        return [entry.sequence for entry in client.trail(token, page_size=page_size)]

    unknown = check(HERE)
    first, other = put(client, HERE), put(client, THERE)
    mine, theirs = [check(HERE)], [check(THERE)]
    for account in (other, first, other):
        put(client, HERE, account)
        assert trail(HERE) == mine[::-1]
        mine += [check(HERE), check(HERE)]
        theirs.append(check(THERE))
    put(client, THERE, first)  # another holder has what the card left
    theirs.append(check(THERE))
    for page_size in (0, 1, 2, 3):
        assert trail(HERE, page_size) == mine[::-1]
        assert trail(THERE, page_size) == theirs[::-1]
    for seq, sequence in enumerate((unknown, mine[0]), 1):
        assert client.outcome(gate, 0, seq) == client.entry(sequence)


def test_a_page_goes_on_where_the_one_before_ended(client: Client) -> None:
    """Whatever is tapped, and wherever the card goes, meanwhile."""
    gate = gate_of(client, "said-3")
    seqs = count(1)

    def check() -> int:
        tap = {"card": MOVING, "terminal": gate, "terminal_seq": next(seqs)}
        return int(client.authorize_one(**tap, kind=taps.TAP_KIND_CHECK).sequence)

    accounts = [put(client, token) for token in (MOVING, MOVING + 1, MOVING + 2)]
    mine = []
    for account in (*accounts, *accounts):
        put(client, MOVING, account)
        mine += [check(), check()]
    found = []
    for entry in client.trail(MOVING, page_size=5):
        found.append(entry.sequence)
        if len(found) in (5, 10):
            put(client, MOVING, accounts[len(found) // 5 - 1])
            check()
    assert found == mine[::-1]


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
