"""What ended is released by itself whatever became of its card: to the account it was held on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onecard.core.audit.verify import verify
from onecard.core.authorize.node import Node, wait_for
from onecard.core.registry.cards import PutCards
from onecard.core.registry.participants import PutParticipants
from onecard.ext.shape.numbers import Funding, Kind, Outcome, Role, Status
from tests.serve.test_sweeps import LIFE_S, S, hold, holds_open, released, swept, tap, until
from tests.support.node import BANK, CARD, put_cards
from tests.support.passing_clock import PassingClock
from tests.support.steps import HOUR_US

UNION, OTHER = 3, CARD + 1  # an issuer and a card, which has the account after the first


def put(node: Node, **changed: Any) -> None:
    said = {"issuer": BANK, "funding": Funding.PREPAID} | changed
    act = PutCards(np.array([CARD], np.uint64), **said)
    wait_for(lambda done: node.act(act, done))


def lost(node: Node) -> None:
    """Before it was held, as is known only now."""
    put(node, status=int(Status.BLOCKED), since_us=node.clock.now_us() - HOUR_US)


def found_again(node: Node) -> None:
    put(node, status=int(Status.BLOCKED))
    put(node, status=int(Status.ACTIVE))


CHANGES: dict[str, Callable[[Node], None]] = {
    "blocked": lambda node: put(node, status=int(Status.BLOCKED)),
    "lost before": lost,
    "found again": found_again,
    "closed": lambda node: put(node, status=int(Status.CLOSED)),
    "on another account": lambda node: put(node, account=np.array([2], np.uint32)),
    "of another issuer": lambda node: put(node, issuer=UNION),
    "a chip's by now": lambda node: put(node, funding=Funding.CHIP),
    "of another issuer, and blocked": lambda node: (
        put(node, issuer=UNION, funding=Funding.CREDIT),
        put(node, issuer=UNION, funding=Funding.CREDIT, status=int(Status.BLOCKED)),
    )[0],
}


def accounts(node: Node) -> list[tuple[int, int]]:
    rows = node.state.table("accounts")[1:3]
    return [(int(row["posted_fen"]), int(row["held_fen"])) for row in rows]


@pytest.mark.parametrize("change", CHANGES)
def test_it_goes_back_where_it_was_held(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onecard.core.authorize.sweeps.LOOK_S", 0.1)
    clock = PassingClock()
    with swept(tmp_path / "ledger", clock) as node:
        wait_for(lambda done: node.act(PutParticipants([("Union", Role.ISSUER)]), done))
        put_cards(node, OTHER, 1)
        before = accounts(node)
        held = hold(node, 3)
        assert accounts(node) == [(0, 3), (0, 0)] and before == [(0, 0), (0, 0)]
        CHANGES[change](node)
        clock.passed_us += LIFE_S * S
        until(lambda: holds_open(node) == 0)
        assert released(node) == held and accounts(node) == before
        until(lambda: node.scheduler.figures()["hold_ends"] == (0, 0.0, 3, 0))  # none was refused
        assert tap(node, Kind.RELEASE, 90_000, 0, held[0]).outcome == Outcome.ORIGINAL_CLOSED
    assert verify(tmp_path / "ledger").fault is None
