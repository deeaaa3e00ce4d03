"""Names as they are kept: one spelling, nothing in them that cannot be seen."""

import unicodedata

import pytest

from onecard.core.errors import BadInput
from onecard.core.registry.name import name_bytes

TAKEN = ["Bus", "公交", "한국", "Café", "Cafe\u0301", "नमस्ते", "T-1/2 (a)", "ﾄｳｷｮｳ", "◌\u0301"]
REFUSED = [
    # fillers of Hangul, selectors of a variant, joiners, a blank by its shape
    *(f"Bus{unseen}" for unseen in "\u115f\u1160\u3164\uffa0\u034f\u17b4\u180b\u180f\ufe0f\u2800"),
    *(unseen for unseen in "\u115f\u3164\uffa0\u200b\u2065\U000e0100\U0001d173\U000e0001"),
    # a mark in front: above, enclosing, with a width of its own
    *("\u0301", "\u0301Bus", "\u20ddBus", "\u0903a", "\U0001d165"),
]


@pytest.mark.parametrize("name", TAKEN)
def test_taken(name: str) -> None:
    assert name_bytes(name, 96, "name") == unicodedata.normalize("NFC", name).encode()


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_what_cannot_be_seen_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="name: expected") as raised:
        name_bytes(name, 96, "name")
    assert str(raised.value).isprintable()
