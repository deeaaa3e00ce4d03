"""A tariff's folder: what is wrong in it is said by name, file and line, all of it; the way back
from a compiled file."""

import os
from pathlib import Path

import numpy as np
import pytest

from onecard.core.errors import BadInput
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.packed import hash_of, pack, unpack
from onecard.core.tariff.ready import compiled, find, load
from onecard.ext.fare.rate import FareSet, Ride, Status, new_rider
from tests.tariff.small_folder import FILES, write

T = "tariff.toml"
MONDAY_8_US = 1_772_409_600_000_000  # 2026-03-02 08:00 in Shanghai

# file, what stands there, what is there instead, code, line, what is said
FAULTS = [
    (T, 'id = "small"', 'id = "Big City"', "value", 1, "expected 1 to 36 of a-z"),
    (T, 'name = "Small"\n', "", "value", 0, "name: expected a text"),
    (T, "2026-01-01\neff", '"2026-01-01"\neff', "value", 3, "expected a day as 2026-01-31"),
    (T, "2026-12-31", "2025-12-31", "value", 4, "expected no day before effective_from"),
    (T, '"CNY"', '"RMB"', "value", 5, "expected a code of ISO 4217 as CNY, found 'RMB'"),
    (T, "Asia/Shanghai", "Asia/Nowhere", "value", 6, "expected a zone as Asia/Shanghai"),
    (T, '"04:30"', '"24:00"', "value", 8, 'expected a time before "24:00"'),
    (T, '"04:30"', '"4h30"', "value", 8, 'expected a time as "04:30"'),
    (T, '= "adult"\n\n', '= "adults"\n\n', "unknown", 0, "default_class: expected a class"),
    (T, "default_class", "default_clas", "key_unknown", 9, "default_clas: expected no such key"),
    (T, 'title = "Book"\n', "", "value", 11, "title: expected a text"),
    (T, "date = 2026", "dated = 2026", "value", 11, "date: expected a day"),
    (T, 'source = "book"', 'source = "hearsay"', "value", 18, "expected the name of a table"),
    (T, 'source = "book"\n', "", "value", 15, "source: expected the name of a table"),
    (T, 'id = "student"', 'id = "adult"', "twice", 21, "adult stands in line 16 too"),
    (T, "proof = true", 'proof = "yes"', "value", 23, "expected true or false, found 'yes'"),
    (T, '"distance"', '"length"', "value", 30, "expected one of flat, zones, table, distance"),
    (T, '"stations.csv"', '"halts.csv"', "file", 0, "expected the file in "),
    (T, "upto = 12000", "upto = 6000", "value", 33, "expected more than 6000, found 6000"),
    (T, "fare = 300 }", "fare = 3.5 }", "value", 33, "steps.1: fare: expected a whole number"),
    (T, "fare = 300 }", "fare = -1 }", "value", 33, "from 0 to 1000000000000, found -1"),
    (T, "fare = 300 }", "fare = true }", "value", 33, "found true"),
    (T, "fare = 300 }", "price = 300 }", "value", 33, "steps.1: fare: expected a whole number"),
    (T, "every = 20000", "every = 0", "value", 34, "from 1 to "),
    (T, "free_s = 600", "free_min = 10", "key_unknown", 35, "free_min: expected no such key"),
    (T, "incomplete = { fare = 900 }\n", "", "value", 37, "expected `incomplete` beside it"),
    (T, '["metro"]\nclasses', '["tube"]\nclasses', "unknown", 53, "expected networks, found tube"),
    (T, 'classes = ["adult"]', "classes = []", "value", 54, "expected a list of classes"),
    (T, "pay_percent = 50\n", "pay_percent = 150\n", "value", 55, "expected a share that is paid"),
    (T, "pay_percent = 50\n", "pay_percent = 0.5\n", "value", 55, "0 to 100, as 95 or"),
    (T, "pay_percent = 50\n", "", "value", 51, "expected one of pay_percent, brackets, off, free"),
    (T, "pay_percent = 50\n", "pay_percent = 50\noff = 3\n", "value", 51, "pay_percent and off"),
    (T, '"workday", b', '"weekday", b', "value", 56, "expected one of any, workday, restday"),
    (T, 'before = "07:00"', 'before = "00:00"', "value", 56, "expected a time after `from`"),
    (T, 'stations = ["1"]', 'stations = ["9"]', "unknown", 56, "expected station ids, found 9"),
    (T, 'per = "year"', 'per = "decade"', "value", 57, "expected one of day, week, month, year"),
    (T, '"62.5"', '"62.555"', "value", 63, "expected a share that is paid"),
    (T, '{ pay_percent = "62.5" }', "{ upto = 9, pay_percent = 1 }", "value", 63, "more than 300"),
    (T, "within_s = 5400", "within_s = 0", "value", 71, "expected a whole number from 1"),
    (T, "to_lines = [2]", "to_lines = [3]", "unknown", 70, "expected lines of `lines`, found 3"),
    (T, 'when = "after"', 'when = "later"', "value", 73, "expected one of before, after"),
    (T, "links = 1\n", "links = 0\n", "value", 74, "expected a whole number from 1"),
    (T, 'mode = "next_trip"', 'mode = "whole"', "value", 80, "expected one of next_trip, marginal"),
    (
        T,
        "{ pay_percent = 80 }",
        "{ below = 9, pay_percent = 1 }",
        "value",
        81,
        "expected more than 10000",
    ),
    (T, "most = 2000", "most = 20", "value", 87, "expected at least 50"),
    (T, "least = 50\nmost = 2000\n", "", "value", 84, "expected `least` or `most`"),
    (T, "payer: City", "City", "value", 94, '"operator", "pro_rata" or "payer: NAME"'),
    (T, 'regions = "near"', 'regions = "far"', "value", 99, "expected a region of regions.csv"),
    (
        T,
        'network = "metro"\n',
        'network = "tube"\n',
        "unknown",
        105,
        "expected a network, found tube",
    ),
    (T, "id = ", "id ", "toml", 1, "expected TOML"),
    (T, "[[cap]]", "[cap]", "value", 90, "expected tables"),
    (T, "[[cap]]", "[[caps]]", "key_unknown", 90, "caps: expected no such key"),
    ("stations.csv", "2,B", "1,B", "twice", 3, "station 1 stands twice"),
    ("stations.csv", "2,B", "2", "columns", 3, "expected 2 columns, found 1"),
    ("stations.csv", "2,B", "2,", "station", 3, "expected an id, a name, found a blank"),
    ("stations.csv", "2,B", '2,"B', "csv", 5, "expected CSV, found otherwise"),
    ("stations.csv", "id,name", "id,title", "column_missing", 1, "expected a column name"),
    ("stations.csv", "id,name", "id,name,x", "column_unknown", 1, "expected only id, name"),
    ("stations.csv", FILES["stations.csv"], "", "empty", 1, "found nothing"),
    ("links.csv", "1,2,6099", "1,9,6099", "unknown", 2, "expected an id of stations.csv, found 9"),
    ("links.csv", "6099", "-1", "metres", 2, "expected metres, 0 to 536870911, found -1"),
    ("links.csv", "6099", "٣", "metres", 2, "found ٣"),
    ("piers.csv", "p,Pier,1", "p,Pier,", "station", 2, "a name and a zone, found a blank"),
    ("fares.csv", "1,2,500,", "1,9,500,", "unknown", 2, "expected an id of piers.csv, found 9"),
    ("fares.csv", "1,2,500,", "1,2,5.00,", "amount", 2, "expected whole minor units"),
    ("fares.csv", "1,2,500,", "1,2,-500,", "amount", 2, "found -500"),
    ("fares.csv", "2,1,500,", "1,2,600,", "twice", 3, "1 to 2 stands twice"),
    ("fares.csv", "student", "pupil", "unknown", 4, "expected a class of the tariff, found pupil"),
    ("lines.csv", "2,Line two", "0,Line two", "line", 2, "expected a number from 1 and a name"),
    ("lines.csv", "2,Line two", "2,a\n2,b", "twice", 3, "line 2 stands twice"),
    ("holidays.csv", "2026-02-17", "2026-02-30", "holiday", 2, "expected a day and holiday or"),
    ("holidays.csv", ",workday", ",half", "holiday", 3, "found 2026-02-28 half"),
    ("holidays.csv", "2026-02-28", "2026-02-17", "twice", 3, "2026-02-17 stands twice"),
    ("regions.csv", "310000", "3100", "region", 2, "expected a region and a city of six digits"),
    ("regions.csv", "2026-01-01,", "2026-01-01,2025-01-01", "region", 2, "rising"),
    ("regions.csv", "2026-01-01,\n", "2026-01-01,\nnear,310000,2027-01-01,\n", "twice", 3, "twice"),
    ("parts.csv", "1,3,Red", "1,9,Red", "unknown", 2, "expected an id of the tariff's stations"),
    ("parts.csv", "7000", "7001", "share", 2, "expected shares that sum to 10000, found 10001"),
    ("parts.csv", "7000", "70%", "share", 2, "expected an operator and 0 to 10000, found Red 70%"),
]


