"""`onecard load`: every file it takes, every row it refuses, by file, line and column."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from onecard.cli import tokens
from onecard.cli.load import commands as load
from onecard.core.errors import BadInput, Overloaded
from onecard.core.ledger.token import token
from onecard.core.registry.rules import RULES
from onecard.grpc.client import Unreachable
from onecard.v1 import registry_pb2
from tests.support.serving import BANK, BUS, Served, served

HOUR_US = 3_600_000_000
ZONE_US = 8 * HOUR_US  # of a ledger's first rules
PARTICIPANTS = "name,role\nBus,operator\nMetro,operator\nBank,issuer\nKiosk,agent\n"
TERMINALS = "number,operator,place,status,counterless\nT1,Bus,7,,\nT2,2,,blocked,yes\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "ledger") as running:
        yield running


def run_load(server: Served, what: str, path: Path, *options: str) -> Result:
    """The command as it is typed; its BadInput is raised here, the main program prints it."""
    command = [what, str(path), "--to", server.address, *options]
    result = CliRunner().invoke(load.app, command)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_register_loads_and_loads_again_without_a_change(server: Served, tmp_path: Path) -> None:
    cards = "number,token,issuer,funding,status,floor_fen\n"
    cards += "62170001,,Bank,prepaid,,-100\n,77,3,chip,blocked,\n"
    for times, changed in ((1, (4, 2, 2)), (2, (0, 0, 0))):
        for (what, text, count), new in zip(
            (("participants", PARTICIPANTS, 4), ("terminals", TERMINALS, 2), ("cards", cards, 2)),
            changed,
            strict=True,
        ):
            result = run_load(server, what, write(tmp_path, f"{what}.csv", text))
            assert f"{count} {what} read, {new} changed" in result.output, times
    with server.client() as client:
        assert client.participants() == {"Bus": 1, "Metro": 2, "Bank": 3, "Kiosk": 4}
        card = client.card(number="62170001")
        assert (card.issuer, card.floor_fen, card.funding) == (BANK, -100, 1)
        assert client.card(77).status == registry_pb2.STATUS_BLOCKED
    terminals = server.node.state.rows("terminals")
    assert terminals["place"].tolist() == [0, 7, 0]
    assert terminals["operator_id"].tolist() == [0, BUS, 2]
    assert terminals["counterless"].tolist() == [0, 0, 1]


def test_a_tariff_loads_from_a_file_and_from_a_folder(server: Served, tmp_path: Path) -> None:
    fares = write(tmp_path, "metro.csv", "from,to,fare_fen\n1,2,300\n2,1,300\n3,3,0\n")
    result = run_load(server, "tariff", fares, "--effective-from", "2026-01-01")
    assert "tariff 1: 3 stations, 3 fares" in result.output
    assert server.node.state.fares_of(0).reshape(3, 3).tolist() == [
        [-1, 300, -1],
        [300, -1, -1],
        [-1, -1, 0],
    ]
    beijing = (
        Path(__file__).resolve().parent.parent.parent / "core" / "tariff" / "cities" / "beijing"
    )
    metro = "tariff", beijing, "--fares-of", "metro"
    assert "tariff 2: 403 stations" in run_load(server, *metro).output
    # Midnight in Shanghai, where the ledger is, and not in Greenwich.
    midnights_us = [1_767_225_600_000_000 - ZONE_US, 1_419_724_800_000_000 - ZONE_US]
    assert server.node.state.rows("policies")["effective_from_us"].tolist() == midnights_us
    # Of another network the same fares are another tariff, and only there.
    for _ in range(2):
        said = run_load(server, "tariff", fares, "--effective-from", "2026-01-01", "--network", "7")
        assert "tariff 3: 3 stations, 3 fares" in said.output
    assert (
        "tariff 4: "
        in run_load(server, "tariff", "beijing", *metro[2:], "--network", "65535").output
    )
    assert server.node.state.rows("policies")["network"].tolist() == [0, 0, 7, 65_535]


def test_a_tariff_begins_at_midnight_of_the_zone_that_rules_say(
    server: Served, tmp_path: Path
) -> None:
    with server.client() as client:
        rules = {field.name: value for field, value in client.rules().ListFields()}
        client.put_rules(**{**rules, "zone_offset_us": -5 * HOUR_US})
    fares = write(tmp_path, "metro.csv", "from,to,fare_fen\n1,2,300\n2,1,300\n")
    run_load(server, "tariff", fares, "--effective-from", "2026-01-01")
    run_load(server, "tariff", fares)  # without one it is for ever
    starts_us = server.node.state.rows("policies")["effective_from_us"].tolist()
    assert starts_us == [1_767_225_600_000_000 + 5 * HOUR_US, 0]
    for text in ("20260101", "2026-W01-4", "2026-1-1"):
        with pytest.raises(BadInput, match="--effective-from: expected YYYY-MM-DD, found"):
            run_load(server, "tariff", fares, "--effective-from", text)


def test_rules_load_whole_or_those_that_change(server: Served, tmp_path: Path) -> None:
    values = [946_684_800_000_000, 3_600_000_000, 1_000_000, 10, -900_000_000]
    rows = [f"{rule},{value}\n" for rule, value in zip(RULES, values, strict=True)]
    run_load(server, "rules", write(tmp_path, "rules.csv", "rule,value\n" + "".join(rows)))
    assert [int(server.node.state.totals[rule][0]) for rule in RULES] == values
    part = write(tmp_path, "part.csv", "rule,value\ngo_live_us,0\nage_max_us,3600000000\n")
    assert (
        f"go_live_us 0, {values[0]} before\nage_max_us 3600000000, as it was"
        in run_load(server, "rules", part).output
    )
    assert [int(server.node.state.totals[rule][0]) for rule in RULES] == [0, *values[1:]]
    with pytest.raises(BadInput, match="expected a row for a rule that changes"):
        run_load(server, "rules", write(tmp_path, "none.csv", "rule,value\n"))


UNMEANT = [  # a rule in another unit, or just outside what can be meant
    ("age_max_us", (5_184_000, 3_599_999_999, 1 << 60, -1)),
    ("ahead_max_us", (0, 3_600, 999_999, 604_800_000_001)),
    ("zone_offset_us", (8, 28_800, 28_800_000, 28_800_000_001, 51_300_000_000)),
    ("go_live_us", (1, 1_790_000_000, 1_790_000_000_000, 1_790_000_000_000_000_000)),
]


@pytest.mark.parametrize(("rule", "values"), UNMEANT)
def test_a_rule_that_cannot_be_meant_is_refused(
    server: Served, tmp_path: Path, rule: str, values: tuple[int, ...]
) -> None:
    before = server.node.state.totals[rule][0]
    for value in values:
        path = write(tmp_path, "r.csv", f"rule,value\n{rule},{value}\n")
        with pytest.raises(BadInput, match=r"r\.csv:2: column value: expected .*, found '"):
            run_load(server, "rules", path)
    assert server.node.state.totals[rule][0] == before


def test_declarations_exit_1_where_they_do_not_agree(server: Served, tmp_path: Path) -> None:
    run_load(server, "participants", write(tmp_path, "p.csv", PARTICIPANTS))
    run_load(server, "terminals", write(tmp_path, "t.csv", TERMINALS))
    header = "terminal,day,taps,sum_fen\n"
    agree = write(tmp_path, "a.csv", header + "1,2026-01-01,0,0\n")
    result = run_load(server, "declarations", agree, "--as", "Bus")
    assert (result.exit_code, "1 declarations compared, 0" in result.output) == (0, True)
    differ = write(tmp_path, "d.csv", header + "1,2026-01-01,5,700\n")
    result = run_load(server, "declarations", differ, "--as", "Bus")
    assert result.exit_code == 1
    assert "terminal 1, 2026-01-01: declared 5 taps, 700 fen; booked 0 taps, 0 fen" in result.output


BAD_FILES = [
    # what, file, what the error says after the file's name
    ("participants", "", ":1: expected columns name, role; found nothing"),
    ("participants", "name\nBus\n", ":1: expected columns name, role; found name"),
    ("participants", "name,role,x\n", ":1: expected columns name, role; found name, role, x"),
    ("participants", "name,role\nBus,boss\n", ":2: column role: expected operator or issuer or"),
    ("participants", "name,role\nBus\n", ":2: expected 2 cells, found 1"),
    ("participants", "name,role\nBus,agent,1\n", ":2: expected 2 cells, found 3"),
    ("participants", 'name,role\n"Bus,agent\n', ": after line 1: not CSV"),
    ("participants", "name,role\n,operator\n", ":2: participant name"),
    ("participants", b"name,role\nB\xff,agent\n", ":2: expected UTF-8, found byte 0xff; save it"),
    (
        "participants",
        "name,role\nA,agent\n公交,agent\n".encode("gb18030"),
        ":3: expected UTF-8, found",
    ),
    (
        "participants",
        "name,role\n公交,agent\n".encode("gb18030"),
        "can be read as GB18030; save it as",
    ),
    (
        "participants",
        "name,role\nB,agent\n".encode("utf-16"),
        ":1: expected UTF-8, found byte 0xff, as",
    ),
    ("terminals", "number,operator\nT1,Bus\nT2,Tram\n", ":3: column operator: expected the name"),
    ("terminals", "number,operator\nT1,4294967296\n", ":2: column operator: expected the name or"),
    ("cards", "number,issuer,funding\nN1,٣,chip\n", ":2: column issuer: expected the name or id"),
    ("terminals", "number,operator\nT0,Bus\nT1,99\n", ":3: terminal operator: expected a"),
    ("terminals", "number,operator,mode\nT1,Bus,256\n", ":2: column mode: expected 0 to 255"),
    ("terminals", "number,operator,place\nT1,Bus,x\n", ":2: column place: expected a whole number"),
    ("cards", "number,issuer,funding\n1,Bank,gold\n", ":2: column funding: expected prepaid or"),
    ("cards", "issuer,funding\nBank,chip\n", ":2: expected a number or a token, found neither;"),
    (
        "cards",
        "number,token,issuer,funding\n7,7,3,chip\n",
        ":2: expected a number or a token, found both;",
    ),
    (
        "cards",
        "number,issuer,funding\n1,3,chip\n2,3,prepaid\n3,9,chip\n",
        ":4: card issuer: expected",
    ),
    (
        "cards",
        "number,issuer,funding,account\n1,3,chip,\n2,3,chip,70\n",
        ":3: card account: expected",
    ),
    (
        "cards",
        "token,issuer,funding\n1234567890123456,3,chip\n",
        "found 16 digits without 0x: hexa",
    ),
    (
        "cards",
        "token,issuer,funding\nf18e680d1afa7809,3,chip\n",
        "or 0x and 16 hexadecimal digits, ",
    ),
    ("cards", "token,issuer,funding\n0x1234,3,chip\n", "expected decimal, or 0x and 16"),
    ("cards", 'number,issuer,funding\n"=""Y-0008""",3,chip\n', "found a formula or an apostrophe"),
    ("cards", "number,issuer,funding\n'Y-0009,3,chip\n", "found a formula or an apostrophe"),
    ("terminals", "number,operator\n'G-1,Bus\n", "found a formula or an apostrophe, as"),
    ("terminals", 'number,operator\n"=""G-1""",Bus\n', "found a formula or an apostrophe, as"),
    ("terminals", "number,operator\n1.23E+15,Bus\n", "found a float, as a spreadsheet writes it"),
    ("tariff", "from,to,fare_fen\n0,1,5\n", ":2: column from: expected a station of 1 to 1024"),
    ("tariff", "from,to,fare_fen\n1,1,5\n1,1,5\n", ":3: column to: expected each pair once"),
    ("tariff", "from,to,fare_fen\n1,1,-5\n", ":2: column fare_fen: expected 0 or more fen"),
    ("tariff", "from,to,fare_fen\n", ": expected fares, found no rows"),
    (
        "rules",
        "rule,value\ngo_live_us,0\ngo_live_us,0\n",
        ":3: column rule: expected each rule once",
    ),
    ("rules", "rule,value\nspeed,1\n", ":2: column rule: expected go_live_us or"),
    ("declarations", "terminal,day,taps,sum_fen\n1,today,1,1\n", ":2: column day: expected a day"),
    (
        "declarations",
        "terminal,day,taps,sum_fen\n1,2026-01-01,1,9223372036854775808\n",
        ":2: column sum_fen: expected -9223372036854775808 to 9223372036854775807, found '92233720",
    ),
    (
        "declarations",
        "terminal,day,taps,sum_fen\n1,2026-01-01,-1,1\n",
        ":2: column taps: expected 0",
    ),
    (
        "declarations",
        "terminal,day,taps,sum_fen\n9,2026-01-01,1,1\n",
        ":2: declared terminal: expected",
    ),
]


