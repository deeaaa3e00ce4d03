"""Names of participants and printed numbers of terminals: what is one name is found as one name.

The same name can be written in several ways (an accent of its own or with its letter); what is
kept is NFC, and whoever asks may use any. Ledgers from before may hold another spelling, which
stays as it is and is found too.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import TypeVar

from onecard.core.errors import BadInput

T = TypeVar("T")
# Unicode's Default_Ignorable_Code_Point, which shows as nothing (DerivedCoreProperties.txt, with
# the places kept for more of them), and one more that is a blank by its shape.
UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\u2800]"
)


def name_bytes(value: str, bytes_max: int, what: str) -> bytes:
    """A name as it is kept: NFC in UTF-8. BadInput where it does not fit its place or a line.

    What cannot be seen (zero width, direction, byte order mark, fillers, selectors of a variant) is
    refused and not left out, since two names that look alike must be one. So is a mark in front,
    which would sit on whatever stands before the name.
    """
    name = unicodedata.normalize("NFC", value)
    encoded = name.encode("utf-8", "surrogatepass")
    if not 1 <= len(encoded) <= bytes_max:
        raise BadInput(f"{what}: expected 1 to {bytes_max} bytes of UTF-8, found {len(encoded)}")
    if not value.isprintable() or value != value.strip():
        raise BadInput(
            f"{what}: expected printable characters without space around them, found others or "
            "invisible ones"
        )
    unseen = UNSEEN.search(name)
    if unseen:
        raise BadInput(
            f"{what}: expected characters that can be seen, found U+{ord(unseen[0]):04X}; leave it "
            "out"
        )
    if unicodedata.category(name[0]).startswith("M"):
        raise BadInput(
            f"{what}: expected a letter, digit or sign to begin it, found the combining mark "
            f"U+{ord(name[0]):04X}"
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
