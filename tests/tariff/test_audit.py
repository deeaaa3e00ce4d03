"""Recorded charges held against a tariff: what explains each, and what would have been right."""

from pathlib import Path

import pytest

from onecard.core.tariff import ready
from onecard.core.tariff.audit.report import as_json, audit
from onecard.core.tariff.audit.words import station_lines
from onecard.core.tariff.compiled import Compiled
from tests.tariff.town import compiled_town, csv_of, held

DATA = Path(__file__).resolve().parent.parent.parent / "../shared/data/shenzhen_taps"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return compiled_town(tmp_path_factory.mktemp("audit"))


# Each row is followed by what explains it, `-` for an entry, or `right:` and what is.
CHARGES = {
    "a class each": """
08:00:00 k1 City_Bus . 1 ride . 200 180 . . .      base:adult
08:00:00 k2 City_Bus . 1 ride . 200 100 . . .      base:student
08:00:00 k3 City_Bus . 1 ride . 200   0 . . .      free
08:00:00 k4 City_Bus . 1 ride . 200 200 . . .      right:180
""",
    "the class that explains most": """
08:00:00 k1 City_Bus . 1 ride . 200 180 . . .      right:100
12:00:00 k1 City_Bus . 1 ride . 200 100 . . .      base:student
16:00:00 k1 City_Bus . 1 ride . 200 100 . . .      base:student
""",
    "of two that explain as much the default, though the file lists another first": """
08:00:00 k1 City_Bus . 1 ride . 200 100 . . .      right:180
12:00:00 k1 City_Bus . 1 ride . 200 180 . . .      base:adult
""",
    "and one that pays nothing after one that does": """
08:00:00 k1 City_Bus . 1 ride . 200   0 . . .      right:180
12:00:00 k1 City_Bus . 1 ride . 200 180 . . .      base:adult
""",
    "an operator's own rule is no class": """
08:00:00 k1 Own_Bus  . 1 ride . 200 200 . . .      operator
12:00:00 k1 City_Bus . 1 ride . 200 100 . . .      base:student
08:00:00 k2 Own_Bus  . 1 ride . 200 180 . . .      right:200
""",
    "a network by its id, and by the only operator": """
08:00:00 k1 . own   1 ride . 200 200 . . .         base:adult
08:00:00 k1 . OWN   1 ride . 200 200 . . .         right:-
08:00:00 k1 Nobody . 1 ride . 200 200 . . .        right:-
""",
    "a transfer that nobody marks is told from the rides": """
08:00:00 k1 City_Bus . 1 ride . 200 180 . . .      base:adult
08:30:00 k1 City_Bus . 2 ride . 200 140 . . .      transfer
08:40:00 k1 City_Bus . 2 ride . 200 140 . . .      right:180
10:00:00 k1 City_Bus . 3 ride . 200 140 . . .      right:180
""",
    "a mark is believed, whether or not the ride before is there": """
08:00:00 k1 City_Bus . 1 ride . 200 140 1 . .      transfer
08:00:00 k2 City_Bus . 1 ride . 200 180 1 . .      right:140
09:00:00 k6 City_Bus . 1 ride . 200  80 1 . .      transfer
08:00:00 k3 City_Bus . 1 ride . 200 140 0 . .      right:180
08:00:00 k4 City_Bus . 1 ride . 200 180 0 . .      base:adult
08:30:00 k4 City_Bus . 2 ride . 200 180 0 . .      base:adult
08:40:00 k4 City_Bus . 3 ride . 200 140 1 . .      transfer
08:00:00 k5 Metro_Company . 1 exit A 200 140 1 . . right:180
""",
    "the network by face leaves its own stations to the terminal": """
08:00:00 k1 Metro_Company . 1 entry A 0 0 . . .    -
08:05:00 k1 Metro_Company . 1 exit  A 200 0 . . .  same_station_free
08:10:00 k1 Metro_Company . 1 entry A 0 0 . . .    -
08:11:00 k1 Metro_Company . 1 exit  A 200 180 . . . base:adult
08:20:00 k1 Metro_Company . 1 entry A 0 0 . . .    -
08:21:00 k1 Metro_Company . 1 exit  B 200 0 . . .  right:180
08:22:00 k1 Metro_Company . 1 exit  B 200 180 . . . base:adult
""",
    "a free exit is of a class only where nothing else explains it": """
08:00:00 k1 Metro_Company . 1 entry A 0 0 . . .    -
08:05:00 k1 Metro_Company . 1 exit  A 200 0 . . .  same_station_free
08:10:00 k1 Metro_Company . 1 exit  A 200 0 . . .  free
08:20:00 k1 Metro_Company . 1 entry - 0 0 . . .    -
08:25:00 k1 Metro_Company . 1 exit  - 200 0 . . .  free
""",
    "by an alias of the signs, of the tariff": """
08:00:00 k1 Metro_Company . 1 entry 前海湾 0 0 . . .   -
08:05:00 k1 Metro_Company . 1 exit  前海湾站 200 0 . . . same_station_alias
08:20:00 k1 Rail_Company . . entry Port 0 0 . . .    -
08:25:00 k1 Rail_Company . . exit  Harbour . 0 . . . same_station_alias
""",
    "an entry is left once, by the exit after it": """
08:00:00 k1 Metro_Company . 1 entry A 0 0 . . .    -
08:01:00 k1 Metro_Company . 1 entry B 0 0 . . .    -
08:05:00 k1 Metro_Company . 1 exit  B 200 0 . . .  same_station_free
08:06:00 k1 Metro_Company . 1 exit  A 200 0 . . .  free
""",
    "where a rule says it, the rule decides": """
08:00:00 k1 Rail_Company . . entry a 0 0 . . .     -
08:09:59 k1 Rail_Company . . exit  a . 0 . . .     same_station_free
09:00:00 k1 Rail_Company . . entry a 0 0 . . .     -
09:10:00 k1 Rail_Company . . exit  a . 0 . . .     right:500
10:00:00 k2 Rail_Company . . entry a 0 0 . . .     -
10:10:00 k2 Rail_Company . . exit  a . 500 . . .   base:adult
""",
    "by a table, to its end": """
08:00:00 k1 Rail_Company . . entry Harbour 0 0 . . .  -
08:30:00 k1 Rail_Company . . exit  Museum  . 500 . . . base:adult
09:00:00 k1 Rail_Company . . entry Harbour 0 0 . . .  -
09:30:00 k1 Rail_Company . . exit  Hill . 700 . . .   cap
10:00:00 k2 Rail_Company . . entry Hill 0 0 . . .     -
10:30:00 k2 Rail_Company . . exit Harbour . 800 . . . right:-
11:00:00 k2 Rail_Company . . exit Harbour . 900 . . . incomplete
12:00:00 k2 Rail_Company . . exit Harbour . 800 . . . right:900
13:00:00 k2 Rail_Company . . entry Harbour 0 0 . . .  -
16:00:00 k2 Rail_Company . . exit Museum . 900 . . .  overdue
08:00:00 k3 Rail_Company . . ride a . 500 . 08:30:00 b base:adult
""",
    "what is paid at the entry is no charge at the exit": """
08:00:00 k1 Metro_Company . 1 entry A 200 180 . . . base:adult
08:30:00 k1 Metro_Company . 1 exit  B 0     0 . . . -
08:40:00 k1 Metro_Company . 1 exit  B 0     0 . . . base:adult
""",
}


