from typing import NamedTuple

LIFE_MIN_S: int
LIFE_MAX_S: int
ARRAYS: int

class HoldTerms(NamedTuple):
    fundings: tuple[int, ...]
    partial: bool
    life_s: int
    @property
    def bits(self) -> int: ...
    def fault(self) -> str | None: ...

def of_arrays(blob: bytes, count: int) -> HoldTerms: ...
def arrays_of(terms: HoldTerms) -> bytes: ...
