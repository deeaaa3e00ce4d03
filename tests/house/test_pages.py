"""The pages: followed as they stand where programs are written from them, and true to the tree."""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from onecard.core.journal.hashing import python_has_sm3
from onecard.core.ledger.token import KEY_CHECK, token
from onecard.ext.shape import numbers
from tests.house.test_folders import CODE, ROOMS, files

ROOT = Path(__file__).resolve().parent.parent.parent
TOKENS = (ROOT / "docs/tokens.md").read_text()
NUMBERS = (ROOT / "docs/numbers.md").read_text()
VECTOR = dict(re.findall(r"^\| ([^|]+) \| `([^`]+)` \|$", TOKENS, re.M))
EITHER = {  # the keyed hash -> its lines of the vector: digest, token in hexadecimal, in decimal
    numbers.Tokens.BLAKE2B: (
        *("digest, and `fixed64` on the wire", "token, hexadecimal as printed"),
        "token, decimal",
    ),
    numbers.Tokens.HMAC_SM3: (
        "first 8 bytes of the HMAC, and `fixed64` on the wire",
        *("HMAC token, hexadecimal as printed", "HMAC token, decimal"),
    ),
}
BY = pytest.mark.parametrize("by", EITHER)


def snippet(language: str, by: numbers.Tokens) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", TOKENS, re.M | re.S)
    assert len(found) == len(EITHER)
    return found[list(EITHER).index(by)]


@BY
def test_the_vector_is_ours(by: numbers.Tokens) -> None:
    key = bytes.fromhex(VECTOR["key, hexadecimal"])
    made = token(key, VECTOR["number"], by)
    said = (made.to_bytes(8, "little").hex(), f"{made:016x}", str(made))
    assert said == tuple(VECTOR[line] for line in EITHER[by])
    assert f"`{KEY_CHECK}`" in TOKENS


