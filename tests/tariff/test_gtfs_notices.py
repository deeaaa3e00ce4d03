"""What is wrong in a feed is said by name, file and line: one thing changed in the small feed a
row."""

import re
from random import Random

import pytest

from onecard.core.tariff.gtfs.feed import compile_feed
from onecard.core.tariff.gtfs.trips import FAULTS_MAX
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.source import Source
from onecard.ext.fare.rate import FareSet
from tests.tariff.small_feed import FEED, Files, add, change, compiled, without

E, W = "error", "warning"
LEGS, TRANSFERS = "fare_leg_rules.txt", "fare_transfer_rules.txt"
PRODUCTS, JOINS = "fare_products.txt", "fare_leg_join_rules.txt"
TIMES, FRAMES = "stop_times.txt", "timeframes.txt"

# file, what is replaced ("" = added at its end), by what, severity, code, line, words of the notice
CHANGES = [
    # ---- ids, each with its own file
    ("agency.txt", "", "op,Twice,,Europe/Warsaw\n", E, "duplicate_id", 3, "as in line 2"),
    ("stops.txt", "", "east,East,0,,\n", E, "duplicate_id", 8, "east as in line 4"),
    ("routes.txt", "", "r1,op,9,,3\n", E, "duplicate_id", 5, "route_id once"),
    ("trips.txt", "", "r1,work,t1\n", W, "duplicate_id", 5, "trip_id once"),
    ("calendar.txt", "", "work,1,1,1,1,1,1,1,20260101,20260102\n", E, "duplicate_id", 3, "once"),
    ("calendar_dates.txt", "", "work,20260501,1\n", E, "duplicate_id", 4, "service_id, date once"),
    ("areas.txt", "", "a,Again\n", E, "duplicate_id", 6, "area_id once"),
    ("stop_areas.txt", "", "a,north\n", W, "row_twice", 6, "as in line 2"),
    ("networks.txt", "", "bus,Again\n", E, "duplicate_id", 4, "network_id once"),
    ("route_networks.txt", "", "rail,r1\n", E, "duplicate_id", 4, "route_id once"),
    (FRAMES, "", "peak,07:00:00,09:00:00,work\n", W, "row_twice", 4, "as in line 2"),
    ("rider_categories.txt", "", "child,C,\n", E, "duplicate_id", 4, "once"),
    ("fare_media.txt", "", "card,C,2\n", E, "duplicate_id", 4, "once"),
    (PRODUCTS, "", "train,T,,,6.00,PLN\n", E, "duplicate_id", 9, "as in line 6"),
    (LEGS, "", "other,bus,a,b,,,short\n", E, "duplicate_id", 7, "as in line 2"),
    (JOINS, "", "rail,rail,,\n", E, "duplicate_id", 3, "as in line 2"),
    (TRANSFERS, "", "bus,bus,2,3600,2,1,\n", E, "duplicate_id", 4, "as in line 3"),
    (TIMES, "t1,25:05", "t1,25:05:00,25:05:00,east,2\nt1,25:05", W, "duplicate_id", 0, "t1 once"),
    # ---- references
    ("stops.txt", "hub2,Hub 2,0,hub,", "hub2,Hub 2,0,hob,", E, "unknown_reference", 7, "hob"),
    ("routes.txt", "r2,op", "r2,co", E, "unknown_reference", 3, "agency_id to be an agency"),
    ("trips.txt", "r3", "r9", W, "unknown_reference", 4, "found r9"),
    (TIMES, "t3,,,east", "t3,,,west", W, "unknown_reference", 8, "stop west"),
    (TIMES, "t3,,,east", "t9,,,east", W, "unknown_reference", 8, "trip t9"),
    ("stop_areas.txt", "d,east", "e,east", E, "unknown_reference", 5, "area of areas.txt"),
    ("stop_areas.txt", "d,east", "d,west", E, "unknown_reference", 5, "stop of stops.txt"),
    ("route_networks.txt", "rail,r2", "air,r2", E, "unknown_reference", 3, "networks.txt"),
    ("route_networks.txt", "rail,r2", "rail,r9", E, "unknown_reference", 3, "r9"),
    (FRAMES, "peak,16:00:00,24:00:00,work", "peak,,,never", E, "unknown_reference", 3, "never"),
    (PRODUCTS, "child,,1.50", "pupil,,1.50", E, "unknown_reference", 3, "pupil"),
    (PRODUCTS, ",card,3.60", ",chip,3.60", E, "unknown_reference", 5, "chip"),
    (LEGS, "rail,rail,b", "rail,air,b", E, "unknown_reference", 5, "network_id"),
    (LEGS, "bus,bus,a,b", "bus,bus,z,b", E, "unknown_reference", 2, "from_area_id"),
    (LEGS, "bus,bus,a,b", "bus,bus,a,z", E, "unknown_reference", 2, "to_area_id"),
    (LEGS, "peak,,early", "noon,,early", E, "unknown_reference", 6, "from_timeframe_group_id"),
    (LEGS, "peak,,early", "peak,noon,early", E, "unknown_reference", 6, "to_timeframe_group_id"),
    (LEGS, "peak,,early", "peak,,late", E, "unknown_reference", 6, "fare_product_id"),
    (JOINS, "rail,rail,,", "air,air,,", E, "unknown_reference", 2, "from_network_id"),
    (JOINS, "rail,rail,,", "rail,rail,west,east", E, "unknown_reference", 2, "from_stop_id"),
    (TRANSFERS, "bus,rail", "tram,rail", E, "unknown_reference", 2, "from_leg_group_id"),
    (TRANSFERS, "bus,rail", "bus,tram", E, "unknown_reference", 2, "to_leg_group_id"),
    (TRANSFERS, "1,change", "1,chance", E, "unknown_reference", 2, "chance"),
    # ---- values
    ("stops.txt", "hub,Hub,1", "hub,Hub,5", E, "wrong_value", 5, "location_type"),
    ("calendar.txt", "work,1,1", "work,2,1", E, "wrong_value", 2, "monday"),
    ("calendar.txt", "20261231", "20260231", E, "wrong_value", 2, "end_date to be a day"),
    ("calendar.txt", "20261231", "20251231", E, "wrong_order", 2, "start_date before end_date"),
    ("calendar_dates.txt", "20260502,1", "20260502,3", E, "wrong_value", 3, "exception_type"),
    ("calendar_dates.txt", "20260502,1", "2026-05-02,1", E, "wrong_value", 3, "date"),
    ("rider_categories.txt", "Child,", "Child,2", E, "wrong_value", 3, "is_default_fare_category"),
    ("fare_media.txt", "City card,2", "City card,5", E, "wrong_value", 3, "fare_media_type"),
    (LEGS, "fare_product_id\n", "fare_product_id,rule_priority\n", E, "columns", 2, "8 columns"),
    (TIMES, "t3,,,east,2", "t3,,,east,x", W, "wrong_value", 8, "stop_sequence"),
    (TIMES, "t2,7:00:00", "t2,7.00", W, "wrong_value", 5, "a time as 7:05:00"),
    ("feed_info.txt", "20260101", "2026", E, "wrong_value", 2, "feed_start_date"),
    # ---- what must be there, and what must not
    ("agency.txt", "Operator", "", W, "value_missing", 2, "agency_name"),
    ("agency.txt", "", "co,Other,,Asia/Shanghai\n", E, "zones_differ", 3, "Asia/Shanghai"),
    ("agency.txt", "Europe/Warsaw", "Europe/Atlantis", E, "unknown_zone", 2, "Europe/Atlantis"),
    ("agency.txt", FEED["agency.txt"].split("\n", 1)[1], "", E, "no_agency", 1, ""),
    ("stops.txt", "south,South,0,,", "south,South,0,,Mars", E, "unknown_zone", 3, "Mars"),
    ("stops.txt", "1,,\nhub1,Hub 1,0,hub,", "1,,UTC\nhub1,Hub 1,0,hub,Asia/Tokyo", W,
     "zones_differ", 0, "hub1"),
    ("stops.txt", "east,East,0,,", "east,East,2,,", W, "wrong_parent", 4, "type 2"),
    ("stops.txt", "hub,Hub,1,,", "hub,Hub,1,south,", E, "wrong_parent", 5, "type 1"),
    ("stops.txt", "hub2,Hub 2,0,hub,", "hub2,Hub 2,0,hub1,", E, "wrong_parent", 7, "hub1"),
    ("stops.txt", "hub2,Hub 2,0,hub,", "hub2,Hub 2,4,hub,", W, "wrong_parent", 7, "type 4"),
    ("stops.txt", "", "west,West,,,\nwide,Wide,,,\n", W, "stop_in_no_area", 0, "2 stops"),
    ("areas.txt", "", "e,Empty\n", W, "area_without_stop", 0, "e"),
    ("networks.txt", "", "air,Planes\n", W, "network_without_route", 0, "air"),
    ("routes.txt", "route_type", "network_id", E, "forbidden_file", "networks.txt:0", "column"),
    (FRAMES, "07:00:00,", ",", E, "value_missing", 2, "or neither"),
    (FRAMES, "24:00:00", "24:00:01", E, "wrong_value", 3, "00:00:00 to 24:00:00"),
    (FRAMES, "24:00:00", "26:00:00", E, "wrong_value", 3, "end_time"),
    (FRAMES, "24:00:00", "15:00:00", E, "wrong_order", 3, "two rows"),
    (FRAMES, "16:00:00,24:00:00", ",", E, "overlap", 2, "overlaps line 3"),
    (FRAMES, "16:00:00", "08:59:59", E, "overlap", 3, "overlaps line 2"),
    (LEGS, ",early", ",", E, "value_missing", 6, "fare_product_id"),
    (JOINS, "rail,rail", "rail,bus", E, "networks_differ", 2, "rail and bus"),
    (JOINS, "rail,rail", "rail,", E, "networks_differ", 2, "rail"),
    (JOINS, "rail,rail,,", "rail,rail,east,", E, "value_missing", 2, "both stops or neither"),
    (JOINS, "rail,rail,,", "rail,rail,,east", E, "value_missing", 2, "both stops or neither"),
    (TRANSFERS, "bus,rail,", "bus,rail,1", E, "forbidden_value", 2, "between two groups"),
    (TRANSFERS, "bus,bus,2", "bus,bus,", E, "value_missing", 3, "transfer_count"),
    (TRANSFERS, "bus,bus,2", ",,", W, "value_missing", 3, "taken for -1"),
    (TRANSFERS, "bus,bus,2", "bus,bus,0", E, "wrong_value", 3, "-1 or 1"),
    (TRANSFERS, "bus,bus,2", "bus,bus,-2", E, "wrong_value", 3, "found -2"),
    (TRANSFERS, "bus,bus,2", "bus,bus,9999999", E, "wrong_value", 3, "65535"),
    (TRANSFERS, "3600,1", "0,1", E, "wrong_value", 3, "duration_limit to be 1 or more"),
    (TRANSFERS, "3600,1", "-60,1", E, "wrong_value", 3, "a whole number"),
    (TRANSFERS, "3600,1", "1h,1", E, "wrong_value", 3, "a whole number"),
    (TRANSFERS, "3600,1", "3600,", E, "value_missing", 3, "duration_limit_type"),
    (TRANSFERS, "3600,1", ",1", E, "forbidden_value", 3, "without duration_limit"),
    (TRANSFERS, "3600,1", "3600,4", E, "wrong_value", 3, "duration_limit_type"),
    (TRANSFERS, "1,change", "3,change", E, "wrong_value", 2, "fare_transfer_type"),
    (TRANSFERS, "1,change", ",change", E, "value_missing", 2, "fare_transfer_type"),
    # ---- money
    (PRODUCTS, "5.00,PLN", "5,PLN", W, "decimals", 6, "2 decimals of PLN"),
    (PRODUCTS, "5.00,PLN", "5.000,PLN", W, "decimals", 6, "2 decimals of PLN"),
    (PRODUCTS, "5.00,PLN", "5.005,PLN", E, "wrong_amount", 6, "2 decimals of PLN"),
    (PRODUCTS, "5.00,PLN", "5;00,PLN", E, "wrong_amount", 6, "5;00"),
    (PRODUCTS, "5.00,PLN", "500.5,JPY", E, "wrong_amount", 6, "0 decimals of JPY"),
    (PRODUCTS, "5.00,PLN", "5.00,JPY", W, "decimals", 6, "0 decimals of JPY"),
    (PRODUCTS, "5.00,PLN", "5.0005,KWD", E, "wrong_amount", 6, "3 decimals of KWD"),
    (PRODUCTS, "5.00,PLN", "5.00,KWD", W, "decimals", 6, "3 decimals of KWD"),
    (PRODUCTS, "5.00,PLN", "5.00,ZLT", E, "unknown_currency", 6, "ZLT"),
    (PRODUCTS, "5.00,PLN", "5.00,pln", E, "unknown_currency", 6, "pln"),
    (PRODUCTS, "5.00,PLN", ",PLN", E, "value_missing", 6, "amount"),
    (PRODUCTS, "5.00,PLN", "-5.00,PLN", E, "negative_amount", 6, "transfers alone"),
    (PRODUCTS, "5.00,PLN", "5.00,EUR", W, "mixed_currencies", 6, "EUR beside PLN"),
    (PRODUCTS, "-1.00,PLN", "-1.00,EUR", E, "no_price", f"{TRANSFERS}:2", "change in PLN"),
    (PRODUCTS, "", "pass,Pass,,,90.00,PLN\n", W, "product_unused", 9, "pass"),
    ("rider_categories.txt", "Child,", "Child,1", W, "default_ambiguous", 0, "2 default"),
    ("rider_categories.txt", "Adult,1", "Adult,", W, "default_ambiguous", f"{PRODUCTS}:2", "0"),
    # ---- rules that say nothing, or too much
    (LEGS, "", "bus,bus,d,d,,,short\nlone,rail,,,,,train\n", W, "no_effect", 8, "1 rules"),
    (TRANSFERS, "2,3600,1,0", "-1,,,0", W, "cyclic_transfers", 3, "lines 3"),
    (TRANSFERS, ",,,,1,change\nbus,bus,2,3600,1", ",,,,0,change\nrail,bus,,,", W,
     "cyclic_transfers", 2, "lines 2, 3"),
]  # fmt: skip


