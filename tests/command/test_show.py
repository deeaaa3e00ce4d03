"""`onecard show`: the register, windows and suspense; whole in a pipe, never cut on a terminal."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from onecard.cli import table
from onecard.core.clock import SystemClock
from onecard.core.query.suspense import MENDED_BY
from onecard.ext.shape.numbers import Kind, Mark, Outcome
from onecard.grpc.client import Client, columns_message
from onecard.v1 import registry_pb2, tap_pb2
from tests.support.onecard_command import Command, commands
from tests.support.serving import BANK, BUS, CARD, Served, register, served

DAY_US = 86_400_000_000
LONG = "市公共交通一卡通运营服务（集团）有限责任公司"
GATE = "公交-000017-下车"
DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "ledger") as running, running.client() as client:
        register(client)
        yield running


@pytest.fixture(scope="module")
def onecard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    with commands(tmp_path_factory.mktemp("typed")) as command:
        yield command


@pytest.fixture
def look(server: Served, onecard: Command) -> "Look":
    return Look(server.node.ledger.path, onecard)


class Look:
    """`onecard show` as it is typed: its standard output."""

    def __init__(self, ledger: Path, onecard: Command) -> None:
        self.ledger = ledger
        self.onecard = onecard

    def __call__(self, what: str, *options: str) -> str:
        done = self.onecard("show", what, self.ledger, *options)
        assert done.status == 0, done
        return done.out

    def json(self, what: str, *options: str) -> Any:
        return json.loads(self(what, *options, "--json"))


def parted(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def test_the_register_in_a_pipe(server: Served, look: Look) -> None:
    with server.client() as client:
        assert client.put_participant(LONG, 1) == 4
        client.load_terminals([registry_pb2.Terminal(number=GATE, operator=4, place=7)])
        client.put_tariff("metro", 0, np.array([[-1, 300], [300, -1]], np.int32), 5, network=7)
        client.authorize_one(card=CARD, terminal=5, terminal_seq=3, amount_fen=250)
        now = client.rules()
    header, *rows = parted(look("participants"))
    assert header == ["id", "name", "role", "terminals", "accounts", "window_net_fen"]
    assert rows[0] == ["1", "Bus", "operator", "2", "0", "0"]
    assert rows[2:] == [
        ["3", "Bank", "issuer", "0", "20", "-250"],
        ["4", LONG, "operator", "1", "0", "250"],
    ]
    header, *rows = parted(look("terminals"))
    assert (len(rows), header[:4]) == (5, ["id", "number", "operator", "place"])
    assert rows[4] == ["5", GATE, LONG, "7", "0", "0", "active", "no", "1", "0", "3"]
    assert parted(look("terminals", "--operator", LONG))[1:] == rows[4:]
    assert parted(look("terminals", "--operator", "4"))[1:] == rows[4:]
    [tariff] = look.json("tariffs")["tariffs"]
    assert (tariff["version"], tariff["name"], tariff["fares"]) == (1, "metro", 2)
    assert (tariff["network"], tariff["entry_min_fen"]) == (7, 5)
    rules = {row["rule"]: (row["value"], row["means"]) for row in look.json("rules")["rules"]}
    assert rules["zone_offset_us"] == (now.zone_offset_us, "UTC+8 hours")
    assert rules["age_max_us"] == (60 * DAY_US, "60 days")
    assert rules["go_live_us"][1] == "2000-01-01 08:00:00+08:00"


NONE = [
    (("participants",), "no participant is registered"),
    (("terminals",), "no terminal is registered"),
    (("terminals", "--operator", "Bank"), "no terminal is registered for 'Bank'"),
    (("tariffs",), "no tariff is loaded"),
    (("actors",), "no actor is registered\nfour eyes off"),
    (("acts",), "no act was recorded"),
]


def test_that_there_is_none_is_said_in_its_own_words(
    tmp_path: Path, server: Served, onecard: Command
) -> None:
    fresh = tmp_path / "fresh"
    assert onecard("init", fresh).status == 0
    for (what, *options), said in NONE:
        done = onecard("show", what, server.node.ledger.path if options else fresh, *options)
        assert (done.status, done.out, done.err) == (0, "", f"{said}\n")


def test_windows_and_local_times(server: Served, look: Look) -> None:
    with server.client() as client:
        day = SystemClock().now_us() // DAY_US
        sequence = client.authorize_one(
            card=CARD, terminal=1, terminal_seq=1, amount_fen=9
        ).sequence
        client.close_window(1, day)
        closed_at_us = client.window(1).closed_at_us
        client.put_rules(
            **{f.name: v for f, v in client.rules().ListFields()} | {"zone_offset_us": 0}
        )
    first, second = look.json("windows")["windows"]
    assert (first["window"], first["closed"], first["sum_fen"]) == (1, True, 0)
    assert (first["in_fen"], first["out_fen"]) == (9, 9)
    assert (second["window"], second["closed"], second["first"]) == (2, False, first["cut"] + 1)
    utc = np.datetime_as_string(np.datetime64(closed_at_us, "us"), "s").replace("T", " ")
    assert first["closed_at"] == f"{utc}+00:00"
    facts = look.json("entry", str(sequence))
    assert facts["booked_at"].endswith("+00:00") and facts["number"] == "T1"


def test_a_card_that_changed_its_account_shows_both(server: Served, look: Look) -> None:
    with server.client() as client:
        client.load_terminals([registry_pb2.Terminal(number="T1", operator=BUS, place=0)])

        def move(card: int, account: int) -> None:
            client.put_card(token=card, issuer=BANK, funding=1, account=account)

        first, second = (client.card(token).account for token in (CARD, CARD + 1))
        said = []
        taps = ((CARD, first), (CARD + 1, second), (CARD, second), (CARD + 1, first), (CARD, first))
        for at, (card, account) in enumerate(taps, start=1):
            move(card, account)
            one = client.authorize_one(card=card, terminal=1, terminal_seq=at, kind=11)
            said.append((one.sequence, account))
        a, b, c, d, e = said
        for (card, last), wanted in {
            (CARD, 20): [e, d, c, a],  # d is another's, on the account that it draws on now
            (CARD + 1, 20): [e, d, b, a],  # not c, on the account that it left
            (CARD, 2): [e, d],
        }.items():
            facts = look.json("card", f"{card:x}", "--token", "--last", str(last))
            assert [(row["sequence"], row["account"]) for row in facts["trail"]] == wanted
        rows = look("card", f"{CARD:x}", "--token").splitlines()[-4:]
        assert [(row.split("\t")[0], row.split("\t")[-1]) for row in rows] == [
            (str(sequence), str(account)) for sequence, account in (e, d, c, a)
        ]


def suspended(client: Client, at: int, **tap: Any) -> tap_pb2.Decision:
    """An offline ride, or what else `tap` says, on terminal 1."""
    given = {"card": CARD, "kind": tap_pb2.TAP_KIND_RIDE, "amount_fen": 100} | tap
    return client.authorize_one(terminal=1, terminal_seq=at, offline=True, **given)


OF_SCENES = (
    (Outcome.SCENE_UNKNOWN, 8),
    (Outcome.SCENE_CLOSED, 9),
    (Outcome.AMOUNT_ABOVE_SCENE, 7),
)


def test_suspense_is_listed_until_it_is_reversed(server: Served, look: Look) -> None:
    """Every reason there is: brought about, listed with what mends it, mended, gone."""
    now_us = SystemClock().now_us()
    fare = {"amount_fen": 0, "kind": tap_pb2.TAP_KIND_EXIT}
    entry = {"amount_fen": 0, "kind": tap_pb2.TAP_KIND_ENTRY}
    with server.client() as client:
        client.load_terminals([registry_pb2.Terminal(number="T1", operator=BUS, place=0)])
        blocked = {"token": CARD + 1, "issuer": BANK, "funding": 1, "status": 2}
        client.put_card(**blocked, since_us=now_us - DAY_US)
        made = [
            (Outcome.CARD_UNKNOWN, {"card": 77}),
            (Outcome.CARD_BLOCKED, {"card": CARD + 1}),
            (Outcome.TIME_TOO_OLD, {"tapped_at_us": now_us - 90 * DAY_US}),
            (Outcome.TIME_IN_FUTURE, {"tapped_at_us": now_us + DAY_US}),
            (Outcome.PLACE_UNKNOWN, entry),
            (Outcome.TARIFF_UNKNOWN, entry | {"place": 1}),
            (Outcome.NO_OPEN_JOURNEY, fare | {"place": 1}),
        ]
        taps = [tap for _, tap in made]
        for at, tap in enumerate(taps, start=1):
            assert suspended(client, at, **tap).outcome == tap_pb2.OUTCOME_ACCEPTED_SUSPENSE, tap
        client.put_tariff("metro", 0, np.array([[-1, 300], [-1, -1]], np.int32))
        made += [(Outcome.FARE_UNKNOWN, {}), (Outcome.EXIT_BEFORE_ENTRY, {})]
        assert suspended(client, 8, card=CARD + 2, place=3, **entry).outcome == 3
        assert suspended(client, 9, card=CARD + 3, place=1, **entry).outcome == 1
        early = now_us - 3_600_000_000
        assert (
            suspended(client, 10, card=CARD + 3, place=2, tapped_at_us=early, **fare).outcome == 3
        )
        scenes = [registry_pb2.Scene(code=7, name="Canteen", most_fen=99)]
        client.put_scenes([*scenes, registry_pb2.Scene(code=9, name="Library", status=3)])
        for at, (reason, code) in enumerate(OF_SCENES, start=11):
            made.append((reason, {}))
            assert suspended(client, at, scene=code).outcome == 3
        reasons = {reason for reason, _ in made}
        assert reasons == set(MENDED_BY)
        found = look.json("suspense")
        assert {row["reason"] for row in found["suspense"]} == {reason.name for reason in reasons}
        assert sum(row["amount_fen"] for row in found["suspense"]) == 700
        assert {row["reason"]: row["do"] for row in found["reasons"]} == {
            reason.name: do for reason, do in MENDED_BY.items()
        }
        row = found["suspense"][0]
        assert (row["number"], row["seq"], row["operator"], row["age_h"]) == ("T1", 1, "Bus", 0)
        assert look.json("suspense", "--operator", "Metro")["suspense"] == []
        said = look("suspense")
        assert said.startswith("12 taps in suspense, 700 fen\n")
        assert "CARD_UNKNOWN\t1\t100\t" in said
        # Mended as the page says: registered, reversed, sent again under a new number.
        client.put_card(token=77, issuer=BANK, funding=1, floor_fen=-1_000)
        reverse(client, 77, 1, 51)
        assert suspended(client, 52, card=77).outcome == tap_pb2.OUTCOME_ACCEPTED
        for at, row in enumerate(found["suspense"][1:], start=60):
            reverse(client, int(row["token"], 16), row["seq"], at)
        assert look.json("suspense") == {"suspense": [], "reasons": []}


def reverse(client: Client, card: int, seq: int, at: int) -> None:
    [answer] = client.authorize(
        [
            columns_message(
                card=[card],
                terminal=[1],
                terminal_seq=[at],
                kind=[tap_pb2.TAP_KIND_REVERSAL],
                amount_fen=[0],
                about_seq=[seq],
            )
        ]
    )
    assert answer.outcome.tolist() == [tap_pb2.OUTCOME_ACCEPTED], (seq, answer.outcome)


def test_each_reason_has_its_paragraph() -> None:
    page = (DOCS / "suspense.md").read_text()
    for reason in MENDED_BY:
        assert f"| {reason.name} |" in page


def test_tables_fit_a_terminal_of_80_columns(server: Served) -> None:
    """The longest reason and printed number, on a terminal of the kernel's own."""
    entry = {"amount_fen": 0, "kind": tap_pb2.TAP_KIND_ENTRY}
    with server.client() as client:
        client.load_terminals([registry_pb2.Terminal(number=GATE, operator=BUS, place=0)])
        for at, tap in enumerate(({"card": 77}, {}, entry), start=1):
            given = {"card": CARD, "kind": tap_pb2.TAP_KIND_RIDE, "amount_fen": 12_345} | tap
            client.authorize_one(terminal=5, terminal_seq=at, offline=True, **given)
    ledger = server.node.ledger.path
    said = on_a_terminal("suspense", ledger)
    assert "not shown for want of width: the zone of times (+08:00), epoch" in said
    assert "│ register the card; then reverse" in said
    assert "amount_fen" in said and "CARD_UNKNOWN" in said
    said = on_a_terminal("card", ledger, f"{CARD:x}", "--token")
    assert "balance_fen" in said.split("newest")[1].split("not shown")[0]
    assert "-12345" in said and "ACCEPTED_SUSPENSE" in said