@BY
def test_python_without_us_gives_it(by: numbers.Tokens) -> None:
    if by == numbers.Tokens.HMAC_SM3 and not python_has_sm3():
        pytest.skip("this Python's OpenSSL has no SM3")
    command = [sys.executable, "-I", "-c", snippet("python", by)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert said == [VECTOR[line] for line in EITHER[by]]


@BY
def test_openssl_gives_it(by: numbers.Tokens) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on this machine")
    command = ["sh", "-c", snippet("sh", by)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.strip().lower() == VECTOR[EITHER[by][0]]


def test_a_number_of_javascript_rounds_it() -> None:
    """Why the page says BigInt."""
    assert int(float(VECTOR["token, decimal"])) != int(VECTOR["token, decimal"])
    assert json.loads(VECTOR["token, decimal"]) == int(VECTOR["token, decimal"])


ON_THE_PAGE = ("OwnerKind", "Purse", "Record", "Image", "Effect", "Flag")


@pytest.mark.parametrize("name", [*ON_THE_PAGE, "Hash", "Tokens", "Store", "Heads"])
def test_every_number_is_on_its_page(name: str) -> None:
    table = re.search(rf"^\| number \| {name} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", NUMBERS, re.M)
    assert table is not None
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", table[1], re.M)
    wanted = [(str(int(one)), key) for key, one in getattr(numbers, name).__members__.items()]
    assert rows == wanted


# ---- paths ----------------------------------------------------------------------------------

TOPS = "bench|cli|core|deploy|docs|ext|grpc|sample|tests"
FILE = re.compile(
    r"(?<![\w/.:$*-])((?:[\w.-]+/)*[\w-]+\.(?:pyx|pyi|pxd|py|proto|md|toml|yml|service))(?![\w/*])"
)
FOLDER = re.compile(rf"(?<![\w/.:-])((?:{TOPS})/[\w/-]*\w)(?![\w{{*.])")
# Of a ledger's folder and a tariff's: no file of the tree.
NOT_OURS = {"ledger.toml", "settings.toml", "fares.toml", "tariff.toml", "onecard.toml"}


def texts() -> Iterator[tuple[str, str]]:
    """Path and text of every page, and of every docstring."""
    for path in files(".md", *CODE):
        name = path.relative_to(ROOT).as_posix()
        text = path.read_text()
        if name == "docs/extending.md":  # its blocks make files, and have a test of their own
            yield name, re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
        elif path.suffix == ".md" and name != "CHANGELOG.md":  # that tells of what was
            yield name, text
        elif path.suffix in (".py", ".pyi"):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                    yield name, ast.get_docstring(node) or ""
        elif found := re.match(r'"""(.*?)"""', text, re.S):
            yield name, found[1]


def missing_files(page: str, text: str, tree: list[str]) -> Iterator[str]:
    """Files that a page names and the tree has not: by a path's end, in a folder's README by a
    name of that folder."""
    folder = page.removesuffix("README.md") if page.endswith("README.md") else ""
    for named in FILE.findall(text):
        here = folder if "/" not in named else ""
        if named in NOT_OURS or named.startswith("DIR/") or named.endswith("__init__.py"):
            continue
        if (ROOT / page).parent.joinpath(named).is_file() or (ROOT / named).is_file():
            continue
        if not any(f"/{name}".endswith(f"/{named}") for name in tree if name.startswith(here)):
            yield f"{page}: {named}"


def missing_folders(page: str, text: str) -> Iterator[str]:
    for named in FOLDER.findall(text):
        path = ROOT / named
        if not path.exists() and not any(path.parent.glob(f"{path.name}.*")):
            yield f"{page}: {named}"


def test_every_path_on_a_page_is_there() -> None:
    tree = [path.relative_to(ROOT).as_posix() for path in files(".md", ".proto", ".toml", *CODE)]
    tree += [path.relative_to(ROOT).as_posix() for path in files(".yml", ".service", "")]
    found = []
    for page, text in texts():
        found += missing_files(page, text, tree)
        if page.endswith(".md"):
            found += missing_folders(page, text)
    assert not found, "\n".join(sorted(set(found)))


def test_a_path_that_is_gone_is_found() -> None:
    tree = ["core/days.py", "grpc/server/clearing.py"]
    for page, text, found in (
        ("docs/a.md", "see `core/days.py` and `server/clearing.py`", []),
        ("core/README.md", "start in `days.py`", []),
        ("core/README.md", "start in `clearing.py`", ["core/README.md: clearing.py"]),
        ("docs/a.md", "see `core/calendar.py`", ["docs/a.md: core/calendar.py"]),
        ("docs/a.md", "DIR/ledger.toml and ledger.toml", []),
    ):
        assert list(missing_files(page, text, tree)) == found
    assert list(missing_folders("docs/a.md", "in core/clearing and core/journal")) == [
        "docs/a.md: core/clearing"
    ]


# ---- words and rooms ------------------------------------------------------------------------

GLOSSARY = (ROOT / "docs/glossary.md").read_text()
WORDS = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|[^|]*\| `([^`]+)` \|$", GLOSSARY, re.M)
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()


def test_the_glossary_is_in_order_and_a_word_stands_once() -> None:
    words = [word for word, _, _ in WORDS]
    assert len(words) == GLOSSARY.count("\n| ") - 1 > 60  # every row, its head apart
    assert words == sorted(set(words))


def test_each_word_is_used_and_its_room_is_there() -> None:
    used = "\n".join(
        path.read_text() for path in files(".md", *CODE) if path.name != "glossary.md"
    ).lower()
    for word, _, room in WORDS:
        assert re.search(rf"\b{word}(s|es|d|led)?\b", used.replace("_", " ")), word
        assert room in ROOMS or (room.startswith(("docs/", "tests/")) and (ROOT / room).exists()), (
            room
        )


def test_the_table_of_rooms_is_that_of_the_rule() -> None:
    """docs/architecture.md says of each room whom it may import as ROOMS has it."""
    rows = re.findall(r"^\| `([^`]+)` \| [^|]+ \| ([^|]*) \|$", ARCHITECTURE, re.M)
    said = {room: set(re.findall(r"`([^`]+)`", imports)) for room, imports in rows}
    assert said == {room: set(imports.split()) for room, imports in ROOMS.items()}


# ---- hooks ----------------------------------------------------------------------------------


def test_the_hooks_are_what_lint_runs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    lint = re.search(r"^lint: (.+)$", makefile, re.M)
    assert lint is not None
    targets = [*lint[1].split(), "lint-folders"]
    config = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"^ +- id: (.+)$", config, re.M) == targets
    assert re.findall(r"^ +entry: (.+)$", config, re.M) == [f"make -s {one}" for one in targets]
    for target in targets:  # a target is one command of the environment's own tools
        assert re.search(rf"^{target}: setup\n\t(MYPYPATH=\S+ )?\$\(BIN\)/", makefile, re.M), target
