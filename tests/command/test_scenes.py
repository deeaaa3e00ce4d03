"""Scenes by command and on the wire: loaded, listed, refused by row, and then asked of taps."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onecard.cli.load.rows import Rows
from onecard.cli.load.scenes import COLUMNS, scene_of
from onecard.core.errors import BadInput
from onecard.core.query.room import rows_in_use
from onecard.core.registry.scenes import PutScenes, SceneRow
from onecard.ext.shape.numbers import Outcome
from onecard.ext.state.state import State
from onecard.v1 import registry_pb2 as pb
from tests.support.onecard_command import Command, commands
from tests.support.serving import BANK, BUS, CARD, METRO, Served, register, served

HEADER = "code,name,purses,most_fen,mcc,status\n"


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


def test_from_a_file_to_what_a_tap_is_answered(
    server: Served, ask: Command, tmp_path: Path
) -> None:
    """As a spreadsheet saves it: with a mark in front, and two characters at the end of a line."""
    file, to = tmp_path / "scenes.csv", ("--to", server.address)
    rows = "7,食堂,main,500,5812,\r\n9,Library,,,,closed\r\n65535,Last,,,,\r\n"
    file.write_bytes(("\ufeff" + HEADER.replace("\n", "\r\n") + rows).encode())
    done = ask("load", "scenes", file, *to, "--dry-run")
    assert (done.status, done.err) == (
        0,
        "3 scenes read, 3 would be changed; nothing was changed\n",
    )
    assert ask("load", "scenes", file, *to).err == "3 scenes read, 3 changed\n"
    assert ask("load", "scenes", file, *to).err == "3 scenes read, 0 changed\n"
    with server.client() as client:
        assert [one.code for one in client.scenes()] == [7, 9, 65535]
        told = []
        for at, (amount_fen, code) in enumerate(((1, 7), (501, 7), (1, 9), (1, 8), (1, 0)), 900):
            tap = {"card": CARD, "terminal": 1, "terminal_seq": at, "amount_fen": amount_fen}
            told.append(Outcome(client.authorize_one(**tap, kind=1, scene=code).outcome).name)
        assert told[1:4] == ["AMOUNT_ABOVE_SCENE", "SCENE_CLOSED", "SCENE_UNKNOWN"]
        assert told[0] == told[4] and not told[0].startswith("SCENE")
    assert rows_in_use(server.node.state)["scenes"] == (3, 65_535)
    found = json.loads(ask("show", "scenes", server.node.ledger.path, "--json").out)["scenes"]
    assert [(one["code"], one["name"], one["most_fen"], one["mcc"]) for one in found] == [
        (7, "食堂", 500, "5812"),
        (9, "Library", 0, ""),
        (65535, "Last", 0, ""),
    ]
    assert [one["status"] for one in found] == ["active", "closed", "active"]
    file.write_text("code,name,most_fen\n7,,600\n")
    done = ask("load", "scenes", file, *to, "--dry-run")
    assert "scenes.csv:2: changed: most_fen 500 -> 600" in done.out


def test_who_earns_at_a_scene(server: Served, ask: Command, tmp_path: Path) -> None:
    """By name or id; another one later is another scene."""
    file, to = tmp_path / "scenes.csv", ("--to", server.address)
    file.write_text("code,name,payee\n7,Canteen,Metro\n8,Kiosk,1\n9,Hall,\n")
    assert ask("load", "scenes", file, *to).err == "3 scenes read, 3 changed\n"
    found = json.loads(ask("show", "scenes", server.node.ledger.path, "--json").out)["scenes"]
    assert [one["payee"] for one in found] == ["Metro", "Bus", ""]
    with server.client() as client:
        tap = {"card": CARD, "terminal": 1, "terminal_seq": 900, "amount_fen": 5, "kind": 1}
        sequence = client.authorize_one(**tap, scene=7).sequence
        entry = client.entry(sequence)
        assert (entry.operator, [leg.party for leg in entry.legs]) == (BUS, [BANK, METRO])
        # It is asked for by whoever answers for it, and by whoever earned it.
        for participant in ("Bus", "Metro", "Bank"):
            with server.client(participant) as own:
                assert own.entry(sequence).amount_fen == 5
    for payee, expected in (("Bus", "for ever, found Bus"), ("Nobody", "a participant that is")):
        file.write_text(f"code,name,payee\n7,Canteen,{payee}\n")
        done = ask("load", "scenes", file, *to)
        assert done.status == 2 and expected in done.err and done.err.count("\n") == 1
    file.write_text("code,name,payee\n10,Bank,Bank\n")
    assert "scene payee: expected an operator, found Bank" in ask("load", "scenes", file, *to).err
    file.write_text("name,role\nMetro,issuer\n")
    assert "while it has terminals and scenes" in ask("load", "participants", file, *to).err


def test_whose_tariffs_rate_at_a_scene(server: Served, ask: Command, tmp_path: Path) -> None:
    """A fair at a station of the metro: journeys there cost what the fair's tariff says."""
    file, fares = tmp_path / "scenes.csv", tmp_path / "fares.csv"
    to = ("--to", server.address)
    file.write_text("code,name,rated_by\n7,Fair,7\n")
    done = ask("load", "scenes", file, *to)
    assert done.status == 2 and "expected a network that has a tariff, found 7" in done.err
    fares.write_text(
        "from,to,fare_fen\n" + "".join(f"{a},{b},90\n" for a in (1, 2) for b in (1, 2))
    )
    start = "--effective-from", "2020-01-01"
    assert ask("load", "tariff", fares, "--network", "7", *start, *to).status == 0
    assert ask("load", "scenes", file, *to).err == "1 scenes read, 1 changed\n"
    found = json.loads(ask("show", "scenes", server.node.ledger.path, "--json").out)["scenes"]
    assert [one["rated_by"] for one in found] == [7]
    with server.client() as client:
        assert [one.rated_by for one in client.scenes()] == [7]
        ends = {"card": CARD, "terminal": 1, "scene": 7}
        entry = client.authorize_one(**ends, terminal_seq=900, kind=2, place=1)
        assert (entry.outcome, entry.amount_fen) == (Outcome.ACCEPTED, 0)
        exit_ = client.authorize_one(**ends, terminal_seq=901, kind=3, place=2)
        assert exit_.amount_fen == 90
    for network in ("0", "8"):
        file.write_text(f"code,name,rated_by\n7,Fair,{network}\n")
        done = ask("load", "scenes", file, *to)
        assert done.status == 2 and f"for ever, found {network}; load a new one" in done.err


