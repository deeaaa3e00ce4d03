from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

STATIONS_MAX: int
ARRAYS: int

class OdTariff(NamedTuple):
    stations: int
    entry_min_fen: int
    fares_fen: NDArray[np.int32]

def of_arrays(blob: bytes, count: int) -> OdTariff: ...
def of_fares(blob: bytes, stations: int, entry_min_fen: int) -> OdTariff: ...
def of_record(rows: NDArray[np.void], blob: bytes) -> OdTariff: ...
def arrays_of(fares_fen: NDArray[np.int32], stations: int, entry_min_fen: int) -> bytes: ...
