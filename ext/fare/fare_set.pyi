from typing import Any, final

import numpy as np
from numpy.typing import NDArray

@final
class FareSet:
    def __init__(self, arrays: dict[str, NDArray[np.integer[Any]]]) -> None: ...