@pytest.mark.parametrize("row", CHANGES, ids=lambda row: f"{row[0]}-{row[2].strip()[:40]}")
def test_a_change_is_noticed(row: tuple[str, str, str, str, str, int | str, str]) -> None:
    file, old, new, severity, code, line, words = row
    files = change(FEED, file, old, new) if old else add(FEED, file, new)
    _, notices = compiled(files)
    found = [one for one in notices.found if (one.severity, one.code) == (severity, code)]
    assert found, [str(one) for one in notices.found]
    where, _, at = line.rpartition(":") if isinstance(line, str) else (file, "", line)
    about = [one for one in found if (one.file, one.line) == (where, int(at))]
    assert about and words in str(about[0]).replace("'", ""), [str(one) for one in found]
    assert "\n" not in str(about[0]) and about[0].do
    if severity == "warning":
        assert not notices.errors, [str(one) for one in notices.found]


def test_agencies_must_be_named_where_there_are_two() -> None:
    files = add(FEED, "agency.txt", "co,Other,,Europe/Warsaw\n")
    _, notices = compiled(change(files, "routes.txt", "r3,op", "r3,"))
    assert [(one.code, one.file, one.line) for one in notices.found] == [
        ("value_missing", "routes.txt", 4)
    ]


def test_nothing_is_noticed_of_a_sound_feed() -> None:
    tariff, notices = compiled(FEED)
    assert tariff is not None and notices.found == []


