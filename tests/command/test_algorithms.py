"""A day of a ledger that was made with the Chinese algorithms, and the names that `init` takes."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from onecard.cli.exit_status import Exit
from onecard.core.clock import SystemClock
from onecard.core.days import day_of
from onecard.core.journal.algorithms import CHINESE, NAMES
from onecard.core.journal.block import HASH_BYTES, HEADER_BYTES
from onecard.core.ledger.folder import read_ledger_toml, read_token_key
from onecard.core.ledger.opened import Ledger
from onecard.grpc.client import columns_message
from onecard.v1.registry_pb2 import FUNDING_PREPAID
from onecard.v1.tap_pb2 import OUTCOME_ACCEPTED, TAP_KIND_TOP_UP
from tests.support.onecard_command import Command, commands
from tests.support.serving import BANK, Served, register, rides, served

CHOSEN = [word for what, name in CHINESE.names().items() for word in (f"--{what}", name)]
SAID = ("hash", "token", "store", "head")  # in the header of a block
NUMBER = "Y-0001"
ZONE_US = 8 * 3_600_000_000  # of a ledger's first rules


@pytest.fixture(scope="module")
def onecard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    with commands(tmp_path_factory.mktemp("typed")) as command:
        yield command


def sm3(content: bytes) -> bytes:
    """By the library alone."""
    made = hashes.Hash(hashes.SM3())
    made.update(content)
    return made.finalize()


def hmac_sm3(key: bytes, number: str) -> int:
    """By the library alone."""
    made = HMAC(key, hashes.SM3())
    made.update(number.encode())
    return int.from_bytes(made.finalize()[:8], "little")


def ride(server: Served, token: int) -> None:
    """A card is registered by its number and topped up by its token; others ride."""
    with server.client() as client:
        register(client)
        put = client.put_card(number=NUMBER, issuer=BANK, funding=FUNDING_PREPAID)
        assert put.token == client.card(number=NUMBER).token == token
        top_up = columns_message(
            card=np.array([token], np.uint64),
            terminal=[1],
            terminal_seq=[100],
            kind=[TAP_KIND_TOP_UP],
            amount_fen=[5_000],
        )
        for answer in client.authorize([top_up, rides(1, 8), rides(9, 8)]):
            assert (answer.outcome == OUTCOME_ACCEPTED).all()
        assert client.head().tokens == "hmac-sm3"


def prove(folder: Path, head: Any, state: bytes, onecard: Command) -> None:
    """It is as it was when its server stopped, and so says `verify`."""
    with Ledger.open(folder, readonly=True) as ledger:
        end = ledger.journal.durable
        assert (end.last, end.head) == (head.sequence, head.hash)
        assert (ledger.state.digest(), ledger.algorithms) == (state, CHINESE)
        for block in ledger.journal.blocks():
            said = {int(block.header[f"{what}_algorithm"]) for what in SAID}
            assert said == {2}  # each is the second of its numbers
            assert block.hash == sm3(block.value[: HEADER_BYTES - HASH_BYTES])
    said = onecard("verify", folder, "--head", head.hash.hex())
    assert said.status == Exit.DONE and said.out.endswith("\nok\n"), said


def test_a_day_by_the_chinese_standards(tmp_path: Path, onecard: Command) -> None:
    folder = tmp_path / "ledger"
    done = onecard("init", folder, *CHOSEN)
    assert done.status == Exit.DONE and str(CHINESE) in done.out, done
    assert read_ledger_toml(folder).algorithms == CHINESE
    token = hmac_sm3(read_token_key(folder), NUMBER)
    with served(folder) as server:
        ride(server, token)
        day = day_of(SystemClock().now_us(), ZONE_US)
        with server.client() as client:
            client.close_window(1, day)
            head = client.head()
        state = server.node.state.digest()
    prove(folder, head, state, onecard)
    shutil.rmtree(folder / "checkpoint")
    prove(folder, head, state, onecard)  # out of the journal alone
    with served(folder) as server, server.client() as client:  # what was answered is known
        for again in client.authorize([rides(1, 8)]):
            assert again.repeated.all()
        assert client.balance(card=token).available_fen == 5_000
    settled = onecard("settle", folder, 1)
    assert settled.status == Exit.DONE and head.hash.hex() in settled.out, settled
    shown = onecard("show", "card", folder, NUMBER)
    assert shown.status == Exit.DONE and f"{token:016x}" in shown.out, shown


@pytest.mark.parametrize("what", NAMES)
def test_another_name_is_refused_in_one_line(what: str, tmp_path: Path, onecard: Command) -> None:
    done = onecard("init", tmp_path / "ledger", f"--{what}", "rot13")
    says = f"onecard: {what}: expected {' or '.join(NAMES[what])}, found rot13\n"
    assert (done.status, done.err) == (Exit.REFUSED, says)
    assert not (tmp_path / "ledger").exists()
