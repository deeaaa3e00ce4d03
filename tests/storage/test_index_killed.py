"""Killed between any two pages of the index that are written: see index_killed.py."""

import pytest

from tests.crash import powercut
from tests.support.engine import quick_folder

SCRIPT = """
import sys
from pathlib import Path
from tests.storage.index_killed import main
main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
"""
WORKS = ("go on", "make anew")


def killed(work: str, parts: int) -> int:
    """How often, and nothing came of it."""
    with quick_folder() as folder:
        run = powercut.run_plain(SCRIPT, str(folder), work, str(parts))
    assert run.returncode == 0, run.stderr
    return len(run.stdout.splitlines())


@pytest.mark.parametrize("work", WORKS)
def test_killed_between_two_pages(work: str) -> None:
    assert killed(work, 4) >= 4


@pytest.mark.campaign
@pytest.mark.parametrize("work", WORKS)
def test_campaign_of_kills_between_two_pages(work: str) -> None:
    assert killed(work, 0) > 60
