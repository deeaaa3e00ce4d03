import numpy as np
from numpy.typing import NDArray

IDENTITY: np.dtype[np.void]
PAGE_IDENTITIES: int
GROUPS_A_SPACE: int
ENTRIES_A_GROUP: int

def keys_of(identities: NDArray[np.void]) -> list[bytes]: ...
def in_space(space: int, sequences: NDArray[np.uint64]) -> NDArray[np.void]: ...
def merge(
    ordered: NDArray[np.void],
    starts: NDArray[np.int64],
    first: int,
    last: int,
    stored: dict[bytes, bytes],
) -> list[tuple[bytes, bytes]]: ...
def look_up(identities: NDArray[np.void], pages: dict[bytes, bytes]) -> NDArray[np.uint64]: ...
def identities_of(pages: list[tuple[bytes, bytes]]) -> NDArray[np.void]: ...
