from typing import Self, final

import numpy as np
from numpy.typing import NDArray

@final
class Policies:
    def __new__(cls, rows_max: int) -> Self: ...
    def rebuild(self, rows: NDArray[np.void]) -> None: ...