def test_a_card_that_was_lost_says_when(server: Served, look: Look) -> None:
    """To the second, in the ledger's zone: what it was, the newest first."""
    at_us = 1_767_225_600_000_000  # 2026-01-01 08:00 in UTC+8
    one, lost_us = {"token": CARD, "issuer": BANK}, at_us + 3_600_000_000
    assert "pasts" not in look.json("card", f"{CARD:x}", "--token")
    with server.client() as client:
        account = client.card(CARD).account
        client.put_card(**one, funding=1, status=2, since_us=at_us)
        shown = look.json("card", f"{CARD:x}", "--token")
        assert (shown["status"], shown["since"]) == ("BLOCKED", "2026-01-01 08:00:00+08:00")
        client.put_card(**one, funding=1, status=1, since_us=lost_us)
        client.put_card(**one, funding=3, since_us=lost_us + 1_000_000)
    times = [f"2026-01-01 0{clock}+08:00" for clock in ("8:00:00", "9:00:00", "9:00:01")]
    drew = {"from": "", "until": times[2], "account": account, "issuer": "Bank"}
    found = look.json("card", f"{CARD:x}", "--token")["pasts"]
    nothing = {"account": 0, "issuer": "", "funding": ""}
    assert found == [
        drew | {"status": "", "funding": "PREPAID"},
        nothing | {"from": times[0], "until": times[1], "status": "BLOCKED"},
    ]
    said = look("card", f"{CARD:x}", "--token").splitlines()
    assert f"since\t{times[1]}" in said  # active again, since it was found
    first = said.index("what it was")
    assert [line.split("\t") for line in said[first + 1 : first + 4]] == [
        ["was", "from", "until"],
        [f"account {account}, PREPAID, Bank", "", times[2]],
        ["BLOCKED", *times[:2]],
    ]
    drawn = on_a_terminal("card", server.node.ledger.path, f"{CARD:x}", "--token")
    assert "BLOCKED" in drawn and "2026-01-01 08:00:00" in drawn


