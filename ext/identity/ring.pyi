from typing import Self, final

import numpy as np
from numpy.typing import NDArray

@final
class Ring:
    size: int
    first: int
    def __new__(cls, size: int) -> Self: ...
    def touch(self) -> None: ...
    def fill(
        self, entries: NDArray[np.void], legs: NDArray[np.void], first: int, last: int
    ) -> None: ...
