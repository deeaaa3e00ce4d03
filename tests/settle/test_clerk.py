"""What a bank's clerk is told: breaks that can be looked up, and why a whole file is other."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from onecard.cli.reconcile import reconcile
from onecard.cli.settle import settle
from onecard.core.authorize.node import Node
from onecard.core.clock import SystemClock
from onecard.core.config import Settings
from onecard.core.errors import BadInput
from onecard.core.exchange.cells import cell, text_cell, yuan
from onecard.core.exchange.files import sheet_name, window_folder
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.cards import PutCards
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.core.settlement.window import CloseWindow
from onecard.ext.shape.numbers import Funding, Kind, Role
from onecard.v1.tap_pb2 import TapBatch

RUNNER = CliRunner()
APP = typer.Typer()
APP.command()(settle)
APP.command()(reconcile)
METRO, BUS, HUISHANG, ICBC = 1, 2, 3, 4
NAMES = ("地铁", "=公交", "徽商银行", "工商银行")
TAPPED_US = 1_795_708_800_000_000  # 2026-11-26 16:00:00 UTC, midnight in the ledger's zone


class Still(SystemClock):
    """Where the wall clock stands does not matter."""

    def now_us(self) -> int:
        return TAPPED_US + 3_600_000_000


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rides with two operators on chips of two issuers: 40 in window 1, 30 in window 2."""
    path = tmp_path_factory.mktemp("clerk") / "ledger"
    Ledger.create(path)
    node = Node(path, Settings(), Still())
    answers: SimpleQueue[object] = SimpleQueue()

    def act(act: object) -> None:
        node.act(act, answers.put)  # type: ignore[arg-type]
        assert not isinstance(answer := answers.get(timeout=30), BaseException), answer

    node.start()
    try:
        roles = (Role.OPERATOR, Role.OPERATOR, Role.ISSUER, Role.ISSUER)
        act(PutParticipants(list(zip(NAMES, roles, strict=True))))
        act(PutTerminals([TerminalRow("00012E5", METRO), TerminalRow("B-1", BUS)]))
        act(PutCards(np.arange(1, 11, dtype=np.uint64), HUISHANG, Funding.CHIP))
        act(PutCards(np.arange(11, 21, dtype=np.uint64), ICBC, Funding.CHIP))
        seq = 0
        for window, count in ((1, 40), (2, 30)):
            batch = TapBatch(
                card=[1 + at % 20 for at in range(count)],
                terminal=[1 + at % 4 // 2 for at in range(count)],
                terminal_seq=range(seq + 1, seq + count + 1),
                tapped_at_us=[at_us(seq + at) for at in range(count)],
                kind=bytes([Kind.RIDE] * count),
                amount_fen=[200 + at for at in range(count)],
            )
            seq += count
            node.taps(0, None, batch.SerializeToString(), answers.put)
            assert isinstance(answer := answers.get(timeout=30), bytes), answer
            act(CloseWindow(window, 20_783))
    finally:
        node.stop()
    for window in (1, 2):
        assert RUNNER.invoke(APP, ["settle", str(path), str(window)]).exit_code == 0
    return path


def at_us(number: int) -> int:
    return TAPPED_US + number * 1_000_000


def ours(ledger: Path, window: int, participant: int) -> list[dict[str, str]]:
    path = window_folder(ledger / "files", window) / sheet_name(participant)
    return list(csv.DictReader(path.read_text().splitlines()[1:-2]))


def returned(path: Path, rows: list[dict[str, str]], columns: str) -> Path:
    lines = [columns, *(",".join(row[name] for name in columns.split(",")) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def run(ledger: Path, theirs: Path, participant: int, *words: object) -> tuple[int, str]:
    given = ["reconcile", 1, theirs, "--data", ledger, "--participant", participant, *words]
    result = RUNNER.invoke(APP, [str(word) for word in given])
    assert result.exit_code in (0, 1), result.output
    return result.exit_code, result.stdout


def negated(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [row | {"amount_fen": str(-int(row["amount_fen"]))} for row in rows]


LEG, ENTRY = "sequence,leg,amount_fen", "sequence,amount_fen"
IDENTITY = "terminal,terminal_seq,amount_fen"
TURNED = "all signs are turned: 19 of 20 amounts"
WINDOW_2 = (
    "this is window 2's file: 16 of 16 lines are entries of window 2; run onecard reconcile 2"
)
ICBC_S = "this is participant 4's file (工商银行): 20 of 20 amounts are its; give --participant 4"
HINTS = [
    # what comes back as participant 1's file of window 1, by which columns, what is said of it
    ("ours", LEG, None),
    ("one is missing", LEG, None),
    ("turned", LEG, TURNED),
    ("turned", ENTRY, TURNED),
    ("turned", IDENTITY, TURNED),
    ("half is turned", ENTRY, None),
    ("window 2", LEG, WINDOW_2),
    ("window 2", ENTRY, WINDOW_2),
    ("window 2", IDENTITY, WINDOW_2),
    ("both windows", ENTRY, None),
    ("issuer", LEG, ICBC_S),
    ("issuer", ENTRY, ICBC_S),
    ("issuer", IDENTITY, ICBC_S),
    ("two lines of window 2", ENTRY, None),
]


def rows_of(ledger: Path, what: str) -> Iterator[dict[str, str]]:
    own, later = ours(ledger, 1, METRO), ours(ledger, 2, METRO)
    odd = own[0] | {"amount_fen": "77"}
    rows = {
        "ours": own,
        "one is missing": own[1:],
        "turned": [odd, *negated(own[1:])],
        "half is turned": [*negated(own[:10]), *own[10:]],
        "window 2": later,
        "both windows": own + later,
        "issuer": ours(ledger, 1, ICBC),
        "two lines of window 2": later[:2],
    }
    yield from rows[what]


@pytest.mark.parametrize(("what", "columns", "said"), HINTS)
def test_why_a_whole_file_does_not_match(
    ledger: Path, tmp_path: Path, what: str, columns: str, said: str | None
) -> None:
    theirs = returned(tmp_path / "theirs.csv", list(rows_of(ledger, what)), columns)
    status, printed = run(ledger, theirs, METRO)
    assert status == (0 if what == "ours" else 1)
    hints = [line for line in printed.splitlines() if line.startswith("hint ")]
    assert [hint.split(maxsplit=1)[1].startswith(said or "?") for hint in hints] == (
        [True] if said else []
    )
    found = json.loads(run(ledger, theirs, METRO, "--json")[1])
    assert len(found["hints"]) == len(hints)


def test_each_break_can_be_looked_up(ledger: Path, tmp_path: Path) -> None:
    own = ours(ledger, 1, METRO)
    changed = own[3] | {"amount_fen": "999"}
    unknown = own[4] | {"terminal_seq": "4000000000"}
    theirs = returned(tmp_path / "theirs.csv", [*own[:3], changed, unknown, *own[5:]], IDENTITY)
    out = tmp_path / "breaks.csv"
    _, said = run(ledger, theirs, METRO, "--json", "--csv", out)
    by_what = {found["what"]: found for found in json.loads(said)["breaks"]}
    differs = by_what["amount_differs"]
    assert differs["entry"] == int(own[3]["sequence"]) and differs["window"] == 1
    seconds = int(own[3]["terminal_seq"]) - 1
    assert differs["time"] == f"2026-11-27 00:00:{seconds:02d}"
    assert (differs["card"], differs["kind"]) == (own[3]["card"], "RIDE")
    assert differs["terminal_number"] == "00012E5"
    assert (differs["ours_yuan"], differs["theirs_yuan"]) == ("2.05", "9.99")
    only = by_what["theirs_only"]  # its tap is nobody's, its terminal is known
    assert (only["entry"], only["time"], only["terminal_number"]) == (None, None, "00012E5")
    # In a spreadsheet none of it turns into a number, a date or a formula.
    text = out.read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
    [row] = [row for row in rows if row["what"] == "amount_differs"]
    assert row["card"] == f'="{own[3]["card"]}"' and row["terminal_number"] == '="00012E5"'
    assert row["time"] == f'="2026-11-27 00:00:{seconds:02d}"' and row["ours_yuan"] == "2.05"
    # On the screen each break is one line, whole.
    printed = run(ledger, theirs, METRO)[1]
    [line] = [line for line in printed.splitlines() if line.startswith(" 金额不符")]
    assert line.split()[-6:] == [
        differs["time"][11:],
        own[3]["card"],
        "RIDE",
        "00012E5",
        *row_of(row),
    ]


def row_of(row: dict[str, str]) -> list[str]:
    return [row["ours_yuan"], row["theirs_yuan"]]


def opened(path: Path) -> list[list[str]]:
    """The cells as a spreadsheet holds them; fails on what it would change or compute."""
    found = []
    for row in csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")):
        found.append([])
        for text in row:
            if text.startswith('="') and text.endswith('"'):
                found[-1].append(text[2:-1].replace('""', '"'))
                continue
            assert not text.startswith(("=", "+", "@", "\t"))
            assert not text.isdecimal() or (len(text) <= 11 and str(int(text)) == text)
            assert not re.fullmatch(r"[0-9.]+[eE][0-9]+", text)
            found[-1].append(text)
    return found


def saved(cells: list[list[str]], delimiter: str, encoding: str) -> bytes:
    """What a spreadsheet saves of them."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    wide = max(map(len, cells))
    for row in cells:
        short = [re.sub(r"\.00$|(?<=\.[0-9])0$", "", text) for text in row]
        dates = [text.replace("-", "/") if len(text) == 10 else text for text in short]
        writer.writerow(dates + [""] * (wide - len(row)))
    return out.getvalue().encode(encoding)


def test_a_file_for_people_loses_no_digit_and_comes_back(ledger: Path, tmp_path: Path) -> None:
    def settled(out: Path) -> Path:
        ran = RUNNER.invoke(APP, ["settle", str(ledger), "1", "--spreadsheet", "--out", str(out)])
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return window_folder(out, 1)

    folder = settled(tmp_path)
    for participant in (METRO, ICBC):
        path = folder / sheet_name(participant).replace(".csv", ".spreadsheet.csv")
        mark, names, *details, trailer = opened(path)
        assert (mark[0], trailer[0]) == ("#spreadsheet", "#trailer")
        assert (
            mark[1:] == (folder / sheet_name(participant)).read_text().split("\n")[0].split(",")[1:]
        )
        own = ours(ledger, 1, participant)
        for row, cells in zip(own, details, strict=True):
            said = dict(zip(names, cells, strict=True))
            for name in row.keys() & said.keys():
                assert said[name] == row[name]
            assert said["amount_yuan"] == yuan(int(row["amount_fen"]))
            assert said["terminal_number"] == ("", "00012E5", "B-1")[int(row["terminal"])]
            assert said["operator_name"] == NAMES[int(row["operator"]) - 1]
            seconds = int(row["terminal_seq"]) - 1
            assert said["tapped_at"] == f"2026-11-27 00:00:{seconds:02d}.000000"
        for returned_as in (path.read_bytes(), *(saved(opened(path), *how) for how in SAVED)):
            theirs = tmp_path / "theirs.csv"
            theirs.write_bytes(returned_as)
            status, printed = run(ledger, theirs, participant)
            assert status == 0 and "yuan" in printed
            lines = returned_as.splitlines(keepends=True)
            theirs.write_bytes(b"".join([*lines[:5], *lines[6:]]))
            with pytest.raises(BadInput, match="column lines: expected 19"):
                reconciled(ledger, theirs)
    kept = path.read_bytes()
    assert settled(tmp_path) == folder and path.read_bytes() == kept
    path.write_bytes(kept.replace(b"RIDE", b"RODE", 1))
    with pytest.raises(BadInput, match="somebody may have entered; move it away"):
        settled(tmp_path)


SAVED = ((",", "utf-8-sig"), (";", "gb18030"), ("\t", "utf-8"))


def reconciled(ledger: Path, theirs: Path) -> None:
    ran = RUNNER.invoke(APP, ["reconcile", "1", str(theirs), "--data", str(ledger)])
    if ran.exception is not None:
        raise ran.exception


def test_where_breaks_are_written(ledger: Path, tmp_path: Path) -> None:
    own = window_folder(ledger / "files", 1) / sheet_name(METRO)
    theirs = returned(tmp_path / "theirs.csv", ours(ledger, 1, METRO)[1:], LEG)
    for out, says in (
        (own, "expected another file than the two matched"),
        (theirs, "expected another file than the two matched"),
        (tmp_path, "expected a file to write the breaks to, found Is a directory"),
        (Path("/dev/full"), "expected a file to write the breaks to, found No space left"),
    ):
        words = ["reconcile", 1, theirs, "--data", ledger, "--participant", METRO, "--csv", out]
        ran = RUNNER.invoke(APP, [str(word) for word in words])
        assert isinstance(ran.exception, BadInput) and f"{out}: {says}" in str(ran.exception)
    assert len(theirs.read_text().splitlines()) == 20


CELLS = [
    (1, "1"),
    (-99_999_999_999, '"=""-99999999999"""'),
    (12_345_678_901, "12345678901"),
    (123_456_789_012, '"=""123456789012"""'),
    (None, ""),
    ("地铁", "地铁"),
    ("a,b", '"a,b"'),
    ('a"b', '"a""b"'),
    ("=1+1", '"=""=1+1"""'),
    ("+86", '"=""+86"""'),
    ("@SUM(A1)", '"=""@SUM(A1)"""'),
    ("-cmd", '"=""-cmd"""'),
    ("-1.50", "-1.50"),
    ("-123456789.50", '"=""-123456789.50"""'),
    ("1234e567", '"=""1234e567"""'),
    ("0012", '"=""0012"""'),
    ("0", "0"),
    ("3-4", '"=""3-4"""'),
    ("00c0ffee", "00c0ffee"),
    ("2026-11-22", "2026-11-22"),
    ("\tx", '"=""\tx"""'),
    ('="x"', '"=""=""""x"""""""'),
]


@pytest.mark.parametrize(("value", "expected"), CELLS)
def test_a_cell_keeps_its_digits_and_computes_nothing(value: object, expected: str) -> None:
    assert cell(value) == expected


def test_amounts_in_yuan() -> None:
    cases = (0, 1, -1, 99, -100, -1234, 2**63 - 1)
    said = ("0.00", "0.01", "-0.01", "0.99", "-1.00", "-12.34", "92233720368547758.07")
    assert tuple(map(yuan, cases)) == said and yuan(None) is None
    assert text_cell("00c0ffee") == '"=""00c0ffee"""'