def on_a_terminal(*arguments: object) -> str:
    """What `onecard show` draws on one of 80 columns; no line of it is wider."""
    code = "import sys; from onecard.cli.main import main; main()"
    ours, its = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", code, "show", *map(str, arguments)],
        stdout=its,
        stdin=subprocess.DEVNULL,
        env=dict(os.environ, COLUMNS="80", TERM="dumb"),
    )
    os.close(its)
    said = b""
    with suppress(OSError):  # how Linux says that nobody writes there any more
        while part := os.read(ours, 65_536):
            said += part
    os.close(ours)
    assert child.wait() == 0
    lines = said.decode().splitlines()
    assert [line for line in lines if cell_len(line) > 80] == []
    return "\n".join(lines)


@pytest.mark.parametrize("width", (40, 80, 200))
def test_nothing_is_cut_on_a_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(table.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(table, "Console", lambda **given: Console(**{"width": width} | given))
    sequence = 12_345_678_901_234_567_890
    row = {"sequence": sequence, "number": GATE, "name": LONG, "spare": "x" * 30, "last": 7}
    table.print_rows("title", [row], tuple(row), ("spare",))
    table.print_facts(row)
    table.print_rows(
        "", [row | {"do": "reverse it " * 9}], ("sequence", "number", "name", "do"), (), "do"
    )
    said = capsys.readouterr().out
    for value in (str(sequence), GATE, LONG):
        assert said.count(value) == 3, said
    assert ("not shown for want of width: spare" in said) == (width < 200)
    assert "…" not in said


def test_a_card_shows_the_lots_of_its_account(server: Served, look: Look) -> None:
    """In the order in which they are spent; of a grant, what it says."""
    ends_us = 4_000_000_000_000_000
    gates = [registry_pb2.Terminal(number="internal:lots", operator=BUS, status=4)]
    granted: dict[str, list[int]] = {"card": [CARD] * 3, "terminal_seq": [1, 2, 3]}
    granted |= {"kind": [Kind.GRANT] * 3, "amount_fen": [500, 600, 700], "sponsor": [BUS] * 3}
    granted |= {"programme": [7, 8, 0], "ends_us": [0, ends_us, ends_us]}
    with server.client() as client:
        [gate] = client.load_terminals(gates)
        [answer] = client.authorize([columns_message(terminal=[gate] * 3, **granted)])
        assert set(answer.outcome.tolist()) == {Outcome.ACCEPTED}
        second = int(answer.sequence[1])
        entry = client.entry(second)
        assert (entry.sponsor, entry.programme, entry.ends_us) == (BUS, 8, ends_us)
    token = f"{CARD:x}"
    card = look.json("card", token, "--token")
    found = [(one["lot"], one["left_fen"], one["programme"]) for one in card["lots"]]
    assert found == [(2, 600, 8), (3, 700, 0), (1, 500, 7)]
    assert [bool(one["ends_at"]) for one in card["lots"]] == [True, True, False]
    shown = look.json("entry", str(second))
    assert (shown["kind"], shown["sponsor"], shown["programme"]) == ("GRANT", BUS, 8)
    assert "its account's lots" in on_a_terminal("card", server.node.ledger.path, token, "--token")


def test_an_exit_that_its_gate_rated_shows_what_is_marked(server: Served, look: Look) -> None:
    with server.client() as client:
        client.put_tariff("metro", 0, np.array([[0, 300], [300, 0]], np.int32))
        begun: dict[str, int] = {"card": CARD, "terminal": 1, "terminal_seq": 41, "place": 1}
        assert client.authorize_one(**begun, kind=Kind.ENTRY).outcome == Outcome.ACCEPTED
        gate = begun | {"terminal_seq": 42, "place": 2, "amount_fen": 250}
        ended = client.authorize_one(**gate, kind=Kind.EXIT, gate_rated=True)
        assert (ended.outcome, ended.amount_fen) == (Outcome.ACCEPTED, 250)
        assert client.entry(ended.sequence).marks == Mark.GATE_RATED | Mark.DIFFERS
    shown = look.json("entry", str(ended.sequence))
    assert (shown["marks"], shown["tariff"]) == ("DIFFERS GATE_RATED", 1)
    assert "marks" not in look.json("entry", str(shown["journey"]))
