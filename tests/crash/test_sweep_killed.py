"""A sweep that is killed again and again: each hold is released once, and no answer is lost."""

import pickle
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from onecard.core.audit.verify import verify
from onecard.core.authorize.sweeps import virtual_number
from onecard.core.ledger.opened import Ledger
from onecard.ext.shape.numbers import Kind, Outcome, Record, SweepKind
from tests.serve.test_sweeps import LIFE_S, S, hold, swept
from tests.support.node import SMALL
from tests.support.passing_clock import PassingClock

DEATHS_MIN = 30
HOLDS = 1_600  # a hundred slices
POINTS = ("after_decode", "mid_judge", "before_commit", "after_commit", "mid_answer")
SETTINGS = SMALL


def test_killed_thirty_times_each_hold_is_released_once(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    with swept(folder, PassingClock()) as node:
        held = hold(node, HOLDS)
    rng = random.Random(7)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.sweeping", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parent.parent.parent,
    )
    assert child.stdin and child.stdout
    try:
        child.stdin.write(pickle.dumps(SETTINGS) + pickle.dumps(2 * LIFE_S * S))
        ended = []
        while not ended or ended[-1] != 0:
            point = f"{rng.choice(POINTS)}:{rng.randint(1, 6)}" if len(ended) < 60 else ""
            child.stdin.write(f"{point}\n".encode())
            child.stdin.flush()
            ended.append(int(child.stdout.readline()))
    finally:
        child.stdin.close()
        child.stdout.close()
        child.kill()
        child.wait()
    assert set(ended) == {0, -signal.SIGKILL}
    assert ended.count(-signal.SIGKILL) >= DEATHS_MIN
    report = verify(folder)
    assert report.fault is None
    with Ledger.open(folder, readonly=True) as ledger:
        assert ledger.state.by_number[virtual_number(SweepKind.HOLD_ENDS)]
        assert ledger.state.holds_open() == 0
        account = ledger.state.table("accounts")[1]
        assert (int(account["posted_fen"]), int(account["held_fen"])) == (0, 0)
        times: Counter[int] = Counter()
        for block in ledger.journal.blocks():
            if block.record == Record.ENTRIES:
                rows = block.rows[block.rows["kind"] == Kind.RELEASE]
                assert (rows["outcome"] == Outcome.ACCEPTED).all()
                times.update(rows["about"].tolist())
    assert times == dict.fromkeys(held, 1)
