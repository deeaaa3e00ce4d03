"""The pages that other programs are written from: followed as they stand."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from onecard.core.ledger.token import KEY_CHECK, token
from onecard.ext.shape import numbers

ROOT = Path(__file__).resolve().parent.parent.parent
TOKENS = (ROOT / "docs/tokens.md").read_text()
NUMBERS = (ROOT / "docs/numbers.md").read_text()
VECTOR = dict(re.findall(r"^\| ([^|]+) \| `([^`]+)` \|$", TOKENS, re.M))
DIGEST = VECTOR["digest, and `fixed64` on the wire"]


def snippet(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", TOKENS, re.M | re.S)
    assert found is not None
    return found[1]


def test_the_vector_is_ours() -> None:
    key = bytes.fromhex(VECTOR["key, hexadecimal"])
    made = token(key, VECTOR["number"])
    assert f"{made:016x}" == VECTOR["token, hexadecimal as printed"]
    assert str(made) == VECTOR["token, decimal"]
    assert made.to_bytes(8, "little").hex() == DIGEST
    assert f"`{KEY_CHECK}`" in TOKENS


def test_python_without_us_gives_it() -> None:
    command = [sys.executable, "-I", "-c", snippet("python")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert said == [DIGEST, VECTOR["token, hexadecimal as printed"], VECTOR["token, decimal"]]


def test_openssl_gives_it() -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on this machine")
    command = ["sh", "-c", snippet("sh")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.strip().lower() == DIGEST


def test_a_number_of_javascript_rounds_it() -> None:
    """Why the page says BigInt."""
    assert int(float(VECTOR["token, decimal"])) != int(VECTOR["token, decimal"])
    assert json.loads(VECTOR["token, decimal"]) == int(VECTOR["token, decimal"])


@pytest.mark.parametrize("name", ["OwnerKind", "Purse", "Record", "Image", "Effect", "Flag"])
def test_every_number_is_on_its_page(name: str) -> None:
    table = re.search(rf"^\| number \| {name} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", NUMBERS, re.M)
    assert table is not None
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", table[1], re.M)
    wanted = [(str(int(one)), key) for key, one in getattr(numbers, name).__members__.items()]
    assert rows == wanted
