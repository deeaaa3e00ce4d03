from typing import Self

from typing_extensions import disjoint_base

MAP_NORESERVE: int
HUGE_BYTES: int

@disjoint_base
class Index:
    def __new__(cls, rows: int, row_bytes: int, rows_max: int) -> Self: ...
    def clear(self) -> None: ...
