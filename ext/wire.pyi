from collections.abc import Callable
from typing import Any, final

from numpy.typing import NDArray

TAP_COLUMNS: dict[str, str]
DECISION_COLUMNS: dict[str, str]

@final
class Taps:
    @property
    def count(self) -> int: ...
    @property
    def request_id(self) -> int: ...
    def column(self, name: str) -> NDArray[Any]: ...

@final
class Decisions:
    count: int
    request_id: int
    message: bytes
    def __init__(self, count: int, request_id: int) -> None: ...
    def column(self, name: str) -> NDArray[Any]: ...

def read_taps(message: bytes, taps_max: int, rewrite: Callable[[bytes], bytes]) -> Taps: ...
def read_decisions(message: bytes, rewrite: Callable[[bytes], bytes]) -> Decisions: ...