@pytest.mark.parametrize("case", CHARGES)
def test_charges(case: str, town: Compiled, tmp_path: Path) -> None:
    rows = [line.rsplit(None, 1) for line in CHARGES[case].strip().splitlines()]
    report, said = held(tmp_path, town, csv_of("\n".join(row for row, _ in rows)))
    assert said == []
    expected = [reason for _, reason in rows if reason != "-"]
    assert report.charges == len(expected)
    reasons: dict[str, int] = {}
    for reason in expected:
        if not reason.startswith("right:"):
            reasons[reason] = reasons.get(reason, 0) + 1
    assert dict(report.reasons) == reasons
    wrong = {
        line: reason.removeprefix("right:")
        for line, (_, reason) in enumerate(rows, start=2)
        if reason.startswith("right:")
    }
    right = {one.line: "-" if one.right is None else str(one.right) for one in report.unexplained}
    assert right == wrong
    assert all(one.why for one in report.unexplained)
    assert report.explained == len(expected) - len(wrong)


WHY = {
    "anomaly": ("k City_Bus . 1 ride . 200 140 0 . .", "less transfer change, and the mark says"),
    "no transfer": ("k Metro_Company . 1 exit A 200 140 1 . .", "the tariff has none for adult"),
    "no network": ("k Nobody . 1 ride . 200 180 . . .", "the tariff has no network for Nobody"),
    "no such network": ("k . tube 1 ride . 200 180 . . .", "the tariff has no network tube"),
    "no face": ("k City_Bus . 1 ride . . 180 . . .", "the row has no face"),
    "no rule": ("k City_Bus . 1 ride . 200 170 . . .", "no rule gives it; adult by"),
    "no such station": (
        "k . rail . ride a . 800 . . zz",
        "the tariff has no station zz, or several",
    ),
    "no way": ("k . rail . ride c . 800 . . a", "defines no fare"),
}


