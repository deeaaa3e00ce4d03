from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Rows: TypeAlias = NDArray[np.void]
Bytes: TypeAlias = bytes | memoryview

def part_bytes(parts: NDArray[np.uint32] | Sequence[int]) -> int: ...
def all_of(value: Bytes) -> tuple[Rows, Rows, Rows]: ...
def some_of(value: Bytes, sequences: NDArray[np.uint64], rows: Rows) -> Rows: ...
