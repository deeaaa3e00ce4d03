"""What is asked of the state, on the thread that alone may read it."""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from onecard.ext.state.state import State

T = TypeVar("T")
# Short, for taps wait meanwhile; what it returns is a copy, for the state goes on.
Question: TypeAlias = Callable[[State], T]
