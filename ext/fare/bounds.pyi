from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.integer[Any]]]

def check_arrays(arrays: Arrays) -> Arrays: ...
