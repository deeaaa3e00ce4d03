"""The form of card numbers: what is refused, in which words, at every door."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from onecard.cli.main import app
from onecard.core.errors import BadInput
from onecard.core.journal.algorithms import INTERNATIONAL
from onecard.core.ledger.card_number import ANY, DEFAULT, CardForm
from onecard.core.ledger.folder import LedgerToml, read_card_tokens, read_ledger_toml
from onecard.core.ledger.migrate import migrate
from onecard.core.ledger.opened import Ledger
from onecard.core.ledger.token import token
from onecard.grpc.client import Client
from onecard.sample.recorded import shenzhen
from onecard.sample.recorded.taps import Fault, Roll
from onecard.v1 import registry_pb2
from tests.command.test_load import run_load, write
from tests.support.serving import BANK, SMALL, Served, register, served

# Made up, in no issuer's range; the last digit is the check digit of the others.
GOOD = "9900000012345676"
BANKS = CardForm.made(length="16-19", luhn=True, prefixes=["9900", "9911"])
DIGITS = CardForm.made(digits=True, length="8")
FLOAT = "a float, as a spreadsheet writes it: format its column as text"

NUMBERS = [  # form, number, what is found wrong; None: nothing
    (BANKS, GOOD, None),
    (BANKS, GOOD[:-1] + "5", "another check digit"),
    (BANKS, GOOD[:9] + "21" + GOOD[11:], "another check digit"),
    (BANKS, "9911000012345673", None),
    (BANKS, "9800000012345677", "another beginning"),
    (BANKS, GOOD[:15], "15"),
    (BANKS, GOOD + "0000", "20"),
    (BANKS, "9.9E+15", FLOAT),
    (BANKS, f"{GOOD}.0", FLOAT),
    (BANKS, "", "none"),
    (DIGITS, "00000000", None),
    (DIGITS, "0000000", "7"),
    (DIGITS, "0000 000", "a blank or the end of a line (U+0020) as character 5"),
    (DIGITS, "0000000X", "another sign as character 8"),
    (DIGITS, "000-0000", "another sign as character 4"),
    (DIGITS, "0000000\uff11", "a digit of another script or width as character 8"),
    (DIGITS, "0000000\u0661", "a digit of another script or width as character 8"),
    (DIGITS, "0000\u200b0000", "an invisible character (U+200B) as character 5"),
    (DIGITS, "\ufeff00000000", "an invisible character (U+FEFF) as character 1"),
    (DIGITS, "0000\x000000", "an invisible character (U+0000) as character 5"),
    (DEFAULT, "Y-0001", None),
    (DEFAULT, "1", None),
    (DEFAULT, "!" + "~" * 31, None),
    (DEFAULT, "~" * 33, "33"),
    (DEFAULT, "12E05", None),  # a number of hexadecimal digits; a spreadsheet writes E+05
    (DEFAULT, "6.217E+18", FLOAT),
    (DEFAULT, "6,217E+18", FLOAT),
    (DEFAULT, '="Y-0008"', "a formula or an apostrophe"),
    (DEFAULT, "'Y-0009", "a formula or an apostrophe"),
    (DEFAULT, "6e+18", FLOAT),
    (DEFAULT, "00000000.0", FLOAT),
    (DEFAULT, " 1", "a blank or the end of a line (U+0020) as character 1"),
    (DEFAULT, "1 ", "a blank or the end of a line (U+0020) as character 2"),
    (DEFAULT, "1\n", "a blank or the end of a line (U+000A) as character 2"),
    (DEFAULT, "1\r\n", "a blank or the end of a line (U+000D) as character 2"),
    (DEFAULT, "1\u3000", "a blank or the end of a line (U+3000) as character 2"),
    (DEFAULT, "1\u00a0", "a blank or the end of a line (U+00A0) as character 2"),
    (DEFAULT, "\u200b1", "an invisible character (U+200B) as character 1"),
    (DEFAULT, "1\x7f", "an invisible character (U+007F) as character 2"),
    (DEFAULT, "\uff11", "a digit of another script or width as character 1"),
    (DEFAULT, "\u5361-1", "another sign as character 1"),
    (ANY, " 1\n", None),
    (ANY, "6.217E+18", None),
]


@pytest.mark.parametrize(("form", "number", "found"), NUMBERS)
def test_a_number_is_taken_or_said_to_be_wrong(
    form: CardForm, number: str, found: str | None
) -> None:
    fault = form.fault(number)
    if found is None:
        assert fault is None
        form.check(number)
        return
    assert fault is not None and fault.startswith(found)
    with pytest.raises(BadInput) as refused:
        form.check(number)
    said = str(refused.value)
    assert said.startswith(f"card number: expected {form}, found {fault}") and "\n" not in said
    assert len(number.strip()) < 3 or number.strip() not in said


FORMS = [  # what a person chose, as kept, as said
    ({}, "ascii 1-32", "1 to 32 printable ASCII characters without blanks"),
    ({"digits": True, "length": "16"}, "digits 16-16", "16 digits"),
    (
        {"length": "16-19", "luhn": True, "prefixes": ["9900", "9911"]},
        "digits 16-19 luhn prefix 9900,9911",
        "16 to 19 digits that begin with 9900 or 9911 and end with their check digit (Luhn)",
    ),
    (
        {"prefixes": ['a"\\', "b#"]},
        'ascii 1-32 prefix a"\\,b#',
        '1 to 32 printable ASCII characters without blanks that begin with a"\\ or b#',
    ),
]


@pytest.mark.parametrize(("chosen", "text", "said"), FORMS)
def test_a_form_is_kept_and_read_again(
    tmp_path: Path, chosen: dict[str, object], text: str, said: str
) -> None:
    if any(len(prefix) > 1 for prefix in chosen.get("prefixes", [])):  # type: ignore[attr-defined]
        chosen = {"length": "4-32"} | chosen
        text, said = text.replace(" 1-32", " 4-32"), said.replace("1 to 32", "4 to 32")
    form = CardForm.made(**chosen)  # type: ignore[arg-type]
    assert (form.text(), str(form)) == (text, said)
    assert CardForm.parse(text) == form
    Ledger.create(tmp_path / "ledger", SMALL, form)
    assert read_ledger_toml(tmp_path / "ledger").form == form
    assert tomllib.loads((tmp_path / "ledger" / "ledger.toml").read_text())["card_number"] == text


NO_FORMS = [
    (("--card-length", "0"), "card length: expected a length or a range within 1 to 64"),
    (("--card-length", "19-16"), "card length"),
    (("--card-length", "16-65"), "card length"),
    (("--card-length", "many"), "card length.*found 'many'"),
    (("--card-digits", "--card-length", "8", "--card-prefix", "A1"), "card prefix: .* digits"),
    (("--card-length", "2", "--card-prefix", "123"), "card prefix: expected at most 2"),
    (("--card-length", "8", "--card-prefix", "1,2"), "card prefix: .*no comma"),
    (("--card-length", "8", "--card-prefix", ""), "card prefix"),
]


@pytest.mark.parametrize(("options", "says"), NO_FORMS)
def test_what_is_no_form_makes_no_ledger(
    tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    done = CliRunner().invoke(app, ["init", str(tmp_path / "ledger"), *options])
    with pytest.raises(BadInput, match=says):
        raise done.exception or AssertionError(done.output)
    assert not (tmp_path / "ledger").exists()


def test_a_ledger_from_before_takes_what_it_took(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    Ledger.create(folder, SMALL, algorithms=INTERNATIONAL)
    toml = read_ledger_toml(folder)
    for older in (None, toml.key_check):  # before the check of the key, and before forms
        text = LedgerToml(toml.origin, toml.segment_bytes, older).text((0, 9, 31))
        assert "card_number" not in text
        (folder / "ledger.toml").write_text(text)
        tokens = read_card_tokens(folder)
        assert tokens.form == ANY
        for number in ("6217 0001", " 1\n", "6.217E+18", "一卡通-7"):
            assert tokens.of(number) == token(tokens.key, number)
    migrate(folder)
    with served(folder) as server, server.client() as client:
        register(client)
        assert client.head().card_number == ""
        put = client.put_card(number=" 1 ", issuer=BANK, funding=registry_pb2.FUNDING_CHIP)
        cards = write(tmp_path, "cards.csv", "number,issuer,funding\n 77 ,Bank,chip\n")
        assert run_load(server, "cards", cards).exit_code == 0
        assert client.card(number=" 1 ") == put != client.card(number="77")


@pytest.mark.parametrize("number", [" 62000001", "6.217E+18", "62\u200b000001", "６２"])
def test_every_door_of_a_server_refuses_it(tmp_path: Path, number: str) -> None:
    with served(tmp_path / "ledger") as server, server.client() as client:
        register(client)
        before = client.head()
        assert before.card_number == "ascii 1-32"
        card = {"issuer": BANK, "funding": registry_pb2.FUNDING_CHIP}
        loaded = registry_pb2.LoadRequest(cards=[registry_pb2.Card(number=number, **card)])
        doors = {
            "AuthorizeOne": lambda: client.authorize_one(card_number=number, terminal=1),
            "GetCard": lambda: client.card(number=number),
            "PutCard": lambda: client.put_card(number=number, **card),
            "Load": lambda: client.load([loaded]),
            "GetBalance": lambda: client.balance(card_number=number),
            "ListTrail": lambda: list(client.trail(card_number=number)),
        }
        for door, enter in doors.items():
            with pytest.raises(BadInput, match="card number: expected 1 to 32") as refused:
                enter()
            assert number.strip() not in str(refused.value), door
        assert client.head() == before
        assert number.strip() not in server.log.getvalue()


@pytest.fixture
def server(tmp_path: Path) -> object:
    with served(tmp_path / "ledger") as running:
        with running.client() as client:
            register(client)
        yield running


CELLS = [
    (" 62000001", "a blank"),
    ("62000001 ", "a blank"),
    ("  ", "a blank"),
    ('"62000001\n"', "a blank or the end of a line (U+000A)"),
    ("62000001\u200b", "an invisible character (U+200B)"),
    ("6.217E+18", FLOAT),
    ("6217000.0", FLOAT),
    ("６２１７", "a digit of another script or width"),
]


@pytest.mark.parametrize(("cell", "found"), CELLS)
def test_a_file_of_cards_names_the_line(
    server: Served, tmp_path: Path, cell: str, found: str
) -> None:
    path = write(tmp_path, "cards.csv", f"number,issuer,funding\nA1,Bank,chip\n{cell},Bank,chip\n")
    with pytest.raises(BadInput) as refused:
        run_load(server, "cards", path)
    at = 3 + cell.count("\n")
    expected = f"{path}:{at}: column number: expected {DEFAULT}, found {found}"
    assert str(refused.value).startswith(expected)
    assert "62" not in str(refused.value).replace(str(path), "")
    with server.client() as client:
        assert client.head().sequence == server.node.journal.durable.last


def test_a_folder_and_a_replay_refuse_it_too(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    Ledger.create(folder, SMALL, DIGITS)
    command = [sys.executable, "-c", "from onecard.cli.main import main; main()", "show", "card"]
    done = subprocess.run([*command, folder, "000 0001"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        "onecard: card number: expected 8 digits, found a blank or the end of a line (U+0020) as "
        "character 4\n"
    )
    head = "deal_date,close_date,card_no,deal_value,deal_type,company_name,car_no,station,"
    head += "conn_mark,deal_money,equ_no\n"
    row = "2018-09-01 06:24:32,2018-09-01 00:00:00,{},200,地铁入站,M,-,S,0,100,T1\n"
    taps = write(tmp_path, "taps.csv", head + row.format("00000001") + row.format("00000002 "))
    for form, kept in ((DIGITS, 1), (ANY, 2)):
        faults: list[Fault] = []
        rows, invalid = shenzhen.read([taps], roll := Roll(), faults.append, form)
        assert (len(rows), invalid, len(faults)) == (kept, 2 - kept, 2 - kept)
        assert roll.cards == ["00000001", "00000002"][:kept]
    (fault,) = (str(fault) for fault in _faults(taps, DIGITS))
    assert "column card_no: expected 8 digits, found a blank" in fault
    assert "0000000" not in fault.replace("U+0020", "")


def _faults(taps: Path, form: CardForm) -> list[Fault]:
    faults: list[Fault] = []
    shenzhen.read([taps], Roll(), faults.append, form)
    return faults


def test_replay_into_a_server_asks_for_its_form(tmp_path: Path) -> None:
    """With the key alone, nothing here knows the form but the server."""
    with served(tmp_path / "ledger") as server:
        head = "deal_date,close_date,card_no,deal_value,deal_type,company_name,car_no,station,"
        head += "conn_mark,deal_money,equ_no\n"
        row = "2018-09-01 06:24:32,2018-09-01 00:00:00,{},200,地铁入站,M,-,S,0,100,T1\n"
        taps = write(tmp_path, "taps.csv", head + row.format("A 1"))
        words = ["replay", "--format", "shenzhen", str(taps), "--to", server.address]
        words += ["--token-key", str(tmp_path / "ledger" / "token.key"), "--json"]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 1
        assert json.loads(done.stdout)["invalid"] == 1
        with Client(server.address) as client:
            assert client.participants() == {}