MISSING = [
    ("agency.txt", "file_missing"),
    ("stops.txt", "file_missing"),
    ("routes.txt", "file_missing"),
    ("trips.txt", ""),
    ("stop_times.txt", ""),
    ("fare_products.txt", "file_missing"),
    ("fare_leg_rules.txt", "no_fares"),
    ("areas.txt", "unknown_reference"),
    ("networks.txt", "unknown_reference"),
    ("timeframes.txt", "unknown_reference"),
    ("rider_categories.txt", "unknown_reference"),
    ("fare_media.txt", "unknown_reference"),
    ("calendar.txt", ""),  # calendar_dates.txt has the service
    ("calendar_dates.txt", ""),
    ("stop_areas.txt", ""),  # all stops are in no area, which rules without one speak of
    ("route_networks.txt", ""),
    ("fare_leg_join_rules.txt", ""),
    ("fare_transfer_rules.txt", "negative_amount"),  # a product of transfers alone
    ("feed_info.txt", ""),
]


@pytest.mark.parametrize(("file", "code"), MISSING)
def test_a_missing_file(file: str, code: str) -> None:
    _, notices = compiled(without(FEED, file))
    errors = [one.code for one in notices.found if one.severity == "error"]
    assert (code in errors) if code else errors == []


@pytest.mark.parametrize("file", [*FEED])
@pytest.mark.parametrize("content", ["", "\n\n", "a", "\x00", '"', "a,a\n1,2\n", "trip_id\nt1\n"])
def test_a_broken_file_is_said(file: str, content: str) -> None:
    """Never a traceback, and an error, or nothing where none of its columns is required."""
    _, notices = compiled({**FEED, file: content})
    assert notices.errors or file in ("fare_leg_join_rules.txt", "feed_info.txt")


