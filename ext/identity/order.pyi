import numpy as np
from numpy.typing import NDArray

IDENTITY: np.dtype[np.void]

def arrange(identities: NDArray[np.void], whole: bool = False) -> NDArray[np.void]: ...
def arrange_within(
    identities: NDArray[np.void], spare: NDArray[np.void], whole: bool = False
) -> NDArray[np.void]: ...
def starts_of(ordered: NDArray[np.void]) -> NDArray[np.int64]: ...
