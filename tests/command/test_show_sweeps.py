"""`onecard show sweeps`: what is due and not done, of a folder that nobody serves."""

import json
from dataclasses import replace
from pathlib import Path

from onecard.core.clock import SystemClock
from onecard.ext.shape.numbers import Kind, Outcome
from tests.serve.test_sweeps import LIFE_S, S, holds_open, one, swept, until
from tests.support.node import ask
from tests.support.onecard_command import commands
from tests.support.passing_clock import PassingClock
from tests.support.steps import Taps


def test_due_and_done(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    ago_us = SystemClock().now_us() - 3 * LIFE_S * S
    with swept(folder, PassingClock(), works=()) as node:
        taps = tuple(replace(one(Kind.HOLD, seq, 1), tapped_at_us=ago_us + seq) for seq in (2, 1))
        assert [each.outcome for each in ask(node, Taps(taps).message())] == [Outcome.ACCEPTED] * 2
    with commands(tmp_path) as command:
        [row] = json.loads(command("show", "sweeps", folder, "--json").out)["sweeps"]
        assert (row["kind"], row["due"], row["done"]) == ("hold_ends", 2, 0)
        assert row["since"] and row["terminal"] == "internal:sweep-hold-ends"
        with swept(folder, PassingClock()) as node:
            until(lambda: holds_open(node) == 0)
        [row] = json.loads(command("show", "sweeps", folder, "--json").out)["sweeps"]
        assert (row["due"], row["since"], row["done"]) == (0, "", 2)
