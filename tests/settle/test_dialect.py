"""A file as spreadsheets and banks write it again: read and said, or refused by name."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from onecard.core.errors import BadInput
from onecard.core.exchange.files import write_files
from onecard.core.exchange.manifest import Manifest
from onecard.core.reconcile import statement
from onecard.core.reconcile.match import Finding
from onecard.core.reconcile.reconcile import reconcile
from onecard.core.reconcile.statement import open_statement, rows_of
from tests.settle.settling import journal_of

YUAN = "yuan, for every amount_fen has two decimals"
REWRITTEN = statement.REWRITTEN
PADDED = "empty fields at the ends of lines"

READ = [
    # what came back, all of it sequences 2 and 3 with 123,405 fen and -7 fen; what is said of it
    ("sequence,amount_fen\n2,123405\n3,-7\n", []),
    ("\ufeffsequence,amount_fen\n2,123405\n3,-7\n", ["byte order mark"]),
    ("sequence,amount_fen\r\n2,123405\r\n3,-7\r\n", ["CR LF"]),
    ("sequence;amount_fen\n2;123405\n3;-7\n", ["semicolons"]),
    ("sequence\tamount_fen\n2\t123405\n3\t-7\n", ["tabs"]),
    ("sequence;n;amount_fen\n2;\"a;b\";123405\n3;c,d;-7\n", ["semicolons"]),
    ("sequence,amount_yuan\n2,1234.05\n3,-0.07\n", ["yuan"]),
    ("sequence,amount_yuan\n2,\"1,234.05\"\n3,-0.07\n", ["yuan", "thousands separators"]),
    ("sequence;amount_yuan\n2;1,234.05\n3;-0.07\n", ["semicolons", "yuan", "thousands separators"]),
    ("sequence,amount_fen\n2,1234.05\n3,-0.07\n", [YUAN]),
    ("sequence,amount_fen\n2,\"123,405\"\n3,-7\n", ["thousands separators"]),
    ("sequence,amount_fen\n'2,'123405\n'3,'-7\n", ["apostrophes before numbers"]),
    ('sequence,amount_fen\n="2",123405\n"=""3""",-7\n', ['numbers as ="text"']),
    ("sequence,amount_fen,\n2,123405,\n3,-7,\n", [PADDED]),
    ("sequence,amount_fen\n2,123405,,\n3,-7,,\n", [PADDED]),
    ("sequence,amount_fen\n2,123405\n3,-7\n\n,\n\n", ["empty lines at the end"]),
    ("sequence,amount_fen,n\n2,123405,工行\n3,-7,\n", []),
    (
        "sequence,amount_fen\r\n2,123405\r\n3,-7\r\n#trailer,lines,2,in_fen,123405,out_fen,7,"
        "net_fen,123398,,,\r\n,,,\r\n",
        ["CR LF", "empty lines at the end", PADDED],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), READ)
@pytest.mark.parametrize("chunk", [9, 1 << 20])
def test_what_a_spreadsheet_writes_is_read_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, text: str, said: list[str]
) -> None:
    monkeypatch.setattr(statement, "CHUNK_BYTES", chunk)
    path = tmp_path / "theirs.csv"
    path.write_bytes(text.encode())
    with (opened := open_statement(path)).file:
        rows = list(rows_of(opened, opened.reference))
    assert [n for row in rows for n in row.columns["sequence"].tolist()] == [2, 3]
    assert [n for row in rows for n in row.columns["amount_fen"].tolist()] == [123405, -7]
    assert opened.dialect.remarks == said


def test_gb18030_is_read_and_said(tmp_path: Path) -> None:
    """The names of columns and any line may be the first that tells."""
    for names in ("sequence,amount_fen,备注", "sequence,amount_fen,note"):
        path = tmp_path / "theirs.csv"
        path.write_bytes(f"{names}\n2,5,中国工商银行\n3,-7,𠮷野家\n".encode("gb18030"))
        with (opened := open_statement(path)).file:
            [rows] = rows_of(opened, opened.reference)
        assert rows.columns["amount_fen"].tolist() == [5, -7]
        assert opened.dialect.remarks == ["GB18030"]


