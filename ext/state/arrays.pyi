import numpy as np
from numpy.typing import NDArray

from onecard.ext.shape.numbers import ArrayType

TYPES: dict[ArrayType, np.dtype[np.integer]]
NAME_BYTES_MAX: int
RANK_MAX: int

def packed(arrays: dict[str, NDArray[np.integer]]) -> bytes: ...
def unpacked(blob: bytes, count: int) -> dict[str, NDArray[np.integer]]: ...
