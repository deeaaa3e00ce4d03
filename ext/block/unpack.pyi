from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

def part_bytes(parts: NDArray[np.uint32] | Sequence[int]) -> int: ...
def all_of(
    value: bytes | memoryview,
) -> tuple[NDArray[np.void], NDArray[np.void], NDArray[np.void]]: ...
def some_of(
    value: bytes | memoryview, sequences: NDArray[np.uint64], rows: NDArray[np.void]
) -> NDArray[np.void]: ...
def glance(value: bytes | memoryview) -> tuple[int, int, int]: ...

@final
class Trace:
    at: int
    def __init__(self, rows: NDArray[np.void]) -> None: ...
    def take(self, value: bytes | memoryview, last: int) -> int: ...
