"""`onecard fare`, `onecard tariff check` and `compile` as they are typed: what is printed, and the
status that each ends with."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.onecard_command import Command, commands
from tests.tariff import small_folder
from tests.tariff.small_feed import FEED

AT = "2026-03-02 08:00"  # a Monday


@pytest.fixture(scope="module")
def onecard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    with commands(tmp_path_factory.mktemp("onecard")) as ready:
        yield ready


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    for file, text in FEED.items():
        (tmp_path / file).write_text(text)
    return tmp_path


def quoted(onecard: Command, *words: object) -> tuple[int, dict[str, Any]]:
    """The status and the object of a quote."""
    done = onecard("fare", *map(str, words), "--json")
    assert done.err == "", done.err
    return done.status, json.loads(done.out)


def test_a_quote_is_one_object(onecard: Command) -> None:
    status, found = quoted(
        onecard, "--tariff", "beijing", "--from", "土桥", "--to", "国贸", "--at", "2026-03-02 06:30"
    )
    assert status == 0
    assert (found["amount"], found["currency"], found["tariff"]) == (250, "CNY", "beijing")
    cell, discount = found["reasons"]
    assert (cell["before"], cell["after"], cell["cell"]) == (0, 500, "土桥 → 国贸")
    assert (discount["rule"], discount["before"], discount["after"]) == ("low-peak", 500, 250)
    assert discount["bearer"] == "operator" and discount["file"] == "tariff.toml"
    assert all(set(one["source"]) >= {"title", "date"} for one in found["reasons"])


def test_no_fare_is_no_zero(onecard: Command) -> None:
    status, found = quoted(
        onecard, "--tariff", "beijing", "--from", "草桥", "--to", "国贸", "--network",
        "daxing-airport", "--at", AT,
    )  # fmt: skip
    assert (status, found["amount"], found["currency"]) == (1, None, None)
    assert found["why"] == "no fare defined from 草桥 to 国贸"
    done = onecard(
        "fare", "--tariff", "beijing", "--from", "草桥", "--to", "国贸", "--network",
        "daxing-airport", "--at", AT,
    )  # fmt: skip
    assert done.status == 1 and done.out.endswith("no fare defined\n")


# what is typed, what the one line says
MISTAKES = [
    ("--class adult", "expected --from and --to, or --network, found neither; say where"),
    ("--from 苹果园", "expected --from and --to, or --network, found one of them; say --to"),
    ("--to 苹果园", "found one of them; say --from"),
    ("--from 苹果园 --to 国贸 --at 2026-03-02T08:00 --end 07:00", "--end: expected a time after"),
    ("--from 天安门广场 --to 国贸", "expected a stop, found 天安门广场; there are 天安门"),
    ("--from 北极 --to 国贸", "found 北极; onecard tariff show TARIFF --stations lists all"),
    ("--from 苹果 --to 国贸", "expected a stop, found 苹果; there are 苹果园"),
    ("--from 苹果园 --to 国贸 --class pensioner", "expected a class, found pensioner; there are"),
    (
        "--from 苹果园 --to 国贸 --media phone",
        "expected a medium, found phone; there are none, so leave it out",
    ),
    ("--from 苹果园 --to 国贸 --at yesterday", "--at: expected a time such as 2026-03-02 08:00"),
    ("--from 苹果园 --to 国贸 --network tube", "expected a network, found tube; there are metro"),
    ("--from 苹果园 --to 国贸 --after none.csv", "none.csv: expected a CSV of rides, found none"),
    ("--from 苹果园 --to 国贸 --class-until 2026-1-1", "--class-until: expected YYYY-MM-DD"),
    (
        "--from 苹果园 --to 国贸 --at 2026-03-02T09:00 --via 西单@09:40 --end 09:30",
        "--end: expected a time after the last --via, 2026-03-02 09:40, found 2026-03-02 09:30",
    ),
    ("--from 三元桥 --to 东直门", "expected one network, found metro, capital-airport"),
    ("--from 苹果园 --to 国贸 --metres -5", "Invalid value for '--metres'"),
]


@pytest.mark.parametrize(("typed", "said"), MISTAKES)
def test_a_mistake_is_one_line(typed: str, said: str, onecard: Command) -> None:
    done = onecard("fare", "--tariff", "beijing", *typed.split())
    assert done.status == 2 and done.out == ""
    assert said in done.err and done.err.startswith("onecard: ") and done.err.count("\n") == 1


def test_where_a_medium_is_not_said_the_quote_says_it(onecard: Command, feed: Path) -> None:
    ride = ("--tariff", feed, "--from", "north", "--to", "south", "--at", AT)
    _, found = quoted(onecard, *ride)
    (leg,) = found["legs"]
    assert (found["amount"], leg["product"], leg["medium"]) == (360, "long", "City card")
    assert {"product": "long", "medium": "cash", "amount": 400, "currency": "PLN"} in found[
        "alternatives"
    ]
    lines = onecard("fare", *map(str, ride)).out.splitlines()
    assert "             with City card; --media says another" in lines
    assert "long\tcash\t4.00 PLN" in lines
    assert "with City card" not in onecard("fare", *map(str, ride), "--media", "card").out


# who, with what, of a product that adults have by card alone; what is said of whose it is
ELSEWISE = [
    (("--class", "child"), "; there is one for Adult"),
    (("--media", "cash"), "; without --media there is one for Adult"),
    (("--from", "south"), ""),
]


@pytest.mark.parametrize(("words", "said"), ELSEWISE)
def test_no_fare_says_for_whom_there_is_one(
    words: tuple[str, ...], said: str, onecard: Command, feed: Path
) -> None:
    (feed / "fare_products.txt").write_text(
        "fare_product_id,rider_category_id,fare_media_id,amount,currency\none,adult,card,1.00,PLN\n"
    )
    (feed / "fare_leg_rules.txt").write_text("from_area_id,fare_product_id\na,one\n")
    (feed / "fare_transfer_rules.txt").unlink()
    ride = ("--tariff", feed, "--from", "north", "--to", "east", "--at", AT)
    status, found = quoted(onecard, *ride, *words)
    begin = "South" if "south" in words else "North"
    assert (status, found["why"]) == (1, f"no fare defined from {begin} to East{said}")


def test_an_incomplete_ride_is_in_the_network_that_has_its_station(
    onecard: Command, tmp_path: Path
) -> None:
    small_folder.write(tmp_path)
    _, found = quoted(onecard, "--tariff", tmp_path, "--from", "A", "--incomplete", "--at", AT)
    assert (found["amount"], found["legs"][0]["network"]) == (900, "metro")


def test_a_tariff_that_is_none(onecard: Command) -> None:
    done = onecard("fare", "--tariff", "atlantis", "--from", "a", "--to", "b")
    assert done.status == 2
    assert "atlantis: expected one of beijing, shenzhen-2018, linhu, or a tariff's" in done.err


# what --after holds, what the one line says
RIDES = [
    ("begin,from,to\n2026-03-02 07:00,北极,国贸\n", "line 2: expected a stop, found 北极"),
    ("begin,from,to\nmorning,苹果园,国贸\n", "line 2: begin: expected a time such as"),
    ("from,to\n苹果园,国贸\n", "expected a column begin"),
    ("begin,metres,network\n2026-03-02 07:00,9km,bus\n", "line 2: metres: expected 0 to"),
    ("begin,network\n2026-03-02 07:00,bus\n", "line 2: no fare defined: the network charges by"),
    ("begin;from;to\n", "expected columns parted by commas, found semicolons"),
    ("begin,from,to\n2098-01-01 07:00,苹果园,国贸\n", "found 2098-01-01 07:00; say --at, or take"),
    (
        "begin,from,to,incomplete\n2026-03-02 07:00,苹果园,国贸,maybe\n",
        "incomplete: expected yes or",
    ),
    ("begin,from,to,fare\n", "expected only begin, end, network"),
]


@pytest.mark.parametrize(("text", "said"), RIDES)
def test_rides_before_it_that_are_none(
    text: str, said: str, onecard: Command, tmp_path: Path
) -> None:
    (tmp_path / "rides.csv").write_text(text)
    done = onecard(
        "fare", "--tariff", "beijing", "--from", "苹果园", "--to", "国贸", "--after",
        str(tmp_path / "rides.csv"),
    )  # fmt: skip
    assert done.status == 2 and said in done.err and done.err.count("\n") == 1


def test_a_month_of_rides_before_it(onecard: Command, tmp_path: Path) -> None:
    """Forty rides of 5.00: the page's tiers, half of the fare for the forty-first."""
    rides = "".join(f"2026-03-{1 + at // 2:02d} {8 + at % 2}:00,天通苑,国贸\n" for at in range(40))
    (tmp_path / "rides.csv").write_text("begin,from,to\n" + rides.replace(" 8:", " 08:"))
    ride = ("--from", "天通苑", "--to", "国贸", "--at", "2026-03-31 09:00")
    before = ("--after", tmp_path / "rides.csv")
    status, found = quoted(onecard, "--tariff", "beijing", *ride, *before)
    assert (status, found["amount"]) == (0, 250)
    assert found["reasons"][-1]["words"].endswith("169.50 CNY paid so far")


