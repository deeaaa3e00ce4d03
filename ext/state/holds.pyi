from typing import final

@final
class Holds:
    open: int
    def forget(self) -> None: ...
    def due(self, at_us: int, most: int) -> list[int]: ...
