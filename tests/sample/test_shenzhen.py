"""Shenzhen taps: what is read, what is refused and how it is said, and that identities stay."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from onecard.core.errors import BadInput
from onecard.sample.recorded import identity, shenzhen
from onecard.sample.recorded.taps import TAP, Fault, Roll

DATA = Path(__file__).resolve().parent.parent.parent / "../shared/data/shenzhen_taps"
HEADER = (
    "deal_date,close_date,card_no,deal_value,deal_type,company_name,"
    "car_no,station,conn_mark,deal_money,equ_no"
)
ROW = (
    '"2018-09-01 06:24:32","2018-09-01 00:00:00",AAAAAAAAB,200,地铁出站,'
    "地铁一号线,AGM-1,西乡,0,190,263000001"
)
BUS = (
    '"2018-08-31 23:59:59","2018-09-01 00:00:00",AAAAAAAAC,200,巴士,金华南巴士,-,-,1,160,223000001'
)


def read(*paths: Path) -> tuple[np.ndarray, Roll, list[Fault]]:
    roll = Roll()
    faults: list[Fault] = []
    taps, invalid = shenzhen.read(paths, roll, faults.append)
    assert invalid == len(faults)
    return taps, roll, faults


def csv_of(path: Path, *rows: str) -> Path:
    path.write_text("\n".join((HEADER, *rows)) + "\n", encoding="utf-8")
    return path


def as_record(row: str) -> dict[str, str]:
    values = zip(HEADER.split(","), row.replace('"', "").split(","), strict=True)
    return {name: value for name, value in values if value != "-"}


def identities(taps: np.ndarray, roll: Roll) -> list[tuple[str, int, int]]:
    return [
        (roll.terminals[tap["terminal"]].number, int(tap["epoch"]), int(tap["terminal_seq"]))
        for tap in taps
    ]


# a row of which one column is replaced; which column the fault names and what it expected
MALFORMED = """
  deal_date     2018-09-01T06:24:32    a time as
  deal_date     2018-09-31 06:24:32    a time as
  deal_date     2018-09-01 25:00:00    a time as
  deal_date     1999-09-01 06:24:32    a time as
  deal_date     nothing                a time as
  close_date    2018-09-01 12:00:00    a date as
  close_date    2050-01-01             a date as
  close_date    1.9.2018               a date as
  card_no       nothing                1 to 64 bytes
  deal_value    2.00                   an amount in whole fen
  deal_value    1234567890123          an amount in whole fen
  deal_type     出站                   地铁入站 or
  company_name  -                      1 to 88 bytes
  conn_mark     2                      0 or 1
  deal_money    -190                   an amount in whole fen
  deal_money    nothing                an amount in whole fen
  equ_no        -                      1 to 26 bytes
  equ_no        263000001263000001263000001   1 to 26 bytes
