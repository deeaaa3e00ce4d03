"""The ledger's own rules: what of time and amount a tap may have, and the zone of its days."""

from onecard.core.registry.rules import RULES
from onecard.ext.state.state import State


def rules_of(state: State) -> dict[str, int]:
    """The value of each, by its name and in the order of RULES."""
    return {rule: int(state.totals[rule][0]) for rule in RULES}
