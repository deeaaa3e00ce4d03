"""The calendar by command and on the wire: from a file, from a library, to its end."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from onecard.cli.load.public_holidays import days_of
from onecard.core.clock import SystemClock
from onecard.core.days import day_number, day_of, day_text, midnight_us
from onecard.core.errors import BadInput, CalendarEnds, NotFound
from onecard.core.query.calendar import calendar_ends_us
from onecard.ext.shape.numbers import DayClass
from tests.support.onecard_command import Command, commands
from tests.support.serving import Served, register, served


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


def test_from_a_file_to_a_window_that_is_beyond_it(
    server: Served, ask: Command, tmp_path: Path
) -> None:
    """As a spreadsheet saves it; a window is closed for its last day, and for none after."""
    file, to = tmp_path / "days.csv", ("--to", server.address)
    assert ask("show", "calendar", server.node.ledger.path).err == "no calendar is loaded\n"
    assert calendar_ends_us(server.node.state) is None
    day = day_of(SystemClock().now_us(), 8 * 3_600_000_000)
    names = ("workday", "rest", "holiday")
    rows = [f"{day_text(day + 2 - at)},{names[at % 3]}\r\n" for at in range(4)]
    file.write_bytes(("\ufeffday,class\r\n" + "".join(rows)).encode())
    ends = f"the calendar would end with {day_text(day + 2)}; nothing was changed\n"
    done = ask("load", "calendar", file, *to, "--dry-run")
    assert (done.status, done.err) == (0, f"4 days read, 4 would be changed; {ends}")
    assert done.out.splitlines()[0] == f"{day_text(day - 1)}: none -> workday"
    assert calendar_ends_us(server.node.state) is None
    ends = f"the calendar ends with {day_text(day + 2)}\n"
    assert ask("load", "calendar", file, *to).err == f"4 days read, 4 changed; {ends}"
    assert ask("load", "calendar", file, *to).err == f"4 days read, 0 changed; {ends}"
    assert calendar_ends_us(server.node.state) == midnight_us(day + 3, 8 * 3_600_000_000)
    found = json.loads(ask("show", "calendar", server.node.ledger.path, "--json").out)["calendar"]
    assert [(one["from"], one["class"]) for one in found] == [
        (day_text(day - 1), "workday"),
        (day_text(day), "holiday"),
        (day_text(day + 1), "rest"),
        (day_text(day + 2), "workday"),
    ]
    with server.client() as client:
        with pytest.raises(CalendarEnds, match=r"expected one up to .*, found .*load the days"):
            client.close_window(1, day + 3)
        with pytest.raises(CalendarEnds):
            client.close_window(1, day + 3, force=True)
        client.close_window(1, day + 2)
        with pytest.raises(BadInput, match="expected rest, as it was when a window was closed"):
            client.put_calendar(day + 1, bytes((DayClass.HOLIDAY,)))
        assert client.put_calendar(day - 2, bytes((3,))).changed == 1  # it had none
        assert client.put_calendar(day + 3, bytes((3,))).changed == 1
        assert client.put_calendar(day + 3, bytes((2,)), dry_run=True).changed == 1
        calendar = client.calendar()
    assert (calendar.first_day, calendar.classes) == (day - 2, bytes((3, 1, 3, 2, 1, 3)))


@pytest.mark.parametrize(
    ("rows", "says"),
    (
        ("2026-06-01,feast", "column class: expected workday or rest or holiday"),
        ("2026-6-1,rest", "column day: expected a day such as"),
        ("2026-06-01,rest\n2026-06-01,rest", "column day: expected each day once"),
        ("2026-06-01,rest\n2026-06-03,rest", "found no 2026-06-02"),
        ("", "expected days, found no rows"),
        ("1999-12-31,rest", "expected days of 2000-01-01 to 2099-12-31, found 1999-12-31"),
    ),
)
def test_a_wrong_file(server: Served, ask: Command, tmp_path: Path, rows: str, says: str) -> None:
    file = tmp_path / "days.csv"
    file.write_text(f"day,class\n{rows}\n")
    done = ask("load", "calendar", file, "--to", server.address)
    assert done.status == 2 and says in done.err and len(done.err.splitlines()) == 1, done.err
    assert server.node.state.count("calendar_days") == 1


def test_what_is_asked_must_be_one_of_two(ask: Command, tmp_path: Path) -> None:
    for wrong in ((), ("days.csv", "--of", "CN", "--years", "2026"), ("--of", "CN")):
        done = ask("load", "calendar", *wrong)
        assert done.status == 2 and "expected FILE.csv, or --of CN and --years" in done.err


def test_out_of_the_library() -> None:
    """2026: the New Year holiday is made up for on Sunday 4 January, Spring Festival on Saturday
    14 and 28 February; 1 May is a holiday, the Saturday after National Day's is worked."""
    days = days_of("CN", "2025-2026")
    assert days.first_day == day_number("2025-01-01") and len(days.classes) == 730
    said = {
        "2026-01-01": DayClass.HOLIDAY,
        "2026-01-04": DayClass.WORKDAY,
        "2026-02-14": DayClass.WORKDAY,
        "2026-02-16": DayClass.HOLIDAY,
        "2026-03-07": DayClass.REST,
        "2026-03-09": DayClass.WORKDAY,
        "2026-10-10": DayClass.WORKDAY,
    }
    assert {day: days.classes[day_number(day) - days.first_day] for day in said} == said


def test_what_the_library_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for years in ("", "26", "2027-2026", "2026-", "2026,2027"):
        with pytest.raises(BadInput, match="--years: expected such as"):
            days_of("CN", years)
    with pytest.raises(BadInput, match="expected CN, found 'FR'"):
        days_of("FR", "2026")
    with pytest.raises(NotFound, match="found 2990; a year is announced"):
        days_of("CN", "2990")
    monkeypatch.setitem(sys.modules, "chinese_calendar", None)
    with pytest.raises(
        NotFound, match=r"found none; install it: pip install 'onecard\[calendar\]'"
    ):
        days_of("CN", "2026")
