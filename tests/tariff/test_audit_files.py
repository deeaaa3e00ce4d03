"""Files and rows that an audit cannot read: each is one clear line, and the others are read."""

import json
from pathlib import Path

import pytest

from onecard.core.errors import BadInput
from onecard.core.tariff.audit.report import as_json, audit
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.page.audit import page
from tests.tariff.town import COLUMNS, compiled_town, csv_of, held


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return compiled_town(tmp_path_factory.mktemp("audit"))


GOOD = "2026-03-02 08:00:00,k1,City Bus,,1,ride,,200,180,,,"
HEAD = COLUMNS + "\n"
BAD_ROWS = [  # a row, the column, what was expected, what was found
    (GOOD.replace("2026-03-02 08", "2026-02-30 08"), "at", "a time as", "'2026-02-30 08:00:00'"),
    (GOOD.replace("2026-03-02 08", "1999-03-02 08"), "at", "2000 to 2099", "'1999-03-02 08:00:00'"),
    (GOOD.replace(",k1,", ",,"), "card", "1 to 200", "nothing"),
    (GOOD.replace("ride", "walk"), "kind", "entry or exit or ride", "'walk'"),
    (GOOD.replace("180", "-180"), "charged", "not negative", "'-180'"),
    (GOOD.replace("180", "1.80"), "charged", "whole minor units", "'1.80'"),
    (GOOD.replace("180", ""), "charged", "whole minor units", "nothing"),
    (GOOD.replace("180", "1" * 13), "charged", "whole minor units", "'(13 characters)'"),
    (GOOD.replace("200", "x"), "face", "whole minor units", "'x'"),
    (GOOD.replace("180,", "180,2"), "mark", "nothing or 0 or 1", "'2'"),
    (GOOD.replace("City Bus", ""), "", "a network, or a company", "neither"),
    (GOOD + "x", "", "to", ""),
    (GOOD[:-1] + "2026-03-02 07:00:00,", "", "an end that is not before", "an earlier one"),
    ("2026-03-02 08:00:00,k1,City Bus", "", "12 columns", "3"),
    (GOOD.replace("k1", '"k1'), "", "CSV in UTF-8", ""),
]


@pytest.mark.parametrize("at", range(len(BAD_ROWS)))
def test_rows_that_are_none(at: int, town: Compiled, tmp_path: Path) -> None:
    row, column, expected, found = BAD_ROWS[at]
    report, said = held(tmp_path, town, f"{HEAD}{GOOD}\n{row}\n{GOOD}\n")
    if row == GOOD + "x":  # a place that the tariff does not have is no fault of the row
        assert said == [] and report.charges == 3
        return
    assert (report.refused, report.charges, report.explained) == (1, 2, 2)
    assert not report.is_clean
    (line,) = said
    assert line.startswith(f"{tmp_path / 'charges.csv'}:3: {column}")
    assert expected in line and f"found {found}" in line and "\n" not in line


def test_a_number_of_a_card_is_never_shown(town: Compiled, tmp_path: Path) -> None:
    number = "7" * 201
    report, said = held(tmp_path, town, f"{HEAD}{GOOD.replace('k1', number)}\n{GOOD}\n")
    assert "found 201 characters" in said[0] and "777" not in said[0]
    report, _ = held(tmp_path, town, f"{HEAD}{GOOD.replace('k1', 'C77').replace('180', '1')}\n")
    assert "C77" not in json.dumps(as_json(report)) + page(report)


WHOLE = {
    "nothing": (b"", "an empty file"),
    "semicolons": (COLUMNS.replace(",", ";").encode(), "found semicolons; save it as CSV with"),
    "no columns": (b"\x00\x01\x02", "expected the column names"),
    "a column less": (b"at,card\n", "without line,kind,station,face,charged"),
    "a column more": ((COLUMNS + ",colour\n").encode(), "expected the column names"),
    "a column twice": ((COLUMNS + ",to\n").encode(), "expected the column names"),
    "another encoding": (COLUMNS.encode("utf-16"), "in UTF-8"),
    "half a document": (b'{"data": [', "expected JSON"),
    "Shenzhen without a column": (b"deal_date,card_no\n", "without deal_value"),
}


@pytest.mark.parametrize("case", WHOLE)
def test_files_that_are_none(case: str, town: Compiled, tmp_path: Path) -> None:
    content, reason = WHOLE[case]
    path = tmp_path / "charges.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=reason):
        audit([path], town, print)


def test_a_file_that_is_not_there(town: Compiled, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        audit([tmp_path / "none.csv"], town, print)


FORMS = {
    "line ends of another system": lambda text: text.replace("\n", "\r\n").encode(),
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "no last line end": lambda text: text.rstrip("\n").encode(),
    "lines with nothing on them": lambda text: (text + "\n\n").encode(),
    "JSON": lambda text: json.dumps(
        {"data": [dict(zip(COLUMNS.split(","), GOOD.split(","), strict=True))]}
    ).encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str, town: Compiled, tmp_path: Path) -> None:
    path = tmp_path / "charges"
    path.write_bytes(FORMS[form](f"{HEAD}{GOOD}\n"))
    said: list[str] = []
    report = audit([path], town, said.append)
    assert (report.charges, report.explained, said) == (1, 1, [])


TIMES = [  # as written, the class that explains 180: None where the row is refused
    ("2026-03-02 08:00:00", True),
    ("2026-03-02T08:00", True),
    ("2026-03-02 00:00:00Z", True),
    ("2026-03-02 09:00:00+09:00", True),
    ("2026-03-02", False),
    ("02.03.2026 08:00", False),
]


@pytest.mark.parametrize(("time", "read"), TIMES)
def test_times(time: str, read: bool, town: Compiled, tmp_path: Path) -> None:
    report, _ = held(tmp_path, town, HEAD + GOOD.replace("2026-03-02 08:00:00", time) + "\n")
    assert (report.explained, report.refused) == ((1, 0) if read else (0, 1))


def test_a_card_in_two_files_is_one(town: Compiled, tmp_path: Path) -> None:
    rows = ["08:00:00 k1 City_Bus . 1 ride . 200 100 . . .", "09:30:00 k1 City_Bus . 1 ride . 200 "]
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    paths[0].write_text(csv_of(rows[0]))
    paths[1].write_text(csv_of(f"{rows[1]} 100 . . .\n{rows[1]} 180 . . ."))
    report = audit(paths, town, print)
    assert [(one.file, one.line) for one in report.unexplained] == [(str(paths[1]), 3)]
