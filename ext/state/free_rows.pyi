from typing import Self, final

@final
class FreeRows:
    count: int
    def __new__(cls, most: int) -> Self: ...
