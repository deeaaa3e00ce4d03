"""docs/tariffs.md, followed: each command of it is run and must print what stands below it."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.onecard_command import Command, commands

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs/tariffs.md").read_text("utf-8")
EXAMPLE = re.compile(
    r"(?:^```csv\n((?:(?!```).*\n)*)```\n+)?"
    r"^```sh\n((?:onecard (?:fare|tariff)\b.*\n)+)```\n+```text\n((?:.*\n)*?)```$",
    re.M,
)
EXAMPLES = EXAMPLE.findall(PAGE)
FILE = re.compile(r"^`([a-z]+\.(?:toml|csv))`:\n+```\w+\n(.*?)```$", re.M | re.S)
RIDES = "rides.csv"  # what the page calls the rides before: the table above a command


@pytest.fixture(scope="module")
def onecard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    folder = tmp_path_factory.mktemp("page")
    (folder / "town").mkdir()
    for file, text in FILE.findall(PAGE):
        (folder / "town" / file).write_text(text, "utf-8")
    with commands(folder) as command:
        yield command


@pytest.mark.parametrize(
    "rides, typed, printed", EXAMPLES, ids=[typed.splitlines()[0] for _, typed, _ in EXAMPLES]
)
def test_an_example_prints_what_the_page_says(
    onecard: Command, rides: str, typed: str, printed: str
) -> None:
    onecard.folder.joinpath(RIDES).write_text(rides, "utf-8")
    said = ""
    for line in typed.splitlines():
        assert ("--after" in line) == bool(rides), "a table of rides is read, and one is there"
        done = onecard(*shlex.split(line, comments=True)[1:])
        said += done.out + done.err
    assert said.rstrip() == printed.rstrip()


def test_each_rule_has_an_example() -> None:
    """Every section of the folder's rules, and the order of them."""
    rules = PAGE[PAGE.index("## The folder") : PAGE.index("## GTFS")]
    sections = re.split(r"^##+ ", rules, flags=re.M)[1:]
    assert len(sections) >= 11
    assert not [text.splitlines()[0] for text in sections if not EXAMPLE.search(text)]