@pytest.mark.parametrize(("what", "text", "says"), BAD_FILES)
def test_a_bad_row_is_named(
    server: Served, tmp_path: Path, what: str, text: str | bytes, says: str
) -> None:
    if what in ("terminals", "cards"):
        run_load(server, "participants", write(tmp_path, "p.csv", PARTICIPANTS))
    path = write(tmp_path, f"{what}.csv", text)
    with pytest.raises(BadInput) as refusal:
        run_load(server, what, path)
    assert str(refusal.value).startswith(str(path))
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("rows", "bad", "loaded"), [(2_100, 2_060, 2_048), (2_100, 7, 0), (5_100, 5_050, 5_000)]
)
def test_the_line_is_named_and_the_count_is_true(
    server: Served, tmp_path: Path, rows: int, bad: int, loaded: int
) -> None:
    """A request is taken in acts of 2,048 rows, and the command sends requests of 5,000."""
    names = [f"P{at}" if at != bad else f"{at}" for at in range(2, rows + 2)]
    text = "name,role\n" + "".join(f"{name},operator\n" for name in names)
    path = write(tmp_path, "p.csv", text)
    with pytest.raises(BadInput) as refusal:
        run_load(server, "participants", path)
    said = str(refusal.value)
    assert said.startswith(f"{path}:{bad}: participant name: expected one that cannot be read")
    assert (f"; the first {loaded} rows of the file are loaded" in said) == (loaded > 0)
    assert "participants[" not in said  # the row of the request is nothing to the reader
    assert server.node.state.count("participants") - 1 == loaded


