from typing import NamedTuple

import numpy as np

PARTICIPANTS_MAX: int
ACTORS_MAX: int
PASTS_A_CARD: int
ROWS_MAX: int
SCENES_MAX: int
WINDOWS_MAX: int

class Shape(NamedTuple):
    number: int
    name: str
    dtype: np.dtype[np.void]
    first: int
    room: int | str
    key: str | None
    rows_each: int = ...
    def rows_for(self, setting: int) -> int: ...
    def setting_for(self, rows: int) -> int: ...

SHAPES: tuple[Shape, ...]
TABLES: tuple[str, ...]
DTYPES: dict[str, np.dtype[np.void]]
ROWS_A_PAGE: dict[str, int]
SETTINGS: tuple[str, ...]
