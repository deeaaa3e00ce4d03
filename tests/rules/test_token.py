"""Card tokens: the standard's own hash, and what is refused."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecard.core.errors import BadInput
from onecard.core.ledger.card_number import ANY
from onecard.core.ledger.token import CardTokens, token

KEY = bytes(range(32))
KNOWN = [  # number, token under KEY: what a client in another language must give too
    ("1", 15_920_089_919_799_227_124),
    ("310000 0012 3456", 11_019_747_197_931_411_343),
    ("一卡通-7", 5_711_772_671_174_686_320),
]


def by_the_standard(key: bytes, number: str) -> int:
    """RFC 7693, section 3.3: the parameter block by hand, then plain BLAKE2b with its words."""
    mask = (1 << 64) - 1
    initial = (
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    )  # fmt: skip
    sigma = (
        (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
        (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
        (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
        (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
        (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
        (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
        (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
        (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
        (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
    )
    columns = (
        (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
        (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
    )  # fmt: skip
    h = list(initial)
    h[0] ^= 0x01010000 ^ (len(key) << 8) ^ 8
    message = key.ljust(128, b"\0") + number.encode()
    blocks = [message[at : at + 128] for at in range(0, len(message), 128)]
    for at, block in enumerate(blocks):
        last = at == len(blocks) - 1
        words = [
            int.from_bytes(block.ljust(128, b"\0")[i : i + 8], "little") for i in range(0, 128, 8)
        ]
        v = [*h, *initial]
        v[12] ^= len(message) if last else 128 * (at + 1)
        v[14] ^= mask if last else 0
        for turn in range(12):
            order = sigma[turn % 10]
            for i, (a, b, c, d) in enumerate(columns):
                for word, (one, other) in ((0, (32, 24)), (1, (16, 63))):
                    v[a] = (v[a] + v[b] + words[order[2 * i + word]]) & mask
                    mixed = v[d] ^ v[a]
                    v[d] = (mixed >> one | mixed << 64 - one) & mask
                    v[c] = (v[c] + v[d]) & mask
                    mixed = v[b] ^ v[c]
                    v[b] = (mixed >> other | mixed << 64 - other) & mask
        h = [word ^ v[i] ^ v[i + 8] for i, word in enumerate(h)]
    return h[0]


@given(st.binary(min_size=32, max_size=32), st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_token_is_what_the_standard_says(key: bytes, number: str) -> None:
    assert token(key, number) == by_the_standard(key, number)


@pytest.mark.parametrize("number, wanted", KNOWN)
def test_known_tokens(number: str, wanted: int) -> None:
    assert token(KEY, number) == wanted


def test_tokens_keep_the_order() -> None:
    numbers = ["1", "2", "1"]
    tokens = CardTokens(KEY, ANY)
    found = tokens.of_all(numbers)
    assert found.dtype == np.uint64
    assert found.tolist() == [token(KEY, number) for number in numbers]
    assert len(tokens.of_all([])) == 0


def test_what_makes_tokens_does_not_show_its_key() -> None:
    assert repr(KEY) not in repr(CardTokens(KEY, ANY)) and "form=" in repr(CardTokens(KEY, ANY))


REFUSED = [
    (KEY, "", "an empty one"),
    (KEY, "1\udcff2", "half of a character"),
    (b"", "1", "32 bytes"),
    (KEY[:31], "1", "32 bytes"),
    (KEY * 2, "1", "32 bytes"),
]


@pytest.mark.parametrize("key, number, says", REFUSED)
def test_refused(key: bytes, number: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        token(key, number)
    assert key.hex() not in str(refused.value) or not key


def test_a_number_that_would_mean_no_card_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """No such number is known (one in 2^64), so the hash is made to give it."""
    monkeypatch.setattr("onecard.core.ledger.token.keyed", lambda *_: lambda _: bytes(8))
    with pytest.raises(BadInput, match="hashes to 0"):
        token(KEY, "310")
    monkeypatch.undo()
    assert hashlib.blake2b(b"310", key=KEY, digest_size=8).digest() != bytes(8)