"""


@pytest.mark.parametrize("case", MALFORMED.strip().splitlines())
@pytest.mark.parametrize("form", ["csv", "json"])
def test_malformed_column(case: str, form: str, tmp_path: Path) -> None:
    column, found, expected = re.split(r"\s{2,}", case.strip())
    found = "" if found == "nothing" else found
    values = [value.strip('"') for value in ROW.split(",")]
    values[HEADER.split(",").index(column)] = found
    path = tmp_path / "taps"
    if form == "csv":
        csv_of(path, ROW, ",".join(values), BUS)
    else:
        bad = dict(zip(HEADER.split(","), values, strict=True))
        path.write_text(json.dumps({"data": [as_record(ROW), bad, as_record(BUS)]}))
    taps, _, [fault] = read(path)
    assert len(taps) == 2  # the rest goes on
    unit, at = ("line", 3) if form == "csv" else ("record", 2)
    assert (fault.file, fault.unit, fault.at, fault.column) == (str(path), unit, at, column)
    assert fault.expected.startswith(expected)
    # What may be the number of a card is not shown, whichever column it stands in.
    shown = f"({len(found)} characters)" if re.fullmatch(r"\d{13,}", found) else found[:20]
    assert (shown or "nothing") in fault.found


@pytest.mark.parametrize(
    ("line", "expected", "found"),
    [
        (ROW.rsplit(",", 1)[0], "11 columns", "10"),
        (ROW + ",", "11 columns", "12"),
        (ROW.replace("263", '"263'), "CSV in UTF-8", "unexpected end"),
        (ROW.replace("西乡", "西" * 30_000), "a row below 65536 bytes", "a longer line"),
    ],
)
def test_malformed_line(line: str, expected: str, found: str, tmp_path: Path) -> None:
    taps, _, [fault] = read(csv_of(tmp_path / "a.csv", ROW, line, BUS))
    assert len(taps) == 2 and fault.at == 3
    assert fault.expected == expected and found in fault.found


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "a.csv", ROW, BUS)
    path.write_bytes(path.read_bytes().replace("西乡".encode(), "西乡".encode("gbk")))
    taps, _, [fault] = read(path)
    assert len(taps) == 1 and (fault.at, fault.expected) == (2, "CSV in UTF-8")


def test_card_numbers_are_never_shown(tmp_path: Path) -> None:
    _, _, faults = read(csv_of(tmp_path / "a.csv", ROW.replace("AAAAAAAAB", "A" * 70)))
    assert "70 characters" in str(faults[0]) and "AAA" not in str(faults[0])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"deal_date,close_date\n", "expected the column names"),
        (ROW.encode() + b"\n", "expected the column names"),
        (b'{"data": [', "expected JSON"),
        (b"\x89PNG\r\n\x1a\n", "expected column names"),
    ],
)
def test_whole_file_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "taps"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=reason):
        read(path)


def test_missing_file_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        read(tmp_path / "none.csv")


FORMS = {
    "page": lambda records: json.dumps({"total": 2, "data": records, "page": 1}),
    "pretty": lambda records: json.dumps({"data": records}, indent=2, ensure_ascii=False),
    "list": lambda records: json.dumps(records),
    "pages": lambda records: "\n".join(json.dumps({"data": [one]}) for one in records),
    "records": lambda records: "\n".join(json.dumps(one) for one in records),
    "bom": lambda records: "\ufeff" + json.dumps(records),
}


@pytest.mark.parametrize("form", FORMS)
def test_json_is_csv(form: str, tmp_path: Path) -> None:
    path = tmp_path / "taps.csv"  # recognised by content, not by name
    path.write_text(FORMS[form]([as_record(ROW), as_record(BUS)]))
    of_json, json_roll, _ = read(path)
    of_csv, csv_roll, _ = read(csv_of(tmp_path / "taps.json", ROW, BUS))
    assert json_roll.cards == csv_roll.cards and json_roll.terminals == csv_roll.terminals
    assert of_json.tobytes() == of_csv.tobytes()


def test_numbers_in_json_are_the_same_tap(tmp_path: Path) -> None:
    record = {**as_record(ROW), "deal_money": 190, "deal_value": 200, "equ_no": 263000001}
    path = tmp_path / "a.json"
    path.write_text(
        json.dumps([record, [1], {**record, "car_no": ["a"]}, {**record, "car_no": True}])
    )
    taps, _, faults = read(path)
    assert taps.tobytes() == read(csv_of(tmp_path / "a.csv", ROW))[0].tobytes()
    assert [(fault.at, fault.expected) for fault in faults] == [
        (2, "an object"),
        (3, "one value"),
        (4, "text"),
    ]


def test_columns_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(",".join(reversed(row.split(","))) for row in (HEADER, ROW, BUS)))
    assert read(path)[0].tobytes() == read(csv_of(tmp_path / "b.csv", ROW, BUS))[0].tobytes()


def test_what_is_read(tmp_path: Path) -> None:
    taps, roll, _ = read(csv_of(tmp_path / "a.csv", ROW, BUS))
    late, tap = taps  # ordered by tap time
    assert (tap["at_us"], tap["day"], tap["amount_fen"]) == (1535754272 * 10**6, 17775, 190)
    assert late["at_us"] == 1535731199 * 10**6 and late["amount_fen"] == 160
    assert roll.operators == ["地铁一号线", "金华南巴士"]
    assert [(one.number, one.operator, one.mode) for one in roll.terminals] == [
        ("263000001", 0, shenzhen.METRO),
        ("223000001", 1, shenzhen.BUS),
    ]


def test_order_is_date_then_time_then_file(tmp_path: Path) -> None:
    later = ROW.replace('"2018-09-01 00:00:00"', '"2018-09-02 00:00:00"').replace(" 06:", " 05:")
    ties = [ROW.replace("190", str(fen)) for fen in (7, 3, 5)]
    path = csv_of(tmp_path / "a.csv", later, *ties, BUS)
    other = csv_of(tmp_path / "b.csv", ROW.replace("190", "1"))
    taps, _, _ = read(path, other)
    assert taps["amount_fen"].tolist() == [160, 7, 3, 5, 1, 190]


# ---- identity -----------------------------------------------------------------------------------


def test_identity_stays(tmp_path: Path) -> None:
    first = identities(*read(csv_of(tmp_path / "a.csv", ROW, BUS))[:2])
    again = identities(*read(csv_of(tmp_path / "b.csv", BUS, ROW, ROW))[:2])
    assert again == [first[0], first[1], first[1]]  # an exact repeat is the same identity
    for tap in first:
        assert tap[1] >> identity.HASH_BITS == 17775 - identity.DATE_ZERO
    # A known vector: it must never change, or taps booked before would be booked again.
    assert first[1] == VECTOR


VECTOR = ("263000001", 1787353604, 2499060977)


def test_every_column_counts(tmp_path: Path) -> None:
    values = [value.strip('"') for value in ROW.split(",")]
    other = [
        "2018-09-01 06:24:33",
        "2018-09-02",
        "B",
        "1",
        "地铁入站",
        "二",
        "c",
        "s",
        "1",
        "9",
        "7",
    ]
    rows = [
        ",".join([*values[:at], changed, *values[at + 1 :]]) for at, changed in enumerate(other)
    ]
    taps, _, _ = read(csv_of(tmp_path / "a.csv", ROW, *rows))
    assert len(np.unique(taps["digest"], axis=0)) == 1 + len(rows)


def test_distinct_rows_that_meet_are_moved_apart() -> None:
    taps = np.zeros(6, dtype=TAP)
    taps["day"] = 17775
    taps["digest"] = [[1, 5], [1 << 20 | 1, 5], [1, 5], [2 << 20 | 1, 5], [1, 6], [1, 5]]
    taps["terminal"] = [0, 0, 0, 0, 0, 1]
    backwards = taps[::-1].copy()
    identity.derive(taps)
    identity.derive(backwards)
    assert taps["terminal_seq"].tolist() == [5, 7, 5, 8, 6, 5]
    assert backwards[::-1].tobytes() == taps.tobytes()  # whatever the order of the rows


# ---- the real data ------------------------------------------------------------------------------

real = pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data/shenzhen_taps")


@pytest.mark.data
@real
def test_real_day() -> None:
    taps, roll, faults = read(DATA / "taps_10k.csv")
    assert (len(taps), len(faults)) == (10_000, 0)
    assert len(roll.operators) == 11 and len(roll.terminals) == 1407 and len(roll.cards) == 9523
    assert int(taps["amount_fen"].sum()) == 97_960
    local_day = (taps["at_us"] + 8 * 3_600_000_000) // 86_400_000_000
    assert int((local_day < taps["day"]).sum()) == 411
    assert len(set(identities(taps, roll))) == 10_000


@pytest.mark.data
@real
def test_real_json_is_part_of_the_day() -> None:
    day = set(identities(*read(DATA / "taps_10k.csv")[:2]))
    sample = identities(*read(DATA / "sample_100.json")[:2])
    assert len(set(sample)) == 100 and set(sample) <= day
