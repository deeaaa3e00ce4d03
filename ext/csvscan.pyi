import numpy as np
from numpy.typing import NDArray

GOOD: int
MARK: int
FIELDS_FEW: int
FIELDS_MANY: int
EMPTY: int
NOT_INTEGER: int
TOO_LARGE: int
QUOTE_OPEN: int
QUOTE_TAIL: int
LINE_LONG: int
LINE_BYTES_MAX: int

def scan(
    text: bytes | memoryview, column_of: NDArray[np.int32], columns: NDArray[np.int64]
) -> tuple[int, int, int, int]: ...
