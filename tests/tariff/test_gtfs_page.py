"""The example of docs/tariffs.md is a feed without a fault, and its rides cost what is said."""

import re
from pathlib import Path

import pytest

from onecard.core.tariff.currency import parse_amount
from tests.tariff.small_feed import Files, Rider, compiled

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs/tariffs.md").read_text()
SECTION = PAGE.partition("\n## GTFS with Fares v2\n")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| (`[^|]+`) \| ([^|]+) \| [^|]+ \|$", SECTION, re.M)


def example() -> Files:
    (block,) = re.findall(r"```text\n(.*?)```", SECTION, re.S)
    parts = (part.partition("\n") for part in block.split("\n\n"))
    return {name: text for name, _, text in parts}


def test_the_example_is_sound() -> None:
    tariff, notices = compiled(example())
    assert tariff is not None and [str(one) for one in notices.found] == []
    assert len(ROWS) == 11


@pytest.mark.parametrize(("rides", "adds"), ROWS)
def test_its_rides(rides: str, adds: str) -> None:
    said = re.findall(r"`([^`]+)`", rides)
    who = said.pop(0) if " " not in said[0] else ""
    tariff, _ = compiled(example())
    assert tariff is not None
    amounts = [None if one == "none" else parse_amount(one, 2) for one in adds.split(", ")]
    assert Rider(tariff, who).amounts(*said) == amounts
