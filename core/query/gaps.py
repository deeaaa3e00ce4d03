"""Sequences that a terminal counted and that never came."""

from collections.abc import Iterator

from onecard.core.audit import completeness
from onecard.core.checkpoint.identities import Gap as Gap
from onecard.core.checkpoint.identities import Identities
from onecard.core.journal import Journal
from onecard.ext.shape.numbers import Status
from onecard.ext.state.state import State


def not_looked_at(state: State, operator: int = 0) -> frozenset[int]:
    """Terminals that do not count, virtual ones among them, and those that are not of `operator`
    where one is given."""
    rows = state.rows("terminals")
    hidden = (rows["counterless"] != 0) | (rows["status"] == Status.INTERNAL)
    if operator:
        hidden |= rows["operator_id"] != operator
    return frozenset(rows["terminal"][hidden].tolist())


def find_gaps(
    journal: Journal, identities: Identities, terminal: int | None, hidden: frozenset[int]
) -> Iterator[Gap]:
    """Missing sequences of one terminal or of all, those `hidden` left out.

    Reads identities and the end of the journal, so it is called off the event loop. LedgerFault.
    """
    return completeness.find_gaps(journal, identities, terminal, hidden)