def test_a_row_that_cannot_be_read_does_not_hide_what_was_loaded(
    server: Served, tmp_path: Path
) -> None:
    text = "name,role\n" + "".join(f"P{at},operator\n" for at in range(5_000)) + "X,boss\n"
    path = write(tmp_path, "p.csv", text)
    with pytest.raises(BadInput, match=r"p.csv:5002: column role: .*; the first 5000 rows of"):
        run_load(server, "participants", path)


def test_a_full_register_says_what_fitted(server: Served, tmp_path: Path) -> None:
    run_load(server, "participants", write(tmp_path, "p.csv", PARTICIPANTS))
    text = "number,operator\n" + "".join(f"G{at},Bus\n" for at in range(900))
    run_load(server, "terminals", write(tmp_path, "t.csv", text))
    text = "number,operator\n" + "".join(f"H{at},Bus\n" for at in range(2_000))
    with pytest.raises(Overloaded, match=r"^terminals_max: .* room for 1000, .*=N$"):
        run_load(server, "terminals", write(tmp_path, "more.csv", text))
    assert server.node.state.count("terminals") - 1 == 900


def test_the_ids_are_printed_or_written(server: Served, tmp_path: Path) -> None:
    names = write(tmp_path, "p.csv", PARTICIPANTS)
    printed = run_load(server, "participants", names)
    assert printed.stdout == "name\tid\nBus\t1\nMetro\t2\nBank\t3\nKiosk\t4\n"
    asked = run_load(server, "participants", names, "--json").stdout
    assert json.loads(asked) == {"Bus": 1, "Metro": 2, "Bank": 3, "Kiosk": 4}
    many = "number,operator\n" + "".join(f"G{at},Bus\n" for at in range(101))
    gates, out = write(tmp_path, "t.csv", many), tmp_path / "ids.csv"
    said = run_load(server, "terminals", gates)
    assert said.stdout == "" and "101 ids; --ids OUT.csv writes them" in said.output
    assert run_load(server, "terminals", gates, "--ids", str(out)).stdout == ""
    assert out.read_text().splitlines()[:2] == ["number,id", "G0,1"]
    assert out.read_text().splitlines()[-1] == "G100,101"
    with pytest.raises(BadInput, match="expected a folder to write into"):
        run_load(server, "terminals", gates, "--ids", str(tmp_path / "none" / "ids.csv"))


