from typing import Self, final

MAP_NORESERVE: int
HUGE_BYTES: int

@final
class Index:
    def __new__(cls, rows: int, row_bytes: int, rows_max: int) -> Self: ...
    def clear(self) -> None: ...
