"""Tariffs: fares from station to station of a network, immutable once stored."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput
from onecard.core.journal.block import Draft
from onecard.core.registry.name import name_bytes
from onecard.core.registry.policy import POLICY_NAME_BYTES_MAX, New, check_start
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Policy
from onecard.ext.state.state import State
from onecard.ext.state.tariff import ARRAYS, arrays_of
from onecard.ext.state.tariff import (
    STATIONS_MAX as STATIONS_MAX,
)  # of what is read as of what is written

TARIFF_NAME_BYTES_MAX = POLICY_NAME_BYTES_MAX
DIRECTORY_BYTES = ARRAYS * dtypes.ARRAY_ROW.itemsize + 8  # and the least balance


@dataclass(frozen=True)
class PutTariff:
    """Store a tariff of a network, immutable; answers its version. What is in force there for its
    start already is the same version; one that another with the same start replaced becomes new.

    fares_fen: stations * stations int32, row = from, station 1 first; -1 = no fare.
    """

    name: str
    effective_from_us: int
    stations: int
    fares_fen: NDArray[np.int32]
    entry_min_fen: int = 0
    network: int = 0

    @property
    def size_bytes(self) -> int:
        """What it will journal, at most."""
        return 4 * len(self.fares_fen) + DIRECTORY_BYTES

    def apply(self, state: State, sequence: int, booked_at_us: int) -> tuple[list[Draft], int]:
        name = name_bytes(self.name, TARIFF_NAME_BYTES_MAX, "tariff name")
        fares = np.ascontiguousarray(self.fares_fen, np.int32).reshape(-1)
        if not 1 <= self.stations <= STATIONS_MAX:
            raise BadInput(f"tariff stations: expected 1 to {STATIONS_MAX}, found {self.stations}")
        if len(fares) != self.stations**2:
            raise BadInput(f"tariff fares: expected {self.stations**2}, found {len(fares)}")
        if int(fares.min()) < -1 or self.entry_min_fen < 0:
            raise BadInput("tariff fares: expected 0 or more fen, or -1 for no fare")
        check_start(self.effective_from_us, self.network, "tariff")
        # Of several with one start the newest is in force: an older one said again is put back.
        known = state.policy_in_force(Policy.OD_FARES, self.network, self.effective_from_us)
        if known >= 0 and self._is(state, known, fares):
            return [], int(state.table("policies")["version"][known])
        blob = arrays_of(fares, self.stations, self.entry_min_fen)
        policy = New(Policy.OD_FARES, self.network, self.effective_from_us, name, ARRAYS, blob)
        return policy.drafts(state, sequence, booked_at_us)

    def _is(self, state: State, known: int, fares: NDArray[np.int32]) -> bool:
        row = state.table("policies")[known]
        return (
            int(row["effective_from_us"]) == self.effective_from_us
            and int(row["stations"]) == self.stations
            and int(row["entry_min_fen"]) == self.entry_min_fen
            and bool(np.array_equal(state.fares_of(known), fares))
        )