def test_tokens_of_a_file_for_the_ledgers_own_and_for_an_operator(
    server: Served, tmp_path: Path
) -> None:
    run_load(server, "participants", write(tmp_path, "p.csv", PARTICIPANTS))
    numbers = [f"Y-{at}" for at in range(5_001)]  # more than a call takes
    ledger = server.node.ledger
    made = ledger.algorithms.tokens
    wanted = [token(ledger.token_key, number, made) for number in numbers]
    with server.client("Bus") as client:
        assert client.tokens(numbers).tolist() == wanted
        assert client.tokens([]).tolist() == []
        with pytest.raises(BadInput, match=r"^card number: expected .*, found none$") as empty:
            client.tokens([*numbers, "Y-1", ""])
        assert (empty.value.rows, empty.value.row) == ("numbers", 5_002)
    app = typer.Typer()
    app.command()(tokens.tokens)
    path = write(tmp_path, "n.csv", "number\nY-0\nY-1\n")
    command = [str(path), "--to", server.address, "--as", "Bus"]
    done = CliRunner().invoke(app, command)
    assert done.stdout == f"token\n{wanted[0]}\n{wanted[1]}\n", done.output
    out = tmp_path / "tokens.csv"
    done = CliRunner().invoke(app, [*command, "--numbers", "--out", str(out)])
    assert (done.stdout, done.exit_code) == ("", 0)
    assert out.read_text() == f"number,token\nY-0,{wanted[0]}\nY-1,{wanted[1]}\n"
    gap = write(tmp_path, "gap.csv", 'number\nY-0\n""\n')
    refused = CliRunner().invoke(app, [str(gap), "--to", server.address])
    assert f"{gap}:3: column number: expected a printed number" in str(refused.exception)
    assert refused.stdout == ""


