"""Tariffs, compiled files and calls as somebody writes them who means harm: a clear line each."""

import copy
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onecard.core import rows
from onecard.core.errors import BadInput
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.moments import moment_us
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.packed import pack, unpack
from onecard.core.tariff.ready import compiled, find, load
from onecard.core.tariff.soundness import check_calls
from tests.support.onecard_command import commands
from tests.tariff.small_feed import FEED
from tests.tariff.small_folder import write
from tests.tariff.town import COLUMNS, compiled_town, held

T = "tariff.toml"
BOUNDED_S = 20.0  # what grows with the square takes minutes
CARD = "4929000011112222"

# What stands in tariff.toml, what is there instead, code and what is said.
WRITTEN = [
    ('"stations.csv"', '"../stations.csv"', "file", "found a path"),
    ('"stations.csv"', '"/etc/passwd"', "file", "found a path"),
    ('"stations.csv"', "'a\\b.csv'", "file", "found a path"),
    ('"stations.csv"', f'"{"x" * 300}"', "file", "found a path"),
    ('id = "small"', "a" + ".a" * 20_000 + " = 1", "toml", "expected at most 200 dots in a line"),
    ('id = "small"', "x = " + "[" * 100_000, "toml", "expected TOML"),
    ('name = "Small"', f'name = "{"y" * (1 << 20)}"', "too_large", "expected at most 1048576"),
    ('name = "Small"', 'name = "a\\u001b[31m"', "value", "name: expected a text"),
    ('"04:30"', '"٠٤:٣٠"', "value", 'expected a time as "04:30"'),
    ('"62.5"', '"６２.5"', "value", "expected a share that is paid"),
]


@pytest.mark.parametrize("at", range(len(WRITTEN)))
def test_rules_that_mean_harm(at: int, tmp_path: Path) -> None:
    was, now, code, said = WRITTEN[at]
    notices = Notices()
    begun = time.monotonic()
    assert compiled(find(str(write(tmp_path / "small", T, was, now))), notices) is None
    assert any(one.code == code and said in one.found for one in notices.found), notices.found
    assert all(str(one).isprintable() and len(str(one)) < 1000 for one in notices.found)
    assert time.monotonic() - begun < BOUNDED_S


def test_a_table_of_a_million_columns(tmp_path: Path) -> None:
    notices = Notices()
    folder = write(tmp_path / "small")
    (folder / "links.csv").write_text("line,from,to,metres" + ",metres" * 1_000_000 + "\n")
    begun = time.monotonic()
    compiled(find(str(folder)), notices)
    assert "expected at most 1000 columns, found 1000004" in str(notices.found[0])
    assert time.monotonic() - begun < BOUNDED_S


def test_a_region_of_all_codes(tmp_path: Path) -> None:
    many = "".join(f"near,{city},2026-01-01,\n" for city in range(100_000, 200_000))
    folder = write(tmp_path / "small", "regions.csv", "near,310000,2026-01-01,\n", many)
    begun = time.monotonic()
    assert load(str(folder)).arrays["foreign"].shape[0] == 100_000
    assert time.monotonic() - begun < BOUNDED_S


def test_what_a_terminal_obeys_is_left_out(tmp_path: Path) -> None:
    for name, text in FEED.items():
        (tmp_path / name).write_text(text.replace("North", "Nor\x1b[31mth\x00\x9b"))
    notices = Notices()
    made = compiled(find(str(tmp_path)), notices)
    assert made is not None
    said = "stops.txt:2: control: found control character 0x1b; remove it; all of them are left out"
    assert said in map(str, notices.found)
    assert "Nor[31mth" in {place["name"].split()[0] for place in made.words["places"]}


def test_names_of_files_that_no_terminal_takes(tmp_path: Path) -> None:
    folder = write(tmp_path / "small")
    (folder / "\x1b[31m\udcff.csv").write_text("")
    notices = Notices()
    compiled(find(str(folder)), notices)
    assert [one.file for one in notices.found] == ["[31m .csv"]


# ---- compiled files: the checksum is right, and what they say is not -----------------------------

Change = Callable[[dict[str, Any]], object]
LIES: list[tuple[Change, str]] = [
    (lambda words: words["places"].__setitem__(0, 7), "id, name, aliases of number 0 of places"),
    (lambda words: words["places"][0].update(aliases=[1]), "expected aliases as texts"),
    (lambda words: words["places"][0].update(id=0), "id, name, aliases of number 0"),
    (lambda words: words["places"][0].update(name="\x1b[31m"), "characters that show"),
    (lambda words: words["operators"].__setitem__(1, {}), "a text as number 1 of operators"),
    (lambda words: words["rules"][0].pop("source"), "expected a source of a rule"),
    (lambda words: words["rules"][0].update(source={"title": 1}), "expected a source of a rule"),
    (lambda words: words["rules"][0].update(line=None), "of number 0 of rules"),
    (lambda words: words["lines"][0].pop("number"), "the network or the number of a line"),
    (lambda words: words["lines"][0].update(network=99), "expected the network of a line"),
    (lambda words: words.update(zone="../../etc/passwd"), "a zone and a currency"),
    (lambda words: words.update(currency="XXX"), "a zone and a currency"),
    (lambda words: words.update(other_currency={"1": [{}]}), "product, amount, currency"),
    (lambda words: words.update(other_currency=[]), "prices in another currency"),
    (lambda words: words.update(frames=[1]), "frames as texts"),
]


