"""Nodes that sweep a ledger and are killed while they do, each in a child that starts at once.

    python -m tests.crash.sweeping FOLDER      with pickled Settings and a time, then a line a child

A line is a failpoint, `name:nth`, or nothing; answered by how the child ended, 0 where all is done.
"""

import os
import pickle
import sys
import time
from pathlib import Path

from onecard.core import failpoint
from onecard.core.authorize import sweeps
from onecard.core.authorize.node import Node
from onecard.core.watch.log import Log
from tests.support.passing_clock import PassingClock

PATIENCE_S = 60.0
LATE = 3


def main() -> None:
    folder, orders = Path(sys.argv[1]), sys.stdin.buffer
    settings = pickle.load(orders)
    passed_us = pickle.load(orders)
    for line in orders:
        child = os.fork()
        if child == 0:
            status = 255
            try:
                failpoint._armed, failpoint._left, failpoint._action = failpoint._read(
                    line.decode().strip(), "kill"
                )
                status = sweep(folder, settings, passed_us)
            finally:
                os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def sweep(folder: Path, settings: object, passed_us: int) -> int:
    """0 once nothing is due."""
    clock = PassingClock()
    clock.passed_us = passed_us
    sweeps.LOOK_S = 0.01
    node = Node(folder, settings, clock, Log(clock))  # type: ignore[arg-type]
    node.start()
    end = time.monotonic() + PATIENCE_S
    while node.scheduler.figures()["hold_ends"].due:
        if time.monotonic() > end:
            return LATE
        time.sleep(0.002)
    node.stop()
    return 0


if __name__ == "__main__":
    main()