# file, what stands there, what is there instead, and what to do: the one thing that is said
SLIPS = [
    (T, "incomplete = { fare = 900 }", "face = 2,00", "write whole minor units, as 200 for 2.00"),
    (T, "fare = 300 }", 'fare = "3.00" }', "write whole minor units, as 200 for 2.00"),
    (T, "2026-01-01\neff", "2026/01/01\neff", "write a day as 2026-01-31"),
    (T, "2026-01-01\neff", "2026-1-1\neff", "write a day as 2026-01-31"),
    (T, '"04:30"', "4:30", 'write a time in quotes, as "04:30"'),
    (T, '"CNY"', "“CNY”", 'write straight quotes, as "text"'),
    (T, '"CNY"', "CNY", 'write text in quotes, as "text"'),
    (T, "currency =", "货币 =", "write its name in docs/tariffs.md"),
    (T, "proof = true", "proof = True", "write true or false, in small letters"),
    (T, "within_s = 5400", "within_s = 90 min", "write the number alone, without its unit"),
    (T, "within_s = 5400", 'within_s = "90 min"', "write whole seconds, as 3600 for an hour"),
    (T, '[[class]]\nid = "adult"', '[class]\nid = "adult"', "write [[class]] at each of them"),
    (T, "service_day_starts", "service_day_start", "write service_day_starts, or one of "),
    (T, 'networks = ["metro"]\nclasses', 'networks = "metro"\nclasses', 'write ["metro"]'),
    (T, 'basis = "distance"', 'basis = "distanse"', "write one of them"),
    (T, '"stations.csv"', '"Stations.csv"', "add it, or name stations.csv"),
    (T, '"stations.csv"', '"../stations.csv"', "put it there, and name it alone"),
    ("stations.csv", "id,name", "id;name", "save it as CSV with commas"),
    ("links.csv", "line,from,to,metres", "line\tfrom\tto\tmetres", "save it as CSV with commas"),
    ("stations.csv", "id,name\n", "", "name the columns so in the first line"),
    ("stations.csv", "id,name", "编号,名称", "name the columns so in the first line"),
    ("fares.csv", "1,2,500,", '1,2,"5,00",', "give whole minor units, as 200 for 2.00"),
]
# file, what stands there, what is there instead, code: fares stay as they are
DOUBTS = [
    ("stations.csv", "2,B", "2,A", "same_name"),
    ("links.csv", "1,2,6099", "1,1,6099", "link"),
    ("links.csv", "1,2,6099", "1,1,6099", "no_way"),
]


