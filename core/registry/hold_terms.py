"""By what it is held in a network: who may hold, for how long, and how it is captured."""

from dataclasses import dataclass

from onecard.core.errors import BadInput
from onecard.core.journal.block import Draft
from onecard.core.registry.name import name_bytes
from onecard.core.registry.policy import POLICY_NAME_BYTES_MAX, New, check_start
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Policy
from onecard.ext.state.hold_terms import ARRAYS, arrays_of
from onecard.ext.state.hold_terms import (
    LIFE_MAX_S as LIFE_MAX_S,  # of what is read as of what is written
)
from onecard.ext.state.hold_terms import LIFE_MIN_S as LIFE_MIN_S
from onecard.ext.state.hold_terms import HoldTerms as HoldTerms
from onecard.ext.state.state import State

SIZE_BYTES = ARRAYS * dtypes.ARRAY_ROW.itemsize + 3 * 8  # each array on an address of its own


@dataclass(frozen=True)
class TermsPut:
    """The version they have, and whether it is a new one."""

    version: int
    changed: bool


@dataclass(frozen=True)
class PutHoldTerms:
    """Store by what it is held in a network, immutable. What is in force there for its start
    already is the same version; one that another with the same start replaced becomes new."""

    name: str
    effective_from_us: int
    terms: HoldTerms
    network: int = 0

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most."""
        return SIZE_BYTES

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], TermsPut]:
        name = name_bytes(self.name, POLICY_NAME_BYTES_MAX, "name of hold terms")
        fault = self.terms.fault()
        if fault is not None:
            found = self.terms.life_s if fault.startswith("life_s") else list(self.terms.fundings)
            raise BadInput(f"hold terms {fault}, found {found}")
        check_start(self.effective_from_us, self.network, "hold terms")
        # Of several with one start the newest is in force: older ones said again are put back.
        known = state.policy_in_force(Policy.HOLDS, self.network, self.effective_from_us)
        if known >= 0 and self._is(state, known):
            return [], TermsPut(int(state.table("policies")["version"][known]), changed=False)
        blob = arrays_of(self.terms)
        policy = New(Policy.HOLDS, self.network, self.effective_from_us, name, ARRAYS, blob)
        drafts, version = policy.drafts(state, sequence, booked_at_us)
        return drafts, TermsPut(version, changed=True)

    def _is(self, state: State, known: int) -> bool:
        row = state.table("policies")[known]
        said = self.terms.bits, self.terms.partial, self.terms.life_s
        kept = int(row["fundings"]), bool(row["partial"]), int(row["life_s"])
        return int(row["effective_from_us"]) == self.effective_from_us and kept == said
