"""Hold terms by command and on the wire: from a file to what is held on a card, and until when."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from onecard.core.errors import BadInput
from onecard.core.query.room import rows_in_use
from onecard.ext.shape.numbers import Funding, Outcome
from onecard.grpc.client import Client, columns_message
from onecard.v1.tap_pb2 import TAP_KIND_CAPTURE, TAP_KIND_HOLD
from tests.support.onecard_command import Command, commands
from tests.support.serving import BANK, Served, register, served

TOKEN = 77
FILE = (
    "\ufefffundings,parts,life_s,network,effective_from,name\r\n"
    "credit+prepaid,yes,3600,,,week\r\n"
    "prepaid,,0,7,2026-01-31,\r\n"
)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    with commands(tmp_path_factory.mktemp("commands")) as command:
        yield command


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "ledger") as running:
        with running.client() as client:
            register(client)
        yield running


def test_from_a_file_to_a_card(server: Served, ask: Command, tmp_path: Path) -> None:
    file, to, folder = tmp_path / "holds.csv", ("--to", server.address), server.node.ledger.path
    assert "no terms are loaded" in ask("show", "holds", folder).err
    file.write_bytes(FILE.encode())
    done = ask("load", "holds", file, *to, "--dry-run")
    assert (done.status, done.out) == (0, f"{file}:2: new\n{file}:3: new\n")
    assert done.err == "2 hold terms read, 2 would be new; nothing was changed\n"
    assert server.node.state.count("policies") == 0
    assert ask("load", "holds", file, *to).err == "2 hold terms read, 2 new\n"
    assert ask("load", "holds", file, *to).err == "2 hold terms read, 0 new\n"
    assert ask("load", "holds", file, *to, "--dry-run").out.splitlines()[1].endswith("2 already")
    found = json.loads(ask("show", "holds", folder, "--json").out)["holds"]
    columns = ("version", "network", "name", "fundings", "parts", "life_s")
    assert [tuple(one[name] for name in columns) for one in found] == [
        (1, 0, "week", "prepaid+credit", "yes", 3600),
        (2, 7, "holds", "prepaid", "no", 0),
    ]
    assert found[0]["effective_from"] == "always"
    assert found[1]["effective_from"].startswith("2026-01-31 00:00")
    with server.client() as client:
        client.put_card(token=TOKEN, issuer=BANK, funding=Funding.CREDIT)
        held = sent(client, [(TAP_KIND_HOLD, 500, 0), (TAP_KIND_HOLD, 300, 0)], 1)
        sent(client, [(TAP_KIND_CAPTURE, 200, held[0])], 3)
    assert rows_in_use(server.node.state)["open_holds"][0] == 2
    told = json.loads(ask("show", "card", folder, f"{TOKEN:x}", "--token", "--json").out)
    assert [(one["sequence"], one["amount_fen"]) for one in told["holds"]] == [
        (held[0], 500),  # as it was held
        (held[1], 300),
    ]
    assert "held, with an end" in ask("show", "card", folder, f"{TOKEN:x}", "--token").out


def sent(client: Client, taps: list[tuple[int, int, int]], first: int) -> list[int]:
    """Of kind, amount and original each, at one terminal; the sequences they were booked under."""
    batch = columns_message(
        card=[TOKEN] * len(taps),
        terminal=[1] * len(taps),
        terminal_seq=[first + at for at in range(len(taps))],
        kind=[kind for kind, _, _ in taps],
        amount_fen=[amount_fen for _, amount_fen, _ in taps],
        about=[about for _, _, about in taps],
    )
    [answer] = client.authorize([batch])
    assert set(answer.outcome.tolist()) == {Outcome.ACCEPTED}
    return [int(one) for one in answer.sequence]


WRONG = [
    ("fundings\n", "expected hold terms, found no rows"),
    ("fundings\nbank\n", ":2: column fundings: expected prepaid, chip or credit, each once"),
    ("fundings\nchip+chip\n", ":2: column fundings: expected prepaid, chip or credit, each once"),
    ("fundings\n\n\n,\n", ":4: expected 1 cells, found 2"),
    ("fundings,life_s\nchip,59\n", ":2: column life_s: expected 0, or 60 to 34560000, found '59'"),
    ("fundings,life_s\nchip,34560001\n", ":2: column life_s: expected 0 to 34560000"),
    ("fundings,parts\nchip,maybe\n", ":2: column parts: expected no or yes, found 'maybe'"),
    ("fundings,network\nchip,65536\n", ":2: column network: expected 0 to 65535"),
    ("fundings,effective_from\nchip,now\n", ":2: column effective_from: expected a day such as"),
    ("funding\nchip\n", ":1: expected columns fundings; and may have parts, life_s"),
    (f"fundings,name\nprepaid,a\nchip,{'n' * 37}\n", "name of hold terms: expected 1 to 36 bytes"),
]


def test_a_file_with_a_wrong_row_loads_nothing(
    server: Served, ask: Command, tmp_path: Path
) -> None:
    file = tmp_path / "wrong.csv"
    for text, says in WRONG:
        file.write_text(text)
        done = ask("load", "holds", file, "--to", server.address)
        assert (done.status, len(done.err.splitlines())) == (2, 1), done
        assert says in done.err, done.err
    assert server.node.state.count("policies") == 0


def test_what_the_server_refuses(server: Served) -> None:
    with server.client() as client:
        with pytest.raises(BadInput, match=r"hold terms fundings: expected some of .*found .2, 1"):
            client.put_hold_terms("a", 0, [2, 1])
        with pytest.raises(BadInput, match="life_s: expected 0, or 60 to 34560000, found 5"):
            client.put_hold_terms("a", 0, [1], life_s=5, dry_run=True)
        stored = client.put_hold_terms("a", 0, [1, 2], partial=True, life_s=60, network=9)
        assert (stored.version, stored.changed) == (1, True)
        assert (stored.partial, stored.life_s) == (True, 60)
        again = client.put_hold_terms("b", 0, [1, 2], partial=True, life_s=60, network=9)
        assert (again.version, again.changed) == (1, False)
        trial = client.put_hold_terms("b", 0, [1], network=9, dry_run=True)
        assert (trial.version, trial.changed) == (2, True)
        assert server.node.state.count("policies") == 1
