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
NOT_DECIMAL: int
WHOLE: int
TWO_DECIMALS: int
DECIMALS: int
SEEN_CR: int
SEEN_PADDED: int
SEEN_THOUSANDS: int
SEEN_APOSTROPHE: int
SEEN_GUARD: int
SEEN_CENTS: int

def scan(
    text: bytes | memoryview,
    column_of: NDArray[np.int32],
    columns: NDArray[np.int64],
    delimiter: int = 44,
    forms: NDArray[np.int32] | None = None,
) -> tuple[int, int, int, int, int]: ...
