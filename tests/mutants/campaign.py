"""Wakes one mutant after the other, each in a fork of one process that has collected the tests.

    python -m tests.mutants.campaign [FIRST-LAST | NUMBER ...]     in the tree that schemata.py made

Every mutant meets the tables of tests/rules first, then the storms, until a test fails. The test
that killed the one before is tried first, since its neighbours are mostly killed by the same. A
fork that dies or takes too long is killed too: whoever waits would have noticed.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NoReturn

import pytest

from onecard.ext.rule import mutant  # type: ignore[attr-defined]
from tests.mutants.schemata import Mutant

TABLES = (
    "tests/rules/test_rules.py",
    "tests/rules/test_precedence.py",
    "tests/rules/test_was_true.py",
    "tests/rules/test_virtual_terminals.py",
    "tests/rules/test_legs.py",
    "tests/rules/test_body.py",
    "tests/rules/test_booking.py",
)
STORMS = "tests/rules/test_against_twin.py"
FOR_S = 300  # all of them take a minute or two on a machine that does nothing else
SURVIVED = "survived"
BUSY = "test_shrinking", "test_campaign", "test_what_is_apart", "test_a_swap_is_seen"  # no engine


class Campaign:
    """A plugin: instead of running the tests it collected, forks that run them."""

    def __init__(self, mutants: list[Mutant]) -> None:
        self.mutants = mutants
        self.killers: list[pytest.Item] = []  # newest first
        self.failed = False  # in a fork: a test did

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = [one for one in session.items if not one.name.startswith(BUSY)]
        asleep = self._become(items, 0)
        assert asleep == SURVIVED, f"with no mutant awake: {asleep}"
        results: Counter[str] = Counter()
        began = time.monotonic()
        for one in self.mutants:
            others = [item for item in items if item not in self.killers]
            result = self._become([*self.killers, *others], one.number)
            results[result.split(" ")[0]] += 1
            print(f"{one}: {result}", flush=True)
        counted = ", ".join(f"{count} {word}" for word, count in sorted(results.items()))
        print(f"{len(self.mutants)} mutants, {time.monotonic() - began:.0f} s: {counted}")
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed

    def _become(self, items: list[pytest.Item], number: int) -> str:
        """What becomes of a mutant: what killed it, or SURVIVED."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            self._live(items, number, writing)
        os.close(writing)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with os.fdopen(reading) as said:
            killer = said.read()
        for place in (tempfile.gettempdir(), "/dev/shm"):  # what it had no time to clear away
            for left in Path(place).glob(f"mutant-{child}-*"):
                shutil.rmtree(left, ignore_errors=True)
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        if not killer:
            return SURVIVED
        item = items[int(killer)]
        self.killers = [item, *(one for one in self.killers if one is not item)]
        return f"{'stormed' if STORMS in item.nodeid else 'killed'} by {item.name}"

    def _live(self, items: list[pytest.Item], number: int, writing: int) -> NoReturn:
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
            if self.failed:
                os.write(writing, str(at).encode())
                break
        os._exit(0)


def main(only: list[str]) -> int:
    """Wake those of these numbers, or of FIRST-LAST; all where none is said."""
    mutants = [Mutant(**one) for one in json.loads(Path("mutants.json").read_text())]
    chosen = set()
    for said in only:
        first, _, last = said.partition("-")
        chosen.update(range(int(first), int(last or first) + 1))
    mutants = [one for one in mutants if not only or one.number in chosen]
    return pytest.main(["-q", "-s", "-p", "no:cacheprovider", *TABLES, STORMS], [Campaign(mutants)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
