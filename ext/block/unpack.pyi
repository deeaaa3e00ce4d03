from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

def part_bytes(parts: NDArray[np.uint32] | Sequence[int]) -> int: ...
def all_of(
    value: bytes | memoryview,
) -> tuple[NDArray[np.void], NDArray[np.void], NDArray[np.void]]: ...
def some_of(
    value: bytes | memoryview, sequences: NDArray[np.uint64], rows: NDArray[np.void]
) -> NDArray[np.void]: ...
