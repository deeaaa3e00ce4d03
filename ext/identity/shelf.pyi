import numpy as np
from numpy.typing import NDArray

def keys_of(page_keys: list[bytes]) -> list[bytes]: ...
def weights_of(keys: list[bytes], values: list[bytes | None]) -> NDArray[np.int64]: ...
def update(
    page_keys: list[bytes],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    stored: dict[bytes, bytes],
) -> list[tuple[bytes, bytes]]: ...
def check(
    page_keys: list[bytes], weights: NDArray[np.int64], shelves: dict[bytes, bytes]
) -> None: ...
