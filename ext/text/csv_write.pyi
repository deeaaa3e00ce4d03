from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

LINES_MAX: int

@final
class DetailLines:
    def __init__(
        self,
        kinds: Mapping[int, bytes],
        outcomes: Mapping[int, bytes],
        owner_kinds: Mapping[int, bytes],
        purses: Mapping[int, bytes],
        days: Sequence[bytes],
        day_first: int,
    ) -> None: ...
    def write(
        self,
        entries: NDArray[np.void],
        legs: NDArray[np.void],
        entry_of: NDArray[np.uint32],
        leg_of: NDArray[np.int64],
    ) -> bytes: ...
