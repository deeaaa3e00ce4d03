"""Who may act on the ledger, and who did."""

from collections.abc import Iterator
from dataclasses import dataclass

from onecard.core.journal import Journal
from onecard.core.query.stored_text import text_of
from onecard.ext.shape.numbers import ActKind, Record
from onecard.ext.state.state import State


@dataclass(frozen=True)
class Actor:
    """`roles` is a sum of ActorRole; `participant` 0 is whoever runs the ledger."""

    number: int
    name: str
    roles: int
    participant: int
    status: int
    from_us: int
    record: int


@dataclass(frozen=True)
class Act:
    """What was done, or refused. Actors and participants by number, 0 whoever runs the ledger."""

    sequence: int
    booked_at_us: int
    what: str
    outcome: int  # an ActOutcome
    actor: int
    checker: int
    participant: int
    subject: int
    blocks: int
    reason: str


def actors(state: State) -> Iterator[Actor]:
    """All of them, in the order they were registered."""
    for row in state.rows("actors")[1:]:
        yield Actor(
            number=int(row["actor"]),
            name=text_of(row["name"]),
            roles=int(row["roles"]),
            participant=int(row["participant"]),
            status=int(row["status"]),
            from_us=int(row["from_us"]),
            record=int(row["record"]),
        )


def actor_name(state: State, actor: int) -> str:
    """The name of a number, "" for 0."""
    return text_of(state.table("actors")[actor]["name"]) if actor else ""


def needs_two(state: State) -> bool:
    """Returns True when the ledger asks for four eyes."""
    return bool(state.table("actors")[0]["four_eyes"])


def acts(journal: Journal, first: int = 1) -> Iterator[Act]:
    """What was done from a sequence on, in order. Walks the journal, so not on the event loop."""
    for block in journal.blocks(first):
        if block.record != Record.ACT:
            continue
        at = 0
        for row in block.rows:
            end = at + int(row["reason_bytes"])
            yield Act(
                sequence=int(row["sequence"]),
                booked_at_us=block.booked_at_us,
                what=act_name(int(row["act"])),
                outcome=int(row["outcome"]),
                actor=int(row["actor"]),
                checker=int(row["checker"]),
                participant=int(row["participant"]),
                subject=int(row["subject"]),
                blocks=int(row["blocks"]),
                reason=text_of(block.blob[at:end]),
            )
            at = end


def act_name(act: int) -> str:
    """What a number of an act says; one that this version does not know, as it is."""
    for numbers in (Record, ActKind):
        if act in list(numbers):
            return str(numbers(act).name)
    return str(act)
