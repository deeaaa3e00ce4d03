"""Names of participants and printed numbers of terminals: what is one name is found as one name.

The same name can be written in several ways (an accent of its own or with its letter); what is
kept is NFC, and whoever asks may use any. Ledgers from before may hold another spelling, which
stays as it is and is found too.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import TypeVar

from onecard.core.errors import BadInput

T = TypeVar("T")


def name_bytes(value: str, bytes_max: int, what: str) -> bytes:
    """A name as it is kept: NFC in UTF-8. BadInput where it does not fit its place or a line.

    What cannot be seen (zero width, direction, byte order mark) is refused and not left out, since
    two names that look alike must be one.
    """
    encoded = unicodedata.normalize("NFC", value).encode("utf-8", "surrogatepass")
    if not 1 <= len(encoded) <= bytes_max:
        raise BadInput(f"{what}: expected 1 to {bytes_max} bytes of UTF-8, found {len(encoded)}")
    if not value.isprintable() or value != value.strip():
        raise BadInput(
            f"{what}: expected printable characters without space around them, found others or "
            "invisible ones"
        )
    return encoded


def spellings(value: str) -> Iterator[str]:
    """Of a name, the one that is kept first."""
    yield unicodedata.normalize("NFC", value)
    yield value
    yield unicodedata.normalize("NFD", value)


def find_name(known: Mapping[bytes, T], value: str) -> T | None:
    """What is known of a name, in whatever spelling; keys are in UTF-8."""
    for spelling in spellings(value):
        found = known.get(spelling.encode("utf-8", "surrogatepass"))
        if found is not None:
            return found
    return None