def errors_of(files: Files) -> list[tuple[str, str]]:
    """File and code of each error."""
    notices = Notices()
    compile_feed(
        Source("feed", None, {name: text.encode() for name, text in files.items()}), notices
    )
    return [(one.file, one.code) for one in notices.found if one.severity == E]


def test_of_a_file_that_cannot_be_read_nothing_else_is_said() -> None:
    files = FEED | {"stops.txt": FEED["stops.txt"].replace(",", ";")}
    assert errors_of(files) == [("stops.txt", "csv")]


def test_a_file_that_is_missing_is_said_once_by_each_that_needs_it() -> None:
    unknown = "unknown_reference"
    assert errors_of(without(FEED, "areas.txt")) == [("stop_areas.txt", unknown), (LEGS, unknown)]


def test_bytes_that_are_no_text_are_said() -> None:
    packed = {name: text.encode() for name, text in FEED.items()}
    packed["areas.txt"] = b"area_id,area_name\na,North\nb,\xff\n"
    notices = Notices()
    compile_feed(Source("small", None, packed), notices)
    assert [(one.code, one.line) for one in notices.found][:1] == [("encoding", 3)]


def test_many_rows_at_fault_in_stop_times_are_counted() -> None:
    rows = "".join(f"ghost,,,south,{at}\n" for at in range(20))
    _, notices = compiled(add(FEED, TIMES, rows))
    said = [str(one) for one in notices.found]
    assert len(said) == FAULTS_MAX + 1
    assert re.search(f"{20 - FAULTS_MAX} rows more", said[-1])


