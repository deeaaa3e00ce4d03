"""Who did it is on record before all that is no tap; `verify` names the first block without."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from onecard.core.access.act_record import Refuse
from onecard.core.access.caller import OWNER, Caller
from onecard.core.audit.acts import Acts
from onecard.core.audit.verify import verify
from onecard.core.authorize.engine import Act, ActIn
from onecard.core.errors import BadInput, LedgerFault
from onecard.core.journal.block import Block, parse
from onecard.core.ledger.opened import Ledger
from onecard.core.query.actor import acts
from onecard.core.registry.actors import ActorRow, PutActors
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.rules import PutRules
from onecard.ext.shape.numbers import ActKind, ActorRole, ActOutcome, Record
from tests.rules.taptable import NOW_US
from tests.support.engine import EngineSide, quick_folder

LI, WU = 1, 2
REGISTER = PutActors(
    [ActorRow("Li", b"l" * 32, ActorRole.MAKER), ActorRow("Wu", b"w" * 32, ActorRole.CHECKER)]
)
BUS = PutParticipants([("Bus", 1)])
LATE = "Li asked: 迟到"
DONE: list[tuple[Act, Caller]] = [
    (REGISTER, OWNER),
    (BUS, Caller(LI, WU, 0, LATE)),
    (BUS, Caller(LI, WU, 0, "nothing is new")),
    (Refuse(Caller(WU, 0, 1, "no role"), ActKind.LOAD), OWNER),
    (PutRules(amount_max_fen=7), Caller(LI)),
]
# Sequences of the records: who began, the rules; who, two actors; who, Bus; a refusal; who, rules.
BEGAN, ACTORS, WHO, PARTY, REFUSED, LAST = 1, 4, 6, 7, 8, 9


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with quick_folder() as path:
        side = EngineSide(path / "ledger", NOW_US)
        for act, caller in DONE:
            side.engine.step([ActIn(act, caller=caller)])
        side.close()
        yield path / "ledger"


@pytest.fixture(scope="module")
def blocks(folder: Path) -> dict[int, Block]:
    with Ledger.open(folder, readonly=True) as ledger:
        return {block.first: block for block in ledger.journal.blocks()}


def test_what_was_done_is_told(folder: Path) -> None:
    with Ledger.open(folder, readonly=True) as ledger:
        found = list(acts(ledger.journal))
    done, refused = int(ActOutcome.DONE), int(ActOutcome.REFUSED)
    assert [
        (one.sequence, one.what, one.outcome, one.actor, one.checker, one.participant, one.subject)
        for one in found
    ] == [
        (BEGAN, "CONFIGS", done, 0, 0, 0, BEGAN + 1),
        (3, "ACTORS", done, 0, 0, 0, ACTORS),
        (WHO, "PARTICIPANTS", done, LI, WU, 0, PARTY),
        (REFUSED, "LOAD", refused, WU, 0, 1, 0),
        (LAST, "CONFIGS", done, LI, 0, 0, LAST + 1),
    ]
    assert [one.reason for one in found] == ["", "", LATE, "no role", ""]
    report = verify(folder)
    assert (report.fault, report.acts) == (None, 4)


Blocks = dict[int, Block]


def without(first: int) -> Callable[[Blocks], Blocks]:
    return lambda blocks: {at: block for at, block in blocks.items() if at != first}


def poke(first: int, field: str, value: int) -> Callable[[Blocks], Blocks]:
    """One field of the first row of a block."""

    def change(blocks: Blocks) -> Blocks:
        was = blocks[first]
        raw = bytearray(was.value)
        at = len(raw) - len(was.blob) - was.rows.nbytes
        np.frombuffer(raw, was.rows.dtype, was.count, at)[field][0] = value
        return blocks | {first: parse(bytes(raw), was.where, digest=False)}

    return change


FORGED: list[tuple[Callable[[Blocks], Blocks], str]] = [
    (without(WHO), f"block {PARTY}: expected a record of who did it before it, found none"),
    (without(PARTY), "expected what the record before it says was done, found another of its kind"),
    (without(LAST + 1), "ends with a record of who did it: expected 1 more blocks, found none"),
    (poke(WHO, "subject", PARTY + 1), f"block {WHO}: expected subject and blocks (7, 1)"),
    (poke(WHO, "blocks", 0), "expected subject and blocks (7, 1), found (7, 0)"),
    (poke(WHO, "blocks", 2), "expected what the record before it says was done"),
    (poke(WHO, "actor", 3), "expected an actor who was registered, found 3"),
    (poke(3, "actor", LI), "expected an actor who was registered, found 1"),
    (poke(WHO, "checker", LI), "expected a checker who is another than the actor, found 1"),
    (poke(WHO, "outcome", 3), "expected an outcome of 1 to 2, found 3"),
    (poke(WHO, "outcome", ActOutcome.REFUSED), "expected subject and blocks (0, 0)"),
    (poke(REFUSED, "subject", 1), "expected subject and blocks (0, 0), found (1, 0)"),
    (poke(WHO, "reason_bytes", 1), "expected reasons of 1 bytes"),
]


@pytest.mark.parametrize(("change", "said"), FORGED, ids=[said for _, said in FORGED])
def test_what_nobody_answers_for_is_named(
    blocks: Blocks, change: Callable[[Blocks], Blocks], said: str
) -> None:
    proof = Acts()
    with pytest.raises(LedgerFault) as fault:
        for _, block in sorted(change(blocks).items()):
            proof.take(block)
        proof.finish()
    assert said in str(fault.value) and "\n" not in str(fault.value)


def test_a_ledger_from_before_has_none_up_to_there(blocks: Blocks) -> None:
    """Blocks of version 1 came without; those after the first act have it, as have all of 2."""
    proof = Acts()
    for block in old(blocks):
        proof.take(block)
    proof.finish()
    assert proof.acts == 0
    proof.take(blocks[WHO - 3])  # who registered the actors
    with pytest.raises(LedgerFault, match="says was done, found another of its kind"):
        proof.take(blocks[WHO])
    proof = Acts()
    proof.take(blocks[BEGAN])
    proof.take(blocks[BEGAN + 1])
    with pytest.raises(LedgerFault, match="expected a record of who did it before it, found none"):
        proof.take(old(blocks)[0])
    with pytest.raises(LedgerFault, match="expected a record of who did it before it, found none"):
        Acts().take(blocks[BEGAN + 1])


def old(blocks: Blocks) -> list[Block]:
    """As a version before would have written them, without who did it."""
    found = []
    for _, block in sorted(blocks.items()):
        header = block.header.copy()
        header["version"] = 1
        found.append(replace(block, header=header))
    return [block for block in found if block.record != Record.ACT]


@pytest.mark.parametrize("reason", ["x" * 201, "a\nb", "a\u0007b"])
def test_a_reason_is_a_line(reason: str) -> None:
    with pytest.raises(BadInput, match="reason: expected at most 200 printable"):
        Caller(reason=reason)
