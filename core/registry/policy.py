"""What policies of every kind have: a network, a start, a version and a name."""

from typing import NamedTuple

import numpy as np

from onecard.core.errors import BadInput, Overloaded
from onecard.core.journal.block import Draft
from onecard.core.registry.terminals import NETWORK_MAX
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Policy, Record
from onecard.ext.state.state import State

POLICY_NAME_BYTES_MAX = dtypes.POLICY_RECORD["name"].itemsize


def check_start(effective_from_us: int, network: int, what: str) -> None:
    """BadInput, naming `what` it is, unless it may begin then and be of that network."""
    if not 0 <= effective_from_us < 1 << 62:
        raise BadInput(f"{what} start: expected a time, found {effective_from_us}")
    if not 0 <= network <= NETWORK_MAX:
        raise BadInput(f"{what} network: expected 0 to {NETWORK_MAX}, found {network}")


class New(NamedTuple):
    """A policy that has no version yet; its `arrays` stand in `blob`."""

    policy: Policy
    network: int
    effective_from_us: int
    name: bytes
    arrays: int
    blob: bytes

    def drafts(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], int]:
        """Its record and the version it is given. Overloaded where there are as many as may be."""
        if state.count("policies") >= len(state.table("policies")):
            raise Overloaded(f"a ledger holds at most {len(state.table('policies'))} policies")
        row = np.zeros(1, dtypes.POLICY_RECORD)
        row["sequence"] = sequence
        row["version"] = version = state.count("policies") + 1
        row["effective_from_us"] = self.effective_from_us
        row["network"] = self.network
        row["policy"] = self.policy
        row["arrays"] = self.arrays
        row["name"] = self.name
        return [Draft.of(Record.TARIFF_SETS, row, booked_at_us, blob=self.blob)], version
