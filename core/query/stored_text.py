"""Names of participants and printed numbers of terminals, as they are stored, in words."""

from typing import Any


def text_of(stored: Any) -> str:
    """A name or number as it is stored, in UTF-8."""
    return bytes(stored).decode("utf-8", "replace")
