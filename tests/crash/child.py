"""The process that tests kill: a node on a ledger, fed through a pipe.

    python -m tests.crash.child FOLDER      with pickled Settings, then orders on standard input

Orders are pickled tuples: ("taps", number, stream, principal, message), ("act", number, act),
("read", number), ("export", number, window), ("clock", now_us) and ("stop",). Answers are pickled
(number, answer), written as the node gives them. What could be half of one is no answer.
"""

import faulthandler
import os
import pickle
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from onecard.core.authorize.node import Node
from onecard.core.checkpoint import identities, passes
from onecard.core.clock import SystemClock
from onecard.core.errors import OnecardError
from onecard.core.exchange.files import write_files
from onecard.core.watch.log import Log

OPENING, READY, STOPPED = "opening", "ready", "stopped"
FAILED = 2


class SteeredClock(SystemClock):
    """Shows the time it was told; what only measures goes on as it does."""

    us = 0

    def now_us(self) -> int:
        return self.us or time.time_ns() // 1000


def main() -> None:
    """Serve one ledger until told to stop; whatever goes wrong ends the process with 2."""
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # who waits for what, on stderr
    orders = sys.stdin.buffer
    settings = pickle.load(orders)
    # A few pages are enough here for what takes thousands in a ledger of a country.
    passes.PAGES_A_COMMIT = identities.PAGES_A_COMMIT = 1
    clock = SteeredClock()
    clock.us = pickle.load(orders)
    _say(OPENING, None)
    # What is done by itself the twin would not know of: test_sweep_killed.py has that.
    node = Node(Path(sys.argv[1]), settings, clock, Log(clock), works=())
    node.on_failure = lambda error: os._exit(FAILED)
    node.start()
    _say(READY, (node.journal.durable.last, node.ledger.recovery.records))
    while (order := pickle.load(orders))[0] != "stop":
        if order[0] == "clock":
            clock.us = order[1]
        else:
            _obey(node, *order)
    node.stop()
    _say(STOPPED, node.journal.durable.last)


def _obey(node: Node, what: str, number: int, *given: Any) -> None:
    def done(answer: object) -> None:
        _say(number, answer)

    try:
        if what == "taps":
            stream, principal, message = given
            node.taps(principal, stream, message, done)
        elif what == "act":
            node.act(given[0], done)
        elif what == "read":
            node.read(lambda state: int(state.totals["last"][0]), done)
        elif what == "export":
            done(write_files(node.journal, Path(sys.argv[1]), given[0]).window)
        else:
            raise ValueError(what)
    except OnecardError as error:
        done(error)


_out = threading.Lock()


def _say(number: int | str, answer: object) -> None:
    text = pickle.dumps((number, answer))
    with _out:
        view = memoryview(text)
        while view:
            view = view[os.write(1, view) :]


if __name__ == "__main__":
    main()