TRAILER = "#trailer,lines,1,in_fen,5,out_fen,0,net_fen,5\n"
EMPTY_LINES = "\n" * 1_200_000  # more than is read at a time
REFUSED = [
    # what could be read in two ways, or lost something; what is said
    ("sequence,amount_fen\n2,12.00\n3,7.00\n", "amounts that tell fen from yuan .*in .00"),
    ("sequence,amount_fen\n2,12.34\n3,7\n", "line 3, column amount_fen: expected yuan with two"),
    ("sequence,amount_fen\n2,7\n3,12.34\n", "line 3, column amount_fen: expected an integer"),
    ("sequence,amount_fen\n2,12.3\n", "column amount_fen: .* or a column named amount_yuan"),
    ("sequence,amount_yuan\n2,12.345\n", "column amount_yuan: expected yuan with at most two"),
    ("sequence,amount_yuan\n2,.07\n", "column amount_yuan: expected yuan with at most two"),
    ("sequence;amount_yuan\n2;12,34\n", "column amount_yuan: expected yuan with at most two"),
    ("sequence;amount_fen\n2;1,23,456\n", "column amount_fen: expected an integer"),
    ("sequence,amount_fen,amount_yuan\n2,1,1\n", "amount_fen or amount_yuan, found both"),
    ("sequence,amount_fen\n1.23E+18,5\n", "column sequence: .*format the column as text"),
    ("sequence,amount_yuan\n2,1.23E+05\n", "column amount_yuan: .*format the column as text"),
    ("sequence,amount_fen\n2,'\n", "column amount_fen: expected an integer"),
    ("sequence,amount_fen\n2,(5)\n", "column amount_fen: expected an integer"),
    ("sequence,amount_fen\n2,5\n,\n3,4\n", "line 3, column sequence: expected an integer"),
    ("sequence,amount_fen\n2,5\n" + EMPTY_LINES + "3,4\n", "line 3: expected 2 fields, found 1"),
    ("sequence,amount_fen\n2,5\n" + TRAILER + EMPTY_LINES + "3,4\n", "expected the end of the"),
    ("sequence|amount_fen\n2|5\n", "line 1: expected column names, amount_fen among them"),
]


@pytest.mark.parametrize(("text", "says"), REFUSED)
def test_what_could_be_read_in_two_ways_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "theirs.csv"
    path.write_bytes(text.encode())
    with pytest.raises(BadInput, match=says), (opened := open_statement(path)).file:
        list(rows_of(opened, opened.reference))
    path.write_bytes(text.encode("utf-16"))
    with pytest.raises(BadInput, match="found UTF-16: save it as CSV UTF-8"):
        open_statement(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    path = tmp_path_factory.mktemp("ledger")
    with journal_of(path, [90]) as journal:
        return write_files(journal, path, 1)


def resaved(text: str, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """Our file as a spreadsheet saves it: a date of its own, long numbers shortened, padded."""
    rows = list(csv.reader(io.StringIO(text)))
    wide = max(map(len, rows))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    for row in rows:
        short = [f"{int(x):.5E}" if x.isdigit() and len(x) > 11 else x for x in row]
        slashed = [x.replace("-", "/") if len(x) == 10 and x[4] == "-" else x for x in short]
        writer.writerow(slashed + [""] * (wide - len(row)))
    return out.getvalue().encode(encoding)


SAVED = [
    (lambda text: resaved(text), ["CR LF"]),
    (lambda text: resaved(text, ";", "utf-8-sig"), ["byte order mark", "semicolons"]),
    (lambda text: resaved(text, "\t", "gb18030"), ["tabs"]),
    (lambda text: text.replace("\n", "\r\n").encode(), ["CR LF"]),
]


@pytest.mark.parametrize(("save", "said"), SAVED)
def test_our_own_file_saved_again_is_matched_and_its_hash_not(
    files: Manifest, tmp_path: Path, save: Callable[[str], bytes], said: list[str]
) -> None:
    for sheet in files.sheets:
        ours = files.folder / sheet.file
        theirs = tmp_path / "theirs.csv"
        theirs.write_bytes(save(ours.read_text()))
        result = reconcile(ours, theirs)
        assert result.is_clean and result.tallies[Finding.MATCHED].count == sheet.lines
        assert set(said) | {REWRITTEN} <= set(result.theirs.read_as)
        # Its hash says nothing any more; its counts and sums must still hold.
        lines = theirs.read_bytes().splitlines(keepends=True)
        theirs.write_bytes(b"".join([*lines[:4], *lines[5:]]))
        with pytest.raises(BadInput, match=r"column lines: expected .* as its details come to"):
            reconcile(ours, theirs)