def test_a_token_loads_in_the_forms_it_is_shown_in(server: Served, tmp_path: Path) -> None:
    run_load(server, "participants", write(tmp_path, "p.csv", PARTICIPANTS))
    rows = ("0x1234567890123456", "0xF18E680d1afa7809", "01234567890123456", "17405964015330031625")
    text = "token,issuer,funding\n" + "".join(f"{row},Bank,chip\n" for row in rows)
    done = run_load(server, "cards", write(tmp_path, "c.csv", text))
    assert "4 cards read, 3 changed" in done.stderr  # the last is the second
    with server.client() as client:
        for token in (0x1234567890123456, 0xF18E680D1AFA7809, 1234567890123456):
            assert client.card(token).issuer == BANK


def test_what_is_read_is_not_overwritten(server: Served, tmp_path: Path) -> None:
    run_load(server, "participants", write(tmp_path, "p.csv", PARTICIPANTS))
    path, other = write(tmp_path, "t.csv", "number,operator\nT1,Bus\n"), tmp_path / "link.csv"
    other.symlink_to(path)
    kept = path.read_text()
    app = typer.Typer()
    app.command()(tokens.tokens)
    for out in (path, other):
        with pytest.raises(BadInput, match="expected another file than the one that is read"):
            run_load(server, "terminals", path, "--ids", str(out))
        command = [str(path), "--to", server.address, "--out", str(out)]
        done = CliRunner().invoke(app, command)
        assert "expected another file than the one" in str(done.exception)
        assert path.read_text() == kept
    assert server.node.state.count("terminals") == 1


def test_no_server_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, "p.csv", PARTICIPANTS)
    result = CliRunner().invoke(load.app, ["participants", str(path), "--to", "127.0.0.1:1"])
    assert isinstance(result.exception, Unreachable)


def test_a_card_is_lost_since_a_time_in_the_ledgers_zone(server: Served, tmp_path: Path) -> None:
    run_load(server, "participants", write(tmp_path, "participants.csv", PARTICIPANTS))
    header = "token,issuer,funding,status,since\n"
    rows = ("77,Bank,chip,blocked,2026-01-31 08:30", "78,Bank,chip,blocked,2026-01-31")
    text = header + "\n".join((*rows, "79,Bank,chip,blocked,2026-01-31 08:30Z", "80,Bank,chip,,"))
    for changed in (4, 0):  # and the same file again changes nothing
        result = run_load(server, "cards", write(tmp_path, "cards.csv", text))
        assert f"4 cards read, {changed} changed" in result.output
    with server.client() as client:
        times_us = [client.card(token).since_us for token in (77, 78, 79)]
    eight_us, half_us = 28_800_000_000, 1_800_000_000
    midnight_us = 1_769_817_600_000_000 - eight_us  # of 2026-01-31 in UTC+8
    assert times_us == [
        midnight_us + eight_us + half_us,
        midnight_us,
        midnight_us + 2 * eight_us + half_us,
    ]
    closed = header + "77,Bank,chip,closed,2026-02-01\n"
    run_load(server, "cards", write(tmp_path, "closed.csv", closed))
    with server.client() as client:
        card = client.card(77)
    assert (card.status, card.since_us) == (registry_pb2.STATUS_CLOSED, times_us[0])


WRONG_SINCE = (
    ("20260131", r"wrong\.csv:2: column since: expected a day or time such as 2026-01-31"),
    ("2026-01-31 8:30", r"wrong\.csv:2: column since: expected a day or time"),
    ("2099-01-31", "card since: expected a time from 2000-01-01 to now, .*, found 2099-01-31 00"),
    ("1999-12-31", "card since: expected a time from 2000-01-01 to now"),
)