def noticed(folder: Path) -> tuple[Compiled | None, Notices]:
    notices = Notices()
    return compiled(find(str(folder)), notices), notices


def test_the_small_folder_is_right(tmp_path: Path) -> None:
    made, notices = noticed(write(tmp_path))
    assert made is not None and not notices.found, [str(one) for one in notices.found]


@pytest.mark.parametrize(("file", "was", "now", "code", "line", "said"), FAULTS)
def test_a_fault(
    file: str, was: str, now: str, code: str, line: int, said: str, tmp_path: Path
) -> None:
    made, notices = noticed(write(tmp_path, file, was, now))
    assert made is None
    errors = [one for one in notices.found if one.severity == "error"]
    there = [(one.code, one.line) for one in errors if said in one.found]
    assert (code, line) in there, [str(one) for one in errors]
    for one in errors:
        assert str(one).isprintable() and len(str(one)) < 400 and one.do


@pytest.mark.parametrize(("file", "was", "now", "do"), SLIPS)
def test_a_slip_is_said_once_with_what_to_write(
    file: str, was: str, now: str, do: str, tmp_path: Path
) -> None:
    _, notices = noticed(write(tmp_path, file, was, now))
    errors = [one for one in notices.found if one.severity == "error"]
    assert len(errors) == 1 and errors[0].do.startswith(do), [str(one) for one in errors]


@pytest.mark.parametrize(("file", "was", "now", "code"), DOUBTS)
def test_what_is_mostly_a_slip_is_a_warning(
    file: str, was: str, now: str, code: str, tmp_path: Path
) -> None:
    made, notices = noticed(write(tmp_path, file, was, now))
    assert made is not None and code in [one.code for one in notices.found]


def test_a_file_of_holidays_has_any_name(tmp_path: Path) -> None:
    folder = write(tmp_path, T, '"holidays.csv"', '"days_off.csv"')
    (folder / "holidays.csv").rename(folder / "days_off.csv")
    _, notices = noticed(folder)
    assert not notices.found, [str(one) for one in notices.found]