@pytest.mark.parametrize("case", WHY)
def test_why(case: str, town: Compiled, tmp_path: Path) -> None:
    row, why = WHY[case]
    report, _ = held(tmp_path, town, csv_of(f"08:00:00 {row}"))
    assert why in report.unexplained[0].why


METRES = [  # at the entry, at the exit, charged, what is right
    ("", "5000", 200, None),
    ("", "5001", 300, None),
    ("5001", "", 300, None),
    ("5001", "5000", 200, None),
    ("", "5001", 200, 300),
    ("", "", 200, "the fare is by metres"),
    ("", "10001", 300, "the tariff defines no fare"),
]


@pytest.mark.parametrize("at", range(len(METRES)))
def test_metres(at: int, town: Compiled, tmp_path: Path) -> None:
    begin, end, charged, right = METRES[at]
    rows = ["at,card,company,line,kind,station,face,charged,metres"]
    rows.append(f"2026-03-02 08:00,k1,Van Company,,entry,,,0,{begin}")
    rows.append(f"2026-03-02 08:20,k1,Van Company,,exit,,,{charged},{end}")
    report, _ = held(tmp_path, town, "\n".join(rows))
    assert report.explained == (right is None)
    for one in report.unexplained:
        if isinstance(right, str):
            assert (one.right, one.by_class) == (None, {}) and right in one.why
        else:
            assert one.right == right


def test_what_is_listed_and_counted(town: Compiled, tmp_path: Path) -> None:
    table = """
08:00:00 k1 Metro_Company . 1 entry A 0 0 . . .
08:01:00 k1 Metro_Company . 1 exit  - 200 0 . . .
08:02:00 k1 Metro_Company . 1 entry - 0 0 . . .
08:03:00 k1 Metro_Company . 1 exit  - 200 0 . . .
08:04:00 k1 Metro_Company . 1 entry A 0 0 . . .
08:05:00 k1 Metro_Company . 1 exit  B 200 0 . . .
08:06:00 k1 Metro_Company . 1 exit  B 200 0 . . .
08:00:00 k2 City_Bus . 1 ride . 200 170 . . .
08:00:00 k3 City_Bus . 1 ride . 200 180 . . .
08:00:00 k4 City_Bus . 1 ride . 200 170 . . .
"""
    report, _ = held(tmp_path, town, csv_of(table))
    found = as_json(report)
    assert [(one["line"], one["card"]) for one in found["unexplained"]] == [(9, 2), (11, 4)]
    same = found["same_station"]
    assert (same["free_exits"], same["blank"], same["other_station"], same["no_entry"]) == (
        4, 2, 1, 1,
    )  # fmt: skip
    assert (found["charges"], found["rows"]) == (7, 10)


