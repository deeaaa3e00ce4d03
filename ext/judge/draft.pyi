from typing import Self, final

BYTES_A_TAP: int

@final
class EntryDraft:
    taps_max: int
    count: int
    leg_count: int
    image_count: int
    first: int
    part_counts: list[int]
    def __new__(cls, taps_max: int) -> Self: ...
    def reset(self, first: int) -> None: ...
    def finish(self) -> memoryview: ...