# a time that summer time leaves out, and one that it has twice
CLOCKS = [
    ("2026-03-29 02:30", "which its clock leaves out when summer time begins"),
    ("2026-10-25 02:30", "say 2026-10-25 02:30+02:00 or 2026-10-25 02:30+01:00"),
]


@pytest.mark.parametrize(("at", "said"), CLOCKS)
def test_summer_time(at: str, said: str, onecard: Command, feed: Path) -> None:
    words = ("fare", "--tariff", str(feed), "--from", "north", "--to", "south", "--at", at)
    done = onecard(*words)
    assert done.status == 2 and said in done.err


def test_a_journey_costs_no_less_than_nothing(onecard: Command, feed: Path) -> None:
    """A transfer that takes off more than there is, and the reason of it."""
    (feed / "fare_products.txt").write_text(
        "fare_product_id,amount,currency\none,1.00,PLN\noff,-3.00,PLN\n"
    )
    (feed / "fare_leg_rules.txt").write_text("leg_group_id,fare_product_id\ng,one\n")
    (feed / "fare_transfer_rules.txt").write_text(
        "from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type,fare_product_id\n"
        "g,g,1,0,off\n"
    )
    status, found = quoted(
        onecard, "--tariff", feed, "--from", "north", "--to", "east", "--via", "hub", "--at", AT
    )
    assert (status, found["amount"], [leg["amount"] for leg in found["legs"]]) == (
        0,
        0,
        [100, -300],
    )
    last = found["reasons"][-1]
    assert (last["words"], last["before"], last["after"]) == (
        "a journey costs no less than nothing", -200, 0,
    )  # fmt: skip


