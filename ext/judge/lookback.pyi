from typing import final

import numpy as np
from numpy.typing import NDArray

from onecard.ext.identity.generations import Generations
from onecard.ext.identity.ring import Ring
from onecard.ext.state.state import State
from onecard.ext.wire.batch import Taps

OWN: int
TARGET: int
ABOUT: int
MISSING: np.dtype[np.void]

@final
class Recalled:
    count: int
    def __init__(
        self,
        own: NDArray[np.int32],
        about: NDArray[np.int32],
        taken: NDArray[np.int32],
        claims: NDArray[np.void],
        entries: NDArray[np.void],
        legs: NDArray[np.void],
        retirements: int,
    ) -> None: ...

@final
class InMemory:
    def holds(self, state: State, recent: Generations, ring: Ring, taps: Taps) -> bool: ...

def missing(
    state: State,
    recent: Generations,
    ring: Ring,
    taps: Taps,
    recalled: Recalled | None = None,
    ahead: int = 0,
    in_memory: InMemory | None = None,
) -> NDArray[np.void] | None: ...