WRONG = {
    "0,a,,,,\n": "column code: expected 1 to 65535",
    "65536,a,,,,\n": "column code: expected 1 to 65535",
    "x,a,,,,\n": "column code: expected a whole number",
    "5,,,,,\n": "for a scene that is new, found none",
    f"5,{'x' * 65},,,,\n": "scene name: expected 1 to 64 bytes",
    "5,a,held,,,\n": "column purses: expected main",
    "5,a,,-1,,\n": "column most_fen: expected 0 to",
    "5,a,,,10000,\n": "column mcc: expected 0 to 9999",
    "5,a,,,,blocked\n": "column status: expected active or closed",
    "5,a,,,\n": "expected 6 cells, found 5",
}


@pytest.mark.parametrize("row", WRONG, ids=range(len(WRONG)))
def test_a_row_that_is_wrong_is_named_and_nothing_loaded(
    server: Served, ask: Command, tmp_path: Path, row: str
) -> None:
    file = tmp_path / "scenes.csv"
    file.write_text(HEADER + "4,sound,,,,\n" + row)
    done = ask("load", "scenes", file, "--to", server.address)
    assert done.status == 2 and "scenes.csv:3: " in done.err and WRONG[row] in done.err
    assert done.err.count("\n") == 1
    with server.client() as client:
        assert list(client.scenes()) == []


def test_what_a_call_takes(server: Served) -> None:
    with server.client() as client:
        many = [pb.Scene(code=code, name="a") for code in range(1, 2_002)]
        with pytest.raises(BadInput, match="at most 2000 rows a call, found 2001"):
            client.put_scenes(many)
        client.put_scenes(many[:2_000])
        client.put_scenes(many[2_000:])
        assert len(list(client.scenes())) == 2_001