# ---- whether time tells a free exit from a paid one ---------------------------------------------

SPANS = [  # seconds of free exits, of paid ones, of paid ones without a name, what is said
    ([5, 90], [100, 300], [], "free after 5-90 s, paid after 100-300 s: a grace of 91 to 100 s"),
    ([5, 100], [100, 300], [], "time explains nothing: free after 5-100 s, paid after 100-300 s"),
    ([100, 300], [5, 90], [], "free after 100-300 s, paid after 5-90 s: the short ones are paid"),
    ([90, 300], [5, 90], [], "time explains nothing"),
    (
        [5],
        [5],
        [20, 30],
        "time explains nothing: free after 5-5 s, paid after 5-5 s (20-30 s where both",
    ),
    ([5, 90], [], [], ""),
    ([], [5, 90], [7], ""),
]


@pytest.mark.parametrize("at", range(len(SPANS)))
def test_time(at: int, town: Compiled, tmp_path: Path) -> None:
    free, paid, blank, said = SPANS[at]
    rows = []
    for charged, station, spans in ((0, "A", free), (180, "A", paid), (180, "-", blank)):
        for seconds in spans:
            hour = f"{len(rows) // 2 + 6:02d}"
            end = f"{hour}:{seconds // 60:02d}:{seconds % 60:02d}"
            rows.append(f"{hour}:00:00 k1 Metro_Company . 1 entry {station} 0 0 . . .")
            rows.append(f"{end} k1 Metro_Company . 1 exit {station} 200 {charged} . . .")
    report, _ = held(tmp_path, town, csv_of("\n".join(rows)))
    found = as_json(report)["same_station"]
    assert found["time"].startswith(said) if said else found["time"] == ""
    assert (found["free"], found["paid"]) == (len(free), len(paid))
    assert len(found["paid_exits"]) == len(paid)


# ---- the real data ------------------------------------------------------------------------------

real = pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data/shenzhen_taps")


@real
@pytest.mark.data
def test_the_real_sample() -> None:
    report = audit([DATA / "taps_10k.csv"], ready.load("shenzhen-2018"), print)
    assert (report.rows, report.refused) == (10_000, 0)
    assert (report.charges, report.explained) == (640, 637)
    listed = {one.line: (one.charged, one.right) for one in report.unexplained}
    assert listed == {408: (120, 160), 457: (120, 160), 572: (200, 240)}
    assert all("the mark says none" in one.why for one in report.unexplained)
    assert dict(report.operators) == {"华程交通": 59}
    assert dict(report.reasons) == {
        "base:adult": 332,
        "base:student": 9,
        "transfer": 10,
        "operator": 59,
        "same_station_free": 171,
        "same_station_alias": 1,
        "free": 11 + 41 + 3,
    }
    same = as_json(report)["same_station"]
    names = ("free_exits", "free", "free_by_alias", "blank", "no_entry", "other_station", "paid")
    assert [same[name] for name in names] == [227, 171, 1, 11, 41, 3, 35]
    assert [row["line"] for row in same["alias_exits"]] == [777]
    assert len(same["paid_exits"]) == 35
    assert (same["free_seconds"], same["paid_seconds"]) == ([6, 6427], [7, 698])
    assert same["paid_both_blank_seconds"] == [97, 760]
    assert "explains nothing" in station_lines(report.same_station)[-1]


@real
@pytest.mark.data
def test_the_publishers_json() -> None:
    report = audit([DATA / "sample_100.json"], ready.load("shenzhen-2018"), print)
    assert (report.rows, report.refused) == (100, 0)
    assert report.explained == report.charges > 0
