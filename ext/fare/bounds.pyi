from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDE: dict[str, tuple[type[np.generic], int]]
AMOUNT_MAX: int
SECONDS_MAX: int
UPTO_MAX: int
UNIT_MAX: int
POINTS_MAX: int
DAY_MIN: int
DAY_MAX: int
RANGES: dict[str, dict[str, tuple[int, int]]]
POINTS: list[tuple[str, str, str]]
SPANS: list[tuple[str, str, str, str]]
SCHEMES: list[str]

_Arrays = dict[str, NDArray[np.integer[Any]]]
_Rows = dict[str, NDArray[np.void]]

def check_arrays(arrays: _Arrays) -> _Arrays: ...
def of_type(
    arrays: _Arrays, name: str, scalar: type[np.generic], rank: int
) -> NDArray[np.integer[Any]]: ...
def within(name: str, values: NDArray[np.integer[Any]], most: int, least: int = 0) -> None: ...
def rising(name: str, values: NDArray[np.integer[Any]], most: int) -> None: ...
def check_places(held: _Arrays, rows: _Rows, counts: dict[str, int]) -> None: ...
def check_points(held: _Arrays, rows: _Rows, counts: dict[str, int]) -> None: ...
def check_cells(held: _Arrays, rows: _Rows, counts: dict[str, int]) -> None: ...
