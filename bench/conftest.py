"""What every benchmark is given: the figures it adds to, and a folder on a real disk."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.figures import ROOT, Figures


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--short", action="store_true", help="a short form for CI; writes no page")


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    figures = Figures(short=request.config.getoption("--short"))
    yield figures
    # A page says what was found, past a budget too, but only of a whole run.
    if not figures.short and figures.is_whole():
        figures.write()


@pytest.fixture
def short(figures: Figures) -> bool:
    return figures.short


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder under build/: /tmp may be memory, and memory has no sync to wait for."""
    (ROOT / "build").mkdir(exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "build"))
    yield path
    shutil.rmtree(path)
