"""kill -9 at every named point of keeping, erasing and sweeping: what was answered is so.

A subject is there whole or not at all; what was put on record as erased, or was swept, is in no
byte of the folder once it has been opened again.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from onecard.core.erasable.erasures import Erasures
from onecard.core.erasable.subject import Field, Subject
from onecard.core.failpoint import ERASABLE_POINTS
from tests.erasable.child import ANSWERED, ERASED, PUT, SWEPT, call
from tests.erasable.kept import (
    DAY,
    LEDGER_ID,
    card,
    every_byte,
    numbers,
    opened,
    printed,
    traces,
)

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = range(41, 101)  # nobody does anything to these
# Each point with what was called, and the how manieth time it is passed.
POINTS = [
    ("before_keeping", "put", 1),
    ("after_keeping", "put", 1),
    ("mid_erasure_line", "erase", 1),
    ("mid_erasure_line", "erase", 2),
    ("after_erasure_line", "erase", 1),
    ("after_erasing", "erase", 1),
    ("mid_wiping", "erase", 1),
    ("mid_wiping", "erase", 2),
    ("mid_wiping", "erase", 3),
    ("mid_wiping", "sweep", 1),
    ("mid_wiping", "sweep", 2),
    ("mid_wiping", "sweep", 3),
]


def test_every_point_is_killed_at() -> None:
    assert {point for point, _, _ in POINTS} == set(ERASABLE_POINTS)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Subjects 1 to 100 kept on a day that is not swept, 101 to 200 on one that is."""
    folder = tmp_path_factory.mktemp("kept") / "ledger"
    with opened(folder) as store:
        store.put(numbers(1, 100), DAY + 1)
        store.put(numbers(SWEPT[0], len(SWEPT)), DAY)
    return folder


@pytest.mark.parametrize(("point", "what", "nth"), POINTS)
def test_killed(template: Path, tmp_path: Path, point: str, what: str, nth: int) -> None:
    folder = tmp_path / "ledger"
    shutil.copytree(template, folder)
    gone = [card(number) for number in (*ERASED, *SWEPT)]
    found_by = traces(folder, gone)
    kill(folder, what, f"{point}:{nth}")

    on_record = [erasure.subject for erasure in recorded(folder).since(recorded(folder).start)]
    with opened(folder) as store:
        is_there: Callable[[int], bool] = lambda number: (  # noqa: E731
            store.get(card(number), Field.NUMBER) == printed(number)
        )
        assert all(map(is_there, KEPT))
        put = [is_there(number) for number in PUT]
        assert all(put) if point == "after_keeping" else not any(put)
        swept = [is_there(number) for number in SWEPT]
        assert all(swept) if what != "sweep" else not any(swept)
        for number in ERASED:
            assert is_there(number) == (card(number) not in on_record)
    if what == "erase":
        assert len(on_record) == len(ERASED) or (point, nth) == ("mid_erasure_line", 1)
    check_bytes(folder, found_by, on_record, what)

    call(folder, what)  # again, and nothing is done twice
    with opened(folder) as store:
        left = 100 + len(SWEPT)
        assert (
            store.counts().subjects
            == {
                "put": left + len(PUT),
                "erase": left - len(ERASED),
                "sweep": left - len(SWEPT),
            }[what]
        )


def check_bytes(
    folder: Path, found_by: dict[Subject, list[bytes]], on_record: list[Subject], what: str
) -> None:
    held = every_byte(folder)
    gone = [*on_record, *([card(number) for number in SWEPT] if what == "sweep" else [])]
    assert not [one for one in gone if any(part in held for part in found_by[one])]
    # And the search finds what is there.
    there = [one for one in found_by if one not in gone]
    assert all(part in held for one in there for part in found_by[one])


def recorded(folder: Path) -> Erasures:
    return Erasures(folder, LEDGER_ID)


def kill(folder: Path, what: str, point: str) -> None:
    environment = {**os.environ, "ONECARD_FAIL_POINT": point}
    command = [sys.executable, "-m", "tests.erasable.child", str(folder), what]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert ANSWERED not in done.stdout