BAD: dict[str, tuple[Any, ...]] = {
    "code": (0, -1, 65_536, 1 << 40),
    "name": ("", " a", "a\n", "x" * 65, "\u0301a", "a\u200b", "\ud800"),
    "purses": (b"", b"\1", b"\0\0", bytes(9), b"\2", b"\xff"),
    "most_fen": (-1, (1 << 62) + 1, 1 << 70),
    "payee": (1, -1, 65_535),  # of no participants
    "mcc": (-1, 10_000, 65_536),
    "rated_by": (1, -1, 65_536),
    "status": (0, 2, 4, 255, -1),
}


def refuse_rows(count: int, seed: int) -> None:
    """Rows that are wrong in one to three columns, behind some that are sound."""
    rng, state = random.Random(seed), State(8, 8)
    for at in range(count):
        bad = rng.sample(list(BAD), rng.choice((1, 1, 1, 2, 3)))
        said: dict[str, Any] = {"code": 7, "name": "Canteen"}
        row = SceneRow(**(said | {column: rng.choice(BAD[column]) for column in bad}))
        sound = [SceneRow(code, "sound") for code in range(1, 1 + rng.randrange(3))]
        with pytest.raises(BadInput) as refused:
            PutScenes([*sound, row]).apply(state, 1, 1_780_300_800_000_000)
        assert refused.value.row == len(sound), (at, row)
        text = str(refused.value)
        assert text.startswith("scene ") and len(text.splitlines()) == 1 and len(text) < 200, text
    assert int(state.totals["scenes"][0]) == 0


def test_thousands_of_bad_rows_are_refused_in_a_line_each() -> None:
    refuse_rows(5_000, seed=8)


@pytest.mark.campaign
def test_campaign_of_bad_rows() -> None:
    refuse_rows(1_000_000, seed=9)


# Lines that are refused as they are read, as bytes; a cell that is only too long or of no form, and
# a code without a name, are refused by the server.
BAD_LINES = (
    *(line.encode() for line, says in WRONG.items() if says.startswith(("column", "expected"))),
    b"7,a,,,\n",
    b"7,a,,,,,active\n",
    b"7;a;;;;\n",
    b"7,\xb2\xcd\xcc\xc3,,,,\n",  # GB 18030, as an older spreadsheet saves it
    b'7,"a,,,,\n',
    b'7,"a"b,,,,\n',
    b"7,a,,1.5,,\n",
    b"7,a,,1e3,,\n",
    b'"=""7""",a,,,,\n',
    b"\xef\xbb\xbf7,a,,,,\n",
    b"-7,a,,,,\n",
    b"7,a,,,,aktiv\n",
    b"7,a,,99999999999999999999999,,\n",
)


def refuse_files(folder: Path, files: int, rows: int, seed: int) -> None:
    """Files of sound lines and one that is wrong: it is named, in a line, or the whole file."""
    rng, file = random.Random(seed), folder / "scenes.csv"
    for _ in range(files):
        lines = [b"%d,sound %d,main,%d,,\n" % (1 + at % 65_535, at, at) for at in range(rows)]
        at, bad = rng.randrange(rows), rng.choice(BAD_LINES)
        lines[at] = bad
        end = b"\r\n" if rng.random() < 0.3 else b"\n"
        file.write_bytes(HEADER.encode() + b"".join(lines).replace(b"\n", end))
        with pytest.raises(BadInput) as refused:
            for line in Rows(file, ("code", "name"), COLUMNS):
                scene_of(line, {})
        text = str(refused.value)
        assert len(text.splitlines()) == 1 and str(file) in text, text
        unclosed = bad.startswith(b'7,"a,')  # what it swallowed ends wherever the next quote is
        where = (f":{at + 2}: ", f"line {at + 2}", f"after line {at + 1}: not CSV")
        assert unclosed or any(one in text for one in where), (at, bad, text)


def test_bad_files_are_refused_by_line(tmp_path: Path) -> None:
    refuse_files(tmp_path, files=100, rows=30, seed=8)


@pytest.mark.campaign
def test_campaign_of_bad_files(tmp_path: Path) -> None:
    refuse_files(tmp_path, files=10_000, rows=100, seed=9)