@pytest.mark.parametrize("at", range(len(LIES)))
def test_words_that_are_none(at: int, tmp_path: Path) -> None:
    change, said = LIES[at]
    made = load(str(write(tmp_path / "small")))
    words = copy.deepcopy(made.words)
    change(words)
    with pytest.raises(
        BadInput, match="expected a compiled tariff, found otherwise: words"
    ) as told:
        unpack(pack(Compiled(made.arrays, words, made.metres)), "it")
    assert said in str(told.value) and str(told.value).isprintable()


def test_shares_and_ways_that_are_not_whole(tmp_path: Path) -> None:
    made = load(str(write(tmp_path / "small")))
    shares = made.arrays["shares"].copy()
    shares[:, 1] = 0
    lies = [
        (Compiled({**made.arrays, "shares": shares}, made.words, made.metres), "array shares"),
        (Compiled(made.arrays, made.words, {1: made.metres[1][:-1]}), "array metres_1"),
        (Compiled(made.arrays, made.words, {9: made.metres[1]}), "array metres_9"),
    ]
    for lie, said in lies:
        with pytest.raises(BadInput, match=said):
            unpack(pack(lie), "it")


@pytest.mark.parametrize(
    "name, value",
    [("call_rows", 1 << 20), ("call_ways", 1 << 20), ("way_networks", 999), ("call_first", None)],
)
def test_calls_that_point_beyond(name: str, value: int | None, tmp_path: Path) -> None:
    for file, text in FEED.items():
        (tmp_path / file).write_text(text)
    arrays = load(str(tmp_path)).arrays
    check_calls(arrays, arrays)
    lying = {**arrays, name: arrays[name].copy()}
    if value is None:
        del lying[name]
    else:
        lying[name].flat[0] = min(value, np.iinfo(lying[name].dtype).max)
    with pytest.raises(ValueError, match="expected"):
        check_calls(lying, arrays)


# ---- calls ---------------------------------------------------------------------------------------

TIMES = ["0001-01-01 00:00", "9999-12-31 23:59", "9999-12-31 23:59-14:00", "1969-12-31 23:59"]


@pytest.mark.parametrize("text", TIMES)
def test_times_that_nobody_rides_at(text: str) -> None:
    with pytest.raises(BadInput, match="--at: expected a time of 1970 to 2099, found "):
        moment_us(text, "Asia/Shanghai", "--at")


CALLS = [  # arguments, what is said
    (
        ["--network", "tram", "--city", "4294967295"],
        "expected a value less than or equal to 999999",
    ),
    (["--network", "tram", "--at", "9999-12-31 23:59"], "expected a time of 1970 to 2099"),
    (["--tariff", "\x1b[31m"], "expected one of beijing"),
]


def test_calls_that_mean_harm(tmp_path: Path) -> None:
    with commands(tmp_path) as onecard:
        for arguments, said in CALLS:
            done = onecard("fare", "--tariff", "linhu", *arguments)
            assert (done.status, done.out) == (2, "") and said in done.err, done
            assert done.err.endswith("\n") and done.err[:-1].isprintable(), done


def test_what_is_no_file_is_written_and_not_replaced(tmp_path: Path) -> None:
    """A pipe stands for every device: run by root, a rename would take its place."""
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with commands(tmp_path) as onecard:
        done = onecard("tariff", "compile", "linhu", "--out", "pipe")
        assert done.status == 0 and (tmp_path / "pipe").is_fifo(), done
        assert os.read(reading, 8) == b"OCTARIF1"
        for out in ("", "."):
            done = onecard("tariff", "compile", "linhu", "--out", out)
            assert done.status == 2 and "expected a file to write, found a folder" in done.err
    os.close(reading)
    assert not list(tmp_path.glob("*.part"))


# ---- audits --------------------------------------------------------------------------------------

ROW = f"2026-03-02 08:00:00,{CARD},City Bus,,1,ride,,200,180,,,"
SLIPPED = [  # whole files and rows in which a card's number stands where it should not
    ROW + "\n",
    ROW.replace("2026-03-02 08:00:00,", "", 1) + ",\n",
    ROW.replace("180", CARD),
    ROW.replace("ride", "4929 0000 1111 2222"),
    f'["{CARD}"]',
    f'[{{"at": "{CARD}"}}]',
]


@pytest.mark.parametrize("at", range(len(SLIPPED)))
@pytest.mark.parametrize("headed", [False, True])
def test_a_card_in_another_column_is_not_shown(at: int, headed: bool, tmp_path: Path) -> None:
    town = compiled_town(tmp_path)
    text = (COLUMNS + "\n" if headed and SLIPPED[at][0] != "[" else "") + SLIPPED[at]
    try:
        _, told = held(tmp_path, town, text)
    except BadInput as error:
        told = [str(error)]
    assert told or headed
    assert not any(CARD in one or "4929 0000" in one for one in told), told


def test_what_is_found_is_shown_but_for_numbers() -> None:
    assert rows.clip("2026-02-30 08:00:00") == "2026-02-30 08:00:00"
    assert rows.clip(f"x {CARD} y") == "x (16 characters) y"
    assert rows.clip("FHEEAEHEB") == "(9 characters)"


def test_json_that_is_nested_without_end(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="expected JSON"):
        held(tmp_path, compiled_town(tmp_path), "[" * 100_000)


def test_times_at_both_ends_of_the_calendar(tmp_path: Path) -> None:
    for day in ("0001-01-01", "9999-12-31"):
        row = ROW.replace("2026-03-02", day)
        _, told = held(tmp_path, compiled_town(tmp_path), f"{COLUMNS}\n{row}\n")
        assert "expected a time as 2018-09-01 06:24:32, 2000 to 2099" in told[0]
