"""Wakes one mutant after the other, each in a fork of one process that has collected the tests.

    python -m tests.mutants.campaign [FIRST-LAST | NUMBER | FILE ...]   in the tree of schemata.py

Every mutant meets the tables of tests/rules first, then some storms, until a test fails: those
that come by its place, as a run with none awake says beforehand. The test that killed the one
before is tried first, since its neighbours are mostly killed by the same. A fork that dies or takes
too long is killed too: whoever waits would have noticed. It ends with 1 where one survives that
equal.txt does not list, or one is killed that it does.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from onecard.ext.rule import mutant  # type: ignore[attr-defined]
from tests.mutants.schemata import Mutant, listed

TABLES = (
    "tests/rules/test_rules.py",
    "tests/rules/test_gate_rated.py",
    "tests/rules/test_legs.py",
    "tests/rules/test_payee.py",
    "tests/rules/test_held_legs.py",
    "tests/rules/test_was_true.py",
)
SLOW = "tests/rules/test_precedence.py::test_the_engine"
STORMS = "tests/rules/test_against_twin.py"
SEEDS = 16  # of 80: what they kill that no table does, the first few mostly do
FOR_S = 600  # all of it takes half a minute on a machine that does nothing else
LEFT_OUT = "hands_change", "pages_of_different", "no_room_for", "rows_of_before"  # ask no rule
SURVIVED, UNREACHED, EQUAL = "survived", "survived, and no test came by", "equal"
NOT_EQUAL = "listed as equal, and"


class Campaign:
    """A plugin: instead of running the tests it collected, forks that run them."""

    def __init__(self, mutants: list[Mutant]) -> None:
        self.mutants = mutants
        self.killers: list[pytest.Item] = []  # newest first
        self.failed = False  # in a fork: a test did
        self.results: Counter[str] = Counter()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = [one for one in session.items if is_asked(one)]
        reached = self._ask(items)
        equal = listed()
        began = time.monotonic()
        for one in self.mutants:
            asking = [item for item in items if one.number in reached[item.nodeid]]
            last = [item for item in self.killers if item in asking]
            others = [item for item in asking if item not in last]
            result = self._become([*last, *others], one.number) if asking else UNREACHED
            if one.name in equal:
                lives = result in (SURVIVED, UNREACHED)
                result = EQUAL if lives else f"{NOT_EQUAL} {result}"
            self.results[result.partition(" by ")[0]] += 1
            print(f"{one}: {result}", flush=True)
        counted = ", ".join(f"{count} {word}" for word, count in sorted(self.results.items()))
        print(f"{len(self.mutants)} mutants, {time.monotonic() - began:.0f} s: {counted}")
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed

    def _ask(self, items: list[pytest.Item]) -> dict[str, set[int]]:
        """Which mutants each test would ask whether they are awake; all pass while none is."""
        found = {}
        with tempfile.NamedTemporaryFile("r") as told:
            status, said = self._fork(lambda writing: self._live(items, 0, writing, told.name))
            assert (status, said) == (0, ""), f"with no mutant awake: {status}, {said}"
            for line in told:
                nodeid, numbers = json.loads(line)
                found[nodeid] = set(numbers)
        return found

    def _become(self, items: list[pytest.Item], number: int) -> str:
        """What becomes of a mutant: what killed it, or SURVIVED."""
        status, killer = self._fork(lambda writing: self._live(items, number, writing))
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        if not killer:
            return SURVIVED
        item = items[int(killer)]
        if item.nodeid.startswith(TABLES):
            self.killers = [item, *(one for one in self.killers if one is not item)]
        return f"{'stormed' if STORMS in item.nodeid else 'killed'} by {item.name}"

    def _fork(self, lives: Callable[[int], NoReturn]) -> tuple[int, str]:
        """How a fork ended, and what it wrote; nothing of it stays."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            lives(writing)
        os.close(writing)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with os.fdopen(reading) as said:
            killer = said.read()
        for place in (tempfile.gettempdir(), "/dev/shm"):  # what it had no time to clear away
            for left in Path(place).glob(f"mutant-{child}-*"):
                shutil.rmtree(left, ignore_errors=True)
        return status, killer

    def _live(
        self, items: list[pytest.Item], number: int, writing: int, told: str = os.devnull
    ) -> NoReturn:
        """Run tests until one fails; nobody hears what it says."""
        signal.alarm(FOR_S)
        tempfile.template = f"mutant-{os.getpid()}-"
        silence = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            os.dup2(silence, descriptor)
        mutant.wake(number)
        for at, item in enumerate(items):
            following = items[at + 1] if at + 1 < len(items) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            with open(told, "a") as out:
                print(json.dumps((item.nodeid, mutant.reached())), file=out)
            if self.failed:
                os.write(writing, str(at).encode())
                break
        os._exit(0)


def is_asked(item: pytest.Item) -> bool:
    """Returns True when it asks the engine's rules."""
    if item.nodeid.startswith(STORMS):
        return item.name in {f"test_seeds[{seed}]" for seed in range(SEEDS)}
    return "[twin" not in item.name and not any(word in item.name for word in LEFT_OUT)


def main(only: list[str]) -> int:
    """Wake those of these numbers, of FIRST-LAST, or of these files; all where none is said."""
    mutants = [Mutant(**one) for one in json.loads(Path("mutants.json").read_text())]
    numbers: set[int] = set()
    for said in only:
        if said[0].isdigit():
            first, _, last = said.partition("-")
            numbers.update(range(int(first), int(last or first) + 1))
        else:
            numbers.update(one.number for one in mutants if one.file == said)
    campaign = Campaign([one for one in mutants if not only or one.number in numbers])
    quiet = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:faulthandler"]  # forks may well die
    status = pytest.main([*quiet, *TABLES, SLOW, STORMS], [campaign])
    wrong = [one for one in campaign.results if one.startswith((SURVIVED, NOT_EQUAL))]
    return int(status) or int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
