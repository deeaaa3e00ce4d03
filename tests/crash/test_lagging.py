"""Written and not durable, and then the process is gone: nothing that was answered is."""

import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from onecard.core.audit.verify import verify
from onecard.core.errors import OnecardError
from onecard.core.ledger.opened import Ledger
from onecard.ext.shape.numbers import Outcome
from tests.support.node import ask, rides, served
from tests.support.server_process import server_process
from tests.support.serving import SMALL, register

ROOT = Path(__file__).resolve().parent.parent.parent
ANSWERED, SENT = 100, 160  # batches of eight taps
KILLED = f"""
import os, shutil, signal, sys, time
from dataclasses import replace
from pathlib import Path
from tests.support.lagging import open_lagging
from tests.support.node import SMALL, ask, rides, served

folder = Path(sys.argv[1])
busy = replace(SMALL, checkpoint_every_s=0.0, checkpoint_pause_ms=0.0)
with served(folder, busy, open_lagging) as node:
    for number in range({ANSWERED}):
        ask(node, rides(1 + 8 * number))
    node.journal.close_gate()
    durable = node.journal.durable.last
    shutil.copytree(folder / "journal", folder.with_name("durable"))
    for number in range({ANSWERED}, {SENT}):
        node.taps(0, "A", rides(1 + 8 * number), lambda _: os._exit(3))
    while node.journal.written.last < durable + 32:
        time.sleep(0.01)
    time.sleep(0.3)  # in which a checkpoint might be saved, and identities retired
    print(durable, node.journal.written.last, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("taken_back", [False, True])
def test_killed_while_written_is_ahead_of_durable(taken_back: bool, tmp_path: Path) -> None:
    """What was not durable may be there or not: whoever takes over may have another tail."""
    folder = tmp_path / "ledger"
    died = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    durable, written = map(int, died.stdout.split())
    if taken_back:
        shutil.rmtree(folder / "journal")
        shutil.move(tmp_path / "durable", folder / "journal")
    end = durable if taken_back else written
    with Ledger.open(folder, readonly=True) as ledger:
        assert ledger.journal.durable.last == end
        assert 0 < ledger.recovery.checkpoint <= durable, "pages that are ahead of the journal"
        assert 0 < ledger.identities.retired <= durable
    assert verify(folder).ok
    there = (end - durable) // 8
    with served(folder) as node:
        for number in range(SENT):
            answers = ask(node, rides(1 + 8 * number))
            assert [one.outcome for one in answers] == [Outcome.ACCEPTED] * 8
            assert [one.repeated for one in answers] == [number < ANSWERED + there] * 8
    assert verify(folder).ok


SERVED = """
import signal, sys
from functools import partial
from onecard.cli.main import main
from onecard.core.authorize import unanswered
from onecard.grpc.server import process
from tests.support.lagging import open_lagging

journals = []
def opened(*given):
    journals.append(open_lagging(*given))
    return journals[0]
unanswered.STOP_S = 1.0
process.Node = partial(process.Node, open_journal=opened)
signal.signal(signal.SIGUSR1, lambda *_: journals[0].close_gate())
main()
"""


def test_told_to_stop_while_it_lags_it_ends_and_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    Ledger.create(folder, SMALL)
    heard: list[OnecardError] = []
    limits = {"watermark_bytes": 1, "cards_max": 10_000}
    with server_process(folder, limits, SERVED, PYTHONPATH=str(ROOT)) as server:
        with server.client() as client:
            register(client)
            durable = client.head().sequence
            server.send(signal.SIGUSR1)

            def put() -> None:
                try:
                    client.put_participant("Ferry", 1)
                except OnecardError as error:
                    heard.append(error)

            putting = threading.Thread(target=put)
            putting.start()
            putting.join(0.5)
            server.send(signal.SIGTERM)
            assert server.end() == 2
            putting.join(10.0)
        lines = server.log.read_text().splitlines()
    # The event and the line for people come from two threads, in either order.
    (said,) = (line for line in lines if line.endswith(f"durable to {durable}; start it again"))
    assert f"to {durable + 2}, to be durable 1 s after the stop, found it" in said
    assert len(heard) == 1, "nothing was answered"
    with Ledger.open(folder, readonly=True) as ledger:
        assert ledger.journal.written.last == durable + 2
        assert b"Ferry" in ledger.state.by_name