def test_check_says_all_and_ends_with_one(onecard: Command, tmp_path: Path) -> None:
    small_folder.write(tmp_path, "tariff.toml", '"CNY"', '"RMB"')
    (tmp_path / "links.csv").write_text("line,from,to,metres\nred,1,9,1\n")
    done = onecard("tariff", "check", str(tmp_path))
    lines = done.out.splitlines()
    assert done.status == 1 and done.err == ""
    assert lines[0].startswith("error: tariff.toml:5: value: currency: expected a code of ISO")
    assert any(line.startswith("error: links.csv:2: unknown: ") for line in lines)
    assert lines[-1] == f"{tmp_path}: 2 errors, 0 warnings"
    found = json.loads(onecard("tariff", "check", str(tmp_path), "--json").out)
    assert (found["errors"], found["sha256"], len(found["notices"])) == (2, None, 2)


def test_what_is_compiled_is_quoted_alike(onecard: Command, tmp_path: Path) -> None:
    small_folder.write(tmp_path / "small")
    out = tmp_path / "small.tariff"
    done = onecard("tariff", "compile", str(tmp_path / "small"), "--out", str(out))
    assert done.status == 0 and f"{out.stat().st_size:,} bytes, sha256 " in done.out
    ride = ("--from", "A", "--to", "C", "--at", AT)
    assert quoted(onecard, "--tariff", out, *ride) == quoted(
        onecard, "--tariff", tmp_path / "small", *ride
    )
    done = onecard("tariff", "check", str(out))
    assert done.status == 2 and "found a compiled one; name what it was compiled from" in done.err
    out.write_bytes(out.read_bytes()[:-1])
    done = onecard("fare", "--tariff", str(out), *ride)
    assert done.status == 2 and "expected a compiled tariff, found otherwise" in done.err


def test_an_interrupt_while_the_commands_load_is_one_line() -> None:
    """The module that has them is one that is interrupted as it loads."""
    script = (
        "import sys\n"
        "class Slow:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'onecard.cli.main':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Slow())\n"
        "from onecard.cli.start import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "onecard: interrupted; nothing that was answered is lost\n"
