from typing import Self, final

@final
class Claims:
    def __new__(cls, rows_max: int, taken_space: int = ...) -> Self: ...
