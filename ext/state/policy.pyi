from collections.abc import Callable
from typing import Any

from onecard.ext.state.state import State

READERS: dict[int, Callable[[bytes, int], Any]]

def tariffs(state: State, at: int, head: int) -> bool: ...
def policies(state: State, at: int, head: int) -> bool: ...
