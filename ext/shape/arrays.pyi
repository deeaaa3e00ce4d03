import re

import numpy as np
from numpy.typing import NDArray

from onecard.ext.shape.numbers import ArrayType

TYPES: dict[ArrayType, np.dtype[np.integer]]
ALIGNMENT: int
NAME_BYTES_MAX: int
RANK_MAX: int
NAME: re.Pattern[bytes]

def aligned(size: int) -> int: ...
def packed(arrays: dict[str, NDArray[np.integer]]) -> bytes: ...
def unpacked(blob: bytes, count: int) -> dict[str, NDArray[np.integer]]: ...