@pytest.mark.parametrize(("since", "said"), WRONG_SINCE)
def test_a_time_of_loss_that_cannot_be(
    server: Served, tmp_path: Path, since: str, said: str
) -> None:
    run_load(server, "participants", write(tmp_path, "participants.csv", PARTICIPANTS))
    text = f"token,issuer,funding,status,since\n77,Bank,chip,blocked,{since}\n"
    with pytest.raises(BadInput, match=said):
        run_load(server, "cards", write(tmp_path, "wrong.csv", text))


# ---- what was true before ------------------------------------------------------------------


def test_a_terminal_moves_from_a_time_on(server: Served, tmp_path: Path) -> None:
    """What was tapped before is whose it was; the column since says since when it is another's."""
    run_load(server, "participants", write(tmp_path, "p.csv", PARTICIPANTS))
    run_load(server, "terminals", write(tmp_path, "t.csv", TERMINALS))
    moves = "number,operator,network,since\nT1,Metro,9,2026-01-02\n"
    moved = write(tmp_path, "moved.csv", moves)
    assert "1 moved" in run_load(server, "terminals", moved, "--move").output
    state = server.node.state
    [past] = state.rows("terminal_pasts")[1:]
    midnight_us = 1_767_283_200_000_000  # 2026-01-02 in the ledger's zone
    assert (past["operator_id"], past["place"], past["network"]) == (BUS, 7, 0)
    assert (past["until_us"], state.rows("terminals")["network"][1]) == (midnight_us, 9)
    assert "0 changed" in run_load(server, "terminals", moved).output
    early = write(tmp_path, "early.csv", "number,operator,since\nT1,Bus,2026-01-01\n")
    with pytest.raises(
        BadInput, match=r"early.csv:2: terminal T1: expected a since from 2026-01-02"
    ):
        run_load(server, "terminals", early, "--move")


def test_what_is_only_recorded_of_a_card(server: Served, tmp_path: Path) -> None:
    run_load(server, "participants", write(tmp_path, "p.csv", PARTICIPANTS))
    columns = "token,issuer,funding,bank_status,generation,expires,key_version\n"
    rows = "77,Bank,chip,blocked,3,2031-06-30,2\n78,Bank,chip,,,,\n"
    path = write(tmp_path, "cards.csv", columns + rows)
    assert "2 added" in run_load(server, "cards", path).output
    assert "0 changed" in run_load(server, "cards", path).output
    with server.client() as client:
        one, other = client.card(77), client.card(78)
        said = (one.bank_status, one.generation, one.expires_day, one.key_version)
        assert said == (registry_pb2.STATUS_BLOCKED, 3, 22_460, 2)
        unsaid = (other.bank_status, other.generation, other.expires_day, other.key_version)
        assert unsaid == (0, 0, 0, 1)
        kept = client.put_card(token=77, issuer=BANK, funding=2, bank_status=0)
        assert (kept.bank_status, kept.generation, kept.home_issuer) == (0, 3, BANK)
    for cell, name in (("256", "generation"), ("soon", "expires"), ("0", "key_version")):
        wrong = write(tmp_path, "w.csv", f"token,issuer,funding,{name}\n77,Bank,chip,{cell}\n")
        with pytest.raises(BadInput, match=f"column {name}: expected"):
            run_load(server, "cards", wrong)


def test_a_card_goes_to_another_bank(server: Served, tmp_path: Path) -> None:
    more = PARTICIPANTS + "Union,issuer\n"
    run_load(server, "participants", write(tmp_path, "p.csv", more))
    run_load(server, "terminals", write(tmp_path, "t.csv", TERMINALS))
    text = "token,issuer,funding,floor_fen\n77,Bank,prepaid,-500\n"
    run_load(server, "cards", write(tmp_path, "c.csv", text))
    with server.client() as client:
        assert client.authorize_one(card=77, terminal=1, terminal_seq=1, amount_fen=5).outcome == 1
    swap = write(tmp_path, "swap.csv", "token,issuer,funding\n77,Union,credit\n")
    with pytest.raises(BadInput, match="expected no card to move"):
        run_load(server, "cards", swap)
    assert "1 moved" in run_load(server, "cards", swap, "--move").output
    with server.client() as client:
        card = client.card(77)
        assert (card.issuer, card.home_issuer, card.posted_fen) == (5, BANK, -5)
        assert client.authorize_one(card=77, terminal=1, terminal_seq=2, amount_fen=9).outcome == 1
        assert client.card(77).posted_fen == -5