def test_all_of_it_is_said_and_not_the_first(tmp_path: Path) -> None:
    write(tmp_path)
    text = (tmp_path / T).read_text().replace('"CNY"', '"RMB"').replace("least = 50", "least = -1")
    (tmp_path / T).write_text(text)
    (tmp_path / "links.csv").write_text("line,from,to,metres\nred,1,9,1\nred,8,3,1\n")
    _, notices = noticed(tmp_path)
    places = {(one.file, one.line) for one in notices.found}
    assert {(T, 5), (T, 86), ("links.csv", 2), ("links.csv", 3)} <= places
    with pytest.raises(BadInput, match="3 more: onecard tariff check says them"):
        load(str(tmp_path))


# A file beside the others, what is said of it, which is a warning
UNUSED = [
    ("notes.csv", "a,b\n", "no rule reads it"),
]


@pytest.mark.parametrize(("file", "text", "said"), UNUSED)
def test_what_nothing_reads(file: str, text: str, said: str, tmp_path: Path) -> None:
    (write(tmp_path) / file).write_text(text)
    made, notices = noticed(tmp_path)
    assert made is not None
    assert [(one.severity, one.file, one.found) for one in notices.found] == [
        ("warning", file, said)
    ]


@pytest.mark.parametrize("file", sorted(FILES))
def test_files_as_they_come(file: str, tmp_path: Path) -> None:
    """A mark of UTF-8 and Windows' line ends are taken; other encodings and pipes are refused."""
    wanted = pack(load(str(write(tmp_path))))
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
    assert pack(load(str(tmp_path))) == wanted
    (tmp_path / file).write_bytes(content + "公交".encode("gb18030"))
    with pytest.raises(BadInput, match=rf"{file}:\d+: encoding: expected UTF-8, found byte 0xb9"):
        load(str(tmp_path))
    (tmp_path / file).unlink()
    os.mkfifo(tmp_path / file)
    with pytest.raises(BadInput, match="expected a regular file, found a folder, a pipe"):
        load(str(tmp_path))


def test_the_form_of_before_is_said(tmp_path: Path) -> None:
    (tmp_path / "fares.toml").write_text("")
    with pytest.raises(BadInput, match=r"expected tariff\.toml, found the form of before"):
        load(str(tmp_path))


# ---- a compiled file ----------------------------------------------------------------------------


def test_a_compiled_file_is_the_tariff(tmp_path: Path) -> None:
    made = load(str(write(tmp_path / "small")))
    content = pack(made)
    (tmp_path / "small.tariff").write_bytes(content)
    again = load(str(tmp_path / "small.tariff"))
    assert again.words == made.words and hash_of(pack(again)) == hash_of(content)
    for name, array in made.arrays.items():
        assert np.array_equal(array, again.arrays[name]), name
    ride = Ride(1, MONDAY_8_US, MONDAY_8_US, 1, 3)
    answers = [FareSet(one.arrays).rate(ride, new_rider(0)) for one in (made, again)]
    assert answers[0] == answers[1] and answers[0].amount == 500


