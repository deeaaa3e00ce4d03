import numpy as np
from numpy.typing import NDArray

def packed(rows: NDArray[np.void]) -> tuple[bytes, list[int]]: ...
