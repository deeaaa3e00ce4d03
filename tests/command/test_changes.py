"""What a reload changes is said row by row, before it is done where that is asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

from onecard.core.errors import BadInput
from onecard.core.journal.block import parse
from onecard.core.registry.row_change import Change
from onecard.ext.shape.numbers import Record
from onecard.grpc.client import Client
from onecard.v1 import registry_pb2 as pb
from tests.command.test_load import run_load, write
from tests.support.serving import BANK, BUS, CARD, METRO, Served, register, served

OTHER = 4  # another issuer
CHIP, PREPAID = pb.FUNDING_CHIP, pb.FUNDING_PREPAID
ADDED, CHANGED, MOVED, SAME, REFUSED = Change


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "ledger") as running:
        with running.client() as client:
            register(client)
            assert client.put_participant("Other", pb.ROLE_ISSUER) == OTHER
            client.put_card(number="A1", issuer=BANK, funding=CHIP)
            client.put_card(number="A2", issuer=BANK, funding=CHIP)
        yield running


@pytest.fixture
def client(server: Served) -> Iterator[Client]:
    with server.client() as one:
        yield one


def card(number: str, **columns: Any) -> pb.Card:
    return pb.Card(**({"number": number, "issuer": BANK, "funding": CHIP} | columns))


def terminal(number: str, operator: int, **columns: Any) -> pb.Terminal:
    return pb.Terminal(number=number, operator=operator, **columns)


def said(client: Client, kind: str, rows: list[Any], **options: bool) -> list[tuple[int, str]]:
    """Row by row, what became of it and in which words."""
    answer = client.load([pb.LoadRequest(**{f"{kind}s": rows}, **options)])
    notes = {note.row: note.what for note in getattr(answer, f"{kind}_notes")}
    changes = getattr(answer, f"{kind}_changes")
    return [(change, notes.get(row, "")) for row, change in enumerate(changes)]


ROWS: dict[str, tuple[str, list[Any], list[tuple[int, str]]]] = {
    "participants": (
        "participant",
        [
            pb.Participant(name="New", role=pb.ROLE_AGENT),
            pb.Participant(name="Bus", role=pb.ROLE_OPERATOR),
            pb.Participant(name="Other", role=pb.ROLE_AGENT),
            pb.Participant(name="New", role=pb.ROLE_OPERATOR),
            pb.Participant(name="New", role=pb.ROLE_OPERATOR),
        ],
        [
            (ADDED, ""),
            (SAME, ""),
            (CHANGED, "role issuer -> agent"),
            (CHANGED, "role agent -> operator"),
            (SAME, ""),
        ],
    ),
    "terminals": (
        "terminal",
        [
            terminal("T1", BUS, place=1),
            terminal("T2", METRO, place=9),
            terminal("T3", METRO, place=1, status=pb.STATUS_BLOCKED),
            terminal("T9", BUS),
            terminal("T9", METRO),
            terminal("T9", METRO),
        ],
        [
            (SAME, ""),
            (MOVED, "place 1 -> 9, operator Bus -> Metro"),
            (CHANGED, "status active -> blocked"),
            (ADDED, ""),
            (MOVED, "operator Bus -> Metro"),
            (SAME, ""),
        ],
    ),
    "cards": (
        "card",
        [
            card("A1"),
            card("A1", issuer=OTHER),
            card("A3"),
            card("A3"),
            card("A3", floor_fen=-5),
            card("A2", status=pb.STATUS_BLOCKED, since_us=1_700_000_000_000_000),
            card("A3", floor_fen=-5),
        ],
        [
            (SAME, ""),
            (MOVED, "issuer Bank -> Other"),
            (ADDED, ""),
            (SAME, ""),
            (CHANGED, "floor_fen 0 -> -5"),
            (CHANGED, "status active -> blocked, since_us "),
            (4, ""),
        ],
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_each_row_is_answered_after_the_one_before(client: Client, name: str) -> None:
    kind, rows, wanted = ROWS[name]
    before = client.head().sequence
    found = said(client, kind, rows)
    assert [change for change, _ in found] == [change for change, _ in wanted]
    for (_, what), (_, expected) in zip(found, wanted, strict=True):
        assert what.startswith(expected) and bool(what) == bool(expected)
    changed = sum(change != SAME for change, _ in wanted)
    written = [parse(message.block, "") for message in client.journal(before + 1)]
    assert sum(block.count for block in written if block.record != Record.ACT) == changed
    after = {row.number or row.name: row for row in rows} if kind != "participant" else {}
    for number, row in after.items():  # the last row of a card or terminal is what holds
        if kind == "card":
            now = client.card(number=number)
            assert (now.issuer, now.floor_fen) == (row.issuer, row.floor_fen)


def test_two_rows_of_one_card_with_two_accounts_are_put_in_their_order(client: Client) -> None:
    first, second = (client.card(number=number).account for number in ("A1", "A2"))
    rows = [card("A3", account=first), card("A3", account=second), card("A3", account=second)]
    assert said(client, "card", [*rows, card("A1", account=first)]) == [
        (ADDED, ""),
        (MOVED, f"account {first} -> {second}"),
        (SAME, ""),
        (SAME, ""),
    ]
    assert client.card(number="A3").account == second


@pytest.mark.parametrize("name", ROWS)
def test_a_dry_run_says_it_and_does_nothing(client: Client, server: Served, name: str) -> None:
    kind, rows, wanted = ROWS[name]
    before, digest = client.head(), server.node.state.digest()
    found = said(client, kind, rows[:3], dry_run=True)
    if kind == "card":
        assert found[:2] == wanted[:2] and found[2] == (ADDED, "")
    else:
        assert found == wanted[:3]
    tokens = np.array([CARD, 0xFEED], np.uint64).tolist()
    columns = pb.CardColumns(token=tokens, issuer=BANK, funding=PREPAID)
    answer = client.load([pb.LoadRequest(card_columns=columns, dry_run=True)])
    assert (answer.cards, answer.changed, list(answer.card_changes)) == (2, 1, [])
    assert client.head() == before and server.node.state.digest() == digest


def test_a_dry_run_answers_refused_rows_by_themselves(client: Client) -> None:
    rows = [terminal(f"N{n}", BUS) for n in range(40)]
    rows[7], rows[30] = terminal("N7", BANK), terminal(" N30", BUS)
    found = said(client, "terminal", rows, dry_run=True)
    assert [row for row, (change, _) in enumerate(found) if change != ADDED] == [7, 30]
    assert found[7][0] == found[30][0] == REFUSED
    assert found[7][1].startswith("terminal N7: expected an operator or an agent, found Bank")
    assert found[30][1].startswith("terminal number: expected printable characters")
    with pytest.raises(BadInput, match="terminal N7"):
        client.load_terminals(rows)


MOVES: list[tuple[str, list[Any], str]] = [
    ("terminal", [terminal("T1", METRO, place=1)], "terminal T1: .*operator Bus -> Metro"),
    ("card", [card("A1", issuer=OTHER)], "card: expected it to stay .*issuer Bank -> Other"),
]


@pytest.mark.parametrize(("kind", "rows", "says"), MOVES)
def test_a_move_is_refused_where_none_is_meant(
    client: Client, kind: str, rows: list[Any], says: str
) -> None:
    before = client.head()
    with pytest.raises(BadInput, match=says):
        said(client, kind, rows, refuse_moves=True)
    assert client.head() == before
    assert said(client, kind, rows)[0][0] == MOVED


# ---- the command ----------------------------------------------------------------------------


def listed(done: Result, path: Path) -> list[str]:
    """The lines about rows of the file; ids that are printed stand below."""
    lines = done.stdout.splitlines()
    return [line.removeprefix(str(path)) for line in lines if line.startswith(str(path))]


@pytest.mark.parametrize("header", ["", ",status", ",status,place,mode,counterless"])
def test_a_file_that_does_not_speak_of_it_unblocks_nothing(
    server: Served, client: Client, tmp_path: Path, header: str
) -> None:
    """On the wire and by the command."""
    known = {"place": 7, "mode": 2, "status": pb.STATUS_BLOCKED, "counterless": True}
    client.load_terminals([terminal("T1", BUS, **known)])
    client.put_card(number="A1", issuer=BANK, funding=CHIP, status=pb.STATUS_CLOSED)
    empty = "," * header.count(",")
    gates = write(tmp_path, "t.csv", f"number,operator{header}\nT1,Bus{empty}\n")
    of_cards = header[: len(",status")]
    cards = f"number,issuer,funding{of_cards}\nA1,Bank,chip{',' * len(of_cards[:1])}\n"
    for what, path in (("terminals", gates), ("cards", write(tmp_path, "c.csv", cards))):
        assert "read, 0 changed" in run_load(server, what, path).stderr
    assert said(client, "terminal", [terminal("T1", BUS)]) == [(SAME, "")]
    assert said(client, "card", [card("A1")]) == [(SAME, "")]
    columns = pb.CardColumns(token=[client.card(number="A1").token], issuer=BANK, funding=CHIP)
    assert client.load([pb.LoadRequest(card_columns=columns)]).changed == 0
    put = client.registry.PutTerminal(terminal("T1", BUS))
    assert (put.place, put.mode, put.status, put.counterless) == tuple(known.values())
    gates = write(tmp_path, "t.csv", "number,operator,status,place\nT1,Bus,active,0\n")
    assert "1 changed" in run_load(server, "terminals", gates).stderr
    row = server.node.state.rows("terminals")[1]
    found = [int(row[name]) for name in ("place", "mode", "status", "counterless")]
    assert found == [0, 2, pb.STATUS_ACTIVE, 1]
    cards = "number,issuer,funding,status\nA1,Bank,chip,active\n"
    run_load(server, "cards", write(tmp_path, "c.csv", cards))
    assert client.card(number="A1").status == pb.STATUS_ACTIVE


FILES = [  # kind, file, what a dry run lists, and its summary
    (
        "participant",
        "name,role\nNew,agent\nBus,operator\nOther,agent\n",
        [":4: Other: changed: role issuer -> agent"],
        "3 participants read, 2 would be changed: 1 added, 1 changed, 0 moved, 1 same",
    ),
    (
        "terminal",
        "number,operator,place\nT1,Bus,1\nT2,Metro,1\nT3,Metro,9\nT9,Bus,0\n",
        [":3: T2: moved: operator Bus -> Metro", ":4: T3: changed: place 1 -> 9"],
        "4 terminals read, 3 would be changed: 1 added, 1 changed, 1 moved, 1 same",
    ),
    (
        "card",
        "number,issuer,funding,floor_fen\nA1,Other,chip,\nA2,Bank,chip,-7\nA3,Bank,chip,\n",
        [":2: moved: issuer Bank -> Other", ":3: changed: floor_fen 0 -> -7"],
        "3 cards read, 3 would be changed: 1 added, 1 changed, 1 moved, 0 same",
    ),
]


@pytest.mark.parametrize(("kind", "text", "lines", "summary"), FILES)
def test_load_lists_what_it_would_change_and_moves_only_when_told(
    server: Served, tmp_path: Path, kind: str, text: str, lines: list[str], summary: str
) -> None:
    path = write(tmp_path, "rows.csv", text)
    with server.client() as client:
        before = client.head()
        dry = run_load(server, f"{kind}s", path, "--dry-run")
        assert dry.exit_code == 0
        assert listed(dry, path) == lines
        assert dry.stderr.strip() == f"{summary}; nothing was changed"
        assert client.head() == before
        if kind != "participant":
            with pytest.raises(BadInput, match=r"found 1, listed above.*repeat it with --move"):
                run_load(server, f"{kind}s", path)
            assert client.head() == before
        moved = run_load(server, f"{kind}s", path, *(["--move"] if kind != "participant" else []))
        assert listed(moved, path) == [line for line in lines if "moved" in line]
        assert moved.stderr.strip() == summary.replace("would be ", "")
        again = run_load(server, f"{kind}s", path)
        assert " read, 0 changed: " in again.stderr
    for number in ("A1", "A2", "A3"):
        assert number not in dry.output + moved.output


HEAD = "number,issuer,funding\n"
ACCOUNTS = "number,issuer,funding,account\n"
TWICE = [  # a file that says two things of one card or gate; the line that moves, and the tally
    ("card", "number,issuer,funding\nN1,Bank,chip\nN1,Other,chip\n", ":3: moved", (1, 0, 1, 0)),
    ("card", f"{HEAD}A1,Bank,chip\nN1,Other,chip\nN1,Bank,chip\n", ":4: moved", (1, 0, 1, 1)),
    ("card", "number,issuer,funding\nN1,Bank,chip\nN1,Bank,prepaid\n", "", (1, 1, 0, 0)),
    ("card", f"{HEAD}N1,Bank,chip\nN1,4,chip\nN1,Other,chip\n", ":3: moved", (1, 0, 1, 1)),
    ("card", "number,issuer,funding\nN1,Bank,chip\nN2,Bank,chip\nN1,Bank,chip\n", "", (2, 0, 0, 1)),
    ("card", f"{ACCOUNTS}A1,Bank,chip,\nA1,Bank,chip,ACCOUNT\n", "", (0, 0, 0, 2)),
    ("card", f"{ACCOUNTS}N1,Bank,chip,\nN1,Bank,chip,ACCOUNT\n", ":3: moved", (1, 0, 1, 0)),
    ("card", f"{ACCOUNTS}N1,Bank,chip,ACCOUNT\nN1,Bank,chip,\n", "", (1, 0, 0, 1)),
    ("terminal", "number,operator\nN1,Bus\nN1,Metro\n", ":3: N1: moved", (1, 0, 1, 0)),
    ("terminal", "number,operator,place\nN1,Bus,0\nN1,Bus,\nN1,Bus,4\n", "", (1, 1, 0, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "moves", "tally"), TWICE)
def test_a_dry_run_and_a_load_agree_on_rows_about_the_same(
    server: Served, tmp_path: Path, kind: str, text: str, moves: str, tally: tuple[int, ...]
) -> None:
    with server.client() as client:
        text = text.replace("ACCOUNT", str(client.card(number="A1").account))
    path = write(tmp_path, "rows.csv", text)
    words = ("added", "changed", "moved", "same")
    summary = ", ".join(f"{count} {word}" for count, word in zip(tally, words, strict=True))
    dry = run_load(server, f"{kind}s", path, "--dry-run")
    assert f": {summary}; nothing was changed" in dry.stderr
    assert [line for line in listed(dry, path) if "moved" in line and line.startswith(moves)] or (
        not moves and "moved" not in dry.stdout
    )
    before = server.node.state.digest()
    if moves:
        with pytest.raises(BadInput, match=r"found 1, listed above.*repeat it with --move"):
            run_load(server, f"{kind}s", path)
        assert server.node.state.digest() == before
    done = run_load(server, f"{kind}s", path, "--move")
    assert done.stderr.strip().endswith(summary)


def test_a_dry_run_of_a_file_exits_1_where_a_row_is_refused(server: Served, tmp_path: Path) -> None:
    path = write(tmp_path, "rows.csv", "number,operator\nN1,Bus\nN2,Bank\n")
    dry = run_load(server, "terminals", path, "--dry-run")
    assert dry.exit_code == 1
    assert dry.stdout.startswith(f"{path}:3: N2: refused: terminal N2: expected an operator or an")
    assert "1 added, 0 changed, 0 moved, 0 same, 1 refused; nothing was changed" in dry.stderr