def test_a_flipped_bit_is_found_or_changes_nothing(tmp_path: Path) -> None:
    """Every 97th bit: a compiled file whose array is not what its checksum says is refused."""
    content = bytearray(pack(load(str(write(tmp_path)))))
    refused = 0
    for bit in range(0, len(content) * 8, 97):
        content[bit // 8] ^= 1 << bit % 8
        try:
            FareSet(unpack(bytes(content), "x").arrays)
        except (BadInput, ValueError):
            refused += 1
        content[bit // 8] ^= 1 << bit % 8
    assert refused == len(range(0, len(content) * 8, 97))


# words of a compiled tariff, and what they are made of
WORDS: list[tuple[str, object, str]] = [
    ("places", [], "words: expected \\d+ places"),
    ("networks", [], "words: expected \\d+ networks"),
    ("classes", None, "words: expected \\d+ classes"),
    ("rules", [], "words: expected"),
    ("currency", 3, "words: expected a text as currency"),
]


@pytest.mark.parametrize("name, found, said", WORDS)
def test_words_that_are_not_those_of_the_arrays_are_refused(
    tmp_path: Path, name: str, found: object, said: str
) -> None:
    made = load(str(write(tmp_path)))
    made.words[name] = found
    with pytest.raises(BadInput, match=said):
        unpack(pack(made), "x")


# array, what is done to it: a number that points beyond, an array that is not there, another type
BEYOND = [
    ("cells", lambda a: np.full_like(a, 9999)),
    ("list_offers", lambda a: a[::-1].copy()),
    ("place_station", lambda a: a + np.uint32(50)),
    ("place_zone", lambda a: a + np.uint16(3)),
    ("zone_offsets", lambda a: a * 0),
    ("frame_rows", lambda a: a + np.uint32(1)),
    ("place_sets", lambda a: np.where(a < 99, a + 7, a).astype(np.uint32)),
    ("share_rows", lambda a: a[:-1]),
    ("offers", lambda a: a + 10**13),
    ("counts", lambda a: a + 100),
    ("header", lambda a: a + 1),
    ("cells", lambda a: a.astype(np.int64)),
    ("cells", lambda a: a[:0]),
    ("brackets", lambda a: a[:0]),
    ("caps", lambda a: a + 8),
]


@pytest.mark.parametrize("at", range(len(BEYOND)))
def test_a_number_that_points_beyond(at: int, tmp_path: Path) -> None:
    name, change = BEYOND[at]
    arrays = dict(load(str(write(tmp_path))).arrays)
    arrays[name] = change(arrays[name])
    with pytest.raises(ValueError, match=r"array|layout"):
        FareSet(arrays)
    del arrays[name]
    with pytest.raises(ValueError, match=f"array {name}: expected it, found none"):
        FareSet(arrays)


# ---- what no tariff is asked for ----------------------------------------------------------------

# ride, status
ODD = [
    (Ride(0, MONDAY_8_US, MONDAY_8_US), Status.UNKNOWN),
    (Ride(3, MONDAY_8_US, MONDAY_8_US), Status.UNKNOWN),
    (Ride(1, MONDAY_8_US, MONDAY_8_US - 1, 1, 2), Status.UNKNOWN),
    (Ride(1, MONDAY_8_US, MONDAY_8_US, 1, 99), Status.UNKNOWN),
    (Ride(1, MONDAY_8_US, MONDAY_8_US, 0, 2), Status.NO_FARE),
    (Ride(1, MONDAY_8_US, MONDAY_8_US, 1, 4), Status.NO_FARE),
    (Ride(2, MONDAY_8_US, MONDAY_8_US, 4, 4), Status.NO_FARE),
    (Ride(2, MONDAY_8_US, MONDAY_8_US, incomplete=1), Status.NO_FARE),
    (Ride(1, 0, 0, 1, 2), Status.NOT_IN_FORCE),
    (Ride(1, MONDAY_8_US + 400 * 86_400_000_000, 1 << 62, 1, 2), Status.NOT_IN_FORCE),
]


@pytest.mark.parametrize(("ride", "status"), ODD)
def test_no_fare_leaves_the_rider_as_he_was(ride: Ride, status: Status, tmp_path: Path) -> None:
    fares = FareSet(load(str(write(tmp_path))).arrays)
    rider = fares.rate(Ride(1, MONDAY_8_US, MONDAY_8_US, 1, 3), new_rider(0)).rider
    answer = fares.rate(ride, rider)
    assert (answer.status, answer.amount, answer.rider) == (status, 0, rider)


def test_a_ride_that_ends_at_a_threshold_pays_what_is_left_below_it(tmp_path: Path) -> None:
    """To pay the 101 that are left takes ceil(101 * 100 / 80) = 127 of the fare: all of it.
    Rounded by itself it would be ceil(101.6) = 102."""
    (tmp_path / "tariff.toml").write_text(
        'id = "t"\nname = "T"\neffective_from = 2026-01-01\ncurrency = "CNY"\nzone = "UTC"\n'
        '[sources.s]\ntitle = "S"\ndate = 2026-01-01\n'
        '[[class]]\nid = "a"\nname = "A"\nsource = "s"\n'
        '[[network]]\nid = "b"\nname = "B"\nmode = "bus"\nbasis = "flat"\nfare = 127\n'
        'source = "s"\n'
        '[[tier]]\nid = "m"\nper = "month"\nmode = "marginal"\nrounding = "ceiling"\n'
        'source = "s"\n'
        "steps = [{ below = 101, pay_percent = 80 }, { pay_percent = 50 }]\n"
    )
    fares = FareSet(load(str(tmp_path)).arrays)
    first = fares.rate(Ride(1, MONDAY_8_US, MONDAY_8_US), new_rider(0))
    second = fares.rate(Ride(1, MONDAY_8_US, MONDAY_8_US), first.rider)
    assert (first.amount, second.amount) == (101, 64)