@pytest.mark.parametrize("seed", range(200))
def test_whatever_is_changed_there_is_no_traceback(seed: int) -> None:
    """A row lost or twice, a value lost or another one's, a few times over."""
    random = Random(seed)
    rows = {name: [line.split(",") for line in text.splitlines()] for name, text in FEED.items()}
    for _ in range(random.randrange(1, 5)):
        lines = rows[random.choice([*rows])]
        at = random.randrange(1, len(lines)) if len(lines) > 1 else 0
        match random.randrange(4):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, list(lines[at]))
            case 2:
                lines[at][random.randrange(len(lines[at]))] = ""
            case 3:
                other = random.choice(rows[random.choice([*rows])] or [["x"]])
                lines[at][random.randrange(len(lines[at]))] = random.choice(other)
        if not lines:
            lines.append(["x"])
    text = {name: "\n".join(",".join(row) for row in found) for name, found in rows.items()}
    tariff, _ = compiled(text)
    if tariff is not None:
        FareSet(tariff.arrays)  # no number of it points beyond its arrays


WAYS_TO_WRITE = {
    "a byte order mark": lambda text: "\ufeff" + text,
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "blanks around values": lambda text: re.sub(r",", " , ", text),
    "quotes": lambda text: re.sub(r"[^,\n]+", lambda found: f'"{found[0]}"', text),
    "blank lines": lambda text: text.replace("\n", "\n\n") + "  \n",
    "lines of commas": lambda text: text + "," * text.partition("\n")[0].count(",") + "\n",
    "no line end": lambda text: text.rstrip("\n"),
    "columns nobody knows": lambda text: re.sub(r"\n(?=.)", ",x\n", text.rstrip()) + ",x\n",
}


@pytest.mark.parametrize("way", WAYS_TO_WRITE)
def test_however_it_is_written_it_is_the_same(way: str) -> None:
    files: Files = {name: WAYS_TO_WRITE[way](text) for name, text in FEED.items()}
    if way == "columns nobody knows":
        files["extra.txt"] = "anything"
    tariff, notices = compiled(files)
    plain, _ = compiled(FEED)
    assert [str(one) for one in notices.found] == []
    assert tariff is not None and plain is not None
    assert {name: found.tolist() for name, found in tariff.arrays.items()} == {
        name: found.tolist() for name, found in plain.arrays.items()
    }
